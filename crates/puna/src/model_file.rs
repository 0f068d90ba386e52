//! A model and its tokenizer, read together or the tokenizer alone.

use crate::run::Provenance;
use anyhow::{Context, Result, bail};
use puna_compute::{Cpu, WeightFormat};
use puna_llama::{Decoder, Model, check_tokenizer};
use puna_text::Tokenizer;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// What every model directory has.
const CONFIG: &str = "config.json";

/// A model that can read and write text.
pub struct Loaded {
    /// The weights.
    pub model: Model,
    /// Their tokenizer.
    pub tokenizer: Tokenizer,
    /// What its directory says of where it comes from.
    pub provenance: Option<Provenance>,
}

/// The newest model of a run or the model of a stage, if that is what the path is; otherwise the path
/// itself. A line says which it is, and `used` what of it is read.
fn model_in<'p>(path: &'p Path, used: &str) -> Cow<'p, Path> {
    let inside = |name: &&str| path.join(name).join(CONFIG).is_file();
    match ["latest", "model"].into_iter().find(inside) {
        Some(name) if !path.join(CONFIG).exists() => {
            let model: PathBuf = path.join(name);
            eprintln!("using the {used} {}", model.display());
            model.into()
        }
        _ => path.into(),
    }
}

/// Reads a tokenizer file, or that of a model directory or a run.
pub fn load_tokenizer(path: &Path) -> Result<Tokenizer> {
    let path = model_in(path, "tokenizer of");
    Tokenizer::load(&path).with_context(|| format!("cannot load the tokenizer {}", path.display()))
}

/// Reads a model and the tokenizer beside it, or another one. Of a run it is the newest.
pub fn load(path: &Path, tokenizer: Option<&Path>) -> Result<Loaded> {
    let path = &*model_in(path, "model");
    let doing = || format!("cannot load the model {}", path.display());
    if !path.exists() {
        bail!(
            "there is no model at {}; give a model directory (a run's is RUN/latest) or a llama2.c .bin file",
            path.display()
        );
    }
    if path.is_dir() && !path.join(CONFIG).exists() {
        bail!(
            "{} holds no model, for there is no {CONFIG}; give a model directory (a run's is RUN/latest, \
             which is there once its pretraining is done)",
            path.display()
        );
    }
    let model = Model::load_any(path).with_context(doing)?;
    let tokenizer = match tokenizer {
        Some(path) => load_tokenizer(path)?,
        None if path.is_file() => bail!(
            "{} has no tokenizer inside; name one with --tokenizer",
            path.display()
        ),
        None => Tokenizer::load(path)
            .with_context(|| format!("cannot load the tokenizer of {}", path.display()))?,
    };
    check_tokenizer(&model.config, &tokenizer).with_context(doing)?;
    // Only something to warn of: a record that cannot be read stands in nobody's way.
    let provenance = Provenance::read(path).ok().flatten();
    Ok(Loaded {
        model,
        tokenizer,
        provenance,
    })
}

impl Loaded {
    /// Says so of a base model, before it is taken for one that answers.
    pub fn warn_if_base(&self) {
        if self.provenance.as_ref().is_some_and(Provenance::is_base) {
            eprintln!(
                "warning: this is a base model, pretrained and not fine-tuned: it continues texts and has not \
                 learnt to answer"
            );
        }
    }

    /// Packs the weights for decoding; the originals are given up.
    pub fn into_decoder(
        self,
        threads: usize,
        format: WeightFormat,
        slots: usize,
        capacity: usize,
    ) -> Result<(Decoder<Cpu>, Tokenizer)> {
        let Self {
            model, tokenizer, ..
        } = self;
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
