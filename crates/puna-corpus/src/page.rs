//! One page as it came from an input, before extraction.

/// One page or text of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Unique and stable within its input: the record's own id where it has one, else its number.
    pub id: String,
    /// Absolute address, where the input knows it.
    pub url: Option<String>,
    /// When it was fetched, as RFC 3339 in UTC, where the input knows it.
    pub date: Option<String>,
    /// The source's name where the input gives one (a `source` field of JSON lines or Parquet).
    pub source: Option<String>,
    /// What it says.
    pub body: Body,
}

/// The content of a page, decoded to Unicode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// HTML, still to be extracted.
    Html(String),
    /// Text as it is.
    Text(String),
}

/// A record of an input that could not become a page. It costs itself only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset in the file as stored (compressed), or the line of a text file.
    pub offset: u64,
    /// What is wrong with it; lower case, no full stop.
    pub what: String,
}
