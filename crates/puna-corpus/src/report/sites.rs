//! The site ledger in a few numbers: sites by decision, and the largest of them by name.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounded::{Bounded, shorten};
use super::document::{Decision, SiteRow};

/// Sites shown by name in each list.
pub const TOP_SITES: usize = 20;

/// A site shown by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Registered domain.
    pub site: String,
    /// Its documents.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Pieces of personal information found.
    pub personal: u64,
    /// The same per thousand words.
    pub per_thousand_words: f64,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

/// Sites with the same decision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct SiteCounts {
    pub sites: u64,
    pub documents: u64,
    pub bytes: u64,
    pub personal: Bounded<u64, 64>,
}

/// What the report keeps of the ledger. Lists of disjoint ledgers merge exactly.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Sites {
    pub by_decision: BTreeMap<Decision, SiteCounts>,
    /// Most documents first.
    pub largest: Vec<Site>,
    /// Sites left out, most personal information first.
    pub left_out: Vec<Site>,
}

impl Sites {
    pub(super) fn add(&mut self, row: &SiteRow<'_>) {
        let counts = self.by_decision.entry(row.decision).or_default();
        counts.sites += 1;
        counts.documents += row.documents;
        counts.bytes += row.bytes;
        for (kind, count) in row.personal {
            counts.personal.add(kind, count);
        }
        let personal = row.personal.iter().map(|(_, count)| count).sum();
        let site = |row: &SiteRow<'_>| Site {
            site: shorten(row.site).to_owned(),
            documents: row.documents,
            bytes: row.bytes,
            personal,
            per_thousand_words: thousandths(row.per_thousand_words),
            decision: row.decision,
            reason: shorten(row.reason).to_owned(),
        };
        insert(&mut self.largest, site(row), by_documents);
        if !row.decision.keeps() {
            insert(&mut self.left_out, site(row), by_personal);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (decision, more) in &other.by_decision {
            let counts = self.by_decision.entry(*decision).or_default();
            counts.sites += more.sites;
            counts.documents += more.documents;
            counts.bytes += more.bytes;
            counts.personal.merge(&more.personal);
        }
        for site in &other.largest {
            insert(&mut self.largest, site.clone(), by_documents);
        }
        for site in &other.left_out {
            insert(&mut self.left_out, site.clone(), by_personal);
        }
    }
}

/// Three decimals, so that a tally read back from JSON is the same; zero for no number.
fn thousandths(value: f64) -> f64 {
    if value.is_finite() {
        (value * 1e3).round() / 1e3
    } else {
        0.0
    }
}

fn by_documents(a: &Site, b: &Site) -> Ordering {
    b.documents
        .cmp(&a.documents)
        .then_with(|| a.site.cmp(&b.site))
}

fn by_personal(a: &Site, b: &Site) -> Ordering {
    b.personal
        .cmp(&a.personal)
        .then_with(|| a.site.cmp(&b.site))
}

fn insert(list: &mut Vec<Site>, site: Site, order: fn(&Site, &Site) -> Ordering) {
    let place = list.partition_point(|known| order(known, &site) == Ordering::Less);
    if place < TOP_SITES {
        list.insert(place, site);
        list.truncate(TOP_SITES);
    }
}
