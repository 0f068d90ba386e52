//! Training a reward model (paper section 3.2.2) in the loop that pretraining runs in, with its
//! checkpoints: a run that was interrupted ends with the same bits as one that was not.

use super::pairs::Pair;
use super::{RewardModel, RewardSettings};
use crate::comparisons::{Comparisons, PairObjective};
use crate::error::Result;
use crate::preferences::Preference;
use crate::rendered::{Limit, Sides};
use puna_llama::{HeadKind, Model, check_tokenizer};
use puna_text::Tokenizer;
use puna_train::{CheckpointSettings, Event, Run, TrainSummary, train};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A reward model to train, or to go on with.
pub struct RewardJob<'a> {
    /// Directory of the checkpoints and metrics. If it holds checkpoints, the run goes on from the
    /// last one.
    pub dir: &'a Path,
    /// The model to begin with: a chat model, which gets a fresh scalar head, or a reward model.
    pub model: Model,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Settings.
    pub settings: &'a RewardSettings,
    /// What to train on, as [`super::helpfulness_mix`] and [`super::safety_mix`] put it together.
    pub train: &'a [&'a Preference],
    /// What to look at before the first and after every epoch; may be empty.
    pub valid: &'a [&'a Preference],
    /// Threads; of no influence on the result.
    pub threads: usize,
    /// Set it, and the run ends after the current step with a checkpoint and
    /// [`puna_train::Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears what goes on.
    pub on_event: &'a mut dyn FnMut(Event),
}

/// Trains a reward model. The loss of a step is the mean over its pairs; the last step of an epoch may
/// have fewer.
pub fn train_reward(job: RewardJob<'_>) -> Result<(RewardModel, TrainSummary)> {
    let settings = job.settings;
    settings.validate()?;
    check_tokenizer(&job.model.config, &job.tokenizer)?;
    let limit = Limit {
        max_tokens: settings.max_tokens,
        over_long: settings.over_long,
    };
    let pairs = Sides::render(job.train, job.valid, limit, job.on_event, |preference| {
        Pair::render(&job.tokenizer, preference)
    })?;
    let schedule = settings.schedule(pairs.train.len())?;
    let model = match job.model.config.head {
        HeadKind::LanguageModel => job.model.with_scalar_head(settings.seed)?,
        HeadKind::Scalar => job.model,
    };
    let mut lasting = settings.clone();
    lasting.checkpoint = CheckpointSettings::default();
    let run = Run {
        dir: job.dir,
        schedule,
        optimizer: &settings.optimizer,
        checkpoints: &settings.checkpoint,
        fleet: settings.layout.fleet(pairs.rows(), job.threads),
        identity: pairs.identity(&lasting, &model),
        lora: None,
        stop: job.stop,
        on_event: job.on_event,
    };
    let (batch, seed) = (settings.batch_pairs, settings.seed);
    let mut source = Comparisons::new(settings, &pairs, batch, seed);
    let (model, summary) = train(run, model, &mut source)?;
    Ok((RewardModel::new(model, job.tokenizer)?, summary))
}

impl PairObjective for &RewardSettings {
    type Pair = Pair;

    fn loss(&self, pair: &Pair, outputs: &[f32]) -> f64 {
        pair.loss(outputs, self).total
    }

    fn derivative(&self, pair: &Pair, outputs: &[f32], scale: f64) -> Vec<f32> {
        pair.derivative(outputs, self, scale)
    }

    fn agrees(&self, pair: &Pair, outputs: &[f32]) -> bool {
        let (chosen, rejected) = pair.scores(outputs);
        chosen > rejected
    }
}
