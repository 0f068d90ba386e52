//! Identity terms by axis, found as whole words (paper section 4.1, table 9b).
//!
//! The paper takes the descriptors of `HolisticBias` as they stand, without inflection, and so
//! does this: "Christian" is found in "Christian schools" and "non-Christian", not in
//! "Christians". Case does not count; a hyphen and a space are the same. Where terms overlap the
//! longest counts: "Native American" names no nationality.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use puna_text::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{builtin_terms, words};
use crate::{Error, Result};

/// The axes of the paper's table 9b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Gender and sex.
    GenderAndSex,
    /// Sexual orientation.
    SexualOrientation,
    /// Nationality.
    Nationality,
    /// Race and ethnicity.
    RaceEthnicity,
    /// Religion.
    Religion,
}

impl Axis {
    /// Every axis, in the table's order.
    pub const ALL: [Self; 5] = [
        Self::GenderAndSex,
        Self::SexualOrientation,
        Self::Nationality,
        Self::RaceEthnicity,
        Self::Religion,
    ];

    /// Its name as the paper's table has it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::GenderAndSex => "Gender and Sex",
            Self::SexualOrientation => "Sexual Orientation",
            Self::Nationality => "Nationality",
            Self::RaceEthnicity => "Race and Ethnicity",
            Self::Religion => "Religion",
        }
    }

    /// Its name in `descriptors.json`.
    fn key(self) -> &'static str {
        match self {
            Self::GenderAndSex => "gender_and_sex",
            Self::SexualOrientation => "sexual_orientation",
            Self::Nationality => "nationality",
            Self::RaceEthnicity => "race_ethnicity",
            Self::Religion => "religion",
        }
    }
}

/// Terms that mostly mean something else. The paper names the first three; the others are ours.
/// They are counted and shown apart.
const AMBIGUOUS: [&str; 14] = [
    "straight",
    "white",
    "black",
    "ace",
    "bi",
    "foc",
    "fruitcake",
    "fruity",
    "ftm",
    "moc",
    "mtf",
    "pan",
    "poly",
    "stud",
];

/// One term of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term {
    /// Its axis; of a term listed under several, the last in the table's order.
    pub axis: Axis,
    /// The term in lower case, as listed.
    pub term: String,
    /// Whether it mostly means something else ("straight", "white", "black" and the like).
    pub ambiguous: bool,
}

/// A list of identity terms, ready to be found in text. Build once, share between threads.
#[derive(Debug, Clone)]
pub struct Terms {
    list: Vec<Term>,
    automaton: AhoCorasick,
    name: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Plain(String),
    Described { descriptor: String },
}

impl Terms {
    /// A short list of our own, for when no file is given.
    ///
    /// # Errors
    /// None with the list as it is.
    pub fn builtin() -> Result<Self> {
        let listed = builtin_terms::TERMS
            .iter()
            .flat_map(|(axis, terms)| terms.iter().map(|term| (*axis, (*term).to_owned())));
        Self::new("built-in", listed)
    }

    /// Reads the five axes of a `descriptors.json` of `HolisticBias`; other axes are passed over.
    ///
    /// # Errors
    /// If the file cannot be read, is not such a file, or has no term on the five axes.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        let format = |what: String| Error::Format {
            path: path.to_path_buf(),
            what,
        };
        let mut axes: BTreeMap<String, BTreeMap<String, Vec<Entry>>> =
            serde_json::from_slice(&text).map_err(|error| {
                format(format!(
                    "is not a descriptors.json of HolisticBias (axis, group, terms): {error}"
                ))
            })?;
        let mut listed = Vec::new();
        for axis in Axis::ALL {
            for entry in axes
                .remove(axis.key())
                .into_iter()
                .flatten()
                .flat_map(|(_, e)| e)
            {
                let (Entry::Plain(term) | Entry::Described { descriptor: term }) = entry;
                listed.push((axis, term));
            }
        }
        if listed.is_empty() {
            let keys = Axis::ALL.map(Axis::key).join(", ");
            return Err(format(format!("has no term under any of {keys}")));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::new(&name, listed)
    }

    fn new(name: &str, listed: impl IntoIterator<Item = (Axis, String)>) -> Result<Self> {
        // One entry for each form that text is compared with: the last axis wins.
        let mut forms: BTreeMap<String, Term> = BTreeMap::new();
        for (axis, term) in listed {
            let form = words::normalise(term.trim());
            if !form.bytes().any(words::in_word) {
                continue;
            }
            let term = term.trim().to_lowercase();
            let ambiguous = AMBIGUOUS.contains(&term.as_str());
            let entry = Term {
                axis,
                term,
                ambiguous,
            };
            match forms.get_mut(&form) {
                Some(known) if known.axis < axis => *known = entry,
                Some(_) => {}
                None => {
                    forms.insert(form, entry);
                }
            }
        }
        let (patterns, list): (Vec<String>, Vec<Term>) = forms.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&patterns)
            .map_err(|error| Error::Setting {
                name: "identity terms",
                what: format!("{} terms are too many: {error}", list.len()),
            })?;
        let mut hash = Sha256::new();
        for term in &list {
            hash.update(format!("{}\t{}\n", term.axis.key(), term.term));
        }
        let digest = hex(hash.finalize());
        Ok(Self {
            list,
            automaton,
            name: name.to_owned(),
            digest,
        })
    }

    /// The terms, by alphabet.
    #[must_use]
    pub fn list(&self) -> &[Term] {
        &self.list
    }

    /// File name of the list, or "built-in".
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of terms and axes; tallies merge only if it is the same.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Places in [`Terms::list`] of the terms normalised text names.
    pub(super) fn find(&self, normalised: &str) -> BTreeSet<usize> {
        let text = normalised.as_bytes();
        let mut found = BTreeSet::new();
        // Leftmost first, and of those the longest; what overlaps it does not count.
        let mut matches: Vec<(usize, usize, usize)> = self
            .automaton
            .find_overlapping_iter(text)
            .filter(|hit| words::is_whole(text, hit.start(), hit.end()))
            .map(|hit| (hit.start(), hit.end(), hit.pattern().as_usize()))
            .collect();
        matches.sort_unstable_by_key(|&(start, end, _)| (start, std::cmp::Reverse(end)));
        let mut done = 0;
        for (start, end, term) in matches {
            if start >= done {
                found.insert(term);
                done = end;
            }
        }
        found
    }
}
