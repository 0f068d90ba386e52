//! A recipe that begins with a model raised elsewhere.

use super::super::error::Result;
use super::super::file::BaseSection;
use super::super::plan::{BasePlan, TokenizerPlan};
use super::Resolver;
use puna_llama::HeadKind;
use puna_llama::config_json::read_config;
use puna_text::TrainOptions;

impl Resolver<'_> {
    /// Looks at the model's shape; its weights are left to the stage.
    pub(super) fn base(&self, section: &BaseSection) -> Result<BasePlan> {
        let file = &self.recipe.file;
        for (key, given) in [
            ("tokenizer", file.tokenizer.is_some()),
            ("model", file.model.is_some()),
        ] {
            if given {
                let what = "the model of [base] brings its own; leave it out";
                return Err(self.value(key, what));
            }
        }
        let path = self.recipe.resolve(&section.path);
        // A run's `latest` may come to be another model, also while this one is taken.
        let path = path.canonicalize().unwrap_or(path);
        let refuse = |what: String| {
            let remedy = "name the directory of a model, with config.json, weights and tokenizer (a run's is \
                          RUN/latest)";
            self.value("base.path", format!("{what}; {remedy}"))
        };
        let model = read_config(&path.join("config.json")).map_err(|e| refuse(e.to_string()))?;
        if model.head != HeadKind::LanguageModel {
            return Err(refuse(format!("{} is a reward model", path.display())));
        }
        Ok(BasePlan { path, model })
    }
}

impl BasePlan {
    /// The model's tokenizer, which lies beside its weights.
    pub(super) fn tokenizer(&self) -> TokenizerPlan {
        TokenizerPlan {
            path: Some(self.path.clone()),
            options: TrainOptions {
                vocab_size: self.model.vocab_size,
                ..TrainOptions::default()
            },
            max_training_bytes: None,
        }
    }
}
