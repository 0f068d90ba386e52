//! Supervised fine-tuning (paper section 3.1): dialogues packed into long sequences, loss on the
//! answers only.

use crate::checkpoint::Identity;
use crate::dialogue::Dialogue;
use crate::error::{Error, Result};
use crate::examples::{Examples, Packed};
use crate::fleet::Fleet;
use crate::learned::LoraSettings;
use crate::loader::Cursor;
use crate::optimizer::OptimizerSettings;
use crate::schedule::Decay;
use crate::sequence::Sequence;
use crate::settings::{CheckpointSettings, LayoutSettings};
use crate::trainer::{Event, Run, Source, TrainSummary, Validation, held_out_loss, train};
use puna_compute::HostBuf;
use puna_llama::{Model, Params, check_tokenizer};
use puna_text::Tokenizer;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What happens to a dialogue that is longer than a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooLong {
    /// The run does not begin.
    Refuse,
    /// It is left out, and counted.
    #[default]
    Skip,
    /// Its end is cut off; without an answer left, it is left out.
    Truncate,
}

/// Every number of supervised fine-tuning; the defaults are the paper's where it speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SftSettings {
    /// Most rows of a sequence.
    pub seq_len: usize,
    /// Sequences of a step.
    pub batch_sequences: usize,
    /// Passes over the dialogues.
    pub epochs: u64,
    /// Highest learning rate.
    pub lr: f64,
    /// Steps of linear warm-up; the paper does not say.
    pub warmup_steps: u64,
    /// What follows the warm-up.
    pub decay: Decay,
    /// Share of the highest learning rate at the end; the paper does not say.
    pub min_lr_ratio: f64,
    /// AdamW; of it the paper only names the weight decay.
    pub optimizer: OptimizerSettings,
    /// Adapters to train in place of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSettings>,
    /// Whether attention stays within a dialogue; the paper does not say.
    pub document_mask: bool,
    /// What happens to a dialogue longer than `seq_len`.
    pub too_long: TooLong,
    /// Order of the dialogues.
    pub seed: u64,
    /// How a step is spread over the machine.
    pub layout: LayoutSettings,
    /// Checkpoints.
    pub checkpoint: CheckpointSettings,
}

impl Default for SftSettings {
    fn default() -> Self {
        Self {
            seq_len: 4096,
            batch_sequences: 64,
            epochs: 2,
            lr: 2e-5,
            warmup_steps: 0,
            decay: Decay::Cosine,
            min_lr_ratio: 0.0,
            optimizer: OptimizerSettings::default(),
            lora: None,
            document_mask: true,
            too_long: TooLong::default(),
            seed: 0,
            layout: LayoutSettings::default(),
            checkpoint: CheckpointSettings::default(),
        }
    }
}

/// A fine-tuning to do, or to go on with.
pub struct SftJob<'a> {
    /// Directory of the checkpoints and metrics. If it holds checkpoints, the run goes on from the
    /// last one.
    pub dir: &'a Path,
    /// The model to begin with.
    pub model: Model,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Settings.
    pub settings: &'a SftSettings,
    /// What to train on.
    pub train: &'a [Dialogue],
    /// What to look at before the first and after every epoch; may be empty.
    pub valid: &'a [Dialogue],
    /// Threads; of no influence on the result.
    pub threads: usize,
    /// Set it, and the run ends after the current step with a checkpoint and [`Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears what goes on.
    pub on_event: &'a mut dyn FnMut(Event),
}

/// Fine-tunes a model.
pub fn sft(job: SftJob<'_>) -> Result<(Model, TrainSummary)> {
    let settings = job.settings;
    check_tokenizer(&job.model.config, job.tokenizer)?;
    let examples = Examples::render(job.tokenizer, job.train, settings)?;
    let valid = Examples::render(job.tokenizer, job.valid, settings)?;
    for (left_out, why) in [
        (examples.too_long, "are longer than a sequence"),
        (examples.tagged, "contain a tag of the chat format"),
    ] {
        if left_out > 0 {
            let what = format!(
                "{left_out} of {} dialogues {why} and are left out",
                job.train.len()
            );
            (job.on_event)(Event::Warning(what));
        }
    }
    if examples.is_empty() {
        return Err(Error::Data("there is no dialogue to train on".into()));
    }
    let schedule = examples.schedule(settings)?;
    let identity = identity(settings, &job.model, &examples, &valid);
    let packed = Packed::new(&examples, settings, 0);
    let cursor = Cursor::default();
    let mut source = Dialogues {
        examples,
        valid,
        settings,
        packed,
        cursor,
    };
    let run = Run {
        dir: job.dir,
        schedule,
        optimizer: &settings.optimizer,
        checkpoints: &settings.checkpoint,
        fleet: settings.layout.fleet(settings.seq_len, job.threads),
        identity,
        lora: settings.lora.as_ref().map(|lora| (lora, settings.seed)),
        stop: job.stop,
        on_event: job.on_event,
    };
    train(run, job.model, &mut source)
}

fn identity(settings: &SftSettings, model: &Model, train: &Examples, valid: &Examples) -> Identity {
    let mut settings = settings.clone();
    settings.checkpoint = CheckpointSettings::default();
    let mut identity = crate::identity::of("settings", &settings);
    identity.insert("model".into(), format!("{:?}", model.config).into());
    identity.insert("training dialogues".into(), train.hash().into());
    identity.insert("validation dialogues".into(), valid.hash().into());
    identity.insert(
        "initial weights".into(),
        crate::identity::of_model(model).into(),
    );
    identity
}

/// Packed dialogues, an epoch's last batch shorter, and validation by epochs.
struct Dialogues<'a> {
    examples: Examples,
    valid: Examples,
    settings: &'a SftSettings,
    packed: Packed,
    cursor: Cursor,
}

impl Source for Dialogues<'_> {
    fn next_batch(&mut self, _step: u64) -> Result<Vec<Sequence>> {
        let Packed { order, sequences } = &self.packed;
        let from = self.cursor.item as usize;
        let to = (from + self.settings.batch_sequences).min(sequences.len());
        let join = |run: &Range<usize>| {
            self.examples
                .join(&order[run.clone()], self.settings.document_mask)
        };
        let batch = sequences[from..to].iter().map(join).collect();
        self.cursor.item = to as u64;
        if to == sequences.len() {
            self.cursor = Cursor {
                epoch: self.cursor.epoch + 1,
                item: 0,
                row: 0,
            };
            self.packed = Packed::new(&self.examples, self.settings, self.cursor.epoch);
        }
        Ok(batch)
    }

    fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        self.packed = Packed::new(&self.examples, self.settings, cursor.epoch);
        if cursor.item >= self.packed.sequences.len() as u64 || cursor.row != 0 {
            return Err(Error::Data(format!(
                "the dialogues have no place {cursor:?}; they have changed"
            )));
        }
        self.cursor = cursor;
        Ok(())
    }

    fn validate(
        &mut self,
        fleet: &mut Fleet,
        params: &Params<HostBuf>,
        step: u64,
    ) -> Result<Option<Validation>> {
        if self.cursor.item != 0 || self.valid.is_empty() {
            return Ok(None);
        }
        // Each dialogue by itself, whatever the packing in training.
        let alone: Vec<Sequence> = (0..self.valid.len() as u32)
            .map(|i| self.valid.join(&[i], true))
            .collect();
        let (nats, weight) = held_out_loss(fleet, params, &alone)?;
        Ok(Some(Validation {
            step,
            loss: nats / weight,
            tokens: weight as u64,
            bits_per_byte: None,
            accuracy: None,
        }))
    }
}
