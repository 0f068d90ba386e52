//! Where a model comes from, told in its directory: `puna.json` beside the Hugging Face files.

use super::manifest::VERSION;
use anyhow::{Context, Result};
use puna_llama::{Model, SaveOptions};
use puna_text::Tokenizer;
use puna_text::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Name of the record in a model directory.
pub const FILE: &str = "puna.json";
/// Name of the stage that makes a base model.
const BASE: &str = "pretrain";

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of this format.
    pub schema_version: u32,
    /// Version of the program that wrote the model.
    pub code_version: String,
    /// The recipe's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// The stage that made it, or "import".
    pub stage: String,
    /// Whether it was raised on the synthetic world.
    pub synthetic: bool,
    /// The models it was made from: stage or name, and SHA-256 of the weights.
    pub parents: BTreeMap<String, String>,
    /// SHA-256 of the data, by path.
    pub data: BTreeMap<String, String>,
    /// Tokens it was trained on in this stage.
    pub tokens: u64,
    /// SHA-256 of the vocabulary.
    pub tokenizer: String,
    /// Number of parameters.
    pub parameters: u64,
}

impl Provenance {
    /// Of a model that another program made.
    pub fn imported(name: &str) -> Self {
        Self {
            schema_version: 1,
            code_version: VERSION.into(),
            recipe: None,
            stage: "import".into(),
            synthetic: false,
            parents: BTreeMap::from([("source".into(), name.into())]),
            data: BTreeMap::new(),
            tokens: 0,
            tokenizer: String::new(),
            parameters: 0,
        }
    }

    /// Whether the model was pretrained and not fine-tuned. Of a model from elsewhere nobody knows.
    pub fn is_base(&self) -> bool {
        self.stage == BASE
    }

    /// Reads the record of a model directory; `None` where there is none.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        match fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            text => {
                let reading = || format!("cannot read {}", path.display());
                Ok(Some(
                    serde_json::from_slice(&text.with_context(reading)?).with_context(reading)?,
                ))
            }
        }
    }
}

/// Writes a model with its tokenizer and its provenance, in a fresh directory that then takes its
/// name, so that files of two models never lie together.
pub fn write_model(
    dir: &Path,
    model: &Model,
    tokenizer: &Tokenizer,
    options: &SaveOptions,
    provenance: &Provenance,
) -> Result<()> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let partial = dir.with_file_name(format!(".{name}.partial"));
    let writing = || format!("cannot write the model {}", dir.display());
    remove(&partial).with_context(writing)?;
    let written = (|| -> Result<()> {
        fs::create_dir_all(&partial)?;
        model.save(&partial, options)?;
        tokenizer.save(&partial)?;
        let provenance = Provenance {
            tokenizer: tokenizer.hash_hex(),
            parameters: model.config.n_params(),
            ..provenance.clone()
        };
        let text = format!("{}\n", serde_json::to_string_pretty(&provenance)?);
        write_atomically(&partial.join(FILE), text.as_bytes())?;
        remove(dir)?;
        Ok(fs::rename(&partial, dir)?)
    })();
    if written.is_err() {
        // The error that counts is the first.
        let _ = remove(&partial);
    }
    written.with_context(writing)
}

/// Removes a directory if it is there.
pub fn remove(dir: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
