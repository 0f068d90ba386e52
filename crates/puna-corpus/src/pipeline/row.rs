//! A document as the tables hold it, between the steps and at the end.

use crate::documents::{Cell, Columns, Kind as Column};
use crate::ledger::Counts;
use crate::pii::Kind;

/// A labelled document.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// Name of the input and number of the record in it.
    pub id: String,
    pub url: Option<String>,
    /// Registered domain, or the input's name.
    pub site: String,
    pub date: Option<String>,
    pub title: Option<String>,
    /// What was identified, and how surely.
    pub language: Option<(String, f64)>,
    /// What the page says of itself.
    pub declared_language: Option<String>,
    pub source: String,
    pub text: String,
    pub words: u64,
    /// Mean of the lines' scores; none where no classifier was given.
    pub toxicity: Option<f64>,
    /// Quality rules that it breaks, separated by spaces.
    pub quality: String,
    pub personal: Counts,
}

const TEXTS: [&str; 10] = [
    "id",
    "url",
    "site",
    "date",
    "title",
    "language",
    "declared_language",
    "source",
    "quality_rules_broken",
    "text",
];
const NUMBERS: [&str; 2] = ["language_confidence", "toxicity"];

impl Row {
    /// Columns of a row.
    pub fn columns() -> Columns {
        let texts = TEXTS.map(|name| (name.to_owned(), Column::Text));
        let numbers = NUMBERS.map(|name| (name.to_owned(), Column::Number));
        let words = ("words".to_owned(), Column::Count);
        let personal = Kind::ALL.map(|kind| (kind.name().to_owned(), Column::Count));
        let columns = texts.into_iter().chain(numbers).chain([words]);
        columns.chain(personal).collect()
    }

    /// Their names.
    pub fn names() -> Vec<&'static str> {
        let kinds = Kind::ALL.into_iter().map(Kind::name);
        let numbers = NUMBERS.into_iter().chain(["words"]);
        TEXTS.into_iter().chain(numbers).chain(kinds).collect()
    }

    /// Cells in the columns' order.
    pub fn into_cells(self) -> Vec<Cell> {
        let (language, confidence) = self.language.unzip();
        let texts = [
            Some(self.id),
            self.url,
            Some(self.site),
            self.date,
            self.title,
            language,
            self.declared_language,
            Some(self.source),
            Some(self.quality),
            Some(self.text),
        ];
        let numbers = [confidence, self.toxicity].map(Cell::Number);
        let counts = std::iter::once(self.words).chain(self.personal);
        let texts = texts.into_iter().map(Cell::Text);
        texts
            .chain(numbers)
            .chain(counts.map(Cell::count))
            .collect()
    }

    /// From cells in the columns' order.
    pub fn from_cells(cells: Vec<Cell>) -> Self {
        let mut cells = cells.into_iter();
        let mut text = || match cells.next() {
            Some(Cell::Text(text)) => text,
            _ => None,
        };
        let mut row = Self {
            id: text().unwrap_or_default(),
            url: text(),
            site: text().unwrap_or_default(),
            date: text(),
            title: text(),
            ..Self::default()
        };
        let language = text();
        row.declared_language = text();
        row.source = text().unwrap_or_default();
        row.quality = text().unwrap_or_default();
        row.text = text().unwrap_or_default();
        let mut number = || match cells.next() {
            Some(Cell::Number(number)) => number,
            _ => None,
        };
        row.language = language.zip(number());
        row.toxicity = number();
        let mut counts = cells.map(|cell| cell.as_count());
        row.words = counts.next().unwrap_or(0);
        row.personal
            .iter_mut()
            .zip(counts)
            .for_each(|(to, n)| *to = n);
        row
    }
}
