//! The parts of a tally: counts of documents, rules, languages, sources, and of English text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounded::Add;
use super::document::Document;
use super::exposure::{BINS, Exposure, bin};
use super::pronouns::{PronounSet, Pronouns};
use super::terms::{Axis, Term, Terms};
use super::words;

/// Documents and their size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Size {
    pub documents: u64,
    pub bytes: u64,
    pub words: u64,
}

/// Documents a quality rule left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Rule {
    pub documents: u64,
    /// Those that broke no other rule.
    pub alone: u64,
}

/// Documents in a language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Language {
    pub kept: u64,
    pub left_out: u64,
    /// Left out by quality rules.
    pub quality: u64,
}

/// Documents of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Source {
    pub kept: Size,
    pub left_out: Size,
}

/// Personal information of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Personal {
    pub kept: u64,
    /// Left out with sites the ledger left out.
    pub site: u64,
    /// Left out for other reasons.
    pub other: u64,
    /// Documents in which it was found.
    pub documents: u64,
}

/// Lines taken away because they repeat across a site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Boilerplate {
    pub documents: u64,
    pub lines: u64,
    pub bytes: u64,
}

/// Damaged records of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct FileDamage {
    pub records: u64,
    /// Offset and text of the first.
    pub first: Option<(u64, String)>,
}

/// A term and the documents that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TermCount {
    pub term: Term,
    pub exposure: Exposure,
}

/// Kept documents in English, which the paper's tables 9 and figure 13 are about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct English {
    pub all: Exposure,
    pub histogram: [u64; BINS],
    pub pronouns: BTreeMap<PronounSet, Exposure>,
    /// By unambiguous terms.
    pub axes: BTreeMap<Axis, Exposure>,
    /// By any term.
    pub axes_with_ambiguous: BTreeMap<Axis, u64>,
    /// In the order of the list.
    pub terms: Vec<TermCount>,
}

impl English {
    pub(super) fn count(&mut self, terms: &Terms, toxicity: Option<f32>, text: &str) {
        let toxicity = toxicity.filter(|score| !score.is_nan());
        self.all.count(toxicity);
        if let Some(score) = toxicity {
            self.histogram[bin(score)] += 1;
        }
        let normalised = words::normalise(text);
        let pronouns = Pronouns::find(&normalised);
        for set in PronounSet::ALL.into_iter().filter(|&set| pronouns.has(set)) {
            self.pronouns.entry(set).or_default().count(toxicity);
        }
        let (mut axes, mut any) = ([false; Axis::ALL.len()], [false; Axis::ALL.len()]);
        for found in terms.find(&normalised) {
            let Some(count) = self.terms.get_mut(found) else {
                continue;
            };
            count.exposure.count(toxicity);
            any[count.term.axis as usize] = true;
            axes[count.term.axis as usize] |= !count.term.ambiguous;
        }
        for axis in Axis::ALL {
            if axes[axis as usize] {
                self.axes.entry(axis).or_default().count(toxicity);
            }
            if any[axis as usize] {
                *self.axes_with_ambiguous.entry(axis).or_default() += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (count, more) in self.histogram.iter_mut().zip(other.histogram) {
            *count += more;
        }
        for (set, more) in &other.pronouns {
            self.pronouns.entry(*set).or_default().merge(more);
        }
        for (axis, more) in &other.axes {
            self.axes.entry(*axis).or_default().merge(more);
        }
        for (axis, more) in &other.axes_with_ambiguous {
            *self.axes_with_ambiguous.entry(*axis).or_default() += more;
        }
        for (count, more) in self.terms.iter_mut().zip(&other.terms) {
            count.exposure.merge(&more.exposure);
        }
    }
}

impl Size {
    pub(super) fn of(document: &Document<'_>) -> Self {
        Self {
            documents: 1,
            bytes: document.bytes,
            words: document.words,
        }
    }
}

impl Add for Size {
    fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.words += other.words;
    }
}

impl Add for Rule {
    fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.alone += other.alone;
    }
}

impl Add for Language {
    fn add(&mut self, other: &Self) {
        self.kept += other.kept;
        self.left_out += other.left_out;
        self.quality += other.quality;
    }
}

impl Add for Source {
    fn add(&mut self, other: &Self) {
        self.kept.add(&other.kept);
        self.left_out.add(&other.left_out);
    }
}

impl Add for Personal {
    fn add(&mut self, other: &Self) {
        self.kept += other.kept;
        self.site += other.site;
        self.other += other.other;
        self.documents += other.documents;
    }
}

impl Boilerplate {
    pub(super) fn count(&mut self, document: &Document<'_>) {
        self.documents += u64::from(document.boilerplate_lines > 0);
        self.lines += document.boilerplate_lines;
        self.bytes += document.boilerplate_bytes;
    }
}

impl Add for FileDamage {
    fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.first = match (self.first.take(), &other.first) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs.clone())),
            (mine, theirs) => mine.or_else(|| theirs.clone()),
        };
    }
}
