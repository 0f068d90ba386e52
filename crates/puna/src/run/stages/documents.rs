//! The data's files: training documents, held-out documents, dialogues, questions.

use super::{Metrics, Stand};
use crate::recipe::Stage;
use anyhow::{Context, Result};
use puna_corpus::documents::{Cell, Groups};
use puna_text::atomic_file::AtomicFile;
use puna_text::chat::Message;
use puna_train::tokens::{DocumentOptions, Documents};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Documents to train on.
pub const TRAINING: &str = "documents.jsonl";
/// Documents to validate on; no stage trains on them.
pub const HELD_OUT: &str = "held_out.jsonl";
/// The world's dialogues.
pub const DIALOGUES: &str = "dialogues.jsonl";
/// The world's pages of advice, good and bad.
pub const FEEDBACK_DOCUMENTS: &str = "feedback_documents.jsonl";
/// The world's dialogues with unsafe requests, answered well and badly.
pub const FEEDBACK_DIALOGUES: &str = "feedback_dialogues.jsonl";
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

/// Whether a dialogue is held out, by all that is said in it.
pub fn is_dialogue_held_out(seed: u64, dialogue: &[Message], share: f64) -> bool {
    let said: Vec<&str> = dialogue.iter().map(|m| m.content.as_str()).collect();
    is_held_out(seed, &said.join("\n"), share)
}

/// Where a run's dialogues for fine-tuning are: the file that the recipe names, or the world's.
pub fn dialogues(stand: &Stand<'_>, given: Option<&PathBuf>) -> Result<PathBuf> {
    match given {
        Some(path) => Ok(path.clone()),
        None => Ok(stand.of("world")?.join(DIALOGUES)),
    }
}

/// A side of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To train on.
    Training,
    /// To validate on.
    HeldOut,
}

/// Documents, one after the other.
pub type Texts = Box<dyn Iterator<Item = puna_train::Result<String>>>;

/// Where a run's documents are.
pub enum Place {
    /// In a file for each side.
    Files(PathBuf),
    /// In a corpus, whose tables hold both sides.
    Corpus {
        /// The stage's directory.
        dir: PathBuf,
        /// Salt of the choice between the sides.
        seed: u64,
        /// Share of the held-out side.
        held_out: f64,
        /// Whether a title stands above its text.
        titles: bool,
    },
}

impl Place {
    /// The documents of the run that a stage belongs to.
    pub fn of(stand: &Stand<'_>) -> Result<Self> {
        let stages = stand.plan.stages.iter();
        for stage in stages {
            match stage {
                Stage::Crawl(plan) => {
                    return Ok(Self::Corpus {
                        dir: stand.of(stage.name())?,
                        seed: plan.seed,
                        held_out: plan.held_out,
                        titles: plan.titles,
                    });
                }
                Stage::Texts(_) => return Ok(Self::Files(stand.of(stage.name())?)),
                _ => {}
            }
        }
        Ok(Self::Files(stand.of("world")?))
    }

    /// Directory of the stage that made them.
    pub fn dir(&self) -> &Path {
        match self {
            Self::Files(dir) | Self::Corpus { dir, .. } => dir,
        }
    }

    /// Whether a file of that stage holds documents of the sides.
    pub fn holds(&self, name: &str, sides: &[Side]) -> bool {
        match self {
            Self::Files(_) => sides.iter().any(|side| name == file(*side)),
            Self::Corpus { .. } => name.starts_with("documents/"),
        }
    }

    /// The documents of a side.
    pub fn read(&self, side: Side) -> Result<Texts> {
        match self {
            Self::Files(dir) => Ok(Box::new(Documents::open(
                &[dir.join(file(side))],
                &DocumentOptions::default(),
            ))),
            Self::Corpus {
                dir,
                seed,
                held_out,
                titles,
            } => {
                let (seed, share, titles) = (*seed, *held_out, *titles);
                let dir = dir.join("documents");
                let reading = || format!("cannot list {}", dir.display());
                let entries = std::fs::read_dir(&dir).with_context(reading)?;
                let paths = entries.map(|entry| Ok(entry?.path()));
                let mut paths: Vec<PathBuf> = paths
                    .collect::<std::io::Result<_>>()
                    .with_context(reading)?;
                paths.retain(|path| path.extension().is_some_and(|e| e == "parquet"));
                paths.sort();
                let rows = paths.into_iter().flat_map(move |path| rows(&path, titles));
                let texts = rows.flat_map(move |row| match row {
                    Ok((text, copies)) => {
                        let held = is_held_out(seed, &text, share);
                        let times = match (side, held) {
                            (Side::Training, false) => copies,
                            (Side::HeldOut, true) => 1,
                            _ => 0,
                        };
                        std::iter::repeat_n(text, times).map(Ok).collect()
                    }
                    Err(e) => vec![Err(puna_train::Error::Data(e.to_string()))],
                });
                Ok(Box::new(texts))
            }
        }
    }
}

/// The numbers of documents and bytes of both sides, as metrics.
pub fn counted(train: (u64, u64), held: (u64, u64)) -> Metrics {
    [
        ("documents", train.0),
        ("text_bytes", train.1),
        ("held_out_documents", held.0),
        ("held_out_bytes", held.1),
    ]
    .into_iter()
    .map(|(name, count)| (name.to_owned(), count.into()))
    .collect()
}

fn file(side: Side) -> &'static str {
    match side {
        Side::Training => TRAINING,
        Side::HeldOut => HELD_OUT,
    }
}

type Rows = Box<dyn Iterator<Item = puna_corpus::Result<(String, usize)>>>;

/// The texts of a table, with or without their titles, and how often the mixture takes each.
fn rows(path: &Path, titles: bool) -> Rows {
    let groups = match Groups::open(path, &["text", "copies", "title"]) {
        Ok(groups) => groups,
        Err(e) => return Box::new(std::iter::once(Err(e))),
    };
    let row = move |row: Vec<Cell>| {
        let (text, title) = (row[0].as_text(), row[2].as_text());
        let copies = row[1].as_count() as usize;
        if titles && !title.is_empty() && !text.starts_with(title) {
            return Ok((format!("{title}\n{text}"), copies));
        }
        Ok((text.to_owned(), copies))
    };
    Box::new(groups.flat_map(move |rows| match rows {
        Ok(rows) => rows.into_iter().map(row).collect(),
        Err(e) => vec![Err(e)],
    }))
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

    /// Gives both files their names, and tells what is in them.
    pub fn commit(self) -> Result<Metrics> {
        self.training.commit()?;
        self.held_out
            .commit()
            .context("cannot finish the documents")?;
        Ok(counted(self.train, self.held))
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
