//! Counts by name in bounded memory, the same whatever the order they arrive in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts that add up; addition must be associative and commutative.
pub(super) trait Add: Default + Clone {
    /// Adds `other`.
    fn add(&mut self, other: &Self);
}

impl Add for u64 {
    fn add(&mut self, other: &Self) {
        *self += other;
    }
}

/// Longest name kept, in bytes; a longer one is cut.
const NAME: usize = 200;

/// Counts by name for at most `LIMIT` names: the first by alphabet. The rest go to `others`.
///
/// A name that is dropped has `LIMIT` smaller ones before it, so it is in no merged result
/// either, and one that stays was never dropped anywhere: every count is exact and independent
/// of order, which a top list by count could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "V: Deserialize<'de> + Default"))]
pub(super) struct Bounded<V, const LIMIT: usize> {
    names: BTreeMap<String, V>,
    others: Option<V>,
}

impl<V, const LIMIT: usize> Default for Bounded<V, LIMIT> {
    fn default() -> Self {
        Self {
            names: BTreeMap::new(),
            others: None,
        }
    }
}

impl<V: Add, const LIMIT: usize> Bounded<V, LIMIT> {
    /// Adds `value` to the counts of `name`.
    pub(super) fn add(&mut self, name: &str, value: &V) {
        let name = shorten(name);
        if let Some(counts) = self.names.get_mut(name) {
            counts.add(value);
            return;
        }
        self.names.insert(name.to_owned(), value.clone());
        if self.names.len() > LIMIT
            && let Some((_, dropped)) = self.names.pop_last()
        {
            self.others.get_or_insert_default().add(&dropped);
        }
    }

    /// Adds all counts of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        for (name, value) in &other.names {
            self.add(name, value);
        }
        if let Some(value) = &other.others {
            self.others.get_or_insert_default().add(value);
        }
    }

    /// Names and counts, by alphabet.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.names
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Counts of the names past the limit, where there are any.
    pub(super) fn others(&self) -> Option<&V> {
        self.others.as_ref()
    }
}

/// The name, cut at a character near [`NAME`] bytes.
pub(super) fn shorten(name: &str) -> &str {
    let end = (0..=NAME.min(name.len())).rfind(|&end| name.is_char_boundary(end));
    &name[..end.unwrap_or(0)]
}
