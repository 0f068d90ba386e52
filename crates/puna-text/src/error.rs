//! What can go wrong, with where and what to do.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing a file failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb ("read", "write").
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A path is neither a known tokenizer file nor a directory that holds one.
    #[error(
        "{}: no tokenizer here; give a tokenizer.model, tokenizer.json or llama2.c .bin file, \
         or a directory that holds tokenizer.model or tokenizer.json", path.display()
    )]
    NotATokenizer {
        /// The path given.
        path: PathBuf,
    },
    /// A tokenizer file is truncated, corrupt or not of its format.
    #[error("{}: not a valid {format} tokenizer: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The format it was read as.
        format: &'static str,
        /// What is wrong, with the place (byte offset, field or piece).
        what: String,
    },
    /// A tokenizer file is sound but asks for something that Llama's tokenizer does not have.
    #[error("{}: this tokenizer needs {feature}, which Puna does not support; {hint}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it asks for.
        feature: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// A tokenizer cannot be put in a file's format.
    #[error("cannot write the tokenizer as JSON: {0}")]
    Serialize(String),
    /// Training options contradict each other or the text.
    #[error("cannot train a tokenizer: {0}")]
    Training(String),
    /// A dialogue's roles are out of order.
    #[error("message {index} of the dialogue: {what}")]
    Dialogue {
        /// Position of the message, from 0.
        index: usize,
        /// What is wrong and what is expected.
        what: String,
    },
}

impl Error {
    /// Wraps an I/O error with the verb and path, for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
