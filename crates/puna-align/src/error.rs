//! What can go wrong with human feedback: each variant says what, where and what to do.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device refused.
    #[error(transparent)]
    Compute(#[from] puna_compute::Error),
    /// A model, its files or its generation.
    #[error(transparent)]
    Model(#[from] puna_llama::Error),
    /// The tokenizer or a dialogue.
    #[error(transparent)]
    Text(#[from] puna_text::Error),
    /// Training: a fleet, a checkpoint, a dialogue file.
    #[error(transparent)]
    Train(#[from] puna_train::Error),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write", "create".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A record of a file is not what it should be.
    #[error("{}, line {line}, {field}: {what}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Line, from 1; in a file that is one JSON value, the record's number from 1.
        line: usize,
        /// The field, or "record".
        field: String,
        /// What is wrong and what is expected.
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
    /// Data that do not fit the model or the settings.
    #[error("{0}")]
    Data(String),
}

impl Error {
    /// For `map_err` behind a file operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// A setting and what is wrong with it.
    pub(crate) fn setting(name: &'static str, what: impl Into<String>) -> Self {
        Self::Setting {
            name,
            what: what.into(),
        }
    }
}

/// Refuses a size that is 0, by its name.
pub(crate) fn at_least_one<T: Default + PartialEq>(
    sizes: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<()> {
    match sizes.into_iter().find(|(_, size)| *size == T::default()) {
        Some((name, _)) => Err(Error::setting(name, "it is 0 and must be at least 1")),
        None => Ok(()),
    }
}
