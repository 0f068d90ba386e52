//! HH-RLHF (paper Table 6: Anthropic Helpful and Harmless): two transcripts that share all but the last answer.

use super::collect::{Candidate, Fault};
use super::format::Object;
use super::messages::{compare, text};
use super::policy::ProblemKind;
use puna_text::chat::{Message, Role};
use serde_json::Value;

/// What opens a turn, and whose.
const MARKS: [(&str, Role); 2] = [
    ("\n\nHuman:", Role::User),
    ("\n\nAssistant:", Role::Assistant),
];

/// A record: `chosen` and `rejected`.
pub(super) fn read(record: &Object) -> Result<Candidate, Fault> {
    let side = |key| transcript(text(record, key, key)?, key);
    compare(side("chosen")?, side("rejected")?, ["chosen", "rejected"])
}

/// Whether a text begins as a transcript does.
pub(super) fn is_transcript(text: &str) -> bool {
    text.starts_with(MARKS[0].0)
}

/// Whether a value is meant as a transcript, well begun or not.
pub(super) fn looks_like_transcript(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.trim_start().starts_with(MARKS[0].0.trim_start())
}

/// The turns of a transcript, without the white space around each.
pub(super) fn transcript(text: &str, field: &str) -> Result<Vec<Message>, Fault> {
    if !is_transcript(text) {
        let what = "it does not begin with an empty line and \"Human:\", as transcripts do";
        return Err(Fault::new(ProblemKind::Turns, field, what));
    }
    let mut messages = Vec::new();
    let mut rest = text;
    while let Some((mark, role)) = MARKS.into_iter().find(|(mark, _)| rest.starts_with(mark)) {
        let said = &rest[mark.len()..];
        let end =
            (MARKS.iter().filter_map(|(mark, _)| said.find(mark)).min()).unwrap_or(said.len());
        messages.push(Message::new(role, said[..end].trim()));
        rest = &said[end..];
    }
    Ok(messages)
}

/// A transcript up to the answer that is asked for; a last, empty "Assistant:" may stand there.
pub(super) fn prompt(text: &str, field: &str) -> Result<Vec<Message>, Fault> {
    let mut messages = transcript(text, field)?;
    if (messages.last()).is_some_and(|m| m.role == Role::Assistant && m.content.is_empty()) {
        messages.pop();
    }
    Ok(messages)
}
