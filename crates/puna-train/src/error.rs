//! What can go wrong while training: each variant says what, where and what to do.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device refused.
    #[error(transparent)]
    Compute(#[from] puna_compute::Error),
    /// The model or its files.
    #[error(transparent)]
    Model(#[from] puna_llama::Error),
    /// The tokenizer or a dialogue.
    #[error(transparent)]
    Text(#[from] puna_text::Error),
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
    /// A file of ours is damaged, or not what its name says.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place in it and what to do.
        what: String,
    },
    /// A record of a JSON lines file is not what it should be.
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
    /// A setting out of range, or settings that contradict each other.
    #[error("setting {name}: {what}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what to do.
        what: String,
    },
    /// Training data that do not fit the model or the settings.
    #[error("training data: {0}")]
    Data(String),
    /// A checkpoint cannot be continued from.
    #[error("{}: {what}", path.display())]
    Checkpoint {
        /// The directory.
        path: PathBuf,
        /// What does not match and what to do.
        what: String,
    },
    /// The model computed something that is not a finite number.
    #[error("step {step}: the {what} is not finite; first in {tensor}. {}", remedy(batch.as_deref()))]
    NonFinite {
        /// The step, from 1; 0 before the first.
        step: u64,
        /// "loss", "gradient", "updated model" or "held-out loss".
        what: &'static str,
        /// The tensor, by name, and whether it is the weight or its gradient.
        tensor: String,
        /// The dump of the batch; none before the first step.
        batch: Option<PathBuf>,
    },
    /// The run was asked to stop; a checkpoint was written.
    #[error("stopped after step {step} as asked; run again to continue from there")]
    Stopped {
        /// Steps done.
        step: u64,
    },
}

/// What helps where a step, with the batch saved there, gave no number.
fn remedy(batch: Option<&Path>) -> String {
    match batch {
        Some(batch) => format!(
            "The batch is saved in {}. A lower learning rate or a lower gradient clip usually helps; the last \
             checkpoint, if there is one, is intact",
            batch.display()
        ),
        None => "The model was so before it was trained here; begin with one that is whole".into(),
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn format(path: &Path, what: impl Into<String>) -> Self {
        Self::Format {
            path: path.to_path_buf(),
            what: what.into(),
        }
    }

    pub(crate) fn setting(name: &'static str, what: impl Into<String>) -> Self {
        Self::Setting {
            name,
            what: what.into(),
        }
    }
}
