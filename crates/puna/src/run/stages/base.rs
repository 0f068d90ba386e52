//! The stage that takes a model raised elsewhere into the run, so that the run has all it was made of.

use super::training::write_stage;
use super::{Metrics, Stand};
use crate::recipe::BasePlan;
use anyhow::{Context, Result, ensure};
use puna_llama::{Model, check_tokenizer};
use puna_text::hash;
use std::collections::BTreeMap;
use std::fs;

/// SHA-256 of the weights; the shape is in the plan.
pub fn inputs(plan: &BasePlan, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    let reading = || format!("cannot read {}", plan.path.display());
    for entry in fs::read_dir(&plan.path).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".safetensors") {
            inputs.insert(format!("base {name}"), hash::of_file(&path)?);
        }
    }
    ensure!(
        !inputs.is_empty(),
        "{} has no weights, no file that ends in .safetensors",
        plan.path.display()
    );
    Ok(())
}

/// Copies the model into the stage.
pub fn take(stand: &Stand<'_>, plan: &BasePlan) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = Model::load(&plan.path)?;
    check_tokenizer(&model.config, &tokenizer)?;
    write_stage(stand, &model, &tokenizer, 0)
}
