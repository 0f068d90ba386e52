//! Training a reward model (paper section 3.2.2) in the loop that pretraining runs in, with its
//! checkpoints: a run that was interrupted ends with the same bits as one that was not.

use super::pairs::{Pair, Pairs};
use super::{RewardModel, RewardSettings};
use crate::comparisons::{Comparisons, PairObjective};
use crate::error::{Error, Result};
use crate::preferences::Preference;
use puna_llama::{HeadKind, Model, check_tokenizer};
use puna_text::Tokenizer;
use puna_train::{
    CheckpointSettings, Event, Identity, Run, Sequence, TrainSummary, identity, train,
};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Most rows of a micro-batch where the settings do not say and no pair is longer.
const LEAST_ROWS: usize = 512;

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
    let pairs = Pairs::render(&job.tokenizer, job.train, settings)?;
    let valid = Pairs::render(&job.tokenizer, job.valid, settings)?;
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
    let model = match job.model.config.head {
        HeadKind::LanguageModel => job.model.with_scalar_head(settings.seed)?,
        HeadKind::Scalar => job.model,
    };
    let sequences = pairs
        .list
        .iter()
        .chain(&valid.list)
        .map(|p| p.sequence.rows());
    let rows = sequences.max().unwrap_or(0).max(LEAST_ROWS);
    let identity = run_identity(settings, &model, &pairs, &valid);
    let run = Run {
        dir: job.dir,
        schedule,
        optimizer: &settings.optimizer,
        checkpoints: &settings.checkpoint,
        fleet: settings.layout.fleet(rows, job.threads),
        identity,
        stop: job.stop,
        on_event: job.on_event,
    };
    let (batch, seed) = (settings.batch_pairs, settings.seed);
    let mut source = Comparisons::new(settings, &pairs.list, &valid.list, batch, seed);
    let (model, summary) = train(run, model, &mut source)?;
    Ok((RewardModel::new(model, job.tokenizer)?, summary))
}

fn run_identity(
    settings: &RewardSettings,
    model: &Model,
    train: &Pairs,
    valid: &Pairs,
) -> Identity {
    let mut settings = settings.clone();
    settings.checkpoint = CheckpointSettings::default();
    let mut out = identity::of("settings", &settings);
    out.insert("model".into(), format!("{:?}", model.config).into());
    out.insert("training pairs".into(), train.hash().into());
    out.insert("validation pairs".into(), valid.hash().into());
    out.insert("initial weights".into(), identity::of_model(model).into());
    out
}

impl PairObjective for &RewardSettings {
    type Pair = Pair;

    fn sequence<'p>(&self, pair: &'p Pair) -> &'p Sequence {
        &pair.sequence
    }

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
