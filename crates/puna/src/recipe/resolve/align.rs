//! The stages of human feedback.

use super::super::error::Result;
use super::super::plan::{
    DistillPlan, DpoPlan, FeedbackPlan, GhostPlan, Material, OwnGhost, PpoPlan, PreferenceFile,
    ROUNDS, RejectionPlan, RewardPlan, SafetyScalingPlan, ScoreboardPlan, SftPlan, Stage,
};
use super::super::{
    AlignSection, DistillSection, FeedbackSection, GhostInstructionSection, RewardSection,
    SafetyScalingSection,
};
use super::Resolver;
use puna_align::dpo::DpoSettings;
use puna_align::ghost_attention::{GhostSettings, InstructionList};
use puna_align::preferences::Stream;
use puna_align::reward::{Margin, RewardSettings};
use puna_llama::{Config, SamplingOptions};

/// What is wrong with measuring answers where nobody knows what is right.
const ONLY_THE_WORLD: &str = "only the world's rules can judge; leave it out without [world]";

/// What is wrong with sampling answers to nothing.
const NOTHING_ASKED: &str = "there is no prompt to answer; name a file of them in feedback.prompts";

impl Resolver<'_> {
    /// From preferences to the scoreboard; nothing where the recipe has none of it.
    pub(super) fn feedback(&self, model: &Config, sft: Option<&SftPlan>) -> Result<Vec<Stage>> {
        let file = &self.recipe.file;
        let later = [
            ("reward", file.reward.is_some()),
            ("dpo", file.dpo.is_some()),
            // From here on, all need the reward models.
            ("align", file.align.is_some()),
            ("distill", file.distill.is_some()),
            ("safety_scaling", file.safety_scaling.is_some()),
            ("scoreboard", file.scoreboard.is_some()),
        ];
        let Some(section) = &file.feedback else {
            return match later.into_iter().find(|(_, there)| *there) {
                Some((key, _)) => Err(self.value(key, "there is no feedback; add [feedback]")),
                None => Ok(Vec::new()),
            };
        };
        if sft.is_none() && file.base.is_none() {
            let what =
                "it compares answers of a fine-tuned model; add [sft], or begin with one by [base]";
            return Err(self.value("feedback", what));
        }
        let numbers_of_sft =
            |key| sft.ok_or_else(|| self.value(key, "it trains by the numbers of [sft]; add that"));
        let material = self.material(section);
        // What a stage does not read is no part of it.
        let asking = Material {
            preferences: Vec::new(),
            ..material.clone()
        };
        let mut stages = Vec::new();
        if material.of_world {
            for temperature in section.temperatures {
                SamplingOptions {
                    temperature,
                    ..SamplingOptions::default()
                }
                .validate()
                .map_err(|e| self.value("feedback.temperatures", e.to_string()))?;
            }
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
        } else if let Some((key, _)) = later[2..].iter().find(|(_, there)| *there) {
            return Err(self.value(key, "it needs the reward models; add [reward]"));
        }
        if let Some(settings) = &file.dpo {
            stages.push(self.dpo(settings, &material, model)?);
        }
        if let Some(section) = &file.align {
            let sft = numbers_of_sft("align")?;
            stages.extend(self.align(section, &asking, model, sft)?);
        }
        if let Some(section) = &file.distill {
            let sft = numbers_of_sft("distill")?;
            stages.push(self.distill(section, &asking, sft)?);
        }
        if let Some(section) = &file.safety_scaling {
            let sft = numbers_of_sft("safety_scaling")?;
            stages.push(self.safety_scaling(section, &asking, sft)?);
        }
        if let Some(section) = &file.scoreboard {
            if !material.of_world {
                return Err(self.value("scoreboard", ONLY_THE_WORLD));
            }
            if sft.is_none() {
                return Err(self.value(
                    "scoreboard",
                    "it compares with the model of [sft]; add that",
                ));
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
        let preferences = section.preferences.iter().map(|file| PreferenceFile {
            path: self.recipe.resolve(&file.path),
            open: file.open,
            read: file.read.clone(),
        });
        let prompts = section.prompts.iter();
        Material {
            preferences: preferences.collect(),
            prompts: prompts.map(|path| self.recipe.resolve(path)).collect(),
            of_world: self.recipe.file.world.is_some(),
        }
    }

    fn rewards(
        &self,
        section: &RewardSection,
        material: &Material,
        model: &Config,
    ) -> Result<[Stage; 2]> {
        let others = section.others_in_helpfulness;
        if !(0.0..=10.0).contains(&others) {
            let what = format!("{others} is not from 0 to 10");
            return Err(self.value("reward.others_in_helpfulness", what));
        }
        let reward = |stream, key, settings: &RewardSettings| -> Result<Stage> {
            let mut settings = settings.clone();
            settings.max_tokens = settings.max_tokens.min(model.context);
            settings.seed = self.recipe.file.seed;
            settings.layout = self.layout(settings.max_tokens)?;
            match stream {
                Stream::Helpfulness => {
                    settings.safety_weight = 0.0;
                    settings.margin = settings.margin.or(Some(Margin::Large));
                }
                Stream::Safety => settings.margin = settings.margin.or(Some(Margin::None)),
            }
            settings
                .schedule(1)
                .map_err(|e| self.value(key, e.to_string()))?;
            Ok(Stage::Reward(Box::new(RewardPlan {
                stream,
                material: material.clone(),
                others: (stream == Stream::Helpfulness).then_some(others),
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

    fn dpo(&self, settings: &DpoSettings, material: &Material, model: &Config) -> Result<Stage> {
        if let Some(lora) = &settings.lora {
            lora.options(model)
                .map_err(|e| self.value("dpo", e.to_string()))?;
        }
        let mut settings = settings.clone();
        settings.max_tokens = settings.max_tokens.min(model.context);
        settings.seed = self.recipe.file.seed;
        settings.layout = self.layout(settings.max_tokens)?;
        settings
            .schedule(1)
            .map_err(|e| self.value("dpo", e.to_string()))?;
        Ok(Stage::Dpo(Box::new(DpoPlan {
            material: material.clone(),
            settings,
        })))
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
        if let Some(ghost) = &section.ghost {
            if (1..=section.ghost_after).contains(&section.rounds) {
                let what = format!(
                    "it begins after round {}, and the last is round {}; set align.ghost_after, or align.rounds",
                    section.ghost_after, section.rounds
                );
                return Err(self.value("align.ghost", what));
            }
            ghost
                .validate()
                .map_err(|e| self.value("align.ghost", e.to_string()))?;
        }
        if !material.of_world && material.prompts.is_empty() {
            return Err(self.value("align", NOTHING_ASKED));
        }
        let mut stages = Vec::new();
        for round in 1..=section.rounds {
            let ghost = section
                .ghost
                .clone()
                .filter(|_| round > section.ghost_after);
            let mut training = sft.settings.clone();
            training.epochs = section.epochs.unwrap_or(training.epochs);
            training.lr = section.peak_lr.unwrap_or(training.lr);
            self.check_rates("align", &training)?;
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
                ghost: match ghost {
                    Some(settings) => Some(GhostPlan {
                        settings: GhostSettings { seed, ..settings },
                        own: self.own_ghost(section, material)?,
                    }),
                    None => None,
                },
                sft: training,
            })));
        }
        if let Some(settings) = &section.ppo {
            let mut settings = settings.clone();
            settings.seq_len = settings.seq_len.min(model.context);
            settings.seed = seed;
            settings.layout = self.layout(settings.seq_len)?;
            settings.validate().map_err(|e| {
                let what = format!("{e} (the model's context is {})", model.context);
                self.value("align.ppo", what)
            })?;
            stages.push(Stage::Ppo(Box::new(PpoPlan {
                material: material.clone(),
                settings,
            })));
        }
        Ok(stages)
    }

    /// What Ghost Attention is made of where there is no world, which has its own.
    fn own_ghost(&self, section: &AlignSection, material: &Material) -> Result<Option<OwnGhost>> {
        let key = "align.ghost_instructions";
        let sections = &section.ghost_instructions;
        if material.of_world {
            return match sections.is_empty() {
                true => Ok(None),
                false => {
                    Err(self.value(key, "the world has its own; leave them out beside [world]"))
                }
            };
        }
        if section.ghost_dialogues == 0 {
            let what = "without a dialogue there is nothing to instruct; leave [align.ghost] out";
            return Err(self.value("align.ghost_dialogues", what));
        }
        let list = |section: &GhostInstructionSection| {
            let GhostInstructionSection {
                kind,
                wording,
                values,
            } = section;
            let wrong = match wording.contains("{}") {
                false => Some(format!("{wording:?} has no {{}} for the value")),
                true if values.is_empty() => Some(format!("{kind} has no values")),
                true => None,
            };
            match wrong {
                Some(what) => Err(self.value(key, what)),
                None => Ok(InstructionList::new(kind, wording, values.iter().cloned())),
            }
        };
        let instructions = match sections.is_empty() {
            true => InstructionList::of_the_papers_kinds(),
            false => sections.iter().map(list).collect::<Result<_>>()?,
        };
        Ok(Some(OwnGhost {
            dialogues: section.ghost_dialogues,
            instructions,
        }))
    }

    fn safety_scaling(
        &self,
        section: &SafetyScalingSection,
        material: &Material,
        sft: &SftPlan,
    ) -> Result<Stage> {
        let file = &self.recipe.file;
        let wrong = |key, what: String| Err(self.value(key, what));
        if !material.of_world {
            return wrong("safety_scaling", ONLY_THE_WORLD.into());
        }
        let Some(align) = file.align.as_ref().filter(|align| align.rounds > 0) else {
            let what = "its data are the answers of a round of rejection sampling; add [align]";
            return wrong("safety_scaling", what.into());
        };
        let shares = &section.percents;
        if shares.is_empty() || !shares.is_sorted_by(|a, b| a < b) {
            let what = "there must be one, and each larger than the one before".into();
            return wrong("safety_scaling.percents", what);
        }
        let bad = |percent: &&f64| !(0.0..=100.0).contains(*percent);
        if let Some(percent) = shares.iter().find(bad) {
            let what = format!("{percent} is not from 0 to 100");
            return wrong("safety_scaling.percents", what);
        }
        Ok(Stage::SafetyScaling(Box::new(SafetyScalingPlan {
            // A zero below zero is 0 too.
            percents: shares.iter().map(|percent| percent + 0.0).collect(),
            pool: ROUNDS[align.rounds - 1].into(),
            dialogues: sft.dialogues.clone(),
            max_tokens: section.max_tokens,
            seed: file.seed,
            sft: sft.settings.clone(),
        })))
    }

    fn distill(
        &self,
        section: &DistillSection,
        material: &Material,
        sft: &SftPlan,
    ) -> Result<Stage> {
        if !material.of_world && material.prompts.is_empty() {
            return Err(self.value("distill", NOTHING_ASKED));
        }
        let mut settings = section.sampling.clone();
        settings.seed = self.recipe.file.seed;
        settings
            .preprompts
            .validate()
            .map_err(|e| self.value("distill.sampling.preprompts", e.to_string()))?;
        settings
            .validate()
            .map_err(|e| self.value("distill.sampling", e.to_string()))?;
        let mut training = sft.settings.clone();
        training.lr = section.peak_lr;
        training.epochs = section.epochs;
        self.check_rates("distill", &training)?;
        // However little was kept.
        training.warmup_steps = 0;
        Ok(Stage::Distill(Box::new(DistillPlan {
            material: material.clone(),
            settings,
            sft: training,
        })))
    }
}
