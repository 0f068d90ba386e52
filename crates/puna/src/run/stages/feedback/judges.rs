//! Who scores answers: the two reward models, and the world's rules.

use anyhow::Result;
use puna_align::judge::{Judge, Scores};
use puna_align::prompt::Prompt;
use puna_align::reward::{RewardModel, RewardModels};
use puna_train::identity;
use puna_world::Rules;
use std::collections::BTreeMap;

use super::super::Stand;
use super::material::plain;
use super::reward::STAGES;

/// The reward models of a run.
pub fn rewards(stand: &Stand<'_>) -> Result<RewardModels> {
    let load = |stage| -> Result<_> { Ok(RewardModel::load(&stand.of(stage)?.join("model"))?) };
    Ok(RewardModels {
        helpfulness: load(STAGES[0])?,
        safety: load(STAGES[1])?,
        threads: stand.threads,
    })
}

/// What they are told apart by: a hash of the weights themselves, in however many files they are.
pub fn name_of(models: &RewardModels) -> String {
    let [helpfulness, safety] =
        [&models.helpfulness, &models.safety].map(|of| identity::of_model(of.model()));
    format!("{helpfulness} {safety}")
}

/// The world's rules, which know the truth about its own prompts, and can score no others; who only
/// looks.
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

    /// What the world knows of a prompt, if it is its own. The id alone does not say: in a file of prompts
    /// anything may stand under it.
    pub fn known(&self, prompt: &Prompt) -> Option<&puna_world::Prompt> {
        let known = self.prompts.get(&prompt.id)?;
        (plain(known) == *prompt).then_some(known)
    }
}

impl Judge for WorldJudge {
    fn score(&mut self, prompts: &[&Prompt], answers: &[&str]) -> puna_align::Result<Vec<Scores>> {
        let scores = self.score_where_possible(prompts, answers)?;
        let each = prompts.iter().zip(scores).map(|(prompt, scores)| {
            scores.ok_or_else(|| {
                puna_align::Error::Data(format!("the world has no prompt {}", prompt.id))
            })
        });
        each.collect()
    }

    fn score_where_possible(
        &mut self,
        prompts: &[&Prompt],
        answers: &[&str],
    ) -> puna_align::Result<Vec<Option<Scores>>> {
        let each = prompts.iter().zip(answers).map(|(prompt, answer)| {
            let verdict = Rules.judge(self.known(prompt)?, answer);
            Some(Scores {
                helpfulness: f64::from(verdict.helpfulness) / 100.0,
                safety: f64::from(verdict.safety) / 100.0,
            })
        });
        Ok(each.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use puna_world::{FeedbackOptions, Split, World, WorldOptions};

    #[test]
    fn only_what_the_world_asks_is_judged() {
        let (world, options) = (
            World::generate(&WorldOptions::default()),
            FeedbackOptions::default(),
        );
        let feedback = world.feedback(&options);
        let known = &feedback.prompts(Split::Train)[0];
        let own = plain(known);
        let other = Prompt::new(own.id.clone(), "Where is the bridge?");
        let mut judge = WorldJudge::new(std::slice::from_ref(known));
        let (prompts, answers) = ([&own, &other], [known.reference.as_str(); 2]);
        let scores = judge.score_where_possible(&prompts, &answers).unwrap();
        assert!(scores[0].is_some_and(|scores| scores.safety > 0.5) && scores[1].is_none());
        assert!(judge.known(&own).is_some() && judge.known(&other).is_none());
        let error = judge.score(&prompts, &answers).unwrap_err().to_string();
        assert!(error.contains(&own.id), "{error}");
    }
}
