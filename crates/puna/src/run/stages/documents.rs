//! The data's files: training documents, held-out documents, dialogues, questions.

use anyhow::{Context, Result};
use puna_text::atomic_file::AtomicFile;
use puna_train::tokens::{DocumentOptions, Documents};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Documents to train on.
pub const TRAINING: &str = "documents.jsonl";
/// Documents to validate on; no stage trains on them.
pub const HELD_OUT: &str = "held_out.jsonl";
/// The world's dialogues.
pub const DIALOGUES: &str = "dialogues.jsonl";
/// The world's questions.
pub const QUESTIONS: &str = "questions.jsonl";

/// Whether a text is held out: by its hash, so that equal texts stay on one side.
pub fn is_held_out(seed: u64, text: &str, share: f64) -> bool {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(text)
        .finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    // 53 bits make an exact number in 0..1.
    ((u64::from_le_bytes(first) >> 11) as f64) * (-53f64).exp2() < share
}

/// The documents of a file of the run.
pub fn read(path: PathBuf) -> Documents {
    Documents::open(&[path], &DocumentOptions::default())
}

/// Training and held-out documents being written.
pub struct Split {
    training: AtomicFile,
    held_out: AtomicFile,
    seed: u64,
    share: f64,
    /// Documents and bytes of text on the training side.
    pub train: (u64, u64),
    /// The same on the other.
    pub held: (u64, u64),
}

impl Split {
    /// Begins both files in a directory.
    pub fn create(dir: &Path, seed: u64, share: f64) -> Result<Self> {
        let training = AtomicFile::create(&dir.join(TRAINING))?;
        let held_out = AtomicFile::create(&dir.join(HELD_OUT))?;
        Ok(Self {
            training,
            held_out,
            seed,
            share,
            train: (0, 0),
            held: (0, 0),
        })
    }

    /// Writes a record to the side where its text belongs.
    pub fn push(&mut self, text: &str, record: &str) -> Result<()> {
        let (file, count) = if is_held_out(self.seed, text, self.share) {
            (&mut self.held_out, &mut self.held)
        } else {
            (&mut self.training, &mut self.train)
        };
        file.write_all(record.as_bytes())?;
        file.write_all(b"\n")?;
        *count = (count.0 + 1, count.1 + text.len() as u64);
        Ok(())
    }

    /// Gives both files their names.
    pub fn commit(self) -> Result<()> {
        self.training.commit()?;
        self.held_out
            .commit()
            .context("cannot finish the documents")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_nested() {
        let texts: Vec<String> = (0..4000).map(|i| format!("document {i}")).collect();
        let held = |share| texts.iter().filter(|t| is_held_out(3, t, share)).count();
        assert!(
            (held(0.1) as f64 / 400.0 - 1.0).abs() < 0.15,
            "{}",
            held(0.1)
        );
        assert_eq!(held(0.0), 0);
        assert!(
            texts
                .iter()
                .all(|t| !is_held_out(3, t, 0.1) || is_held_out(3, t, 0.2))
        );
    }
}
