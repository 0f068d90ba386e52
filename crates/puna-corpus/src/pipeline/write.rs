//! The third step, for each input by itself: apply what was decided, write the documents that stay.

use super::decide::left_out;
use super::parallel::ordered_map;
use super::row::Row;
use super::{Pipeline, marker};
use crate::documents::{Cell, Kind as Column, TableWriter, read_groups};
use crate::duplicates::{Decisions, Reason as Copy};
use crate::error::Result;
use crate::ledger;
use crate::mixture::copies;
use crate::pii::Kind;
use crate::report::{Document, Reason, Tally, Terms};
use std::collections::BTreeSet;

/// What the decisions are looked up in.
struct Writer<'a> {
    pipeline: &'a Pipeline,
    decisions: Decisions,
    left_out: BTreeSet<String>,
    terms: Terms,
    decided: String,
}

/// Writes this shard's inputs; `done` hears of each.
pub(super) fn write(
    pipeline: &Pipeline,
    decided: String,
    mut done: impl FnMut(usize),
) -> Result<()> {
    let writer = Writer {
        pipeline,
        decisions: Decisions::open(&pipeline.work("decided"))?,
        left_out: left_out(pipeline)?,
        terms: pipeline.terms()?,
        decided,
    };
    ordered_map(
        pipeline.threads,
        pipeline.mine(),
        |i| writer.input(i).map(|()| i),
        |result| {
            done(result?);
            Ok(())
        },
    )
}

impl Writer<'_> {
    fn input(&self, index: usize) -> Result<()> {
        let settings = &self.pipeline.settings;
        let marker = self.pipeline.file("tallies", index, "json");
        let made_with =
            serde_json::to_string(&(&settings.filter, &settings.mixture)).unwrap_or_default();
        let fingerprint = marker::fingerprint([&self.decided, &made_with, self.terms.digest()]);
        if marker::done::<Tally>(&marker, &fingerprint).is_some() {
            return Ok(());
        }
        marker::clear(&marker)?;
        let mut columns = Row::columns();
        columns.push(("copies".to_owned(), Column::Count));
        let path = self.pipeline.file("documents", index, "parquet");
        let mut table = TableWriter::create(&path, columns)?;
        let mut tally = Tally::new(&self.terms);
        let mut ordinal = 0u64;
        read_groups(
            &self.pipeline.file("pages", index, "parquet"),
            &Row::names(),
            |rows| {
                for row in rows {
                    let key = super::key(index, ordinal);
                    ordinal += 1;
                    if let Some(row) = self.document(key, Row::from_cells(row), &mut tally) {
                        table.push(row)?;
                    }
                }
                Ok(())
            },
        )?;
        table.finish()?;
        marker::write(&marker, fingerprint, &tally)
    }

    /// The row as it is written, or none; counted either way.
    fn document(&self, key: u64, mut row: Row, tally: &mut Tally) -> Option<Vec<Cell>> {
        let (text, lines) = self.without_boilerplate(&row);
        let words = text.split_whitespace().count() as u64;
        let personal = Kind::ALL.map(|kind| (kind.name(), row.personal[kind as usize]));
        let language = row.language.as_ref();
        let facts = Document {
            source: &row.source,
            language: language.map(|(code, sure)| (code.as_str(), *sure as f32)),
            bytes: text.len() as u64,
            words,
            toxicity: row.toxicity.map(|t| t as f32),
            personal: &personal,
            boilerplate_lines: lines,
            boilerplate_bytes: if lines > 0 {
                (row.text.len() - text.len()) as u64
            } else {
                0
            },
        };
        let mixture = &self.pipeline.settings.mixture;
        let url = row.url.as_deref().unwrap_or_default();
        let copies = copies(mixture, &row.site, &row.source, url, &row.id);
        if let Some((reason, rules)) = self.reason(key, &row, words, copies) {
            tally.left_out(reason, &facts, &rules);
            return None;
        }
        tally.add(&self.terms, &facts, &text);
        // What stays is counted as it stays: lines that went took their personal information along.
        if lines > 0 {
            row.personal = ledger::count(&text);
        }
        (row.text, row.words) = (text, words);
        let mut cells = row.into_cells();
        cells.push(Cell::count(copies));
        Some(cells)
    }

    /// The text without lines that repeat across its site, and how many went.
    fn without_boilerplate(&self, row: &Row) -> (String, u64) {
        let (mut text, mut lines) = (String::with_capacity(row.text.len()), 0);
        for line in row.text.lines() {
            if self.decisions.is_boilerplate(&row.site, line) {
                lines += 1;
                continue;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
        (text, lines)
    }

    /// Why a document does not stay: the first reason that holds, and the quality rules if it is them.
    fn reason<'r>(
        &'r self,
        key: u64,
        row: &'r Row,
        words: u64,
        copies: u64,
    ) -> Option<(Reason, Vec<&'r str>)> {
        let filter = &self.pipeline.settings.filter;
        let duplicate = self.decisions.duplicate_of(key).map(|(_, kind)| kind);
        let identified = row.language.as_ref();
        let identified = identified.filter(|(_, sure)| *sure >= filter.language_confidence);
        let wanted = |code: &str| filter.languages.iter().any(|wanted| wanted == code);
        let broken = row.quality.split(' ');
        let broken = broken.filter(|rule| filter.quality.iter().any(|f| f == rule));
        let mut broken: Vec<&str> = broken.collect();
        if words < filter.min_words {
            broken.push("min_words");
        }
        let reason = if row.words == 0 {
            Reason::Empty
        } else if self.left_out.contains(&row.site) {
            Reason::Site
        } else if duplicate == Some(Copy::Exact) {
            Reason::ExactDuplicate
        } else if duplicate == Some(Copy::Near) {
            Reason::NearDuplicate
        } else if words == 0 {
            Reason::Boilerplate
        } else if !filter.languages.is_empty() && !identified.is_some_and(|(code, _)| wanted(code))
        {
            Reason::Language
        } else if !broken.is_empty() {
            return Some((Reason::Quality, broken));
        } else if filter
            .toxicity
            .zip(row.toxicity)
            .is_some_and(|(most, t)| t > most)
        {
            Reason::Toxicity
        } else if copies == 0 {
            Reason::Sampling
        } else {
            return None;
        };
        Some((reason, Vec::new()))
    }
}
