//! From the file as written to the plan: defaults filled in, every number checked.

mod align;
mod base;
mod data;
mod sft;

use super::error::{Error, Result};
use super::file::{EngineSection, LongSection, ModelSection, PretrainSection, TokenizerSection};
use super::plan::{EvaluatePlan, Plan, PretrainPlan, Stage, TokenizerPlan, TokensPlan};
use super::read::Recipe;
use puna_llama::{Config, HeadKind};
use puna_text::TrainOptions;
use puna_train::{
    CheckpointSettings, LayoutSettings, LongSequences, OptimizerSettings, PretrainSettings,
};

impl Plan {
    /// Resolves a recipe.
    pub fn of(recipe: &Recipe) -> Result<Self> {
        let resolver = Resolver { recipe };
        resolver.check_head()?;
        recipe.check_limits()?;
        let file = &recipe.file;
        let base = file.base.as_ref().map(|section| resolver.base(section));
        let base = base.transpose()?;
        let mut stages = resolver.data()?;
        let (tokenizer, model) = match &base {
            Some(base) => (base.tokenizer(), base.model.clone()),
            None => resolver.tokenizer_and_model()?,
        };
        stages.push(Stage::Tokenizer(tokenizer));
        if base.is_none() || file.pretrain.is_some() {
            stages.push(Stage::Tokens(TokensPlan {
                file_tokens: 1 << 30,
            }));
        }
        let mut there_is_a_model = base.is_some();
        stages.extend(base.map(|plan| Stage::Base(Box::new(plan))));
        if let Some(section) = &file.pretrain {
            let plan = resolver.pretrain(section, &model)?;
            stages.push(Stage::Pretrain(Box::new(plan)));
            there_is_a_model = true;
        }
        if let Some(section) = &file.sft {
            if !there_is_a_model {
                let what = "there is no model to fine-tune; add [pretrain] or [base]";
                return Err(resolver.value("sft", what));
            }
            let sft = resolver.sft(section, &model)?;
            let feedback = resolver.feedback(&model, Some(&sft))?;
            stages.push(Stage::Sft(Box::new(sft)));
            stages.extend(feedback);
        } else {
            stages.extend(resolver.feedback(&model, None)?);
        }
        if let Some(section) = &file.evaluate {
            let section = section.clone();
            if !there_is_a_model {
                let what = "there is no model to ask; add [pretrain] or [base]";
                return Err(resolver.value("evaluate", what));
            }
            if section.questions && (file.world.is_none() || file.sft.is_none()) {
                let what =
                    "the questions belong to [world], and only a model of [sft] answers them";
                return Err(resolver.value("evaluate.questions", what));
            }
            stages.push(Stage::Evaluate(EvaluatePlan {
                questions: section.questions,
                max_questions: section.max_questions,
                samples: section.samples,
                prompts: section.prompts,
                max_tokens: section.max_tokens,
                chat: stages.iter().any(Stage::is_chat_model),
            }));
        }
        Ok(Self {
            name: file.name.clone(),
            extends: recipe.bases.clone(),
            stages,
        })
    }
}

struct Resolver<'a> {
    recipe: &'a Recipe,
}

