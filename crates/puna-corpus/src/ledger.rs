//! The site ledger: what personal information each site holds, what was decided, and why (paper
//! section 2.1: sites known to hold much of it were left out).

use crate::documents::{Cell, Columns, Kind as Column, TableWriter, read_groups};
use crate::error::{Error, Result};
use crate::pii::{self, Kind};
use crate::report::Decision;
use crate::settings::LedgerSettings;
use puna_text::atomic_file::write_atomically;
use puna_text::hash::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

const TABLE: &str = "ledger.parquet";

/// Counts by kind, in the order of [`Kind::ALL`].
pub type Counts = [u64; Kind::ALL.len()];

/// Personal information of a text, by kind.
pub fn count(text: &str) -> Counts {
    let mut counts = Counts::default();
    for span in pii::find(text) {
        counts[span.kind as usize] += 1;
    }
    counts
}

/// What is known of a site; memory grows with the number of sites, not of documents.
#[derive(Default)]
struct Site {
    documents: u64,
    bytes: u64,
    words: u64,
    counts: Counts,
    evidence: Sha256,
}

/// Adds up the documents of each site. Documents must come in the order of the corpus, since the
/// evidence is hashed in it.
#[derive(Default)]
pub struct Aggregate(BTreeMap<String, Site>);

impl Aggregate {
    /// Counts a document.
    pub fn add(&mut self, site: &str, id: &str, bytes: u64, words: u64, counts: &Counts) {
        let entry = match self.0.get_mut(site) {
            Some(entry) => entry,
            None => self.0.entry(site.to_owned()).or_default(),
        };
        entry.documents += 1;
        entry.bytes += bytes;
        entry.words += words;
        for (kind, &count) in Kind::ALL.into_iter().zip(counts) {
            entry.counts[kind as usize] += count;
            if count > 0 {
                let line = format!("{id}\t{}\t{count}\n", kind.name());
                entry.evidence.update(line.as_bytes());
            }
        }
    }

    /// Decides on every site.
    pub fn decide(self, settings: &LedgerSettings) -> Ledger {
        let rows = self
            .0
            .into_iter()
            .map(|(site, s)| decide(site, s, settings));
        Ledger {
            rows: rows.collect(),
        }
    }
}

fn decide(site: String, entry: Site, settings: &LedgerSettings) -> Row {
    let counted: u64 = settings
        .kinds
        .iter()
        .map(|&k| entry.counts[k as usize])
        .sum();
    let density = 1000.0 * counted as f64 / entry.words.max(1) as f64;
    let limit = settings.per_thousand_words;
    let dense = density >= limit;
    let over = dense && entry.documents >= settings.min_documents;
    let mut reason = match (over, dense) {
        (true, _) => format!("{density:.2} per 1,000 words, from {limit} on it is left out"),
        (false, true) => format!("fewer than {} documents", settings.min_documents),
        (false, false) => "under the threshold".to_owned(),
    };
    let decision = if over && settings.keep.contains(&site) {
        Decision::KeptByList
    } else if !over && settings.leave_out.contains(&site) {
        Decision::LeftOutByList
    } else if over {
        Decision::LeftOut
    } else {
        Decision::Kept
    };
    if let (_, Some(list)) = written(decision) {
        reason = format!("{reason}; overruled by {list}");
    }
    Row {
        site,
        documents: entry.documents,
        bytes: entry.bytes,
        words: entry.words,
        counts: entry.counts,
        per_thousand_words: density,
        decision,
        reason,
        evidence: hex(entry.evidence.finalize()),
    }
}

/// A decision as the ledger writes it: what happens, and the list that overruled the threshold.
fn written(decision: Decision) -> (&'static str, Option<&'static str>) {
    match decision {
        Decision::Kept => ("keep", None),
        Decision::KeptByList => ("keep", Some("ledger.keep")),
        Decision::LeftOut => ("leave_out", None),
        Decision::LeftOutByList => ("leave_out", Some("ledger.leave_out")),
    }
}

/// What the ledger says of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Registered domain; the name of the input for documents without an address.
    pub site: String,
    /// Its documents.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Words of their text.
    pub words: u64,
    /// Personal information, by kind.
    pub counts: Counts,
    /// Pieces that count, per thousand words.
    pub per_thousand_words: f64,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// SHA-256 of the lines `id, kind, count` of its documents, in the order of the corpus.
    pub evidence: String,
}

/// All sites, sorted by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// A row for each site.
    pub rows: Vec<Row>,
}

impl Ledger {
    /// Writes `ledger.parquet` and `ledger.csv`.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let columns = columns();
        let path = directory.join("ledger.csv");
        let broken = |e: csv::Error| Error::Format {
            path: path.clone(),
            what: e.to_string(),
        };
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(columns.iter().map(|c| c.0.as_str()))
            .map_err(broken)?;
        let mut table = TableWriter::create(&directory.join(TABLE), columns)?;
        for row in &self.rows {
            let cells = row.cells();
            csv.write_record(cells.iter().map(csv_field))
                .map_err(broken)?;
            table.push(cells)?;
        }
        table.finish()?;
        let csv = csv
            .into_inner()
            .map_err(|e| broken(e.into_error().into()))?;
        Ok(write_atomically(&path, &csv)?)
    }
}

