//! What can go wrong while a corpus is made: each variant says what, where and what to do.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tokenizer, or a file written atomically.
    #[error(transparent)]
    Text(#[from] puna_text::Error),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "write", "create".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file as a whole is damaged, or not what its name says.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place in it and what to do.
        what: String,
    },
    /// A record of a text file is not what it should be.
    #[error("{}, line {line}, {field}: {what}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The field, or "record".
        field: String,
        /// What is wrong and what is expected.
        what: String,
    },
    /// An input that names nothing, or cannot be reached.
    #[error("input {input}: {what}")]
    Input {
        /// As the user wrote it.
        input: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A setting out of range, or settings that contradict each other.
    #[error("setting {name}: {what}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what to do.
        what: String,
    },
}

impl Error {
    /// Adds the verb and the path to a system error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
