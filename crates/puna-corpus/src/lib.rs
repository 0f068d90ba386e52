//! From crawled pages to a corpus one can answer for (paper sections 2.1 and 4.1, A.4.3 and A.6).

mod calendar;
pub mod contamination;
pub mod documents;
pub mod duplicates;
mod error;
pub mod external_sort;
pub mod extract;
pub mod language;
pub mod ledger;
pub mod mixture;
mod page;
pub mod pii;
pub mod pipeline;
pub mod quality;
pub mod read;
pub mod report;
pub mod settings;
pub mod shard;
pub mod site;
pub mod toxicity;

pub use error::{Error, Result};
pub use page::{Body, Damage, Page};
