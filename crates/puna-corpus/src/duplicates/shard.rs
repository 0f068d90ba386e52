//! What one shard's documents leave on disk for the decision.

use super::normalise::{key_of_words, line_hash, word_hashes};
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

/// Notes the documents of one shard.
#[derive(Debug)]
pub struct ShardWriter {
    hasher: MinHasher,
    signatures: AtomicFile,
    lines: AtomicFile,
    record: Vec<u8>,
}

impl ShardWriter {
    /// Begins the files of `shard` in `directory`.
    pub fn new(directory: &Path, shard: &str, settings: &DuplicateSettings) -> Result<Self> {
        let mut signatures = AtomicFile::create(&directory.join(format!("{shard}.{SIGNATURES}")))?;
        signatures.write_all(&header(settings))?;
        Ok(Self {
            hasher: MinHasher::new(&settings.near)?,
            signatures,
            lines: AtomicFile::create(&directory.join(format!("{shard}.{LINES}")))?,
            record: Vec::new(),
        })
    }

    /// Notes a document: its key, unique in the corpus and given in input order, its site, its text.
    pub fn add(&mut self, key: u64, site: &str, text: &str) -> Result<()> {
        let words = word_hashes(text);
        if let Some(signature) = self.hasher.signature_of_words(&words) {
            self.record.clear();
            self.record.extend(key.to_be_bytes());
            self.record.extend(key_of_words(&words));
            signature
                .iter()
                .for_each(|s| self.record.extend(s.to_be_bytes()));
            self.signatures.write_all(&self.record)?;
        }
        let site = site_hash(site).to_be_bytes();
        let mut lines: Vec<u64> = text.lines().filter_map(line_hash).collect();
        lines.push(0);
        lines.sort_unstable();
        lines.dedup();
        for line in lines {
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
