//! A reward model ready to score (paper section 3.2.2): one number for a dialogue with its answer.

use super::accuracy::ScoredPair;
use super::pairs::documents;
use crate::error::{Error, Result};
use crate::preferences::Preference;
use crate::rendered::render;
use puna_llama::{Model, SaveOptions, check_tokenizer};
use puna_text::Tokenizer;
use puna_text::chat::Message;
use puna_train::{Fleet, FleetOptions, Sequence};
use std::fmt::Display;
use std::path::Path;

/// Most rows of a pass, unless a dialogue is longer: enough to keep the kernels busy.
pub const PASS_ROWS: usize = 512;

/// A model with a scalar head and its tokenizer.
pub struct RewardModel {
    model: Model,
    tokenizer: Tokenizer,
    /// Made at the first call; another number of threads or a longer dialogue makes another.
    fleet: Option<Fleet>,
}

impl RewardModel {
    /// From a model that has a scalar head.
    ///
    /// # Errors
    /// A model that has none, or a tokenizer that is not the model's.
    pub fn new(model: Model, tokenizer: Tokenizer) -> Result<Self> {
        if model.config.require_language_model().is_ok() {
            return Err(Error::Data(
                "the model predicts tokens and gives no score; use a trained reward model".into(),
            ));
        }
        check_tokenizer(&model.config, &tokenizer)?;
        Ok(Self {
            model,
            tokenizer,
            fleet: None,
        })
    }

    /// Reads a model directory with its tokenizer.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::new(Model::load(dir)?, Tokenizer::load(dir)?)
    }

    /// Writes a model directory with its tokenizer, which transformers reads as
    /// `LlamaForSequenceClassification`.
    pub fn save(&self, dir: &Path, options: &SaveOptions) -> Result<()> {
        let options = SaveOptions {
            bos: self.tokenizer.bos(),
            eos: self.tokenizer.eos(),
            ..*options
        };
        self.model.save(dir, &options)?;
        Ok(self.tokenizer.save(dir)?)
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model, for training on.
    pub fn into_model(self) -> Model {
        self.model
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The score of each dialogue, which ends with an answer: a logit, whose
    /// [`super::sigmoid`] is the paper's score between 0 and 1. A dialogue's score has the same bits
    /// whichever others are scored with it and on any number of threads.
    ///
    /// # Errors
    /// A dialogue that cannot be rendered, is longer than the model's context, or whose score is not
    /// a finite number; each by its number.
    pub fn score(&mut self, dialogues: &[Vec<Message>], threads: usize) -> Result<Vec<f32>> {
        let tokens = dialogues.iter().enumerate().map(|(i, dialogue)| {
            let tokens = self.tokens(dialogue).map_err(|e| at(i, e))?;
            Ok((i, tokens))
        });
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        self.score_tokens(&tokens, threads)
    }

    /// [`RewardModel::score`] with none for a dialogue that cannot be scored, for a tag of the chat
    /// format in it or for its length.
    ///
    /// # Errors
    /// A score that is not a finite number.
    pub fn score_where_possible(
        &mut self,
        dialogues: &[Vec<Message>],
        threads: usize,
    ) -> Result<Vec<Option<f32>>> {
        let all = dialogues.iter().enumerate();
        let fitting = all.filter_map(|(i, dialogue)| Some((i, self.tokens(dialogue).ok()?)));
        let fitting: Vec<_> = fitting.collect();
        let scores = self.score_tokens(&fitting, threads)?;
        let mut out = vec![None; dialogues.len()];
        for ((i, _), score) in fitting.iter().zip(scores) {
            out[*i] = Some(score);
        }
        Ok(out)
    }

    /// Tokens of a dialogue within the context.
    fn tokens(&self, dialogue: &[Message]) -> Result<Vec<u32>> {
        let tokens = render(&self.tokenizer, dialogue)?;
        let (n, context) = (tokens.len(), self.model.config.context);
        if n > context {
            return Err(Error::Data(format!(
                "{n} tokens, but the model is made for {context}"
            )));
        }
        Ok(tokens)
    }

    fn score_tokens(&mut self, tokens: &[(usize, Vec<u32>)], threads: usize) -> Result<Vec<f32>> {
        let sequences: Vec<_> = tokens.iter().map(|(_, t)| documents(&[t])).collect();
        let outputs = self.fleet(&sequences, threads)?;
        let numbered = tokens.iter().zip(&outputs);
        numbered
            .map(|((i, _), outputs)| match outputs.last() {
                Some(&score) if score.is_finite() => Ok(score),
                other => Err(at(
                    *i,
                    format!("its score is {other:?}; is the model whole?"),
                )),
            })
            .collect()
    }

    /// Scores both answers of comparisons.
    pub fn score_pairs(
        &mut self,
        preferences: &[&Preference],
        threads: usize,
    ) -> Result<Vec<ScoredPair>> {
        let dialogues: Vec<Vec<Message>> = preferences
            .iter()
            .flat_map(|p| [p.chosen_messages(), p.rejected_messages()])
            .collect();
        let scores = self.score(&dialogues, threads)?;
        let pair = |(p, s): (&&Preference, &[f32])| ScoredPair {
            strength: p.graded.then_some(p.strength),
            safety: p.safety,
            chosen: s[0],
            rejected: s[1],
        };
        Ok(preferences
            .iter()
            .zip(scores.chunks_exact(2))
            .map(pair)
            .collect())
    }

    fn fleet(&mut self, sequences: &[Sequence], threads: usize) -> Result<Vec<Vec<f32>>> {
        let longest = sequences.iter().map(Sequence::rows).max().unwrap_or(0);
        let fits = |fleet: &Fleet| {
            let options = fleet.options();
            options.threads == threads && options.micro_batch_rows >= longest
        };
        let fleet = match self.fleet.take().filter(fits) {
            Some(fleet) => fleet,
            None => Fleet::new(
                &self.model.config,
                FleetOptions {
                    lanes: threads,
                    threads,
                    micro_batch_rows: longest.max(PASS_ROWS),
                    recompute: true,
                },
            )?,
        };
        Ok(self
            .fleet
            .insert(fleet)
            .scalars(&self.model.params, sequences)?)
    }
}

/// What is wrong with the dialogue of that number.
fn at(number: usize, what: impl Display) -> Error {
    Error::Data(format!("dialogue {number}: {what}"))
}
