//! The stage that takes a model raised elsewhere into the run.

use super::training::write_stage;
use super::{Metrics, Stand};
use crate::recipe::BasePlan;
use anyhow::{Context, Result, ensure};
use puna_llama::{Model, check_tokenizer};
use puna_text::hash;
use std::collections::BTreeMap;
use std::fs;

/// SHA-256 of the weights, and of what says in which files they are; the shape is in the plan.
pub fn inputs(
    stand: &Stand<'_>,
    plan: &BasePlan,
    inputs: &mut BTreeMap<String, String>,
) -> Result<()> {
    let path = plan.path.display();
    let reading = || format!("cannot read {path}");
    let own = stand.root.canonicalize().with_context(reading)?;
    ensure!(
        !plan.path.starts_with(&own),
        "the model of [base], {path}, is one of this very run; give the run another --dir"
    );
    for entry in fs::read_dir(&plan.path).with_context(reading)? {
        let file = entry.with_context(reading)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let is_weights =
            name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
        if name.starts_with("model") && is_weights {
            inputs.insert(format!("base {name}"), hash::of_file(&file)?);
        }
    }
    Ok(())
}

/// Writes the model into the stage, in f32.
pub fn take(stand: &Stand<'_>, plan: &BasePlan) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = Model::load(&plan.path)?;
    ensure!(
        model.config == plan.model,
        "{} has changed while it was read; run again",
        plan.path.display()
    );
    check_tokenizer(&model.config, &tokenizer)?;
    write_stage(stand, &model, &tokenizer, 0)
}
