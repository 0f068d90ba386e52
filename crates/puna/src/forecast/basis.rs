//! What a forecast rests on.

use super::PROGRAM;
use super::memory::{self, Held};
use super::text::Text;
use super::training::flops_per_token;
use super::world::OfFeedback;
use crate::recipe::{Material, Plan};
use puna_llama::Config;
use puna_text::Tokenizer;
use puna_train::{Dialogue, LayoutSettings, read_dialogues};
use std::path::PathBuf;

/// What a forecast rests on.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Shape of its models; none where there is no model.
    pub model: Option<&'a Config>,
    /// Threads to work on.
    pub threads: usize,
    /// Operations a second in training, if measured.
    pub rate: Option<f64>,
    /// Its text, if it is there.
    pub text: Option<&'a Text>,
}

impl Basis<'_> {
    /// The world's material for human feedback.
    pub fn feedback(&self) -> Option<&OfFeedback> {
        self.text?.feedback.as_ref()
    }

    /// A tokenizer like the one to come.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.text?.tokenizer.as_ref()
    }

    /// The world's prompts, where there are no others beside them.
    pub fn prompts(&self, material: &Material) -> Option<&[(Dialogue, bool)]> {
        let alone = material.of_world && material.prompts.is_empty();
        self.feedback()
            .filter(|_| alone)
            .map(|feedback| &feedback.prompts[..])
    }

    /// The dialogues to train on, those given or the world's own, and `some` of its feedback's.
    pub fn dialogues(
        &self,
        given: Option<&PathBuf>,
        some: fn(&OfFeedback) -> &[Dialogue],
    ) -> Option<Vec<Dialogue>> {
        let mut dialogues = match given {
            Some(path) => read_dialogues(path).ok()?,
            None => self.text?.dialogues.clone()?,
        };
        dialogues.extend_from_slice(self.feedback().map_or(&[][..], some));
        Some(dialogues)
    }

    /// What is held of models of a shape.
    pub fn held<'m>(&self, model: &'m Config) -> Held<'m> {
        Held {
            model,
            threads: self.threads,
        }
    }

    /// Most memory of a stage that holds so much of the plan's model beside the program.
    pub fn peak(&self, bytes: impl FnOnce(Held<'_>) -> u64) -> Option<u64> {
        Some(memory::sum([PROGRAM, bytes(self.held(self.model?))]))
    }

    /// Operations to train the plan's model on a token of a sequence of so many.
    pub fn flops(&self, layout: &LayoutSettings, seq_len: usize) -> Option<f64> {
        Some(flops_per_token(self.model?, layout, seq_len))
    }
}
