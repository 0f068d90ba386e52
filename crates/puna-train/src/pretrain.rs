//! Pretraining (paper section 2.2).

use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::fleet::Fleet;
use crate::loader::{Cursor, Loader, LoaderOptions};
use crate::optimizer::OptimizerSettings;
use crate::schedule::{Decay, Schedule};
use crate::sequence::Sequence;
use crate::settings::{CheckpointSettings, LayoutSettings};
use crate::tokens::TokenFile;
use crate::trainer::{Event, Run, Source, TrainSummary, Validation, held_out_loss, train};
use puna_compute::HostBuf;
use puna_llama::{Config, Model, Params};
use puna_text::hash::hex;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Sequences that validation holds in memory at a time.
const VALIDATION_CHUNK: usize = 64;

/// Steps of long sequences among the others, in which attention crosses documents. Where it stays
/// within short documents, pretraining teaches no row to attend far back; fine-tuning on long
/// dialogues then changes weights that hold facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongSequences {
    /// Rows of a sequence; must divide the rows of a step.
    pub seq_len: usize,
    /// Steps `every`, twice `every` and so on, counted from 1, are long; 0 makes none long.
    pub every: u64,
}

/// Every number of pretraining; the defaults are the paper's, for its 7B and 13B models, where the
/// paper speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainSettings {
    /// Rows of a sequence.
    pub seq_len: usize,
    /// Sequences of a step; 1024 of 4096 rows are the paper's 4M tokens.
    pub batch_sequences: usize,
    /// Steps to take. Give this or `epochs`.
    pub steps: Option<u64>,
    /// Passes over the data to take, in whole steps, rounded up. Give this or `steps`. The rows are
    /// those of steps that are not long: in long ones the end of a document is a row too.
    pub epochs: Option<f64>,
    /// Highest learning rate.
    pub lr: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// What follows the warm-up.
    pub decay: Decay,
    /// Share of the highest learning rate at the end.
    pub min_lr_ratio: f64,
    /// AdamW.
    pub optimizer: OptimizerSettings,
    /// Whether attention stays within a document; the paper does not say.
    pub document_mask: bool,
    /// Steps of long sequences; none in the paper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long: Option<LongSequences>,
    /// Order of the documents.
    pub seed: u64,
    /// Steps between validations; 0 validates only at the end.
    pub validate_every: u64,
    /// Most tokens to validate on, in whole documents from the first; all without.
    pub validate_tokens: Option<u64>,
    /// How a step is spread over the machine.
    pub layout: LayoutSettings,
    /// Checkpoints.
    pub checkpoint: CheckpointSettings,
}

impl Default for PretrainSettings {
    fn default() -> Self {
        Self {
            seq_len: 4096,
            batch_sequences: 1024,
            steps: None,
            epochs: None,
            lr: 3e-4,
            warmup_steps: 2000,
            decay: Decay::Cosine,
            min_lr_ratio: 0.1,
            optimizer: OptimizerSettings::default(),
            document_mask: true,
            long: None,
            seed: 0,
            validate_every: 0,
            validate_tokens: None,
            layout: LayoutSettings::default(),
            checkpoint: CheckpointSettings::default(),
        }
    }
}

impl PretrainSettings {
    /// Rows of a step.
    pub fn rows_per_step(&self) -> u64 {
        self.seq_len as u64 * self.batch_sequences as u64
    }

    /// Rows of the longest sequence.
    pub fn longest(&self) -> usize {
        self.seq_len.max(self.long().map_or(0, |long| long.seq_len))
    }

    /// The long sequences, if any step is of them.
    pub fn long(&self) -> Option<&LongSequences> {
        self.long.as_ref().filter(|long| long.every > 0)
    }

