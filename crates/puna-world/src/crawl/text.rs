//! The main text of a page as it is composed: what extraction should give back, and what is
//! planted in it.

use serde::{Deserialize, Serialize};

/// A kind of personal information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateKind {
    /// An e-mail address, at an example domain.
    Email,
    /// A telephone number, from the ranges kept for fiction.
    Phone,
    /// A street address in an invented town.
    StreetAddress,
    /// A bank account number with right check digits, at a bank that does not exist.
    Iban,
    /// A payment card number of the test ranges, with its check digit.
    CardNumber,
    /// A number that a state would give to a person, with its check digit.
    NationalId,
    /// An IPv4 or IPv6 address, from the ranges kept for documentation.
    IpAddress,
    /// A hardware address, from the range kept for documentation.
    MacAddress,
    /// Geographic coordinates, of a place in the open sea.
    Coordinates,
    /// A date told to be a date of birth.
    DateOfBirth,
    /// The name of an invented person beside one of the others.
    PersonName,
}

/// A piece of personal information in a page's expected text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateSpan {
    /// What it is.
    pub kind: PrivateKind,
    /// How it is written.
    pub text: String,
    /// First byte in the expected text.
    pub start: usize,
    /// Past the last byte.
    pub end: usize,
}

/// What a paragraph is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    #[default]
    Ordinary,
    /// Repeated on many pages of the site.
    Boilerplate,
    /// Rude.
    Toxic,
}

/// A line of the main text.
#[derive(Debug, Clone, Default)]
pub(super) struct Paragraph {
    pub(super) text: String,
    /// Kind, first byte and the byte past the last, in `text`.
    pub(super) private: Vec<(PrivateKind, usize, usize)>,
    pub(super) role: Role,
}

impl Paragraph {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    pub(super) fn of(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            ..Self::new(text)
        }
    }

    pub(super) fn say(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn private(mut self, kind: PrivateKind, text: &str) -> Self {
        let start = self.text.len();
        self.text.push_str(text);
        self.private.push((kind, start, self.text.len()));
        self
    }
}

/// The main text.
#[derive(Debug, Clone, Default)]
pub(super) struct MainText {
    pub(super) paragraphs: Vec<Paragraph>,
}

impl MainText {
    /// A paragraph for each line of `text`.
    pub(super) fn of_lines(text: &str) -> Self {
        Self {
            paragraphs: text.lines().map(Paragraph::new).collect(),
        }
    }

    pub(super) fn push(&mut self, paragraph: Paragraph) {
        self.paragraphs.push(paragraph);
    }

    /// The paragraphs, a line each.
    pub(super) fn text(&self) -> String {
        let lines: Vec<&str> = self.paragraphs.iter().map(|p| p.text.as_str()).collect();
        lines.join("\n")
    }

    /// The lines of a role.
    pub(super) fn lines(&self, role: Role) -> Vec<String> {
        let lines = self.paragraphs.iter().filter(|p| p.role == role);
        lines.map(|p| p.text.clone()).collect()
    }

    /// What is private in the whole text.
    pub(super) fn private(&self) -> Vec<PrivateSpan> {
        let mut base = 0;
        let mut spans = Vec::new();
        for paragraph in &self.paragraphs {
            spans.extend(
                paragraph
                    .private
                    .iter()
                    .map(|&(kind, start, end)| PrivateSpan {
                        kind,
                        text: paragraph.text[start..end].to_owned(),
                        start: base + start,
                        end: base + end,
                    }),
            );
            base += paragraph.text.len() + 1;
        }
        spans
    }
}
