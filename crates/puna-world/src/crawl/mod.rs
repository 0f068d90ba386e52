//! The world's crawl: the pretraining documents as pages of sites, among pages that a corpus
//! should leave out, label or merge; all of it planted, counted and **synthetic**.
//!
//! Pages come in blocks of a thousand documents. A block has eight sites that carry them, and a
//! forum, three directories full of personal information, a rude board, a mirror, a site of
//! rewritten pages, four sites in other languages and a school. Every page follows from its
//! number alone, so a crawl of any size needs no more memory than a page.

mod content;
mod copies;
mod encoding;
mod foreign;
mod html;
mod numbers;
mod page;
mod private;
mod sheets;
mod site;
mod text;
mod toxicity;
mod warc;
mod write;

pub use copies::{Copy, CopyKind};
pub use page::{CrawlPage, Damage, PageTruth};
pub use site::SiteKind;
pub use text::{PrivateKind, PrivateSpan};
pub use warc::RecordCounts;
pub use write::{CrawlFile, CrawlManifest, SiteTruth};

use serde::{Deserialize, Serialize};

use crate::world::World;
use site::Site;

/// How large a crawl to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrawlOptions {
    /// Documents of the world it carries; all that the world's options name if none is given.
    pub documents: Option<usize>,
    /// WARC files, at least one.
    pub files: usize,
    /// Labelled lines in `toxicity.jsonl`.
    pub toxicity_lines: usize,
    /// Whether a record of the first file is corrupt and the last one of the last is cut off.
    pub damage: bool,
}

impl Default for CrawlOptions {
    fn default() -> Self {
        Self {
            documents: None,
            files: 4,
            toxicity_lines: 2_000,
            damage: true,
        }
    }
}

impl CrawlOptions {
    /// A crawl of about this many pages.
    #[must_use]
    pub fn with_pages(self, pages: usize) -> Self {
        let documents = pages * BLOCK / (BLOCK + extras(BLOCK));
        Self {
            documents: Some(documents),
            ..self
        }
    }
}

/// Documents of a block.
const BLOCK: usize = 1_000;

/// How many pages beside the documents each slot has in a block of so many documents.
fn extra_pages(documents: usize) -> [usize; SiteKind::OF_BLOCK.len()] {
    SiteKind::OF_BLOCK.map(|kind| match kind {
        SiteKind::Forum => 20,
        SiteKind::Directory => 8,
        SiteKind::Board => 16,
        SiteKind::Mirror => copies::MIRRORED.min(documents / 4),
        SiteKind::Rewritten => copies::REWRITTEN.min(documents / 4),
        SiteKind::Foreign => 10,
        SiteKind::School => 24,
        // A page that tells about the site.
        _ => 1,
    })
}

fn extras(documents: usize) -> usize {
    extra_pages(documents).iter().sum()
}

/// A page's place in the crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    block: usize,
    /// Slot of the site in the block.
    slot: usize,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The document of this number in the world.
    Document(usize),
    /// A page beside the documents, counted within its site and block.
    Extra(usize),
}

/// The crawl of a world.
#[derive(Debug, Clone)]
pub struct Crawl<'w> {
    world: &'w World,
    options: CrawlOptions,
    documents: usize,
}

impl World {
    /// The crawl of this world. The same world and options give the same bytes.
    pub fn crawl(&self, options: &CrawlOptions) -> Crawl<'_> {
        let mut options = options.clone();
        options.files = options.files.max(1);
        Crawl {
            world: self,
            documents: options.documents.unwrap_or(self.options.documents),
            options,
        }
    }
}

impl<'w> Crawl<'w> {
    /// As given, brought into range.
    pub fn options(&self) -> &CrawlOptions {
        &self.options
    }

    fn blocks(&self) -> usize {
        self.documents.div_ceil(BLOCK).max(1)
    }

    fn documents_in(&self, block: usize) -> usize {
        (self.documents - block * BLOCK).min(BLOCK)
    }

    /// Number of whole pages; the damaged ones come on top.
    pub fn len(&self) -> usize {
        let last = self.documents_in(self.blocks() - 1);
        (self.blocks() - 1) * (BLOCK + extras(BLOCK)) + last + extras(last)
    }

    /// Whether there is no page; a crawl always has some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pages, made one by one as they are asked for.
    pub fn pages(&self) -> Pages<'_> {
        Pages {
            crawl: self,
            next: 0,
            sites: SiteCache::new(self.world),
            stories: copies::StoriesSeen::default(),
        }
    }

    fn place(&self, index: usize) -> Place {
        let full = BLOCK + extras(BLOCK);
        let block = (index / full).min(self.blocks() - 1);
        let offset = index - block * full;
        let documents = self.documents_in(block);
        if offset < documents {
            return self.place_of_document(block * BLOCK + offset);
        }
        let mut rest = offset - documents;
        for (slot, count) in extra_pages(documents).into_iter().enumerate() {
            if rest < count {
                let what = What::Extra(rest);
                return Place { block, slot, what };
            }
            rest -= count;
        }
        unreachable!("page {index} of {}", self.len())
    }
}

/// The pages of a crawl in order.
pub struct Pages<'c> {
    crawl: &'c Crawl<'c>,
    next: usize,
    sites: SiteCache<'c>,
    stories: copies::StoriesSeen,
}

impl Pages<'_> {
    /// A page beside the others, to be damaged.
    fn damaged(&mut self, damage: Damage) -> CrawlPage {
        self.crawl.damaged_page(damage, &mut self.sites)
    }
}

impl Iterator for Pages<'_> {
    type Item = CrawlPage;

    fn next(&mut self) -> Option<CrawlPage> {
        if self.next == self.crawl.len() {
            return None;
        }
        let mut page = self.crawl.page(self.next, &mut self.sites);
        if let What::Document(document) = self.crawl.place(self.next).what {
            self.stories
                .note(self.crawl.world, document, &mut page.truth);
        }
        self.next += 1;
        Some(page)
    }
}

/// The sites of the block that is being written.
struct SiteCache<'w> {
    world: &'w World,
    block: Option<usize>,
    sites: Vec<Site>,
}

impl<'w> SiteCache<'w> {
    fn new(world: &'w World) -> Self {
        Self {
            world,
            block: None,
            sites: Vec::new(),
        }
    }

    fn get(&mut self, block: usize, slot: usize) -> &Site {
        if self.block != Some(block) {
            let slots = SiteKind::OF_BLOCK.len();
            let numbers = block * slots..(block + 1) * slots;
            self.sites = numbers.map(|n| Site::new(self.world, n)).collect();
            self.block = Some(block);
        }
        &self.sites[slot]
    }
}
