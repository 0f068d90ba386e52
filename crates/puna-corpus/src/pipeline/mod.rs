//! From inputs to a corpus in four steps, each an idempotent task with files between them:
//! `label` (each input), `decide` (once), `write` (each input), `report` (once).
//!
//! Every input has files of its own, so neither shards nor threads change a byte. A marker written
//! last says what the files were made from; work whose marker fits is not done again.

mod decide;
mod label;
mod labellers;
pub(crate) mod marker;
pub(crate) mod parallel;
mod report;
mod row;
mod write;

use crate::error::{Error, Result};
use crate::read::{Input, NOT_DATA};
use crate::report::{Report, Terms};
use crate::settings::Settings;
use crate::shard::Shard;
use puna_text::atomic_file::remove_abandoned;
use std::fs;
use std::path::{Path, PathBuf};

/// Part of every marker: a program that makes other files has another.
const FORMAT: &str = "puna corpus 4";

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Read, extract and label this shard's inputs.
    Label,
    /// Decide on sites, duplicates and boilerplate.
    Decide,
    /// Write this shard's documents.
    Write,
    /// Write the report.
    Report,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Label, Self::Decide, Self::Write, Self::Report];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Decide => "decide",
            Self::Write => "write",
            Self::Report => "report",
        }
    }
}

/// What a step tells while it works.
pub trait Listener {
    /// So much of this step's work is done; units are bytes for `label` and inputs for `write`.
    fn progress(&mut self, step: Step, done: u64, total: u64, documents: u64);

    /// A record, or an input as a whole, that could not be read.
    fn damaged(&mut self, input: &str, offset: u64, what: &str);

    /// An input that holds nothing in a format that is known, by its content or its name.
    fn not_data(&mut self, input: &str);
}

/// A corpus to make.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// What to read, in order.
    pub inputs: Vec<Input>,
    /// Where to write.
    pub out: PathBuf,
    /// How.
    pub settings: Settings,
    /// Which share of the inputs.
    pub shard: Shard,
    /// Threads to use.
    pub threads: usize,
    /// Whether to write `manifest.json`; not for whoever keeps a record of its own under that name.
    pub manifest: bool,
}

impl Pipeline {
    fn work(&self, name: &str) -> PathBuf {
        self.out.join("work").join(name)
    }

    /// Identity terms to count.
    fn terms(&self) -> Result<Terms> {
        match &self.settings.labels.identity_terms {
            Some(path) => Terms::load(path),
            None => Terms::builtin(),
        }
    }

    fn directory(&self, kind: &str) -> PathBuf {
        match kind {
            "documents" => self.out.join(kind),
            _ => self.work(kind),
        }
    }

    fn file(&self, kind: &str, index: usize, extension: &str) -> PathBuf {
        self.directory(kind).join(format!("{index:05}.{extension}"))
    }

    /// This shard's inputs, by number.
    fn mine(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.inputs.len()).filter(|&index| self.shard.owns(index))
    }

    /// Does one step; the report, if it was that one.
    pub fn run(&self, step: Step, listener: &mut dyn Listener) -> Result<Option<Report>> {
        self.settings.validate()?;
        let kinds = ["pages", "duplicates", "decided", "tallies", "documents"];
        for directory in kinds.map(|kind| self.directory(kind)) {
            create(&directory)?;
            // What a killed run left half written; what other shards write now stays.
            remove_abandoned(&directory)?;
        }
        remove_abandoned(&self.work(""))?;
        remove_abandoned(&self.out)?;
        match step {
            Step::Label => self.label(listener)?,
            Step::Decide => decide::decide(self)?,
            Step::Write => {
                let decided = decide::decided(self)?;
                let total = self.mine().count() as u64;
                let mut done = 0;
                write::write(self, decided, |_| {
                    done += 1;
                    listener.progress(step, done, total, 0);
                })?;
            }
            Step::Report => return report::report(self).map(Some),
        }
        Ok(None)
    }

    fn label(&self, listener: &mut dyn Listener) -> Result<()> {
        let total = self.mine().map(|index| self.inputs[index].bytes()).sum();
        let labellers = labellers::Labellers::load(&self.settings)?;
        let made_with = label::made_with(&self.settings)?;
        let (mut done, mut documents) = (0, 0);
        for index in self.mine() {
            let input = &self.inputs[index];
            let labelled = label::label(self, &labellers, &made_with, index)?;
            if labelled.skipped.contains_key(NOT_DATA) {
                listener.not_data(input.name());
            }
            for (offset, what) in &labelled.damaged {
                listener.damaged(input.name(), *offset, what);
            }
            done += input.bytes();
            documents += labelled.documents;
            listener.progress(Step::Label, done, total, documents);
        }
        Ok(())
    }
}

/// Key of a document: the number of its input and its own number in it, so that keys follow the order
/// of the corpus.
fn key(input: usize, document: u64) -> u64 {
    (input as u64) << 32 | document
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(Error::io("create", directory))
}
