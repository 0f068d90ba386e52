//! The whole analysis: pieces of the corpus, each an idempotent task with a file of its own, and a
//! cheap step that merges them into the report.

use super::corpus::Part;
use super::cover::Covers;
use super::index::Index;
use super::metric::Metric;
use super::samples::EvaluationSet;
use super::scan::{Progress, Scanned, scan};
use super::settings::Settings;
use super::summary::{self, Report};
use crate::error::{Error, Result};
use crate::pipeline::marker;
use crate::shard::Shard;
use puna_text::Tokenizer;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// Part of every marker: a program that finds other matches has another.
const FORMAT: &str = "puna contamination 1";

/// What the analysis tells while it works.
pub trait Listener {
    /// So many stored bytes of the corpus are read, with so many documents and tokens.
    fn progress(&mut self, done: u64, total: u64, documents: u64, tokens: u64);

    /// A record, or a piece as a whole, that could not be read.
    fn damaged(&mut self, file: &str, offset: u64, what: &str);
}

/// Evaluation sets and a corpus to hold them against.
pub struct Analysis<'a> {
    /// What is looked for.
    pub sets: &'a [EvaluationSet],
    /// How the model did on it.
    pub metric: &'a Metric,
    /// Where it is looked for, in order.
    pub parts: &'a [Box<dyn Part>],
    /// The tokenizer of both.
    pub tokenizer: &'a Tokenizer,
    /// What counts.
    pub settings: Settings,
    /// Where to write.
    pub out: PathBuf,
    /// Threads to use.
    pub threads: usize,
}

impl Analysis<'_> {
    fn work(&self) -> PathBuf {
        self.out.join("work")
    }

    fn file(&self, part: usize) -> PathBuf {
        self.work().join(format!("{part:05}.json"))
    }

    fn check(&self) -> Result<()> {
        self.settings.validate()?;
        let mut names = HashSet::new();
        for set in self.sets {
            if !names.insert(&set.name) {
                return Err(Error::Input {
                    input: set.name.clone(),
                    what: "two evaluation sets have this name; rename a file".into(),
                });
            }
        }
        Ok(())
    }

    /// What the matches follow from, beside the piece itself.
    fn made_with(&self) -> String {
        let settings = &self.settings;
        let sets: Vec<String> = self.sets.iter().map(EvaluationSet::hash).collect();
        let (prefix, budget) = (settings.exact_prefix, settings.skip_budget);
        format!("{prefix} {budget} {} {sets:?}", self.tokenizer.hash_hex())
    }

    fn fingerprint(&self, part: &dyn Part, made_with: &str) -> Result<String> {
        let identity = part.identity()?;
        Ok(marker::fingerprint([
            FORMAT,
            part.name(),
            &identity,
            made_with,
        ]))
    }

    /// Holds a share of the corpus against the samples; what is done is not done again.
    pub fn scan(&self, shard: Shard, listener: &mut dyn Listener) -> Result<()> {
        self.check()?;
        fs::create_dir_all(self.work()).map_err(Error::io("create", &self.work()))?;
        let samples = self.sets.iter().flat_map(EvaluationSet::samples);
        let settings = &self.settings;
        let index = Index::build(samples, settings.exact_prefix, settings.skip_budget)?;
        let made_with = self.made_with();
        let mine = || {
            let parts = self.parts.iter().map(Box::as_ref).enumerate();
            parts.filter(|&(number, _)| shard.owns(number))
        };
        let mut progress = Progress {
            total: mine().map(|(_, part)| part.bytes()).sum(),
            ..Progress::default()
        };
        for (number, part) in mine() {
            let file = self.file(number);
            let fingerprint = self.fingerprint(part, &made_with)?;
            let scanned = match marker::done::<Scanned>(&file, &fingerprint) {
                Some(scanned) => scanned,
                None => {
                    let scanned = scan(
                        &index,
                        self.tokenizer,
                        part,
                        number as u32,
                        self.threads,
                        progress,
                        listener,
                    )?;
                    marker::write(&file, fingerprint, &scanned)?;
                    scanned
                }
            };
            progress.done += part.bytes();
            progress.documents += scanned.documents;
            progress.tokens += scanned.tokens;
            listener.progress(
                progress.done,
                progress.total,
                progress.documents,
                progress.tokens,
            );
        }
        Ok(())
    }

    /// Merges what all shards found and writes `contamination.json`, `contamination.html` and
    /// `samples.jsonl`.
    pub fn report(&self) -> Result<Report> {
        self.check()?;
        let missing = "this piece of the corpus is not scanned yet; run all shards first";
        let samples = self.sets.iter().flat_map(EvaluationSet::samples);
        let mut covers = Covers::new(samples.map(<[u32]>::len));
        let mut corpus = summary::Corpus::default();
        for (number, part) in self.parts.iter().enumerate() {
            let mut scanned = marker::read::<Scanned>(&self.file(number), missing)?.counted;
            for found in scanned.found.drain(..) {
                // The file is ours, but a damaged one must not end in a panic.
                let added = covers.add_checked(found, number as u32);
                added.map_err(|what| Error::Format {
                    path: self.file(number),
                    what,
                })?;
            }
            corpus.add(part.name(), &scanned);
        }
        summary::write(self, &covers, corpus)
    }
}
