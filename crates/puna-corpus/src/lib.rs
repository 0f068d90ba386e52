//! From crawled pages to a corpus one can answer for (paper sections 2.1 and 4.1, A.4.3 and A.6).

mod error;
mod page;

pub use error::{Error, Result};
pub use page::{Body, Damage, Page};
