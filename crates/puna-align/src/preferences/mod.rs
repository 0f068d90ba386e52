//! Human preference data (paper section 3.2.1): the record, the readers of public data, and what is done
//! with records that cannot be used.

mod collect;
mod format;
mod hh;
mod judged;
mod messages;
mod oasst;
mod pairs;
mod policy;
mod puna;
mod qa_feedback;
mod read;
mod record;
mod safe_rlhf;
mod scored;

pub use collect::{Problem, Read};
pub use format::Format;
pub use policy::{Action, ProblemKind, ReadPolicy};
pub use puna::write_preferences;
pub use read::read_preferences;
pub use record::{Preference, SafetyLabel, Stream, Strength};
