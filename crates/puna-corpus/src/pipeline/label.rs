//! The first step, for each input by itself: read, extract, label, note for the reduce step.

use super::labellers::Labellers;
use super::parallel::ordered_map;
use super::row::Row;
use super::{Pipeline, marker};
use crate::documents::{Cell, Kind as Column, TableWriter};
use crate::duplicates::{self, MinHasher, Notes, ShardWriter};
use crate::error::{Error, Result};
use crate::page::Page;
use crate::read;
use crate::settings::Settings;
use puna_text::hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pages handed to a worker at once.
const BATCH: usize = 16;
/// Damaged records of an input that are kept by name; the others are counted.
const NAMED_DAMAGE: usize = 100;

/// What was counted of an input.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Labelled {
    /// Documents.
    pub documents: u64,
    /// Records that are no pages by nature.
    pub skipped: BTreeMap<String, u64>,
    /// Damaged records: offset and what is wrong.
    pub damaged: Vec<(u64, String)>,
    /// Damaged records that are not named.
    pub more_damaged: u64,
}

/// What labels and notes follow from: files that the settings name, quality rules, and how near
/// copies are noted. What only decides or counts later is not among it.
pub(super) fn made_with(settings: &Settings) -> Result<String> {
    let labels = &settings.labels;
    let rules = serde_json::to_string(&labels.quality).unwrap_or_default();
    let mut made_with = rules + &duplicates::made_with(&settings.duplicates.near);
    for path in [&labels.language_model, &labels.toxicity_classifier] {
        made_with += ";";
        made_with += &path.as_deref().map_or(Ok(String::new()), hash::of_file)?;
    }
    Ok(made_with)
}

/// Labels one input, or finds that it is done.
pub(super) fn label(
    pipeline: &Pipeline,
    labellers: &Labellers<'_>,
    made_with: &str,
    index: usize,
) -> Result<Labelled> {
    let input = &pipeline.inputs[index];
    let marker = pipeline.file("pages", index, "json");
    let parts = [super::FORMAT, input.name(), &input.identity()?, made_with];
    let fingerprint = marker::fingerprint(parts);
    if let Some(labelled) = marker::done(&marker, &fingerprint) {
        return Ok(labelled);
    }
    marker::clear(&marker)?;
    let pages = pipeline.file("pages", index, "parquet");
    let mut columns = Row::columns();
    // For the decision, which then need not read the texts.
    columns.push(("bytes".to_owned(), Column::Count));
    let mut table = TableWriter::create(&pages, columns)?;
    let name = format!("{index:05}");
    let notes = pipeline.work("duplicates");
    let mut noted = ShardWriter::new(&notes, &name, &pipeline.settings.duplicates)?;
    let mut labelled = Labelled::default();
    match read::open(input) {
        Ok(mut pages) => {
            let batches = Batches(&mut pages);
            let hasher = MinHasher::new(&pipeline.settings.duplicates.near)?;
            let one = |page: Page| {
                let row = labellers.label(input, page);
                let notes = Notes::new(&hasher, &row.site, &row.text);
                (row, notes)
            };
            let work = |batch: Vec<Result<Page, (u64, String)>>| -> Vec<_> {
                batch.into_iter().map(|page| page.map(one)).collect()
            };
            ordered_map(pipeline.threads, batches, work, |rows: Vec<_>| {
                for row in rows {
                    match row {
                        Ok((row, notes)) => {
                            noted.add(super::key(index, labelled.documents), &notes)?;
                            let bytes = Cell::count(row.text.len() as u64);
                            let mut cells = row.into_cells();
                            cells.push(bytes);
                            table.push(cells)?;
                            labelled.documents += 1;
                        }
                        Err(_) if labelled.damaged.len() >= NAMED_DAMAGE => {
                            labelled.more_damaged += 1
                        }
                        Err(damage) => labelled.damaged.push(damage),
                    }
                }
                Ok::<(), Error>(())
            })?;
            if let Some(failure) = pages.failure() {
                return Err(failure);
            }
            let skipped = pages.skipped().iter();
            labelled.skipped = skipped.map(|(k, v)| ((*k).to_owned(), *v)).collect();
        }
        Err(Error::Format { what, .. }) => labelled.damaged.push((0, format!("refused: {what}"))),
        Err(other) => return Err(other),
    }
    table.finish()?;
    noted.finish()?;
    marker::write(&marker, fingerprint, &labelled)?;
    Ok(labelled)
}

/// Pages in batches.
struct Batches<'a>(&'a mut read::Pages);

impl Iterator for Batches<'_> {
    type Item = Vec<Result<Page, (u64, String)>>;

    fn next(&mut self) -> Option<Self::Item> {
        let pages = self.0.by_ref().take(BATCH);
        let batch: Vec<_> = pages.map(|p| p.map_err(|d| (d.offset, d.what))).collect();
        (!batch.is_empty()).then_some(batch)
    }
}