/// Calls `each` with every site of the ledger in a directory, in order.
pub fn read(directory: &Path, mut each: impl FnMut(Row)) -> Result<()> {
    let path = directory.join(TABLE);
    let columns = columns();
    let names: Vec<&str> = columns.iter().map(|c| c.0.as_str()).collect();
    read_groups(&path, &names, |rows| {
        for cells in rows {
            let row = Row::from_cells(&cells).ok_or_else(|| Error::Format {
                path: path.clone(),
                what: "a decision that is none; run the step decide again".into(),
            })?;
            each(row);
        }
        Ok(())
    })
}

fn columns() -> Columns {
    let named = |name: &str, kind| (name.to_owned(), kind);
    let mut columns = vec![named("site", Column::Text)];
    columns.extend(["documents", "bytes", "words"].map(|n| named(n, Column::Count)));
    columns.extend(Kind::ALL.map(|kind| named(kind.name(), Column::Count)));
    columns.push(named("per_thousand_words", Column::Number));
    columns
        .extend(["decision", "reason", "overruled_by", "evidence"].map(|n| named(n, Column::Text)));
    columns
}

impl Row {
    /// From cells in the columns' order; none if the decision is not one.
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        let (head, tail) = cells.split_at(4 + Kind::ALL.len());
        let mut counts = Counts::default();
        for (count, cell) in counts.iter_mut().zip(&head[4..]) {
            *count = cell.as_count();
        }
        let texts: [&str; 4] = std::array::from_fn(|i| tail[1 + i].as_text());
        let [decision, reason, overruled_by, evidence] = texts;
        let overruled_by = (!overruled_by.is_empty()).then_some(overruled_by);
        let mut decisions = Decision::ALL.into_iter();
        Some(Self {
            site: head[0].as_text().to_owned(),
            documents: head[1].as_count(),
            bytes: head[2].as_count(),
            words: head[3].as_count(),
            counts,
            per_thousand_words: match tail[0] {
                Cell::Number(Some(density)) => density,
                _ => 0.0,
            },
            decision: decisions.find(|&d| written(d) == (decision, overruled_by))?,
            reason: reason.to_owned(),
            evidence: evidence.to_owned(),
        })
    }

    fn cells(&self) -> Vec<Cell> {
        let text = |t: &str| Cell::Text((!t.is_empty()).then(|| t.to_owned()));
        let (decision, overruled_by) = written(self.decision);
        let overruled_by = overruled_by.unwrap_or_default();
        let mut cells = vec![text(&self.site)];
        cells.extend([self.documents, self.bytes, self.words].map(Cell::count));
        cells.extend(self.counts.map(Cell::count));
        cells.push(Cell::Number(Some(
            (self.per_thousand_words * 1000.0).round() / 1000.0,
        )));
        cells.extend([decision, &self.reason, overruled_by, &self.evidence].map(text));
        cells
    }
}

fn csv_field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone().unwrap_or_default(),
        Cell::Count(n) => n.to_string(),
        Cell::Number(n) => n.map_or_else(String::new, |n| n.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_fall_and_lists_overrule() {
        let mut emails = Counts::default();
        emails[Kind::Email as usize] = 5;
        let mut all = Aggregate::default();
        for i in 0..3 {
            for site in ["directory.example", "townhall.example"] {
                all.add(site, &i.to_string(), 700, 100, &emails);
            }
            all.add("ordinary.example", &i.to_string(), 7000, 1000, &emails);
            all.add(
                "feared.example",
                &i.to_string(),
                7000,
                1000,
                &Counts::default(),
            );
        }
        all.add("tiny.example", "1", 70, 10, &emails);
        let settings = LedgerSettings {
            keep: vec!["townhall.example".into()],
            leave_out: vec!["feared.example".into()],
            ..LedgerSettings::default()
        };
        let ledger = all.decide(&settings);
        let decided: Vec<_> = ledger
            .rows
            .iter()
            .map(|r| (r.site.as_str(), r.decision))
            .collect();
        let expected = [
            ("directory.example", Decision::LeftOut),
            ("feared.example", Decision::LeftOutByList),
            ("ordinary.example", Decision::Kept),
            ("tiny.example", Decision::Kept),
            ("townhall.example", Decision::KeptByList),
        ];
        assert_eq!(decided, expected);
        let dir = tempfile::tempdir().unwrap();
        ledger.write(dir.path()).unwrap();
        let csv = std::fs::read_to_string(dir.path().join("ledger.csv")).unwrap();
        assert_eq!(csv.lines().count(), 6);
        assert!(csv.contains("overruled by ledger.keep"));
    }
}
