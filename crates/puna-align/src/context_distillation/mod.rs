//! Context distillation for safety (paper section 4.2.4): answers given with a preprompt
//! that asks for care, trained on without it, where they are the safer ones.

mod distill;
mod preprompt;

pub use distill::{
    DECISIONS_FILE, Decision, DistillJob, DistillSettings, Distilled, ScoredAnswer, Verdict,
    distill, read_decisions,
};
pub use preprompt::{Preprompt, PrepromptKind, Preprompts, TemplateChoice};
