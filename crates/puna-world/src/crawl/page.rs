//! A page of the crawl and the truth about it.

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::copies::Copy;
use super::encoding::{Charset, encode};
use super::site::{Site, SiteKind};
use super::text::{PrivateSpan, Role};
use super::{Crawl, Place, SiteCache, html};
use crate::dice::{Dice, Stream};

/// What happened to a record on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Bytes in the middle of the gzip member are not what was written.
    Corrupt,
    /// The file ends in the middle of the record.
    Truncated,
}

/// The truth about a page: a line of `truth.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageTruth {
    /// Always true.
    pub synthetic: bool,
    /// Unique.
    pub url: String,
    /// The registered domain.
    pub site: String,
    /// The kind of the site.
    pub kind: SiteKind,
    /// The document it carries.
    pub document: Option<String>,
    /// In the page's `title`, with the name of the site.
    pub title: String,
    /// ISO 639-1.
    pub language: String,
    /// When it was published, `YYYY-MM-DD`.
    pub date: String,
    /// The page of which this one is a copy.
    pub duplicate_of: Option<Copy>,
    /// A page that shares sentences, though too few to be a copy.
    pub resembles: Option<Copy>,
    /// Lines of the text that the site repeats on many pages.
    pub boilerplate: Vec<String>,
    /// The main text, a line for each paragraph.
    pub text: String,
    /// Personal information in the text.
    pub private: Vec<PrivateSpan>,
    /// Rude lines of the text.
    pub toxic: Vec<String>,
    /// How the characters are written.
    pub encoding: String,
    /// The encoding that the HTTP header names.
    pub declared_in_header: Option<String>,
    /// The encoding that the page itself names.
    pub declared_in_page: Option<String>,
    /// Content encoding of the response.
    pub content_encoding: Option<String>,
    /// Whether the response is chunked.
    pub chunked: bool,
    /// Whether the HTML is not well-formed.
    pub broken_html: bool,
    /// Whether the record cannot be read whole.
    pub damage: Option<Damage>,
}

/// A page: what the server sent, and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct CrawlPage {
    /// The truth.
    pub truth: PageTruth,
    /// HTML in its encoding, before content and transfer encoding.
    pub body: Vec<u8>,
    /// When it was fetched, as RFC 3339.
    pub fetched: String,
}

impl CrawlPage {
    /// The `Content-Type` header.
    pub fn content_type(&self) -> String {
        match &self.truth.declared_in_header {
            Some(charset) => format!("text/html; charset={charset}"),
            None => "text/html".into(),
        }
    }
}

impl Crawl<'_> {
    pub(super) fn page(&self, index: usize, sites: &mut SiteCache<'_>) -> CrawlPage {
        let place = self.place(index);
        let site = sites.get(place.block, place.slot);
        let mut dice = Dice::new(self.world.options.seed, Stream::Crawl, index as u64);
        let content = self.content(place, site, &mut dice);
        self.finish(index, place, site, content)
    }

    /// A page that is not among the others: a forum's, to be damaged.
    pub(super) fn damaged_page(&self, damage: Damage, sites: &mut SiteCache<'_>) -> CrawlPage {
        let (nth, index) = match damage {
            Damage::Corrupt => (900, usize::MAX),
            Damage::Truncated => (901, usize::MAX - 1),
        };
        let slot = SiteKind::OF_BLOCK
            .iter()
            .position(|kind| *kind == SiteKind::Forum)
            .unwrap_or_default();
        let place = Place {
            block: 0,
            slot,
            what: super::What::Extra(nth),
        };
        let site = sites.get(0, slot);
        let mut dice = Dice::new(self.world.options.seed, Stream::Crawl, index as u64);
        let content = self.content(place, site, &mut dice);
        let mut page = self.finish(index, place, site, content);
        page.truth.damage = Some(damage);
        page
    }

    fn finish(&self, index: usize, place: Place, site: &Site, content: Content) -> CrawlPage {
        let mut dice = Dice::new(self.world.options.seed, Stream::CrawlHtml, index as u64);
        let charset = match content.charset {
            Some(charset) => charset,
            None => Charset::of_english(&mut dice),
        };
        let date = day(index % 2_400);
        let broken = dice.chance(10);
        let page = html::Html {
            world: self.world,
            site,
            content: &content,
            date: &date,
            charset: charset.in_page,
            broken,
            dice: &mut dice,
        }
        .render();
        let body = encode(&page, charset.encoding);
        let (gzip, chunked) = (dice.below(12) == 0, dice.below(15) == 0);
        let truth = PageTruth {
            synthetic: true,
            url: self.url(site, place.what),
            site: site.domain.clone(),
            kind: site.kind,
            document: content.document,
            title: content.title,
            language: content.language.into(),
            date,
            duplicate_of: content.duplicate_of,
            resembles: content.resembles,
            boilerplate: content.main.lines(Role::Boilerplate),
            text: content.main.text(),
            private: content.main.private(),
            toxic: content.main.lines(Role::Toxic),
            encoding: charset.encoding.name().to_lowercase(),
            declared_in_header: charset.in_header.map(Into::into),
            declared_in_page: charset.in_page.map(Into::into),
            content_encoding: gzip.then(|| "gzip".into()),
            chunked,
            broken_html: broken,
            damage: None,
        };
        let fetched = format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}Z",
            1 + index / 86_400 % 28,
            index / 3_600 % 24,
            index / 60 % 60,
            index % 60
        );
        CrawlPage {
            truth,
            body,
            fetched,
        }
    }
}

/// The day `days` after the first of 2019, when every month has 28 of them: any valid date will do.
fn day(days: usize) -> String {
    let (months, day) = (days / 28, days % 28 + 1);
    format!("{}-{:02}-{day:02}", 2019 + months / 12, months % 12 + 1)
}
