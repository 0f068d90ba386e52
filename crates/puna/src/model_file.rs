//! A model and its tokenizer, read together.

use anyhow::{Context, Result, bail};
use puna_compute::{Cpu, WeightFormat};
use puna_llama::{Decoder, Model, check_tokenizer};
use puna_text::Tokenizer;
use std::path::Path;

/// A model that can read and write text.
pub struct Loaded {
    /// The weights.
    pub model: Model,
    /// Their tokenizer.
    pub tokenizer: Tokenizer,
}

/// Reads a model and the tokenizer beside it, or another one.
pub fn load(path: &Path, tokenizer: Option<&Path>) -> Result<Loaded> {
    let doing = || format!("cannot load the model {}", path.display());
    if !path.exists() {
        bail!(
            "there is no model at {}; give a model directory (a run's is RUN/latest) or a llama2.c .bin file",
            path.display()
        );
    }
    let model = Model::load_any(path).with_context(doing)?;
    let tokenizer = match tokenizer {
        Some(path) => Tokenizer::load(path),
        None if path.is_file() => bail!(
            "{} has no tokenizer inside; name one with --tokenizer",
            path.display()
        ),
        None => Tokenizer::load(path),
    };
    let tokenizer =
        tokenizer.with_context(|| format!("cannot load the tokenizer of {}", path.display()))?;
    check_tokenizer(&model.config, &tokenizer).with_context(doing)?;
    Ok(Loaded { model, tokenizer })
}

impl Loaded {
    /// Packs the weights for decoding; the originals are given up.
    pub fn into_decoder(
        self,
        threads: usize,
        format: WeightFormat,
        slots: usize,
        capacity: usize,
    ) -> Result<(Decoder<Cpu>, Tokenizer)> {
        let Self { model, tokenizer } = self;
        if format == WeightFormat::Q8_0
            && let Some(spec) = model
                .config
                .param_specs()
                .iter()
                .find(|s| s.n_in > 1 && !s.n_in.is_multiple_of(32))
        {
            bail!(
                "the weights cannot be held as q8_0: {} has {} inputs, which blocks of 32 do not divide; use \
                 --weights bf16",
                spec.name(),
                spec.n_in
            );
        }
        let cpu = Cpu::new(threads);
        let decoder = Decoder::new(cpu, &model.config, &model.params, format, slots, capacity)
            .context("cannot prepare the model for decoding")?;
        Ok((decoder, tokenizer))
    }
}
