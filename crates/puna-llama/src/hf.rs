//! Model directories as Hugging Face transformers reads and writes them.

use crate::config_json::{read_config, write_config};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::params::{ParamSpec, Params};
use crate::safetensors::{Dtype, TensorView, Weights, write_sharded};
use puna_compute::HostBuf;
use puna_text::atomic_file::write_atomically;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How [`Model::save`] writes.
#[derive(Clone, Copy, Debug)]
pub struct SaveOptions {
    /// Element type of the weights.
    pub dtype: Dtype,
    /// Most bytes of tensors in a file.
    pub max_shard_bytes: u64,
    /// Id that begins a text, for the configuration files.
    pub bos: u32,
    /// Id that ends one.
    pub eos: u32,
}

impl Default for SaveOptions {
    /// f32, shards of 5 GB, the ids of Llama 2's tokenizer.
    fn default() -> Self {
        Self {
            dtype: Dtype::F32,
            max_shard_bytes: 5_000_000_000,
            bos: 1,
            eos: 2,
        }
    }
}

impl Model {
    /// Reads `config.json` and the safetensors weights beside it, sharded or not. Every tensor's
    /// shape is checked before memory is taken; missing and unknown tensors are errors.
    pub fn load(dir: &Path) -> Result<Self> {
        let config = read_config(&dir.join("config.json"))?;
        let mut weights = Weights::open(dir)?;
        let specs = config.param_specs();
        let mut known = BTreeSet::new();
        for spec in &specs {
            for (name, rows) in &spec.parts {
                check_shape(dir, &weights, name, &part_shape(spec, *rows))?;
                known.insert(name.as_str());
            }
        }
        if let Some(name) = weights
            .names()
            .find(|&n| !known.contains(n) && !is_ignorable(n, config.tied))
        {
            let what = format!(
                "tensor {name:?} has no place in a Llama of this configuration; is config.json of \
                 another model, or is this an adapter?"
            );
            return Err(Error::format(dir, what));
        }
        let mut tensors = Vec::with_capacity(specs.len());
        for spec in &specs {
            let mut tensor = HostBuf::zeros(spec.len())?;
            let mut at = 0;
            for (name, rows) in &spec.parts {
                let len = rows * spec.n_in;
                weights.read(name, &mut tensor[at..at + len])?;
                at += len;
            }
            tensors.push(tensor);
        }
        Ok(Self {
            config,
            params: Params { tensors },
        })
    }

    /// Writes `config.json`, `generation_config.json` and the weights into a directory, which it
    /// creates. Each file appears whole or not at all; where a crash must not leave files of two
    /// models together, save into a fresh directory and rename that. The tokenizer is the caller's.
    pub fn save(&self, dir: &Path, options: &SaveOptions) -> Result<()> {
        fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let specs = self.config.param_specs();
        let mut tensors = Vec::new();
        for (spec, values) in specs.iter().zip(&self.params.tensors) {
            let mut at = 0;
            for (name, rows) in &spec.parts {
                let len = rows * spec.n_in;
                tensors.push(TensorView {
                    name: name.clone(),
                    shape: part_shape(spec, *rows),
                    values: &values[at..at + len],
                });
                at += len;
            }
        }
        write_sharded(dir, &tensors, options.dtype, options.max_shard_bytes)?;
        let (bos, eos) = (options.bos, options.eos);
        // The reference's sampling defaults.
        let generation = json!({
            "bos_token_id": bos, "eos_token_id": eos, "do_sample": true,
            "temperature": 0.6, "top_p": 0.9, "max_length": self.config.context,
        });
        let generation = format!("{generation:#}\n");
        write_atomically(&dir.join("generation_config.json"), generation.as_bytes())?;
        let config = write_config(&self.config, options.dtype, bos, eos);
        Ok(write_atomically(
            &dir.join("config.json"),
            config.as_bytes(),
        )?)
    }
}

/// Dimensions of one Hugging Face tensor of a stacked one.
fn part_shape(spec: &ParamSpec, rows: usize) -> Vec<usize> {
    if spec.n_in == 1 {
        vec![rows]
    } else {
        vec![rows, spec.n_in]
    }
}

fn check_shape(dir: &Path, weights: &Weights, name: &str, expected: &[usize]) -> Result<()> {
    let Some((path, entry)) = weights.entry(name) else {
        let what =
            format!("tensor {name:?} is missing; config.json asks for it with shape {expected:?}");
        return Err(Error::format(dir, what));
    };
    if Dtype::parse(&entry.dtype).is_none() {
        let what = format!(
            "tensor {name:?} has dtype {}; convert the model to F32, F16 or BF16",
            entry.dtype
        );
        return Err(Error::format(path, what));
    }
    if entry.shape != expected {
        let what = format!(
            "tensor {name:?} has shape {:?}, config.json asks for {expected:?}; one of the two is of \
             another model",
            entry.shape
        );
        return Err(Error::format(path, what));
    }
    Ok(())
}

/// Tensors that checkpoints carry though nothing reads them: old files store the rotary
/// frequencies, and some a second copy of a tied head.
fn is_ignorable(name: &str, tied: bool) -> bool {
    name.ends_with(".rotary_emb.inv_freq") || (tied && name == "lm_head.weight")
}
