//! The sites of the crawl, each known from its number alone.

use serde::{Deserialize, Serialize};

use super::sheets::sheets;
use crate::dice::{Dice, Stream};

/// What a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    /// News of the villages.
    News,
    /// Diaries and letters.
    Blog,
    /// Guides to villages and trades, as an encyclopaedia has them.
    Guide,
    /// Lists of what people have in common.
    Register,
    /// Stories.
    Stories,
    /// Biographies.
    Portraits,
    /// Questions and answers.
    Forum,
    /// People and all that one could know about them: a site to leave out.
    Directory,
    /// Rude lines among ordinary ones.
    Board,
    /// Copies, word for word.
    Mirror,
    /// Copies with a few words more, and pages that share only sentences with others.
    Rewritten,
    /// Pages in other languages.
    Foreign,
    /// An honest site with a page of contacts: nearest to the threshold.
    School,
}

impl SiteKind {
    /// The sites of a block, by slot.
    pub(super) const OF_BLOCK: [Self; 20] = [
        Self::News,
        Self::News,
        Self::Blog,
        Self::Blog,
        Self::Guide,
        Self::Register,
        Self::Stories,
        Self::Portraits,
        Self::Forum,
        Self::Directory,
        Self::Directory,
        Self::Directory,
        Self::Board,
        Self::Mirror,
        Self::Rewritten,
        Self::Foreign,
        Self::Foreign,
        Self::Foreign,
        Self::Foreign,
        Self::School,
    ];
    /// The first of the slots carry the documents.
    pub(super) const CARRIERS: usize = 8;

    /// The name in the truth and in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::News => "news",
            Self::Blog => "blog",
            Self::Guide => "guide",
            Self::Register => "register",
            Self::Stories => "stories",
            Self::Portraits => "portraits",
            Self::Forum => "forum",
            Self::Directory => "directory",
            Self::Board => "board",
            Self::Mirror => "mirror",
            Self::Rewritten => "rewritten",
            Self::Foreign => "foreign",
            Self::School => "school",
        }
    }

    /// Whether a corpus should leave the site out for its personal information.
    pub fn is_private(self) -> bool {
        self == Self::Directory
    }

    /// Whether the pages repeat lines of the site inside the main text.
    fn repeats(self) -> bool {
        matches!(self, Self::News | Self::Blog | Self::Guide | Self::Forum)
    }
}

const NAME_FIRST: &[&str] = &[
    "mossbucket",
    "quillmere",
    "otterlamp",
    "pebblewick",
    "tanglebrook",
    "candlefen",
    "gorsepost",
    "lanternhill",
    "coppergate",
    "fennelside",
    "harrowdown",
    "sparrowend",
    "brackenway",
    "whistlebay",
    "thistlenook",
    "willowmarch",
    "cinderpath",
];
const NAME_LAST: &[&str] = &[
    "pages", "post", "herald", "notes", "corner", "letters", "bell", "window", "kettle", "garden",
    "journal", "lamp", "table",
];
/// Suffixes under which anybody can register, some of them of two levels.
const SUFFIXES: &[&str] = &["com", "co.uk", "org", "net", "org.uk", "com.au", "info"];

/// A site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) number: usize,
    pub(super) kind: SiteKind,
    /// As registered.
    pub(super) domain: String,
    pub(super) name: String,
    /// Lines repeated inside the main text.
    pub(super) boilerplate: Vec<String>,
    pub(super) navigation: Vec<String>,
    pub(super) footer: String,
    pub(super) cookie: String,
    pub(super) advert: String,
    /// How its pages are laid out.
    pub(super) skin: usize,
}

impl Site {
    pub(super) fn new(world: &crate::World, number: usize) -> Self {
        let kind = SiteKind::OF_BLOCK[number % SiteKind::OF_BLOCK.len()];
        let mut dice = Dice::new(world.options.seed, Stream::CrawlSite, number as u64);
        let first = NAME_FIRST[number % NAME_FIRST.len()];
        let last = NAME_LAST[number / NAME_FIRST.len() % NAME_LAST.len()];
        let suffix = SUFFIXES[number % SUFFIXES.len()];
        let round = match number / (NAME_FIRST.len() * NAME_LAST.len()) {
            0 => String::new(),
            round => format!("-{round}"),
        };
        let mut draw = |section: &str, count: usize| {
            let lines = sheets().site.section(section);
            let order = dice.permutation(lines.len());
            let lines = order.iter().take(count).map(|i| &lines[*i]);
            let lines = lines.map(|line| {
                let mut none = Vec::new();
                line.render(
                    world,
                    &Default::default(),
                    &mut Dice::new(0, Stream::CrawlSite, 0),
                    &mut none,
                )
            });
            lines.collect::<Vec<_>>()
        };
        let boilerplate = match kind.repeats() {
            true => draw("boilerplate", 2),
            false => Vec::new(),
        };
        let navigation = draw("nav", 6);
        let footer = draw("footer", 1).concat();
        let cookie = draw("cookie", 1).concat();
        let advert = draw("advert", 1).concat();
        Self {
            number,
            kind,
            domain: format!("invented-{first}-{last}{round}.{suffix}"),
            name: format!("The {first} {last}"),
            boilerplate,
            navigation,
            footer,
            cookie,
            advert,
            skin: dice.below(super::html::SKINS),
        }
    }

    /// The host of page number `nth`.
    pub(super) fn host(&self, nth: usize) -> String {
        match self.kind {
            SiteKind::Directory => {
                let letter = char::from(b'a' + (nth % 4) as u8);
                format!("{letter}.people.{}", self.domain)
            }
            SiteKind::Blog => format!("blog.{}", self.domain),
            SiteKind::Forum => self.domain.clone(),
            _ => format!("www.{}", self.domain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_sites_share_a_domain() {
        let world = crate::World::generate(&crate::WorldOptions::default());
        let domains: BTreeSet<_> = (0..2_000).map(|i| Site::new(&world, i).domain).collect();
        assert_eq!(domains.len(), 2_000);
    }
}
