//! A run: the stages of a plan, walked as a resumable state machine in one directory.

mod files;
mod lock;
mod machine;
mod manifest;
mod provenance;
mod recorded;
mod stages;
mod verify;

pub use machine::{Options, Outcome, run};
pub use manifest::{Manifest, Output, Status, VERSION};
pub use provenance::{Provenance, write_model};
pub use recorded::{OtherRecipe, recorded};
pub use stages::{Answer, Evaluation, HELD_OUT_SHARE};
pub use verify::{Finding, verify};
