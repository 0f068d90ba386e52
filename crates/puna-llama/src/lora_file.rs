//! Adapters as files, as the PEFT library reads and writes them: `adapter_config.json` and
//! `adapter_model.safetensors`.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::lora::{Lora, LoraOptions, LoraTarget};
use crate::safetensors::{Dtype, SafeTensors, TensorView, write};
use puna_compute::{HostBuf, Ops};
use puna_text::atomic_file::write_atomically;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const CONFIG: &str = "adapter_config.json";

impl Lora<HostBuf> {
    /// Name of the file of the adapters' values in their directory.
    pub const WEIGHTS_FILE: &str = "adapter_model.safetensors";

    /// Writes the adapters into a directory, which it creates. `base` is the name or path of the
    /// model they belong to, if one is to be told.
    pub fn save(&self, dir: &Path, base: Option<&str>, dtype: Dtype) -> Result<()> {
        fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let rank = self.options().rank;
        let mut tensors = Vec::new();
        for (spec, pair) in self
            .specs()
            .iter()
            .zip(self.tensors.tensors.chunks_exact(2))
        {
            let shapes = spec.shapes(rank);
            for ((letter, shape), values) in ["A", "B"].iter().zip(shapes).zip(pair) {
                let name = tensor_name(&spec.module, letter);
                tensors.push(TensorView {
                    name,
                    shape: shape.into(),
                    values,
                });
            }
        }
        write(&dir.join(Self::WEIGHTS_FILE), &tensors, dtype)?;
        let modules: Vec<&str> = self.options().targets.iter().map(|t| t.module()).collect();
        let config = json!({
            "base_model_name_or_path": base,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "lora_alpha": f64::from(self.options().alpha),
            "lora_dropout": 0.0,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": rank,
            "target_modules": modules,
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": false,
        });
        Ok(write_atomically(
            &dir.join(CONFIG),
            format!("{config:#}\n").as_bytes(),
        )?)
    }

    /// Reads adapters for a model of this shape.
    pub fn load<O: Ops<Buf = HostBuf>>(ops: &O, config: &Config, dir: &Path) -> Result<Self> {
        let options = read_options(&dir.join(CONFIG))?;
        let mut file = SafeTensors::open(&dir.join(Self::WEIGHTS_FILE))?;
        let rank = options.rank;
        // The file is held against the model before anything of the claimed rank is allocated.
        let mut expected = BTreeSet::new();
        for spec in crate::lora::specs(config, &options) {
            for (letter, shape) in ["A", "B"].into_iter().zip(spec.shapes(rank)) {
                let name = tensor_name(&spec.module, letter);
                let found = file.entries().get(&name).map(|e| &e.shape[..]);
                if found != Some(&shape[..]) {
                    let what = match found {
                        None => format!("tensor {name:?} is missing"),
                        Some(found) => {
                            format!("tensor {name:?} has shape {found:?}, not {shape:?}")
                        }
                    };
                    let advice = "these adapters belong to another model";
                    return Err(Error::format(file.path(), format!("{what}; {advice}")));
                }
                expected.insert(name);
            }
        }
        if let Some(name) = file.entries().keys().find(|&n| !expected.contains(n)) {
            let what = format!("tensor {name:?} has no place in adapters of this configuration");
            return Err(Error::format(file.path(), what));
        }
        let mut lora = Self::zeros(ops, config, &options)?;
        for (i, spec) in lora.specs().to_vec().iter().enumerate() {
            for (k, letter) in ["A", "B"].iter().enumerate() {
                let tensor = &mut lora.tensors.tensors[2 * i + k];
                file.read(&tensor_name(&spec.module, letter), tensor)?;
            }
        }
        Ok(lora)
    }
}

fn tensor_name(module: &str, letter: &str) -> String {
    format!("base_model.model.{module}.lora_{letter}.weight")
}

fn read_options(path: &Path) -> Result<LoraOptions> {
    let fail = |what: String| Err(Error::format(path, what));
    let text = fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let config: Value = match serde_json::from_slice(&text) {
        Ok(config) => config,
        Err(e) => return fail(format!("not valid JSON: {e}")),
    };
    if config["peft_type"] != "LORA" {
        return fail(format!(
            "peft_type is {}; only \"LORA\" adapters can be read",
            config["peft_type"]
        ));
    }
    let plain = |v: &Value| match v {
        Value::Null | Value::Bool(false) => true,
        Value::String(s) => s == "none",
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        _ => false,
    };
    let variants = [
        "bias",
        "use_dora",
        "use_rslora",
        "fan_in_fan_out",
        "rank_pattern",
        "alpha_pattern",
        "modules_to_save",
        "layers_to_transform",
        "target_parameters",
        "trainable_token_indices",
    ];
    if let Some(name) = variants.iter().find(|&&name| !plain(&config[name])) {
        return fail(format!(
            "{name} is {}; only plain LoRA can be read",
            config[*name]
        ));
    }
    let Some(rank) = config["r"].as_u64().and_then(|r| usize::try_from(r).ok()) else {
        return fail(format!("r is {}; it must be a whole number", config["r"]));
    };
    let Some(alpha) = config["lora_alpha"].as_f64() else {
        return fail(format!(
            "lora_alpha is {}; it must be a number",
            config["lora_alpha"]
        ));
    };
    let targets = match &config["target_modules"] {
        Value::String(s) if s == "all-linear" => LoraTarget::ALL.to_vec(),
        Value::Array(names) => {
            let parse = |name: &Value| name.as_str().and_then(LoraTarget::parse);
            match names.iter().map(parse).collect::<Option<BTreeSet<_>>>() {
                Some(targets) => targets.into_iter().collect(),
                None => {
                    let known = LoraTarget::ALL.map(LoraTarget::module).join(", ");
                    let found = &config["target_modules"];
                    return fail(format!("target_modules is {found}; known are {known}"));
                }
            }
        }
        other => {
            return fail(format!(
                "target_modules is {other}; it must be a list of names"
            ));
        }
    };
    let options = LoraOptions {
        rank,
        alpha: alpha as f32,
        targets,
    };
    options
        .validate()
        .map_err(|e| Error::format(path, e.to_string()))?;
    Ok(options)
}
