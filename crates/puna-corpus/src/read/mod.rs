//! Reading what was crawled: from files, directories and object stores to pages in Unicode.
//!
//! Formats: WARC with WET and WAT, ARC, JSON lines, Parquet, HTML and plain text, each plain or
//! compressed with gzip, zstd or lz4. Memory stays within a few times [`Limits::record`], and a
//! damaged record costs itself only.

mod arc;
mod charset;
mod codec;
mod content;
mod date;
mod decoding;
mod fields;
mod format;
mod input;
mod json_lines;
#[cfg(feature = "object-store")]
mod object;
mod parquet;
mod records;
mod stored;
mod warc;
mod whole;
mod window;

pub use input::{Input, expand};

use crate::error::{Error, Result};
use crate::page::{Damage, Page};
use std::collections::BTreeMap;
use std::io::{self, Cursor};
use stored::ReadSeek;

/// Why a whole input is skipped: a text beside the data that its name makes a licence, a read-me or
/// the like, unless the user named it, or a file of no format known by content or by name. What says
/// by its name that it is data and is not, is damage.
pub const NOT_DATA: &str = "not data: a licence or the like, or of no format that is read";

/// What may be read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a record, as stored in its file and again with its content encoding undone. Larger
    /// ones are damage.
    pub record: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record: 64 << 20 }
    }
}

/// A reader of one format.
trait Reader: Send {
    /// The next page or damaged record; counts those that are neither.
    fn next(&mut self, skipped: &mut Skipped) -> Option<std::result::Result<Page, Damage>>;

    /// Why reading ended early, if the system or the store did not give more.
    fn failure(&self) -> Option<io::Error>;

    /// Stored bytes read so far.
    fn read_so_far(&self) -> u64;
}

/// Records that are no pages, by reason.
#[derive(Default)]
struct Skipped(BTreeMap<&'static str, u64>);

impl Skipped {
    fn add(&mut self, reason: &'static str) {
        *self.0.entry(reason).or_default() += 1;
    }
}

/// The pages of one input, and its damaged records, in the order in which they are stored.
pub struct Pages {
    name: String,
    reader: Box<dyn Reader>,
    skipped: Skipped,
}

/// Begins to read an input; an error says why it is refused.
pub fn open(input: &Input) -> Result<Pages> {
    open_within(input, Limits::default())
}

/// [`open`], with limits of one's own.
pub fn open_within(input: &Input, limits: Limits) -> Result<Pages> {
    if input.is_about_data() {
        return Ok(Pages::of(
            input.name(),
            Box::new(format::Nothing(Some(NOT_DATA))),
        ));
    }
    Pages::new(input.name(), input.stored()?, input.bytes(), limits)
}

/// Reads bytes at hand as if they were a file of that name.
pub fn from_bytes(name: &str, bytes: Vec<u8>, limits: Limits) -> Result<Pages> {
    let length = bytes.len() as u64;
    Pages::new(name, Box::new(Cursor::new(bytes)), length, limits)
}

impl Pages {
    fn new(name: &str, stored: Box<dyn ReadSeek>, length: u64, limits: Limits) -> Result<Self> {
        let reader = format::reader(name, stored, length, limits)
            .map_err(|e| Error::io("read", name.as_ref())(e))?
            .map_err(|what| Error::Format {
                path: name.into(),
                what,
            })?;
        Ok(Self::of(name, reader))
    }

    fn of(name: &str, reader: Box<dyn Reader>) -> Self {
        Self {
            name: name.to_owned(),
            reader,
            skipped: Skipped::default(),
        }
    }

    /// How many records so far were no pages by nature, by reason.
    pub fn skipped(&self) -> &BTreeMap<&'static str, u64> {
        &self.skipped.0
    }

    /// Stored bytes read so far, to show progress against [`Input::bytes`].
    pub fn read_so_far(&self) -> u64 {
        self.reader.read_so_far()
    }

    /// Whether reading ended early because the system or the store, after retries, gave no more.
    /// That is no damage of the file: what was read of it is not all, and it should be read again.
    pub fn failure(&self) -> Option<Error> {
        let failure = self.reader.failure()?;
        Some(Error::io("read", self.name.as_ref())(failure))
    }
}

impl Iterator for Pages {
    type Item = std::result::Result<Page, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.next(&mut self.skipped)
    }
}

#[cfg(test)]
mod tests;
