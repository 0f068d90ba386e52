//! Text for Llama 2 (paper sections 2.2 and 3.3): the tokenizer, its training and file formats, and the
//! one chat rendering with its loss masks.
//!
//! ```
//! use puna_text::{StreamDecoder, Tokenizer, TrainOptions};
//!
//! let options = TrainOptions { vocab_size: 275, ..TrainOptions::default() };
//! let tokenizer = Tokenizer::train(["the cat sat on the mat"], &options)?;
//! let ids = tokenizer.encode("the mat");
//! assert_eq!(tokenizer.decode(&ids), "the mat");
//! # Ok::<(), puna_text::Error>(())
//! ```

pub mod atomic_file;
mod boundary;
mod bpe;
mod cache;
pub mod chat;
mod decode;
mod encode;
mod error;
mod formats;
pub mod hash;
mod merges;
mod tokenizer;
mod train;
mod vocab;

pub use decode::StreamDecoder;
pub use error::{Error, Result};
pub use tokenizer::{Id, Tokenizer};
pub use train::TrainOptions;