    /// Learning rates for data of so many rows an epoch.
    pub fn schedule(&self, rows_per_epoch: u64) -> Result<Schedule> {
        if self.rows_per_step() == 0 {
            return Err(Error::setting(
                "batch_sequences",
                "it and seq_len must be at least 1",
            ));
        }
        let total = match (self.steps, self.epochs) {
            (Some(steps), None) => steps,
            (None, Some(epochs)) if epochs > 0.0 && epochs.is_finite() => {
                (epochs * rows_per_epoch as f64 / self.rows_per_step() as f64).ceil() as u64
            }
            (None, Some(epochs)) => {
                return Err(Error::setting(
                    "epochs",
                    format!("{epochs} is not a positive number"),
                ));
            }
            _ => return Err(Error::setting("steps", "give either steps or epochs")),
        };
        if let Some(long) = self.long() {
            let (rows, seq_len) = (self.rows_per_step(), long.seq_len);
            if seq_len == 0 || !rows.is_multiple_of(seq_len as u64) {
                let what = format!("{seq_len} does not divide the {rows} rows of a step");
                return Err(Error::setting("long.seq_len", what));
            }
        }
        let schedule = Schedule {
            peak: self.lr,
            warmup: self.warmup_steps,
            total,
            decay: self.decay,
            min_ratio: self.min_lr_ratio,
        };
        schedule.validate()?;
        Ok(schedule)
    }
}

/// What the weights are at first.
pub enum Init {
    /// Drawn by seed.
    Seed(u64),
    /// Those of a model.
    Model(Box<Model>),
}

/// A pretraining to do, or to go on with.
pub struct PretrainJob<'a> {
    /// Directory of the checkpoints and metrics. If it holds checkpoints, the run goes on from the
    /// last one.
    pub dir: &'a Path,
    /// Shape of the model.
    pub config: &'a Config,
    /// Settings.
    pub settings: &'a PretrainSettings,
    /// What to train on.
    pub train: &'a [TokenFile],
    /// What to validate on.
    pub valid: Option<&'a [TokenFile]>,
    /// Threads; of no influence on the result.
    pub threads: usize,
    /// What the weights are at first.
    pub init: Init,
    /// Set it, and the run ends after the current step with a checkpoint and [`Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears what goes on.
    pub on_event: &'a mut dyn FnMut(Event),
}

/// Pretrains a model.
pub fn pretrain(job: PretrainJob<'_>) -> Result<(Model, TrainSummary)> {
    let settings = job.settings;
    for file in job.train.iter().chain(job.valid.unwrap_or_default()) {
        let (size, model) = (file.vocabulary().size, job.config.vocab_size);
        if size != model as u64 {
            let what = format!("its vocabulary has {size} ids and the model {model}");
            return Err(Error::format(file.path(), what));
        }
    }
    let options = LoaderOptions {
        seq_len: settings.seq_len,
        document_mask: settings.document_mask,
        seed: Some(settings.seed),
    };
    let loader = Loader::new(job.train, options)?;
    let room = settings.layout.micro_batch_rows;
    if let Some(rows) = room.filter(|&rows| rows < settings.longest()) {
        let what = format!(
            "{rows} rows cannot hold a sequence of {}",
            settings.longest()
        );
        return Err(Error::setting("micro_batch_rows", what));
    }
    let schedule = settings.schedule(loader.rows_per_epoch())?;
    let identity = identity(&job);
    let model = match job.init {
        Init::Seed(seed) => Model::init(job.config, seed)?,
        Init::Model(model) if model.config == *job.config => *model,
        Init::Model(_) => {
            return Err(Error::Data(
                "the model to begin with does not have the shape asked for".into(),
            ));
        }
    };
    let valid = job
        .valid
        .filter(|files| files.iter().any(|f| f.documents() > 0));
    let mut source = Pages {
        loader,
        settings,
        valid,
        total: schedule.total,
    };
    let run = Run {
        dir: job.dir,
        schedule,
        optimizer: &settings.optimizer,
        checkpoints: &settings.checkpoint,
        fleet: settings.layout.fleet(settings.longest(), job.threads),
        identity,
        lora: None,
        stop: job.stop,
        on_event: job.on_event,
    };
    train(run, model, &mut source)
}

