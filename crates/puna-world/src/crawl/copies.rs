//! Mirrors, rewritten pages, and pages that only resemble others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::page::PageTruth;
use super::site::{Site, SiteKind};
use super::text::MainText;
use super::{BLOCK, Crawl, What};
use crate::dice::{Dice, Stream};
use crate::world::World;

/// Pages of the mirror in a full block.
pub(super) const MIRRORED: usize = 16;
/// Pages of the site of rewritten pages in a full block; seven of ten are copies.
pub(super) const REWRITTEN: usize = 20;

/// Words that behind one of these verbs change no fact.
const HARMLESS: &[&str] = &["indeed", "truly", "surely", "certainly", "naturally"];
const VERBS: &[&str] = &[
    " is ", " are ", " was ", " were ", " has ", " can ", " will ",
];
/// Words of a shingle.
const SHINGLE: usize = 5;
/// A rewritten page keeps at least this much.
const KEPT: f64 = 0.86;
/// Pages that happen to share this much are copies all the same.
const COPY: f64 = 0.8;
/// Pages that happen to share this much are worth a word in the truth.
const ALIKE: f64 = 0.5;

/// How a page is a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyKind {
    /// The same text.
    Exact,
    /// A few words more.
    Near,
    /// Alike, though too little to be a copy.
    Alike,
}

/// The page that another one copies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// Its address.
    pub url: String,
    /// How.
    pub kind: CopyKind,
    /// Jaccard similarity of the sets of shingles of five words.
    pub jaccard: f64,
}

/// The shingles of five words of a text, in lower case and without punctuation: hashes, sorted.
type Shingles = Box<[u64]>;

fn shingles(text: &str) -> Shingles {
    let words: Vec<u64> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let bytes = word.chars().flat_map(char::to_lowercase);
            bytes.fold(0xcbf2_9ce4_8422_2325, |hash, c| mix_in(hash, c as u64))
        })
        .collect();
    let hash = |shingle: &[u64]| shingle.iter().fold(0, |hash, word| mix_in(hash, *word));
    let mut shingles: Vec<u64> = words.windows(SHINGLE).map(hash).collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles.into()
}

fn mix_in(hash: u64, value: u64) -> u64 {
    (hash ^ value)
        .wrapping_mul(0x0000_0100_0000_01b3)
        .rotate_left(29)
}

fn jaccard(one: &Shingles, other: &Shingles) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        common += usize::from(a == b);
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    match one.len() + other.len() - common {
        0 => 1.0,
        // Four places are enough, and read back as they were written.
        all => (common as f64 / all as f64 * 1e4).round() / 1e4,
    }
}

/// Stories seen so far, by whom they are about: a story has few words to vary, so now and then
/// two come out alike, and the truth has to say so. Other documents never do in a world of the
/// default size. Their shingles are kept, half a kilobyte for each of the few.
#[derive(Debug, Default)]
pub(super) struct StoriesSeen {
    by_person: BTreeMap<usize, Vec<(Shingles, String)>>,
}

impl StoriesSeen {
    /// Notes in the truth the earlier story that is most like this page's, if one is at all.
    pub(super) fn note(&mut self, world: &World, document: usize, truth: &mut PageTruth) {
        let (kind, nth) = crate::document::kind_and_rank(document);
        if kind != "story" {
            return;
        }
        let seen = self.by_person.entry(nth % world.people.len()).or_default();
        let these = shingles(&truth.text);
        let most = seen
            .iter()
            .map(|(those, url)| (jaccard(&these, those), url))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((jaccard, url)) = most.filter(|(jaccard, _)| *jaccard >= ALIKE) {
            // The same shingles in a text without repeated lines are the same text.
            let kind = match jaccard {
                1.0 => CopyKind::Exact,
                COPY.. => CopyKind::Near,
                _ => CopyKind::Alike,
            };
            let copy = Some(Copy {
                url: url.clone(),
                kind,
                jaccard,
            });
            match kind {
                CopyKind::Alike => truth.resembles = copy,
                _ => truth.duplicate_of = copy,
            }
        }
        seen.push((these, truth.url.clone()));
    }
}

