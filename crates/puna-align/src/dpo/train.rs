//! Training by direct preference optimization, in the loop that pretraining and reward models run in:
//! a run that was interrupted ends with the same bits as one that was not.

use super::pairs::{Pair, set_reference};
use super::settings::DpoSettings;
use crate::comparisons::Comparisons;
use crate::error::Result;
use crate::preferences::Preference;
use crate::rendered::{Limit, Sides};
use puna_llama::{Model, check_tokenizer};
use puna_text::Tokenizer;
use puna_train::{CheckpointSettings, Event, Fleet, Run, TrainSummary, train};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A policy to train, or to go on with.
pub struct DpoJob<'a> {
    /// Directory of the checkpoints and metrics. If it holds checkpoints, the run goes on from the
    /// last one.
    pub dir: &'a Path,
    /// The policy to begin with, which is the reference too.
    pub model: Model,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Settings.
    pub settings: &'a DpoSettings,
    /// What to train on.
    pub train: &'a [&'a Preference],
    /// What to look at before the first and after every epoch; may be empty. Its accuracy is the share
    /// of the pairs in which the policy has moved towards the chosen answer more than towards the
    /// other.
    pub valid: &'a [&'a Preference],
    /// Threads; of no influence on the result.
    pub threads: usize,
    /// Set it, and the run ends after the current step with a checkpoint and
    /// [`puna_train::Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears what goes on.
    pub on_event: &'a mut dyn FnMut(Event),
}

/// Trains a policy on comparisons. The loss of a step is the mean over its pairs.
pub fn dpo(job: DpoJob<'_>) -> Result<(Model, TrainSummary)> {
    let settings = job.settings;
    check_tokenizer(&job.model.config, job.tokenizer)?;
    let limit = Limit {
        max_tokens: settings.max_tokens,
        over_long: settings.over_long,
    };
    let mut pairs = Sides::render(job.train, job.valid, limit, job.on_event, |preference| {
        Pair::render(job.tokenizer, preference)
    })?;
    let schedule = settings.schedule(pairs.train.len())?;
    let fleet = settings.layout.fleet(pairs.rows(), job.threads);
    {
        // The reference's log-probabilities are all that is needed of it.
        let mut fleet = Fleet::new(&job.model.config, fleet)?;
        for side in [&mut pairs.train, &mut pairs.valid] {
            set_reference(side, &mut fleet, &job.model.params)?;
        }
    }
    let mut lasting = settings.clone();
    lasting.checkpoint = CheckpointSettings::default();
    let run = Run {
        dir: job.dir,
        schedule,
        optimizer: &settings.optimizer,
        checkpoints: &settings.checkpoint,
        fleet,
        identity: pairs.identity(&lasting, &job.model),
        lora: settings.lora.as_ref().map(|lora| (lora, settings.seed)),
        stop: job.stop,
        on_event: job.on_event,
    };
    let (batch, seed) = (settings.batch_pairs, settings.seed);
    let mut source = Comparisons::new(settings, &pairs, batch, seed);
    Ok(train(run, job.model, &mut source)?)
}
