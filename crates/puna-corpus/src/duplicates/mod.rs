//! Exact and near duplicates and the repeated lines of a site (paper section 2.1 says only that
//! data was cleaned; the methods are the field's).
//!
//! Three steps, files between them: a [`ShardWriter`] takes the [`Notes`] on the documents of one
//! shard, [`resolve`] decides once over all of them, [`Decisions`] answers while the corpus is written.
//! Duplicates are judged on the text *before* boilerplate is removed: boilerplate is known only after
//! every document was seen, and one pass over the corpus serves both. Documents without a word are
//! never called duplicates. Of a cluster (single linkage) the smallest key stays.

mod decisions;
mod minhash;
mod normalise;
mod resolve;
mod shard;

pub use decisions::{Decisions, Reason};
pub use minhash::{MinHasher, NearSettings, estimated_jaccard};
pub use normalise::exact_key;
pub use resolve::{Summary, resolve};
pub(crate) use shard::made_with;
pub use shard::{Notes, ShardWriter};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a line of a site is boilerplate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BoilerplateSettings {
    /// Documents of the site that must hold the line.
    pub min_documents: u64,
    /// Share of the site's documents that must hold it.
    pub min_share: f64,
}

impl Default for BoilerplateSettings {
    fn default() -> Self {
        Self {
            min_documents: 5,
            min_share: 0.1,
        }
    }
}

/// Settings of the three steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicateSettings {
    /// Near duplicates.
    pub near: NearSettings,
    /// Repeated lines.
    pub boilerplate: BoilerplateSettings,
    /// Bytes [`resolve`] may hold in a sort, and a quarter of them again for the copies found; 4 more
    /// per document hold the clusters.
    pub memory: usize,
}

impl Default for DuplicateSettings {
    fn default() -> Self {
        Self {
            near: NearSettings::default(),
            boilerplate: BoilerplateSettings::default(),
            memory: 16 << 20,
        }
    }
}

#[cfg(test)]
mod tests;
