//! The site ledger: what personal information each site holds, what was decided, and why (paper
//! section 2.1: sites known to hold much of it were left out).

use crate::documents::{Cell, Columns, Kind as Column, TableWriter};
use crate::error::Result;
use crate::pii::Kind;
use crate::report::Decision;
use crate::settings::LedgerSettings;
use puna_text::atomic_file::write_atomically;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Counts by kind, in the order of [`Kind::ALL`].
pub type Counts = [u64; Kind::ALL.len()];

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
    let (decision, overruled_by) = if over && settings.keep.contains(&site) {
        (Decision::KeptByList, "ledger.keep")
    } else if !over && settings.leave_out.contains(&site) {
        (Decision::LeftOutByList, "ledger.leave_out")
    } else if over {
        (Decision::LeftOut, "")
    } else {
        (Decision::Kept, "")
    };
    if !overruled_by.is_empty() {
        reason = format!("{reason}; overruled by {overruled_by}");
    }
    let hash = entry.evidence.finalize();
    Row {
        site,
        documents: entry.documents,
        bytes: entry.bytes,
        words: entry.words,
        counts: entry.counts,
        per_thousand_words: density,
        decision,
        reason,
        overruled_by,
        evidence: hash.iter().map(|b| format!("{b:02x}")).collect(),
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
    /// The list that overruled the threshold; empty if none did.
    pub overruled_by: &'static str,
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
        let names: Vec<&str> = columns.iter().map(|c| c.0.as_str()).collect();
        let mut csv = names.join(",") + "\n";
        let path = directory.join("ledger.parquet");
        let mut table = TableWriter::create(&path, columns.clone())?;
        for row in &self.rows {
            let cells = row.cells();
            let fields: Vec<String> = cells.iter().map(csv_field).collect();
            csv.push_str(&fields.join(","));
            csv.push('\n');
            table.push(cells)?;
        }
        table.finish()?;
        Ok(write_atomically(
            &directory.join("ledger.csv"),
            csv.as_bytes(),
        )?)
    }
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
    fn cells(&self) -> Vec<Cell> {
        let text = |t: &str| Cell::Text((!t.is_empty()).then(|| t.to_owned()));
        let decision = if self.decision.keeps() {
            "keep"
        } else {
            "leave_out"
        };
        let mut cells = vec![text(&self.site)];
        cells.extend([self.documents, self.bytes, self.words].map(Cell::count));
        cells.extend(self.counts.map(Cell::count));
        cells.push(Cell::Number(Some(
            (self.per_thousand_words * 1000.0).round() / 1000.0,
        )));
        cells.extend([decision, &self.reason, self.overruled_by, &self.evidence].map(text));
        cells
    }
}

fn csv_field(cell: &Cell) -> String {
    match cell {
        Cell::Text(None) | Cell::Number(None) => String::new(),
        Cell::Text(Some(t)) if t.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", t.replace('"', "\"\""))
        }
        Cell::Text(Some(t)) => t.clone(),
        Cell::Count(n) => n.to_string(),
        Cell::Number(Some(n)) => n.to_string(),
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