impl Resolver<'_> {
    fn value(&self, key: &str, what: impl Into<String>) -> Error {
        Error::value(&self.recipe.path, key, what)
    }

    fn check_head(&self) -> Result<()> {
        let file = &self.recipe.file;
        if file.schema_version != 1 {
            let what = format!(
                "{} is unknown; this program reads version 1",
                file.schema_version
            );
            return Err(self.value("schema_version", what));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if file.name.is_empty() || !file.name.chars().all(plain) {
            let what = format!("{:?} is no name; use letters, digits and dashes", file.name);
            return Err(self.value("name", what));
        }
        Ok(())
    }

    fn share(&self, key: &str, value: f64) -> Result<f64> {
        if (0.0..1.0).contains(&value) {
            return Ok(value);
        }
        Err(self.value(
            key,
            format!("{value} is not a share; give a number from 0 to below 1"),
        ))
    }

    fn tokenizer_and_model(&self) -> Result<(TokenizerPlan, Config)> {
        let file = &self.recipe.file;
        let missing = |key| {
            self.value(
                key,
                "it is missing; add it, or begin with a model by [base]",
            )
        };
        let tokenizer = file
            .tokenizer
            .as_ref()
            .ok_or_else(|| missing("tokenizer"))?;
        let model = file.model.as_ref().ok_or_else(|| missing("model"))?;
        Ok((
            self.tokenizer(tokenizer)?,
            self.model(model, tokenizer.vocab_size)?,
        ))
    }

    fn tokenizer(&self, section: &TokenizerSection) -> Result<TokenizerPlan> {
        if section.vocab_size < 260 {
            let what = format!(
                "{} is too few; 259 pieces are fixed, and text needs some",
                section.vocab_size
            );
            return Err(self.value("tokenizer.vocab_size", what));
        }
        Ok(TokenizerPlan {
            path: section.path.as_ref().map(|path| self.recipe.resolve(path)),
            options: TrainOptions {
                vocab_size: section.vocab_size,
                character_coverage: section.character_coverage,
                max_piece_length: section.max_piece_length,
                ..TrainOptions::default()
            },
            max_training_bytes: section.max_training_bytes,
        })
    }

    fn model(&self, m: &ModelSection, vocab_size: usize) -> Result<Config> {
        if m.heads == 0 || m.multiple_of == 0 {
            return Err(self.value("model.heads", "it and multiple_of must be at least 1"));
        }
        let head_dim = match m.head_dim {
            Some(width) => width,
            None if m.dim.is_multiple_of(m.heads) => m.dim / m.heads,
            None => {
                let what = format!("{} cannot be shared evenly by {} heads", m.dim, m.heads);
                return Err(self.value("model.dim", what));
            }
        };
        // The width rule multiplies, so nonsense is refused before it.
        if m.dim > 1 << 30 || m.ffn_multiplier.is_some_and(|x| !(x > 0.0 && x < 64.0)) {
            return Err(self.value("model.dim", "it or ffn_multiplier is out of range"));
        }
        let config = Config {
            dim: m.dim,
            layers: m.layers,
            heads: m.heads,
            kv_heads: m.kv_heads.unwrap_or(m.heads),
            head_dim,
            hidden_dim: m
                .hidden_dim
                .unwrap_or_else(|| Config::ffn_width(m.dim, m.multiple_of, m.ffn_multiplier)),
            vocab_size,
            context: m.context,
            norm_eps: m.norm_eps,
            rope_theta: m.rope_theta,
            tied: m.tied,
            head: HeadKind::LanguageModel,
        };
        config
            .validate()
            .map_err(|e| self.value("model", e.to_string()))?;
        Ok(config)
    }

    fn sequence_length(&self, key: &str, asked: Option<usize>, model: &Config) -> Result<usize> {
        let length = asked.unwrap_or(model.context);
        if length == 0 || length > model.context {
            let what = format!(
                "{length} is not between 1 and the model's context of {}",
                model.context
            );
            return Err(self.value(key, what));
        }
        Ok(length)
    }

    fn pretrain(&self, s: &PretrainSection, model: &Config) -> Result<PretrainPlan> {
        let seq_len = self.sequence_length("pretrain.sequence_length", s.sequence_length, model)?;
        if s.batch_tokens == 0 || !s.batch_tokens.is_multiple_of(seq_len) {
            let what = format!(
                "{} is not a multiple of the sequence length {seq_len}",
                s.batch_tokens
            );
            return Err(self.value("pretrain.batch_tokens", what));
        }
        let long = s.long.as_ref().filter(|long| long.every > 0);
        let long = long.map(|long| self.long_sequences(long, seq_len, s.batch_tokens, model));
        let long = long.transpose()?;
        let given = [s.steps.is_some(), s.tokens.is_some(), s.epochs.is_some()];
        if given.into_iter().filter(|&given| given).count() != 1 {
            return Err(self.value("pretrain", "give exactly one of steps, tokens and epochs"));
        }
        let seed = s.seed.unwrap_or(self.recipe.file.seed);
        let mut settings = PretrainSettings {
            seq_len,
            batch_sequences: s.batch_tokens / seq_len,
            steps: s.steps.or(s
                .tokens
                .map(|tokens| tokens.div_ceil(s.batch_tokens as u64))),
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
            long,
            seed,
            validate_every: s.validate_every,
            validate_tokens: s.validate_tokens,
            checkpoint: checkpoint(s.checkpoint_every),
            ..PretrainSettings::default()
        };
        settings.layout = self.layout(settings.longest())?;
        settings
            .optimizer
            .validate()
            .map_err(|e| self.value("pretrain", e.to_string()))?;
        // How many steps an epoch has is not known yet; any large number shows what else is wrong.
        settings
            .schedule(1 << 62)
            .map_err(|e| self.value("pretrain", e.to_string()))?;
        Ok(PretrainPlan {
            model: model.clone(),
            settings,
            init_seed: self.recipe.file.base.is_none().then_some(seed),
        })
    }

    fn long_sequences(
        &self,
        long: &LongSection,
        short: usize,
        batch_tokens: usize,
        model: &Config,
    ) -> Result<LongSequences> {
        let (key, asked) = ("pretrain.long.sequence_length", long.sequence_length);
        let seq_len = self.sequence_length(key, Some(asked), model)?;
        if seq_len <= short || !batch_tokens.is_multiple_of(seq_len) {
            let what = format!(
                "{seq_len} must be more than the sequence length {short} and divide batch_tokens, {batch_tokens}"
            );
            return Err(self.value(key, what));
        }
        let every = long.every;
        Ok(LongSequences { seq_len, every })
    }

    fn layout(&self, seq_len: usize) -> Result<LayoutSettings> {
        let EngineSection {
            lanes,
            micro_batch_rows,
            recompute,
        } = self.recipe.file.engine;
        if lanes == 0 {
            return Err(self.value("engine.lanes", "it must be at least 1"));
        }
        if let Some(rows) = micro_batch_rows.filter(|&rows| rows < seq_len) {
            let what = format!("{rows} rows cannot hold a sequence of {seq_len}");
            return Err(self.value("engine.micro_batch_rows", what));
        }
        Ok(LayoutSettings {
            lanes,
            micro_batch_rows,
            recompute,
        })
    }
}

fn checkpoint(every: u64) -> CheckpointSettings {
    CheckpointSettings {
        every,
        ..CheckpointSettings::default()
    }
}
