//! Who scores answers: the two reward models, and the world's rules.

use anyhow::Result;
use puna_align::judge::{Judge, Scores};
use puna_align::prompt::Prompt;
use puna_align::reward::{RewardModel, RewardModels};
use puna_text::hash;
use puna_world::Rules;
use std::collections::BTreeMap;

use super::super::Stand;
use super::reward::STAGES;

/// The reward models of a run, and the hash of their weights.
pub fn rewards(stand: &Stand<'_>) -> Result<(RewardModels, String)> {
    let dir = |stage| -> Result<_> { Ok(stand.of(stage)?.join("model")) };
    let [helpfulness, safety] = [dir(STAGES[0])?, dir(STAGES[1])?];
    let weights = "model.safetensors";
    let name = format!(
        "{} {}",
        hash::of_file(&helpfulness.join(weights))?,
        hash::of_file(&safety.join(weights))?
    );
    let models = RewardModels {
        helpfulness: RewardModel::load(&helpfulness)?,
        safety: RewardModel::load(&safety)?,
        threads: stand.threads,
    };
    Ok((models, name))
}

/// The world's rules, which know the truth about its own prompts; who only looks.
pub struct WorldJudge {
    prompts: BTreeMap<String, puna_world::Prompt>,
}

impl WorldJudge {
    /// For these prompts.
    pub fn new(prompts: &[puna_world::Prompt]) -> Self {
        let named = prompts.iter().map(|p| (p.id.clone(), p.clone()));
        Self {
            prompts: named.collect(),
        }
    }
}

impl Judge for WorldJudge {
    fn score(&mut self, prompts: &[&Prompt], answers: &[&str]) -> puna_align::Result<Vec<Scores>> {
        let each = prompts.iter().zip(answers).map(|(prompt, answer)| {
            let known = self.prompts.get(&prompt.id).ok_or_else(|| {
                puna_align::Error::Data(format!("the world has no prompt {}", prompt.id))
            })?;
            let verdict = Rules.judge(known, answer);
            Ok(Scores {
                helpfulness: f64::from(verdict.helpfulness) / 100.0,
                safety: f64::from(verdict.safety) / 100.0,
            })
        });
        each.collect()
    }
}
