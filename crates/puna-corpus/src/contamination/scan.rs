//! One piece of the corpus against the index, on several threads; its result is one file.

use super::analysis::Listener;
use super::corpus::{Part, Record, Records};
use super::cover::{Covers, Found};
use super::find::Match;
use super::index::Index;
use crate::error::{Error, Result};
use crate::page::Damage;
use crate::pipeline::parallel::ordered_map;
use puna_text::Tokenizer;
use serde::{Deserialize, Serialize};

/// Bytes of text, or of tokens, that a thread takes at once.
const BATCH: usize = 1 << 18;
/// Damaged records of a piece that are kept by name; the others are counted.
const NAMED_DAMAGE: usize = 100;

/// What a piece of the corpus holds of the samples.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Scanned {
    /// Documents read.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Damaged records: offset and what is wrong.
    pub damaged: Vec<(u64, String)>,
    /// Damaged records that are not named.
    pub more_damaged: u64,
    /// The longest matches.
    pub found: Vec<Found>,
}

/// How far the whole work is, before this piece.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub done: u64,
    pub total: u64,
    pub documents: u64,
    pub tokens: u64,
}

/// Reads a piece and holds it against the index.
pub(super) fn scan(
    index: &Index,
    tokenizer: &Tokenizer,
    part: &dyn Part,
    number: u32,
    threads: usize,
    progress: Progress,
    listener: &mut dyn Listener,
) -> Result<Scanned> {
    let mut scanned = Scanned::default();
    let mut covers = Covers::new((0..index.samples()).map(|sample| index.sample(sample).len()));
    let damage = |damage: Damage, scanned: &mut Scanned, listener: &mut dyn Listener| {
        listener.damaged(part.name(), damage.offset, &damage.what);
        if scanned.damaged.len() < NAMED_DAMAGE {
            scanned.damaged.push((damage.offset, damage.what));
        } else {
            scanned.more_damaged += 1;
        }
    };
    match part.open() {
        Ok(records) => ordered_map(
            threads,
            Batches {
                records,
                ended: false,
            },
            |batch| held_against(index, tokenizer, batch),
            |result| {
                let result = result?;
                scanned.documents += result.documents;
                scanned.tokens += result.tokens;
                for damaged in result.damaged {
                    damage(damaged, &mut scanned, listener);
                }
                for (document, matches) in result.found {
                    for passage in matches {
                        covers.add(passage, &document, number);
                    }
                }
                listener.progress(
                    progress.done + result.read_so_far,
                    progress.total,
                    progress.documents + scanned.documents,
                    progress.tokens + scanned.tokens,
                );
                Ok::<(), Error>(())
            },
        )?,
        Err(Error::Format { what, .. }) => {
            let what = format!("refused: {what}");
            damage(Damage { offset: 0, what }, &mut scanned, listener);
        }
        Err(other) => return Err(other),
    }
    scanned.found = covers.into_found();
    Ok(scanned)
}

/// Records in batches of some size.
struct Batches<'a> {
    records: Box<dyn Records + 'a>,
    ended: bool,
}

struct Batch {
    records: Vec<Record>,
    read_so_far: u64,
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH && !self.ended {
            match self.records.next() {
                Some(Ok(record)) => {
                    bytes += match &record {
                        Record::Tokens { tokens, .. } => 4 * tokens.len() + 64,
                        Record::Text { text, .. } => text.len() + 64,
                        Record::Damaged(_) => 64,
                    };
                    records.push(record);
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => self.ended = true,
            }
        }
        let read_so_far = self.records.read_so_far();
        (!records.is_empty()).then_some(Ok(Batch {
            records,
            read_so_far,
        }))
    }
}

#[derive(Default)]
struct BatchResult {
    documents: u64,
    tokens: u64,
    damaged: Vec<Damage>,
    found: Vec<(String, Vec<Match>)>,
    read_so_far: u64,
}

fn held_against(index: &Index, tokenizer: &Tokenizer, batch: Result<Batch>) -> Result<BatchResult> {
    let batch = batch?;
    let mut result = BatchResult {
        read_so_far: batch.read_so_far,
        ..BatchResult::default()
    };
    let (mut encoded, mut found) = (Vec::new(), Vec::new());
    for record in batch.records {
        let (id, tokens) = match record {
            Record::Tokens { id, tokens } => {
                encoded = tokens;
                (id, &encoded)
            }
            Record::Text { id, text } => {
                encoded.clear();
                tokenizer.encode_into(&text, &mut encoded);
                (id, &encoded)
            }
            Record::Damaged(damage) => {
                result.damaged.push(damage);
                continue;
            }
        };
        result.documents += 1;
        result.tokens += tokens.len() as u64;
        index.find(tokens, &mut found);
        if !found.is_empty() {
            result.found.push((id, std::mem::take(&mut found)));
        }
    }
    Ok(result)
}