/// Everything that decides the numbers of a run. Where and how often it is saved does not.
fn identity(job: &PretrainJob<'_>) -> Identity {
    let mut settings = job.settings.clone();
    settings.checkpoint = CheckpointSettings::default();
    let files = |files: &[TokenFile]| -> Vec<String> {
        files.iter().map(|file| hex(file.content_hash())).collect()
    };
    let init = match &job.init {
        Init::Seed(seed) => format!("seed {seed}"),
        Init::Model(model) => crate::identity::of_model(model),
    };
    let mut identity = crate::identity::of("settings", &settings);
    identity.insert("model".into(), format!("{:?}", job.config).into());
    identity.insert("training files".into(), files(job.train).into());
    identity.insert(
        "validation files".into(),
        files(job.valid.unwrap_or_default()).into(),
    );
    identity.insert("initial weights".into(), init.into());
    identity
}

/// Documents in random order, and validation by steps.
struct Pages<'a> {
    loader: Loader<'a>,
    settings: &'a PretrainSettings,
    valid: Option<&'a [TokenFile]>,
    total: u64,
}

impl Source for Pages<'_> {
    fn next_batch(&mut self, step: u64) -> Result<Vec<Sequence>> {
        let settings = self.settings;
        let long = settings.long();
        let (seq_len, document_mask) = match long.filter(|long| step.is_multiple_of(long.every)) {
            Some(long) => (long.seq_len, false),
            None => (settings.seq_len, settings.document_mask),
        };
        self.loader.reshape(seq_len, document_mask);
        let sequences = settings.rows_per_step() / seq_len as u64;
        Ok((0..sequences)
            .map(|_| self.loader.next_sequence())
            .collect())
    }

    fn cursor(&self) -> Cursor {
        self.loader.cursor()
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        self.loader.seek(cursor)
    }

    fn validate(
        &mut self,
        fleet: &mut Fleet,
        params: &Params<HostBuf>,
        step: u64,
    ) -> Result<Option<Validation>> {
        let every = self.settings.validate_every;
        let due = step > 0 && (step == self.total || every > 0 && step.is_multiple_of(every));
        let Some(files) = self.valid.filter(|_| due) else {
            return Ok(None);
        };
        validate_text(fleet, params, files, self.settings, step).map(Some)
    }
}

/// Loss on token files, in bits per byte of text. Every document is predicted from its BOS, its EOS
/// included.
fn validate_text(
    fleet: &mut Fleet,
    params: &Params<HostBuf>,
    files: &[TokenFile],
    settings: &PretrainSettings,
    step: u64,
) -> Result<Validation> {
    let options = LoaderOptions {
        seq_len: settings.seq_len,
        document_mask: settings.document_mask,
        seed: None,
    };
    let mut loader = Loader::new(files, options)?;
    let limit = settings.validate_tokens.unwrap_or(u64::MAX).max(1);
    let (documents, bytes) = leading_documents(files, limit);
    loader.limit(documents);
    let (mut nats, mut weight) = (0.0, 0.0);
    loop {
        let chunk: Vec<Sequence> = std::iter::from_fn(|| loader.next_in_epoch(0))
            .take(VALIDATION_CHUNK)
            .collect();
        if chunk.is_empty() {
            break;
        }
        let (n, w) = held_out_loss(fleet, params, &chunk)?;
        nats += n;
        weight += w;
    }
    Ok(Validation {
        step,
        loss: nats / weight,
        tokens: weight as u64,
        bits_per_byte: Some(nats / std::f64::consts::LN_2 / bytes as f64),
        accuracy: None,
    })
}

/// How many documents it takes to have `limit` tokens, and the bytes of their text.
fn leading_documents(files: &[TokenFile], limit: u64) -> (u32, u64) {
    let (mut documents, mut tokens, mut bytes) = (0, 0, 0);
    for file in files {
        for document in 0..file.documents() {
            if tokens >= limit {
                return (documents, bytes);
            }
            documents += 1;
            tokens += file.document(document).len() as u64;
            bytes += file.document_text_bytes(document);
        }
    }
    (documents, bytes)
}
