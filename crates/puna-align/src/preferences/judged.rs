//! LLMBar's form: an instruction, two outputs, and which of them people found to follow it better (used as a
//! reward model's test beside those of the paper's Table 7).

use super::collect::{Candidate, Fault};
use super::format::Object;
use super::messages::{missing, need, text};
use puna_text::chat::{Message, Role};

/// A record: `input`, `output_1`, `output_2`, and `label`, the better one's number.
pub(super) fn read(record: &Object) -> Result<Candidate, Fault> {
    let input = text(record, "input", "input")?;
    let (chosen, rejected) = match need(record, "label", "label")?.as_u64() {
        Some(1) => ("output_1", "output_2"),
        Some(2) => ("output_2", "output_1"),
        _ => return Err(missing("label", "it is neither 1 nor 2")),
    };
    Ok(Candidate {
        dialogue: vec![Message::new(Role::User, input)],
        chosen: text(record, chosen, chosen)?.to_owned(),
        rejected: text(record, rejected, rejected)?.to_owned(),
        ..Candidate::default()
    })
}
