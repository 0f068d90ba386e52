//! Fine-tuning, whose numbers the rounds of human feedback go by too.

use super::super::error::Result;
use super::super::file::{SftSection, TooLongDialogues};
use super::super::plan::SftPlan;
use super::{Resolver, checkpoint};
use puna_llama::Config;
use puna_train::{OptimizerSettings, SftSettings, TooLong};

impl Resolver<'_> {
    pub(super) fn sft(&self, s: &SftSection, model: &Config) -> Result<SftPlan> {
        if s.dialogues.is_none() && self.recipe.file.world.is_none() {
            return Err(self.value(
                "sft.dialogues",
                "there is no [world] that has any; name a file",
            ));
        }
        if s.epochs == 0 || s.batch_sequences == 0 {
            return Err(self.value("sft.epochs", "it and batch_sequences must be at least 1"));
        }
        let seq_len = self.sequence_length("sft.sequence_length", s.sequence_length, model)?;
        let settings = SftSettings {
            seq_len,
            batch_sequences: s.batch_sequences,
            epochs: s.epochs,
            lr: s.peak_lr,
            warmup_steps: s.warmup_steps,
            min_lr_ratio: s.final_lr_ratio,
            optimizer: OptimizerSettings {
                beta1: s.beta1,
                beta2: s.beta2,
                eps: s.eps,
                weight_decay: s.weight_decay,
                clip: s.clip,
            },
            document_mask: s.document_masks,
            lora: s.lora.clone(),
            too_long: match s.too_long {
                TooLongDialogues::Refuse => TooLong::Refuse,
                TooLongDialogues::Skip => TooLong::Skip,
                TooLongDialogues::Truncate => TooLong::Truncate,
            },
            seed: s.seed.unwrap_or(self.recipe.file.seed),
            layout: self.layout(seq_len)?,
            checkpoint: checkpoint(s.checkpoint_every),
            ..SftSettings::default()
        };
        if let Some(lora) = &settings.lora {
            lora.options(model)
                .map_err(|e| self.value("sft", e.to_string()))?;
        }
        settings
            .optimizer
            .validate()
            .map_err(|e| self.value("sft", e.to_string()))?;
        self.check_rates("sft", &settings)?;
        if let Some(mean) = s.expected.as_ref().map(|e| e.tokens_per_dialogue)
            && mean <= 0.0
        {
            let what = format!("{mean} is not a positive number");
            return Err(self.value("sft.expected.tokens_per_dialogue", what));
        }
        Ok(SftPlan {
            model: model.clone(),
            dialogues: s.dialogues.as_ref().map(|path| self.recipe.resolve(path)),
            of_feedback: self.recipe.file.world.is_some() && self.recipe.file.feedback.is_some(),
            held_out: self.share("sft.held_out", s.held_out)?,
            settings,
            expected: s
                .expected
                .as_ref()
                .map(|e| (e.dialogues, e.tokens_per_dialogue)),
        })
    }

    /// Learning rates of a training on dialogues, however many there will be.
    pub(super) fn check_rates(&self, section: &str, settings: &SftSettings) -> Result<()> {
        let key = |key: &str| format!("{section}.{key}");
        let (lr, ratio) = (settings.lr, settings.min_lr_ratio);
        if !(lr > 0.0 && lr.is_finite()) {
            let what = format!("{lr} is not a positive number");
            return Err(self.value(&key("peak_lr"), what));
        }
        if !(0.0..=1.0).contains(&ratio) {
            let what = format!("{ratio} is not from 0 to 1");
            return Err(self.value(&key("final_lr_ratio"), what));
        }
        if settings.epochs == 0 {
            return Err(self.value(&key("epochs"), "it must be at least 1"));
        }
        Ok(())
    }
}
