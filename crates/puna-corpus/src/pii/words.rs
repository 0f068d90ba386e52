//! Lists of words that are looked up often.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A list of words in lower case.
pub(super) type Words = LazyLock<HashSet<&'static str>>;

/// Makes a [`Words`] of a string, its words separated by commas.
macro_rules! words {
    ($list:literal) => {
        std::sync::LazyLock::new(|| $list.split(", ").collect())
    };
}
pub(super) use words;

/// Whether `list` holds `word`.
pub(super) fn has(list: &Words, word: &str) -> bool {
    list.contains(word)
}
