//! `puna inspect`: what a file or directory is.

mod run;

use crate::cli::InspectArgs;
use crate::out;
use crate::recipe::{Plan, Recipe, Stage, model_numbers};
use crate::run::{Manifest, Provenance, recorded};
use anyhow::{Context, Result, bail};
use puna_llama::config_json::read_config;
use puna_llama::llama2c;
use puna_llama::safetensors::Weights;
use puna_text::Tokenizer;
use puna_train::TokenFile;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// What a run is called.
const RUN: &str = "run";

/// Does the command.
pub fn inspect(args: &InspectArgs) -> Result<()> {
    let found =
        look(&args.path).with_context(|| format!("cannot inspect {}", args.path.display()))?;
    if args.json {
        return out::json(&found);
    }
    if found["what"] == json!(RUN) && !args.all {
        return run::print(&args.path, &found);
    }
    print(&found, 0)
}

fn print(value: &Value, depth: usize) -> Result<()> {
    for (key, value) in value.as_object().into_iter().flatten() {
        let indent = "  ".repeat(depth);
        match value {
            Value::Null => {}
            Value::Object(inner) if inner.is_empty() => {}
            Value::Object(_) => {
                out::line(&format!("{indent}{key}:"))?;
                print(value, depth + 1)?;
            }
            Value::String(text) => out::line(&format!("{indent}{key}: {text}"))?,
            other => out::line(&format!("{indent}{key}: {other}"))?,
        }
    }
    Ok(())
}

fn look(path: &Path) -> Result<Value> {
    if !path.exists() {
        bail!("there is nothing at that path");
    }
    if path.is_dir() {
        directory(path)
    } else {
        file(path)
    }
}

fn directory(path: &Path) -> Result<Value> {
    if let Some(manifest) = Manifest::read(path)? {
        return stage(&manifest);
    }
    if path.join("config.json").exists() {
        return model(path);
    }
    if let Ok(tokenizer) = Tokenizer::load(path) {
        return Ok(tokenizer_value(&tokenizer));
    }
    let (mut stages, mut recipe) = (Map::new(), None);
    for (dir, manifest) in recorded(path)? {
        let name = dir.file_name().unwrap_or_default();
        stages.insert(
            name.to_string_lossy().into_owned(),
            json!({"status": manifest.status, "metrics": manifest.metrics}),
        );
        recipe = Some(manifest.recipe);
    }
    if stages.is_empty() {
        bail!("it holds no model, no tokenizer, and no stage of a run");
    }
    let latest = fs::read_link(path.join("latest")).ok();
    Ok(json!({"what": RUN, "recipe": recipe, "latest": latest, "stages": stages}))
}

fn stage(manifest: &Manifest) -> Result<Value> {
    let mut value = serde_json::to_value(manifest)?;
    value["what"] = json!("stage of a run");
    Ok(value)
}

fn model(path: &Path) -> Result<Value> {
    let config = read_config(&path.join("config.json"))?;
    let weights = Weights::open(path)?;
    let mut dtypes = Map::new();
    for name in weights.names() {
        if let Some((_, entry)) = weights.entry(name) {
            let count = dtypes
                .get(&entry.dtype)
                .and_then(Value::as_u64)
                .unwrap_or(0)
                + 1;
            dtypes.insert(entry.dtype.clone(), json!(count));
        }
    }
    Ok(json!({
        "what": "model",
        "parameters": config.n_params(),
        "shape": model_numbers(&config),
        "tensors_by_dtype": dtypes,
        "tokenizer": Tokenizer::load(path).ok().map(|t| tokenizer_value(&t)),
        "provenance": Provenance::read(path)?,
    }))
}

fn file(path: &Path) -> Result<Value> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    match &*extension {
        "toml" => {
            let plan = Plan::of(&Recipe::read(path, &[])?)?;
            let stages: Map<String, Value> = plan
                .stages
                .iter()
                .map(|s: &Stage| (s.name().to_owned(), s.config()))
                .collect();
            Ok(json!({"what": "recipe", "name": plan.name, "stages": stages}))
        }
        "tokens" => {
            let file = TokenFile::open(path)?;
            file.verify()?;
            let (tokens, bytes) = (file.tokens(), file.text_bytes());
            Ok(json!({
                "what": "token file", "documents": file.documents(), "tokens": tokens, "text_bytes": bytes,
                "bytes_per_token": bytes as f64 / tokens.max(1) as f64, "vocab_size": file.vocabulary().size,
            }))
        }
        "safetensors" => {
            let weights = puna_llama::safetensors::SafeTensors::open(path)?;
            let tensors: Map<String, Value> = weights
                .entries()
                .iter()
                .map(|(name, entry)| {
                    (
                        name.clone(),
                        json!(format!("{} {:?}", entry.dtype, entry.shape)),
                    )
                })
                .collect();
            Ok(json!({"what": "weights", "tensors": tensors}))
        }
        "model" => Ok(tokenizer_value(&Tokenizer::load(path)?)),
        "json" if name == "tokenizer.json" => Ok(tokenizer_value(&Tokenizer::load(path)?)),
        "json" if name == "manifest.json" => directory(path.parent().unwrap_or(Path::new("."))),
        "bin" => match llama2c::read(path) {
            Ok(model) => Ok(json!({
                "what": "llama2.c model", "parameters": model.config.n_params(),
                "shape": model_numbers(&model.config),
            })),
            Err(as_model) => match Tokenizer::load(path) {
                Ok(tokenizer) => Ok(tokenizer_value(&tokenizer)),
                Err(_) => Err(as_model.into()),
            },
        },
        _ => bail!(
            "it is of no kind that Puna knows; it knows model directories, runs, recipes (.toml), token files \
             (.tokens), weights (.safetensors, .bin) and tokenizers (.model, tokenizer.json)"
        ),
    }
}

fn tokenizer_value(tokenizer: &Tokenizer) -> Value {
    json!({
        "what": "tokenizer", "pieces": tokenizer.vocab_size(), "bos": tokenizer.bos(), "eos": tokenizer.eos(),
        "sha256": tokenizer.hash_hex(),
    })
}
