//! Files that a stage far away will read, read before the first stage begins: a wrong line in them is told at
//! once, and not after days of training.

use super::super::manifest::{Manifest, Status};
use crate::recipe::{Material, Plan, Stage};
use anyhow::{Context, Result};
use puna_align::preferences::read_preferences;
use puna_align::prompt::read_prompts;
use puna_train::read_dialogues;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Reads the dialogues, preferences and prompts that the stages up to and with `last` will need and that
/// are not done yet.
pub fn preflight(plan: &Plan, root: &Path, last: usize) -> Result<()> {
    let mut seen = Seen::new();
    for (index, stage) in plan.stages.iter().enumerate().take(last + 1) {
        let done = Manifest::read(&root.join(plan.directory(index)))?;
        if done.is_some_and(|manifest| manifest.status == Status::Complete) {
            continue;
        }
        check(stage, &mut seen)
            .with_context(|| format!("what stage {} will read", stage.name()))?;
    }
    Ok(())
}

/// What was read already, and how.
type Seen = BTreeSet<(PathBuf, String)>;

fn check(stage: &Stage, seen: &mut Seen) -> Result<()> {
    match stage {
        Stage::Sft(plan) => {
            if let Some(path) = plan.dialogues.as_ref()
                && first(seen, path, "dialogues")
            {
                read_dialogues(path)?;
            }
        }
        Stage::Reward(plan) => preferences(&plan.material, seen)?,
        Stage::Dpo(plan) => preferences(&plan.material, seen)?,
        Stage::Rejection(plan) => prompts(&plan.material, seen)?,
        Stage::Ppo(plan) => prompts(&plan.material, seen)?,
        Stage::Distill(plan) => prompts(&plan.material, seen)?,
        _ => {}
    }
    Ok(())
}

fn first(seen: &mut Seen, path: &Path, how: &str) -> bool {
    seen.insert((path.to_path_buf(), how.into()))
}

fn preferences(material: &Material, seen: &mut Seen) -> Result<()> {
    for file in &material.preferences {
        // A file that is named once for each stream is read by each of its rules.
        if first(seen, &file.path, &serde_json::to_string(&file.read)?) {
            read_preferences(&file.path, &file.read)?;
        }
    }
    Ok(())
}

fn prompts(material: &Material, seen: &mut Seen) -> Result<()> {
    for path in &material.prompts {
        if first(seen, path, "prompts") {
            read_prompts(path)?;
        }
    }
    Ok(())
}
