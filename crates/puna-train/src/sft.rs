//! Supervised fine-tuning (paper section 3.1): dialogues packed into long sequences, loss on the
//! answers only.

use crate::checkpoint::Identity;
use crate::dialogue::Dialogue;
use crate::error::{Error, Result};
use crate::fleet::Fleet;
use crate::loader::Cursor;
use crate::optimizer::OptimizerSettings;
use crate::schedule::{Decay, Schedule};
use crate::sequence::Sequence;
use crate::shuffle::permutation;
use crate::trainer::{
    CheckpointSettings, Event, LayoutSettings, Run, Source, TrainSummary, Validation,
    held_out_loss, train,
};
use puna_compute::HostBuf;
use puna_llama::{Model, Params, check_tokenizer};
use puna_text::Tokenizer;
use puna_text::chat::{contains_special_tags, render_training};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
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

/// A dialogue as rows.
#[derive(Clone, Debug, PartialEq)]
struct Example {
    tokens: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<f32>,
}

/// Dialogues as rows, and how many were left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    list: Vec<Example>,
    /// Left out because they were longer than a sequence.
    pub too_long: usize,
    /// Left out because a message contained a tag of the chat format.
    pub tagged: usize,
}

impl Examples {
    /// Renders dialogues. The loss counts on what the chat rendering marks as answers.
    pub fn render(
        tokenizer: &Tokenizer,
        dialogues: &[Dialogue],
        settings: &SftSettings,
    ) -> Result<Self> {
        let mut examples = Self::default();
        for dialogue in dialogues {
            if contains_special_tags(&dialogue.messages).is_some() {
                examples.tagged += 1;
                continue;
            }
            let rendered = render_training(tokenizer, &dialogue.messages).map_err(|e| match e {
                puna_text::Error::Dialogue { index, what } => {
                    dialogue.error(format!("messages[{index}]"), what)
                }
                other => other.into(),
            })?;
            let (ids, mask) = (&rendered.ids, &rendered.loss_mask);
            // Without a mask EOS is a row too, so that the next dialogue sees it; it predicts nothing.
            let mut rows = if settings.document_mask {
                ids.len() - 1
            } else {
                ids.len()
            };
            if rows > settings.seq_len {
                match settings.too_long {
                    TooLong::Refuse => {
                        let what = format!(
                            "{rows} tokens do not fit a sequence of {}; raise seq_len, or set too_long \
                             to skip or truncate",
                            settings.seq_len
                        );
                        return Err(dialogue.error("messages", what));
                    }
                    TooLong::Truncate if mask[1..=settings.seq_len].contains(&true) => {
                        rows = settings.seq_len
                    }
                    _ => {
                        examples.too_long += 1;
                        continue;
                    }
                }
            }
            let target = |row: usize| ids.get(row + 1).copied().unwrap_or(tokenizer.bos());
            let counts = |row: usize| mask.get(row + 1).copied().unwrap_or(false);
            examples.list.push(Example {
                tokens: ids[..rows].to_vec(),
                targets: (0..rows).map(target).collect(),
                weights: (0..rows)
                    .map(|row| if counts(row) { 1.0 } else { 0.0 })
                    .collect(),
            });
        }
        Ok(examples)
    }

    /// Number of dialogues.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Rows in all, and how many of them count in the loss.
    pub fn rows(&self) -> (u64, u64) {
        let rows = self.list.iter().map(|e| e.tokens.len() as u64).sum();
        let counted = self
            .list
            .iter()
            .flat_map(|e| &e.weights)
            .filter(|&&w| w > 0.0)
            .count();
        (rows, counted as u64)
    }

    /// Learning rates for these dialogues.
    pub fn schedule(&self, settings: &SftSettings) -> Result<Schedule> {
        if settings.batch_sequences == 0 {
            return Err(Error::setting(
                "batch_sequences",
                "it is 0 and must be at least 1",
            ));
        }
        let batches = |epoch| {
            Packed::new(self, settings, epoch)
                .sequences
                .len()
                .div_ceil(settings.batch_sequences) as u64
        };
        let schedule = Schedule {
            peak: settings.lr,
            warmup: settings.warmup_steps,
            total: (0..settings.epochs).map(batches).sum(),
            decay: settings.decay,
            min_ratio: settings.min_lr_ratio,
        };
        schedule.validate()?;
        Ok(schedule)
    }

    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for example in &self.list {
            hasher.update((example.tokens.len() as u64).to_le_bytes());
            let ids = example
                .tokens
                .iter()
                .chain(&example.targets)
                .flat_map(|id| id.to_le_bytes());
            let weights = example.weights.iter().flat_map(|w| w.to_le_bytes());
            hasher.update(ids.chain(weights).collect::<Vec<u8>>());
        }
        crate::hash::hex(hasher.finalize())
    }

    /// Some dialogues as one sequence.
    fn join(&self, indices: &[u32], document_mask: bool) -> Sequence {
        let mut sequence = Sequence::default();
        for &i in indices {
            let e = &self.list[i as usize];
            sequence.push(
                &e.tokens,
                &e.targets,
                e.weights.iter().copied(),
                document_mask,
            );
        }
        sequence
    }
}

/// An epoch: dialogues in random order, as many to a sequence as fit.
struct Packed {
    order: Vec<u32>,
    sequences: Vec<Range<usize>>,
}

impl Packed {
    fn new(examples: &Examples, settings: &SftSettings, epoch: u64) -> Self {
        let order = permutation(examples.list.len() as u32, settings.seed, epoch);
        let mut sequences: Vec<Range<usize>> = Vec::new();
        let mut rows = 0;
        for (at, &i) in order.iter().enumerate() {
            let more = examples.list[i as usize].tokens.len();
            match sequences.last_mut() {
                Some(sequence) if rows + more <= settings.seq_len => {
                    sequence.end = at + 1;
                    rows += more;
                }
                _ => {
                    sequences.push(at..at + 1);
                    rows = more;
                }
            }
        }
        Self { order, sequences }
    }
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
    fn next_batch(&mut self) -> Result<Vec<Sequence>> {
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
        }))
    }
}
