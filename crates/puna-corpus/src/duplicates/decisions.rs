//! The decided duplicates and boilerplate, looked up while the corpus is written.

use super::normalise::line_hash;
use super::shard::site_hash;
use crate::error::{Error, Result};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path;

/// File of decided duplicates: key, kept key, reason, sorted.
pub(super) const DUPLICATES: &str = "duplicates.bin";
/// File of boilerplate: site, line, sorted.
pub(super) const BOILERPLATE: &str = "boilerplate.bin";
pub(super) const DUPLICATES_MAGIC: &[u8; 8] = b"PUNADUP1";
pub(super) const BOILERPLATE_MAGIC: &[u8; 8] = b"PUNABOI1";

/// Why a document is a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its normalised text is another's.
    Exact,
    /// Its shingles are mostly another's.
    Near,
}

/// What `resolve` decided.
#[derive(Debug)]
pub struct Decisions {
    duplicates: Table,
    boilerplate: Table,
}

impl Decisions {
    /// Opens the files that `resolve` left in `directory`.
    pub fn open(directory: &Path) -> Result<Self> {
        Ok(Self {
            duplicates: Table::open(&directory.join(DUPLICATES), DUPLICATES_MAGIC, 17)?,
            boilerplate: Table::open(&directory.join(BOILERPLATE), BOILERPLATE_MAGIC, 16)?,
        })
    }

    /// The key that stays in place of `key`; none if `key` itself stays.
    #[must_use]
    pub fn duplicate_of(&self, key: u64) -> Option<(u64, Reason)> {
        let record = self.duplicates.find(&key.to_be_bytes())?;
        let mut kept = [0; 8];
        kept.copy_from_slice(&record[8..16]);
        let reason = if record[16] == 0 {
            Reason::Exact
        } else {
            Reason::Near
        };
        Some((u64::from_be_bytes(kept), reason))
    }

    /// Whether a line is repeated over the site's documents.
    #[must_use]
    pub fn is_boilerplate(&self, site: &str, line: &str) -> bool {
        let Some(line) = line_hash(line) else {
            return false;
        };
        let mut record = [0; 16];
        record[..8].copy_from_slice(&site_hash(site).to_be_bytes());
        record[8..].copy_from_slice(&line.to_be_bytes());
        self.boilerplate.find(&record).is_some()
    }
}

/// A file of sorted records of one width behind eight bytes that name it.
#[derive(Debug)]
struct Table {
    map: Mmap,
    width: usize,
}

impl Table {
    fn open(path: &Path, magic: &[u8; 8], width: usize) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        // SAFETY: the file got its name when it was whole and is replaced, never changed in place.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("read", path))?;
        if !map.starts_with(magic) || !(map.len() - 8).is_multiple_of(width) {
            return Err(Error::Format {
                path: path.into(),
                what: "not a file of decided duplicates, or cut short; resolve again".into(),
            });
        }
        Ok(Self { map, width })
    }

    fn record(&self, i: usize) -> &[u8] {
        &self.map[8 + i * self.width..8 + (i + 1) * self.width]
    }

    fn find(&self, prefix: &[u8]) -> Option<&[u8]> {
        let (mut low, mut high) = (0, (self.map.len() - 8) / self.width);
        while low < high {
            let middle = low + (high - low) / 2;
            if &self.record(middle)[..prefix.len()] < prefix {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (8 + low * self.width < self.map.len())
            .then(|| self.record(low))
            .filter(|r| r.starts_with(prefix))
    }
}
