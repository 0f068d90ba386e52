//! Files that a stage far away will read, read before the first stage begins: a wrong line in them is told at
//! once, and not after days of training.

use super::feedback::none_of;
use crate::recipe::{Material, Plan, Stage};
use anyhow::{Context, Result, ensure};
use puna_align::preferences::{Stream, read_preferences};
use puna_align::prompt::read_prompts;
use puna_train::read_dialogues;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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

/// What was read already, and how; of preferences, the streams that they are of.
type Seen = BTreeMap<(PathBuf, String), Vec<Stream>>;

fn check(stage: &Stage, seen: &mut Seen) -> Result<()> {
    match stage {
        Stage::Sft(plan) => match &plan.dialogues {
            Some(path) => dialogues(path, seen),
            None => Ok(()),
        },
        Stage::Reward(plan) => {
            let streams = preferences(&plan.material, seen)?;
            let any = plan.material.of_world || streams.contains(&plan.stream);
            ensure!(any, none_of(plan.stream));
            Ok(())
        }
        Stage::Dpo(plan) => preferences(&plan.material, seen).map(drop),
        Stage::Rejection(plan) => prompts(&plan.material, false, seen),
        Stage::Ppo(plan) => prompts(&plan.material, false, seen),
        Stage::Distill(plan) => prompts(&plan.material, true, seen),
        _ => Ok(()),
    }
}

fn dialogues(path: &Path, seen: &mut Seen) -> Result<()> {
    let key = (path.to_path_buf(), "dialogues".into());
    if let Entry::Vacant(new) = seen.entry(key) {
        let empty = read_dialogues(path)?.is_empty();
        ensure!(!empty, "{} holds no dialogue", path.display());
        new.insert(Vec::new());
    }
    Ok(())
}

/// The streams of all of them.
fn preferences(material: &Material, seen: &mut Seen) -> Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for file in &material.preferences {
        // A file that is named once for each stream is read by each of its rules.
        let key = (file.path.clone(), serde_json::to_string(&file.read)?);
        let there = match seen.entry(key) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(new) => {
                let read = read_preferences(&file.path, &file.read)?;
                let all = [Stream::Helpfulness, Stream::Safety];
                let there = |stream: &Stream| read.preferences.iter().any(|p| p.stream == *stream);
                new.insert(all.into_iter().filter(there).collect())
            }
        };
        streams.extend_from_slice(there);
    }
    Ok(streams)
}

/// With `unsafe_ones`, some must be marked as such that may elicit an unsafe answer.
fn prompts(material: &Material, unsafe_ones: bool, seen: &mut Seen) -> Result<()> {
    let mut any = material.of_world;
    for path in &material.prompts {
        let key = (path.clone(), format!("prompts, unsafe ones: {unsafe_ones}"));
        if seen.contains_key(&key) {
            any = true;
            continue;
        }
        let read = read_prompts(path)?;
        any |= read.iter().any(|prompt| prompt.safety || !unsafe_ones);
        seen.insert(key, Vec::new());
    }
    let files: Vec<String> = material
        .prompts
        .iter()
        .map(|p| p.display().to_string())
        .collect();
    let marked = match unsafe_ones {
        true => " with \"safety\": true, which alone are distilled on",
        false => "",
    };
    ensure!(any, "{} holds no prompt{marked}", files.join(", "));
    Ok(())
}
