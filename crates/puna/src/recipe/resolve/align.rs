//! The stages of human feedback.

use super::super::error::Result;
use super::super::plan::{
    DistillPlan, FeedbackPlan, Material, PpoPlan, ROUNDS, RejectionPlan, RewardPlan,
    ScoreboardPlan, SftPlan, Stage,
};
use super::super::{AlignSection, DistillSection, FeedbackSection, RewardSection};
use super::Resolver;
use puna_align::preferences::Stream;
use puna_align::reward::RewardSettings;
use puna_llama::Config;
use std::path::PathBuf;

impl Resolver<'_> {
    /// From preferences to the scoreboard; nothing where the recipe has none of it.
    pub(super) fn feedback(&self, model: &Config, sft: Option<&SftPlan>) -> Result<Vec<Stage>> {
        let file = &self.recipe.file;
        let later = [
            ("reward", file.reward.is_some()),
            ("align", file.align.is_some()),
            ("distill", file.distill.is_some()),
            ("scoreboard", file.scoreboard.is_some()),
        ];
        let Some(section) = &file.feedback else {
            return match later.into_iter().find(|(_, there)| *there) {
                Some((key, _)) => Err(self.value(key, "there is no feedback; add [feedback]")),
                None => Ok(Vec::new()),
            };
        };
        let Some(sft) = sft else {
            let what = "it compares answers of a fine-tuned model; add [sft]";
            return Err(self.value("feedback", what));
        };
        let material = self.material(section);
        let mut stages = Vec::new();
        if material.of_world {
            stages.push(Stage::Feedback(FeedbackPlan {
                sampled: section.sampled,
                temperatures: section.temperatures,
                max_tokens: section.max_tokens,
                seed: file.seed,
            }));
        } else if section.preferences.is_empty() {
            let what = "there is none; name a file, or add [world]";
            return Err(self.value("feedback.preferences", what));
        }
        if let Some(section) = &file.reward {
            stages.extend(self.rewards(section, &material, model)?);
        } else if let Some((key, _)) = later[1..].iter().find(|(_, there)| *there) {
            return Err(self.value(key, "it needs the reward models; add [reward]"));
        }
        if let Some(section) = &file.align {
            stages.extend(self.align(section, &material, model, sft)?);
        }
        if let Some(section) = &file.distill {
            stages.push(self.distill(section, &material, sft)?);
        }
        if let Some(section) = &file.scoreboard {
            if !material.of_world {
                let what = "only the world's rules can judge; leave it out without [world]";
                return Err(self.value("scoreboard", what));
            }
            stages.push(Stage::Scoreboard(ScoreboardPlan {
                max_tokens: section.max_tokens,
                diversity_prompts: section.diversity_prompts,
                diversity_answers: section.diversity_answers,
                seed: file.seed,
            }));
        }
        Ok(stages)
    }

    fn material(&self, section: &FeedbackSection) -> Material {
        let here = |paths: &[String]| -> Vec<PathBuf> {
            paths.iter().map(|path| self.recipe.resolve(path)).collect()
        };
        Material {
            preferences: here(&section.preferences),
            prompts: here(&section.prompts),
            of_world: self.recipe.file.world.is_some(),
        }
    }

    fn rewards(
        &self,
        section: &RewardSection,
        material: &Material,
        model: &Config,
    ) -> Result<[Stage; 2]> {
        let reward = |stream, key, settings: &RewardSettings| -> Result<Stage> {
            let mut settings = settings.clone();
            settings.max_tokens = settings.max_tokens.min(model.context);
            settings.seed = self.recipe.file.seed;
            settings.layout = self.layout(settings.max_tokens)?;
            if stream == Stream::Helpfulness {
                settings.safety_weight = 0.0;
            }
            settings
                .validate()
                .map_err(|e| self.value(key, e.to_string()))?;
            Ok(Stage::Reward(Box::new(RewardPlan {
                stream,
                material: material.clone(),
                settings,
            })))
        };
        Ok([
            reward(
                Stream::Helpfulness,
                "reward.helpfulness",
                &section.helpfulness,
            )?,
            reward(Stream::Safety, "reward.safety", &section.safety)?,
        ])
    }

    fn align(
        &self,
        section: &AlignSection,
        material: &Material,
        model: &Config,
        sft: &SftPlan,
    ) -> Result<Vec<Stage>> {
        let seed = self.recipe.file.seed;
        if section.rounds > ROUNDS.len() {
            let what = format!("{} is more than {}", section.rounds, ROUNDS.len());
            return Err(self.value("align.rounds", what));
        }
        let mut rejection = section.rejection.clone();
        rejection.seed = seed;
        rejection
            .validate()
            .map_err(|e| self.value("align.rejection", e.to_string()))?;
        let mut stages = Vec::new();
        for round in 1..=section.rounds {
            let ghost = section
                .ghost
                .clone()
                .filter(|_| round > section.ghost_after);
            let mut training = sft.settings.clone();
            training.epochs = section.epochs.unwrap_or(training.epochs);
            if ghost.is_some() {
                // A dialogue of many turns is worth nothing if it is cut.
                training.seq_len = model.context;
                training.layout = self.layout(training.seq_len)?;
            }
            stages.push(Stage::Rejection(Box::new(RejectionPlan {
                round,
                material: material.clone(),
                settings: rejection.clone(),
                pools: section.pools,
                keep_dialogues: section.keep_dialogues,
                dialogues: sft.dialogues.clone(),
                ghost: ghost.map(|mut ghost| {
                    ghost.seed = seed;
                    ghost
                }),
                sft: training,
            })));
        }
        if let Some(settings) = &section.ppo {
            let mut settings = settings.clone();
            settings.seq_len = settings.seq_len.min(model.context);
            settings.seed = seed;
            settings.layout = self.layout(settings.seq_len)?;
            settings
                .validate()
                .map_err(|e| self.value("align.ppo", e.to_string()))?;
            stages.push(Stage::Ppo(Box::new(PpoPlan {
                material: material.clone(),
                settings,
            })));
        }
        Ok(stages)
    }

    fn distill(
        &self,
        section: &DistillSection,
        material: &Material,
        sft: &SftPlan,
    ) -> Result<Stage> {
        let mut settings = section.sampling.clone();
        settings.seed = self.recipe.file.seed;
        settings
            .preprompts
            .validate()
            .map_err(|e| self.value("distill.sampling.preprompts", e.to_string()))?;
        let mut training = sft.settings.clone();
        training.lr = section.peak_lr;
        training.epochs = section.epochs;
        // However little was kept.
        training.warmup_steps = 0;
        Ok(Stage::Distill(Box::new(DistillPlan {
            material: material.clone(),
            settings,
            sft: training,
        })))
    }
}
