//! `puna import`: a model of another program as a model directory, with adapters merged if there are any.

use crate::cli::ImportArgs;
use crate::model_file::{Loaded, load};
use crate::out;
use crate::run::{Provenance, write_model};
use anyhow::{Context, Result, bail};
use puna_compute::Cpu;
use puna_llama::{Lora, SaveOptions};
use puna_text::hash;
use serde_json::json;
use std::fs;

/// Does the command.
pub fn import(args: &ImportArgs) -> Result<()> {
    let occupied = fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || args.out.is_file() {
        bail!(
            "{} is there already and not empty; choose another --out",
            args.out.display()
        );
    }
    let Loaded {
        mut model,
        tokenizer,
        provenance: source,
    } = load(&args.source, args.tokenizer.as_deref())?;
    let options = SaveOptions {
        dtype: args.dtype.into(),
        bos: tokenizer.bos(),
        eos: tokenizer.eos(),
        ..SaveOptions::default()
    };
    let name = args
        .source
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let mut provenance = Provenance::imported(&name);
    provenance.synthetic = source.is_some_and(|source| source.synthetic);
    if let Some(dir) = &args.adapter {
        let mut cpu = Cpu::new(1);
        let lora = Lora::load(&cpu, &model.config, dir)?;
        lora.merge(&mut cpu, &model.config, &mut model.params)?;
        let hash = hash::of_file(&dir.join(Lora::WEIGHTS_FILE))?;
        provenance.parents.insert("adapter".into(), hash);
    }
    write_model(&args.out, &model, &tokenizer, &options, &provenance)
        .with_context(|| format!("cannot import {}", args.source.display()))?;
    let parameters = model.config.n_params();
    if args.json {
        return out::json(&json!({"out": args.out, "parameters": parameters}));
    }
    out::line(&format!(
        "{}: {} parameters",
        args.out.display(),
        crate::report::si(parameters as f64)
    ))
}
