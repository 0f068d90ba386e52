//! What a toxicity filter would remove, and from whom (paper sections 2.1 and 4.1: filtering
//! erases demographic groups, so Llama 2 was trained without it).

use serde::{Deserialize, Serialize};

use super::counts::English;
use super::exposure::{Exposure, THRESHOLDS};
use super::pronouns::PronounSet;
use super::tables::{round, short};
use super::terms::Axis;

/// With fewer documents than this, lost or expected, a difference is not called one.
const FEW: f64 = 5.0;

/// Terms shown for each axis.
const TERMS_PER_AXIS: usize = 5;

/// What filters at several thresholds would remove from kept English documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// The thresholds: a filter removes documents that score at least as much.
    pub thresholds: Vec<f64>,
    /// All scored English documents: what every group is compared with.
    pub all: Group,
    /// Groups: pronouns, axes, and the most frequent unambiguous terms of each axis.
    pub groups: Vec<Group>,
}

/// Documents that mention a group, and what they would lose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// What the documents have in common.
    pub name: String,
    /// What kind of group it is.
    pub kind: GroupKind,
    /// Its axis, of an axis or a term.
    pub axis: Option<Axis>,
    /// Scored documents.
    pub documents: u64,
    /// What each threshold would remove.
    pub lost: Vec<Loss>,
}

/// What a group of documents has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// Nothing: all documents.
    All,
    /// A pronoun of a set.
    Pronoun,
    /// Any unambiguous term of an axis.
    Axis,
    /// One term.
    Term,
}

/// What one threshold would remove of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// The threshold.
    pub threshold: f64,
    /// Documents.
    pub documents: u64,
    /// Share of the group's documents.
    #[serde(flatten)]
    pub share: Share,
    /// That share over the share of all documents: 2 means the group loses twice as much.
    /// Absent where the filter removes nothing at all.
    pub ratio: Option<f64>,
    /// Whether the difference to all documents is beyond chance: the interval excludes their
    /// share, and at least five documents were lost or to be expected.
    pub differs: bool,
}

/// A share and where it may truly lie, given how few documents it was counted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share.
    pub share: f64,
    /// Lower end of the 95 % interval (Wilson).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// The share of `part` in `whole`; of nothing, anything is possible.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self {
                share: 0.0,
                low: 0.0,
                high: 1.0,
            };
        }
        const Z: f64 = 1.959_964;
        let n = whole as f64;
        let p = part as f64 / n;
        let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Self {
            share: short(p),
            low: if part == 0 { 0.0 } else { short(centre - half) },
            high: if part == whole {
                1.0
            } else {
                short(centre + half)
            },
        }
    }
}

impl Filter {
    /// The table; `None` if no document has a score.
    pub(super) fn new(english: &English) -> Option<Self> {
        if english.all.scored == 0 {
            return None;
        }
        let group = |name: &str, kind, axis, exposure: &Exposure| {
            Group::new(name, kind, axis, exposure, &english.all)
        };
        let mut groups = Vec::new();
        for (set, exposure) in &english.pronouns {
            if !matches!(set, PronounSet::AnyGender | PronounSet::AnyPerson) {
                groups.push(group(set.label(), GroupKind::Pronoun, None, exposure));
            }
        }
        for (&axis, exposure) in &english.axes {
            groups.push(group(axis.label(), GroupKind::Axis, Some(axis), exposure));
            let mut terms: Vec<_> = english
                .terms
                .iter()
                .filter(|count| count.term.axis == axis && !count.term.ambiguous)
                .filter(|count| count.exposure.scored > 0)
                .collect();
            terms.sort_by(|a, b| {
                let by_documents = b.exposure.scored.cmp(&a.exposure.scored);
                by_documents.then_with(|| a.term.cmp(&b.term))
            });
            for count in terms.iter().take(TERMS_PER_AXIS) {
                let name = &count.term.term;
                groups.push(group(name, GroupKind::Term, Some(axis), &count.exposure));
            }
        }
        groups.retain(|group| group.documents > 0);
        Some(Self {
            thresholds: THRESHOLDS.map(round).to_vec(),
            all: group("All documents", GroupKind::All, None, &english.all),
            groups,
        })
    }
}

impl Group {
    fn new(
        name: &str,
        kind: GroupKind,
        axis: Option<Axis>,
        exposure: &Exposure,
        all: &Exposure,
    ) -> Self {
        let loss = |(threshold, (documents, of_all))| {
            let lost = Share::of(documents, exposure.scored);
            let scored = exposure.scored.max(1) as f64;
            let overall = of_all as f64 / all.scored.max(1) as f64;
            let expected = overall * scored;
            Loss {
                threshold: round(threshold),
                documents,
                share: lost,
                ratio: (of_all > 0).then(|| short(documents as f64 / scored / overall)),
                differs: expected.max(documents as f64) >= FEW
                    && (lost.low > overall || lost.high < overall),
            }
        };
        let counts = exposure.at_or_over.into_iter().zip(all.at_or_over);
        Self {
            name: name.to_owned(),
            kind,
            axis,
            documents: exposure.scored,
            lost: THRESHOLDS.into_iter().zip(counts).map(loss).collect(),
        }
    }
}
