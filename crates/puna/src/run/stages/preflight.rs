//! Files that a stage far away will read, read before the first stage begins: a wrong line in them is told at
//! once, and not after days of training.

use crate::recipe::{Material, Plan, Stage};
use anyhow::{Context, Result};
use puna_align::preferences::read_preferences;
use puna_align::prompt::read_prompts;
use puna_train::read_dialogues;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Reads the dialogues, preferences and prompts that the stages up to and with `last` need, or those of one
/// command alone. Of stages that are done too: a file that has changed would have them done again.
pub fn preflight(plan: &Plan, last: usize, only: Option<&str>) -> Result<()> {
    let mut seen = Seen::new();
    let wanted = |stage: &&Stage| only.is_none_or(|command| stage.command() == command);
    for stage in plan.stages[..=last].iter().filter(wanted) {
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
