//! Training by direct preference optimization, in the loop that pretraining and reward models run in:
//! a run that was interrupted ends with the same bits as one that was not.

use super::pairs::Pairs;
use super::settings::DpoSettings;
use crate::comparisons::Comparisons;
use crate::error::{Error, Result};
use crate::preferences::Preference;
use puna_llama::{Model, check_tokenizer};
use puna_text::Tokenizer;
use puna_train::{CheckpointSettings, Event, Fleet, Run, TrainSummary, identity, train};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Most rows of a micro-batch where the settings do not say and no pair is longer.
const LEAST_ROWS: usize = 512;

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
    let mut pairs = Pairs::render(job.tokenizer, job.train, settings)?;
    let mut valid = Pairs::render(job.tokenizer, job.valid, settings)?;
    for (set, pairs, of) in [
        ("training", &pairs, job.train.len()),
        ("validation", &valid, job.valid.len()),
    ] {
        if let Some(first) = &pairs.first_over_long {
            let n = pairs.over_long;
            let what = format!("{n} of {of} {set} pairs are left out, the first: {first}");
            (job.on_event)(Event::Warning(what));
        }
    }
    if pairs.list.is_empty() {
        return Err(Error::Data("there is no pair to train on".into()));
    }
    let schedule = settings.schedule(pairs.list.len())?;
    let rows = pairs.longest().max(valid.longest()).max(LEAST_ROWS);
    let fleet = settings.layout.fleet(rows, job.threads);
    {
        // The reference's log-probabilities are all that is needed of it.
        let mut fleet = Fleet::new(&job.model.config, fleet)?;
        pairs.set_reference(&mut fleet, &job.model.params)?;
        valid.set_reference(&mut fleet, &job.model.params)?;
    }
    let mut lasting = settings.clone();
    lasting.checkpoint = CheckpointSettings::default();
    let mut identity = identity::of("settings", &lasting);
    identity.insert("model".into(), format!("{:?}", job.model.config).into());
    identity.insert("training pairs".into(), pairs.hash().into());
    identity.insert("validation pairs".into(), valid.hash().into());
    let weights = identity::of_model(&job.model);
    identity.insert("initial weights".into(), weights.into());
    let run = Run {
        dir: job.dir,
        schedule,
        optimizer: &settings.optimizer,
        checkpoints: &settings.checkpoint,
        fleet,
        identity,
        stop: job.stop,
        on_event: job.on_event,
    };
    let (batch, seed) = (settings.batch_pairs, settings.seed);
    let mut source = Comparisons::new(settings, &pairs.list, &valid.list, batch, seed);
    Ok(train(run, job.model, &mut source)?)
}
