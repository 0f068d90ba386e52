//! What one shard's documents leave on disk for the decision.

use super::normalise::{key_of_words, line_key, word_hashes};
use super::{DuplicateSettings, MinHasher, NearSettings};
use crate::error::Result;
use puna_text::atomic_file::AtomicFile;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// Extension of signatures: key, exact key, signature.
pub(super) const SIGNATURES: &str = "signatures";
/// Extension of lines: site, line; line 0 stands for a document of the site.
pub(super) const LINES: &str = "lines";

/// Hash a site is counted under.
pub(super) fn site_hash(site: &str) -> u64 {
    xxh3_64(site.as_bytes())
}

/// What signatures follow from.
pub(crate) fn made_with(near: &NearSettings) -> String {
    format!(
        "puna signatures 1: {} words, {} permutations, seed {}",
        near.shingle_words, near.permutations, near.seed
    )
}

/// First bytes of a signature file: what it is, and the settings it was made with.
pub(super) fn header(settings: &DuplicateSettings) -> Vec<u8> {
    let made_with = made_with(&settings.near);
    let mut header = vec![0; 16];
    header[..8].copy_from_slice(b"PUNASIG1");
    header[8..].copy_from_slice(&xxh3_64(made_with.as_bytes()).to_be_bytes());
    header
}

/// What is noted of one document; made by any thread, written by one.
#[derive(Debug)]
pub struct Notes {
    /// Exact key and signature; empty for a text without a word.
    signature: Vec<u8>,
    /// The site, and its lines sorted, each once; line 0 is the document itself.
    site: u64,
    lines: Vec<u64>,
}

impl Notes {
    /// Notes a document of a site.
    #[must_use]
    pub fn new(hasher: &MinHasher, site: &str, text: &str) -> Self {
        // No word goes over the end of a line, so the lines' words are the text's.
        let mut words = Vec::with_capacity(text.len() / 6);
        let mut lines = vec![0];
        for line in text.lines() {
            let before = words.len();
            word_hashes(line, &mut words);
            lines.extend(line_key(&words[before..]));
        }
        lines.sort_unstable();
        lines.dedup();
        let mut signature = Vec::new();
        if let Some(minima) = hasher.signature_of_words(&words) {
            signature.reserve(16 + 4 * minima.len());
            signature.extend(key_of_words(&words));
            minima
                .iter()
                .for_each(|s| signature.extend(s.to_be_bytes()));
        }
        Self {
            signature,
            site: site_hash(site),
            lines,
        }
    }
}

/// Writes the notes on one shard's documents.
#[derive(Debug)]
pub struct ShardWriter {
    signatures: AtomicFile,
    lines: AtomicFile,
}

impl ShardWriter {
    /// Begins the files of `shard` in `directory`.
    pub fn new(directory: &Path, shard: &str, settings: &DuplicateSettings) -> Result<Self> {
        let mut signatures = AtomicFile::create(&directory.join(format!("{shard}.{SIGNATURES}")))?;
        signatures.write_all(&header(settings))?;
        Ok(Self {
            signatures,
            lines: AtomicFile::create(&directory.join(format!("{shard}.{LINES}")))?,
        })
    }

    /// Writes the notes on a document; its key is unique in the corpus and follows its order.
    pub fn add(&mut self, key: u64, notes: &Notes) -> Result<()> {
        if !notes.signature.is_empty() {
            self.signatures.write_all(&key.to_be_bytes())?;
            self.signatures.write_all(&notes.signature)?;
        }
        let site = notes.site.to_be_bytes();
        for line in &notes.lines {
            self.lines.write_all(&site)?;
            self.lines.write_all(&line.to_be_bytes())?;
        }
        Ok(())
    }

    /// Gives the files their names; a shard counts once its signatures are there, hence last.
    pub fn finish(self) -> Result<()> {
        self.lines.commit()?;
        Ok(self.signatures.commit()?)
    }
}
