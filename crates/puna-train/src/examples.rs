//! Dialogues as rows that a model trains on (paper section 3.1): loss on the answers only, as many to
//! a sequence as fit.

use crate::dialogue::Dialogue;
use crate::error::{Error, Result};
use crate::schedule::Schedule;
use crate::sequence::Sequence;
use crate::sft::{SftSettings, TooLong};
use crate::shuffle::permutation;
use puna_text::Tokenizer;
use puna_text::chat::{Role, contains_special_tags, render_training};
use sha2::{Digest, Sha256};
use std::ops::Range;

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
    /// Renders dialogues. The loss counts on what the chat rendering marks as answers, but for those that
    /// the dialogue names, or on the last alone, as the dialogue says. A dialogue in which nothing would
    /// count is refused.
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
            let mut rendered =
                render_training(tokenizer, &dialogue.messages).map_err(|e| match e {
                    puna_text::Error::Dialogue { index, what } => {
                        dialogue.error(format!("messages[{index}]"), what)
                    }
                    other => other.into(),
                })?;
            clear_answers(&mut rendered.loss_mask, dialogue);
            if !rendered.loss_mask.contains(&true) {
                let what = "no answer counts in the loss; give the last one a weight of 1";
                return Err(dialogue.error("messages", what));
            }
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
                            "{rows} tokens do not fit a sequence of {}; give longer ones, as far as \
                             the model's context allows, or set too_long to skip or truncate",
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

    pub(crate) fn hash(&self) -> String {
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
        puna_text::hash::hex(hasher.finalize())
    }

    /// Some dialogues as one sequence.
    pub(crate) fn join(&self, indices: &[u32], document_mask: bool) -> Sequence {
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

/// Takes the answers that do not count out of a mask, which marks one answer after the other, with what the
/// user says between any two.
fn clear_answers(mask: &mut [bool], dialogue: &Dialogue) {
    let messages = dialogue.messages.iter().enumerate();
    let answers = messages.filter(|(_, message)| message.role == Role::Assistant);
    let marked = mask.chunk_by_mut(|a, b| a == b).filter(|run| run[0]);
    for ((index, _), run) in answers.zip(marked) {
        if !dialogue.learns(index) {
            run.fill(false);
        }
    }
}

/// An epoch: dialogues in random order, as many to a sequence as fit.
pub(crate) struct Packed {
    pub order: Vec<u32>,
    pub sequences: Vec<Range<usize>>,
}

impl Packed {
    pub fn new(examples: &Examples, settings: &SftSettings, epoch: u64) -> Self {
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
