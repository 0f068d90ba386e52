//! What can be wrong with a recipe, with the line and the remedy.

use std::path::{Path, PathBuf};

/// Result of reading a recipe.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read recipe {}: {source}", path.display())]
    Io {
        /// The recipe.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The text is not TOML, or has a key or a value that no recipe has.
    #[error("{}:{line}: {what}", path.display())]
    Syntax {
        /// The recipe.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with a suggestion where there is one.
        what: String,
    },
    /// The recipe does not fit together with the one it extends, or that one is wrong itself.
    #[error("{}, with what it extends: {what}", path.display())]
    Extended {
        /// The recipe.
        path: PathBuf,
        /// What is wrong, with a suggestion where there is one.
        what: String,
    },
    /// A value is of the right type and still cannot be meant.
    #[error("{}: {key}: {what}", path.display())]
    Value {
        /// The recipe.
        path: PathBuf,
        /// The key, as `section.key`.
        key: String,
        /// What is wrong and what would be right.
        what: String,
    },
    /// An override of the command line does not fit.
    #[error("--set {set}: {what}")]
    Override {
        /// The override as typed.
        set: String,
        /// What is wrong.
        what: String,
    },
}

impl Error {
    pub(crate) fn value(path: &Path, key: &str, what: impl Into<String>) -> Self {
        Self::Value {
            path: path.into(),
            key: key.into(),
            what: what.into(),
        }
    }
}
