//! The crawl as files, with the truth beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::page::{Damage, PageTruth};
use super::text::PrivateKind;
use super::warc::{RecordCounts, Recorder};
use super::{Crawl, CrawlOptions, SiteKind};
use crate::write::{PartialFile, WorldError, WrittenFile};

/// A file of pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlFile {
    /// Name, size and hash.
    #[serde(flatten)]
    pub file: WrittenFile,
    /// What its records are.
    pub records_by_kind: RecordCounts,
}

/// What was written: `crawl.json`, and the result of [`Crawl::write`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlManifest {
    /// Always true.
    pub synthetic: bool,
    /// As given, brought into range.
    pub options: CrawlOptions,
    /// Pages that can be read whole.
    pub pages: u64,
    /// The WARC files.
    pub warc: Vec<CrawlFile>,
    /// `truth.jsonl`, `sites.json` and `toxicity.jsonl`.
    pub truth: Vec<WrittenFile>,
}

/// The truth about a site: an entry of `sites.json`. Damaged pages are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteTruth {
    /// The registered domain.
    pub site: String,
    /// What it is.
    pub kind: SiteKind,
    /// Whether a corpus should leave it out for its personal information.
    pub private: bool,
    /// Its pages.
    pub pages: u64,
    /// Words of their main text.
    pub words: u64,
    /// Personal information by kind.
    pub counts: BTreeMap<PrivateKind, u64>,
    /// Pages that are copies.
    pub duplicates: u64,
    /// Pages on which each repeated line stands.
    pub boilerplate: BTreeMap<String, u64>,
    /// Rude lines.
    pub toxic_lines: u64,
}

impl SiteTruth {
    fn new(truth: &PageTruth) -> Self {
        Self {
            site: truth.site.clone(),
            kind: truth.kind,
            private: truth.kind.is_private(),
            pages: 0,
            words: 0,
            counts: BTreeMap::new(),
            duplicates: 0,
            boilerplate: BTreeMap::new(),
            toxic_lines: 0,
        }
    }

    fn add(&mut self, truth: &PageTruth) {
        self.pages += 1;
        self.words += truth.text.split_whitespace().count() as u64;
        for span in &truth.private {
            *self.counts.entry(span.kind).or_default() += 1;
        }
        self.duplicates += u64::from(truth.duplicate_of.is_some());
        for line in &truth.boilerplate {
            *self.boilerplate.entry(line.clone()).or_default() += 1;
        }
        self.toxic_lines += truth.toxic.len() as u64;
    }
}

/// A WARC file being written.
struct Warc {
    out: PartialFile,
    counts: RecordCounts,
}

impl Warc {
    fn add(
        &mut self,
        record: &[u8],
        count: fn(&mut RecordCounts) -> &mut u64,
    ) -> Result<(), WorldError> {
        *count(&mut self.counts) += 1;
        self.out.write(record, 1)
    }
}

impl Crawl<'_> {
    /// Writes `crawl-*.warc.gz`, `truth.jsonl`, `sites.json`, `toxicity.jsonl` and, last,
    /// `crawl.json` into the directory, which is made if need be. Each file appears under its name
    /// only when it is complete. Pages go to the files in turn.
    pub fn write(&self, dir: &Path) -> Result<CrawlManifest, WorldError> {
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |source: io::Error| WorldError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(at(dir))?;
        let mut recorder = Recorder::default();
        let mut pages = self.pages();
        let mut files = Vec::new();
        for number in 0..self.options.files {
            let out = PartialFile::create(dir, &format!("crawl-{number:05}.warc.gz"))?;
            let mut file = Warc {
                out,
                counts: RecordCounts::default(),
            };
            let record = recorder.warcinfo(number).map_err(at(dir))?;
            file.add(&record, |c| &mut c.warcinfo)?;
            files.push(file);
        }
        let mut truth = PartialFile::create(dir, "truth.jsonl")?;
        let mut site_truth: BTreeMap<String, SiteTruth> = BTreeMap::new();

        let last = files.len() - 1;
        let middle = self.len() / 2;
        for index in 0..self.len() {
            let Some(page) = pages.next() else {
                break;
            };
            if index == middle && self.options.damage {
                let broken = pages.damaged(Damage::Corrupt);
                let record = recorder.page(&broken, u64::MAX).map_err(at(dir))?;
                files[0].add(&corrupt(record), |c| &mut c.damaged)?;
                truth.line(&broken.truth)?;
            }
            let file = &mut files[index % self.options.files];
            let record = recorder.page(&page, index as u64 * 8).map_err(at(dir))?;
            file.add(&record, |c| &mut c.pages)?;
            let before = file.counts;
            let around = recorder
                .around(&page, index, &mut file.counts)
                .map_err(at(dir))?;
            file.out
                .write(&around, file.counts.total() - before.total())?;
            truth.line(&page.truth)?;
            site_truth
                .entry(page.truth.site.clone())
                .or_insert_with(|| SiteTruth::new(&page.truth))
                .add(&page.truth);
        }
        if self.options.damage {
            let page = pages.damaged(Damage::Truncated);
            let record = recorder.page(&page, u64::MAX - 1).map_err(at(dir))?;
            files[last].add(&record[..record.len() * 2 / 3], |c| &mut c.damaged)?;
            truth.line(&page.truth)?;
        }

        let mut warc = Vec::new();
        let mut whole = 0;
        for file in files {
            whole += file.counts.pages;
            warc.push(CrawlFile {
                records_by_kind: file.counts,
                file: file.out.commit()?,
            });
        }
        let mut toxicity = PartialFile::create(dir, "toxicity.jsonl")?;
        for (text, toxic) in self.toxicity_lines() {
            toxicity.line(&json!({"text": text, "toxic": toxic}))?;
        }
        let mut site_file = PartialFile::create(dir, "sites.json")?;
        site_file.line(&site_truth.into_values().collect::<Vec<_>>())?;
        let manifest = CrawlManifest {
            synthetic: true,
            options: self.options.clone(),
            pages: whole,
            warc,
            truth: vec![truth.commit()?, site_file.commit()?, toxicity.commit()?],
        };
        let mut crawl = PartialFile::create(dir, "crawl.json")?;
        crawl.line(&manifest)?;
        crawl.commit()?;
        Ok(manifest)
    }
}

/// Turns bytes in the middle of a gzip member, so that it cannot be what was written.
fn corrupt(mut member: Vec<u8>) -> Vec<u8> {
    let middle = member.len() / 2;
    for byte in member.iter_mut().skip(middle).take(16) {
        *byte ^= 0xa5;
    }
    member
}
