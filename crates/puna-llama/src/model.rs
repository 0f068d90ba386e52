//! A model in host memory: its shape and its parameters.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::llama2c;
use crate::params::Params;
use puna_compute::HostBuf;
use puna_text::Tokenizer;
use std::path::Path;

/// A configuration and the parameters that go with it.
pub struct Model {
    /// The shape.
    pub config: Config,
    /// The values, one tensor per [`Config::param_specs`].
    pub params: Params<HostBuf>,
}

impl Model {
    /// Reads a Hugging Face directory, or a llama2.c `.bin` file.
    pub fn load_any(path: &Path) -> Result<Self> {
        if path.is_file() {
            llama2c::read(path)
        } else {
            Self::load(path)
        }
    }
}

/// Refuses a tokenizer whose ids are not the model's: with fewer, the model can say what cannot be
/// written; with more, text becomes ids that the model does not have.
pub fn check_tokenizer(config: &Config, tokenizer: &Tokenizer) -> Result<()> {
    let (model, pieces) = (config.vocab_size, tokenizer.vocab_size());
    if model == pieces {
        return Ok(());
    }
    Err(Error::Config(format!(
        "the model has {model} token ids and the tokenizer {pieces}; use the tokenizer the model was \
         trained with"
    )))
}