impl Crawl<'_> {
    /// A document of the block whose page has no repeated lines, so that the copy is one with and
    /// without them; the page's address too. Different `nth` give different documents.
    fn original(&self, block: usize, nth: usize) -> (MainText, String) {
        let count = self.documents_in(block).max(1);
        let step = (count / (MIRRORED + REWRITTEN + 1)).max(1);
        let mut found = None;
        for ahead in 0..step {
            let number = block * BLOCK + (nth * step + ahead) % count;
            let place = self.place_of_document(number);
            let site = Site::new(self.world, block * SiteKind::OF_BLOCK.len() + place.slot);
            // The page's own number in the crawl, which its dice follow.
            let index = block * (BLOCK + super::extras(BLOCK)) + number - block * BLOCK;
            let mut dice = Dice::new(self.world.options.seed, Stream::Crawl, index as u64);
            let main = self.document(number, &site, &mut dice).main;
            let clean = main.lines(super::text::Role::Boilerplate).is_empty();
            let long = main.text().split_whitespace().count() >= 70;
            found = Some((main, self.url(&site, What::Document(number))));
            if clean && long {
                break;
            }
        }
        found.unwrap_or_default()
    }

    pub(super) fn mirrored(&self, block: usize, nth: usize) -> Content {
        let (main, url) = self.original(block, nth);
        Content {
            duplicate_of: Some(Copy {
                url,
                kind: CopyKind::Exact,
                jaccard: 1.0,
            }),
            ..Content::new(format!("Copy {nth}"), main)
        }
    }

    pub(super) fn rewritten(&self, block: usize, nth: usize, dice: &mut Dice) -> Content {
        let (main, url) = self.original(block, MIRRORED + nth);
        let old = main.text();
        let (new, kind) = match nth % 10 {
            0..7 => (rewrite(&old, dice), CopyKind::Near),
            _ => {
                let (other, _) =
                    self.original(block, (MIRRORED + nth + 1) % (MIRRORED + REWRITTEN));
                (mix(&old, &other.text()), CopyKind::Alike)
            }
        };
        let copy = Some(Copy {
            url,
            kind,
            jaccard: jaccard(&shingles(&old), &shingles(&new)),
        });
        let content = Content::new(format!("Rewritten {nth}"), MainText::of_lines(&new));
        match kind {
            CopyKind::Near => Content {
                duplicate_of: copy,
                ..content
            },
            _ => Content {
                resembles: copy,
                ..content
            },
        }
    }
}

/// Puts harmless words behind verbs while enough of the text is kept: no name and no value of a
/// fact is torn apart. A text without such a place gets a few words more at its end.
fn rewrite(text: &str, dice: &mut Dice) -> String {
    let mut kept = text.to_owned();
    for _ in 0..6 {
        let ends = VERBS.iter().flat_map(|verb| kept.match_indices(verb));
        let mut gaps: Vec<usize> = ends.map(|(at, verb)| at + verb.len() - 1).collect();
        if gaps.is_empty() {
            break;
        }
        gaps.sort_unstable();
        let at = *dice.pick(&gaps);
        let word = dice.pick(HARMLESS);
        let new = format!("{} {word}{}", &kept[..at], &kept[at..]);
        if jaccard(&shingles(text), &shingles(&new)) >= KEPT {
            kept = new;
        }
    }
    if kept == text {
        kept.push_str(" So it is.");
    }
    kept
}

/// Every second sentence of one text, and then of the other; of a text of many lines every second line.
fn mix(one: &str, other: &str) -> String {
    let half = |text: &str| {
        let end = if text.lines().count() > 3 { "\n" } else { ". " };
        let sentences = text.split_inclusive(end).step_by(2);
        sentences.collect::<String>().trim_end().to_owned()
    };
    format!("{}\n{}", half(one), half(other))
}
