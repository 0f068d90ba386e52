//! What can go wrong with a model: each variant says what, where and what to do.

use std::path::{Path, PathBuf};

/// Result of a model operation.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong with a model or its files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device refused.
    #[error(transparent)]
    Compute(#[from] puna_compute::Error),
    /// A file could not be written, or a tokenizer not read.
    #[error(transparent)]
    Text(#[from] puna_text::Error),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write", "create".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place in it and what to do.
        what: String,
    },
    /// A configuration that no Llama has.
    #[error("model configuration: {0}")]
    Config(String),
    /// Tokens, options or adapters that do not fit the model.
    #[error("{0}")]
    Input(String),
    /// The model computed something that is not a number.
    #[error("not a finite number: {0}")]
    NonFinite(String),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source,
        }
    }

    pub(crate) fn format(path: &Path, what: impl Into<String>) -> Self {
        Self::Format {
            path: path.into(),
            what: what.into(),
        }
    }
}
