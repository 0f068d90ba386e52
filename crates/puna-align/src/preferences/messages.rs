//! Fields, messages and prompts as the public preference sets write them (paper Table 6).

use super::collect::{Candidate, Fault};
use super::format::Object;
use super::hh;
use super::policy::ProblemKind;
use puna_text::chat::{Message, Role};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The names under which a prompt may stand.
pub(super) const PROMPTS: &[&str] = &["prompt", "question", "instruction"];

/// A field that is missing or wrong.
pub(super) fn missing(field: impl Into<String>, what: impl Into<String>) -> Fault {
    Fault::new(ProblemKind::MissingField, field, what)
}

/// A field that must be there.
pub(super) fn need<'a>(record: &'a Object, key: &str, field: &str) -> Result<&'a Value, Fault> {
    (record.get(key)).ok_or_else(|| missing(field, "it is missing"))
}

/// A text that must be there.
pub(super) fn text<'a>(record: &'a Object, key: &str, field: &str) -> Result<&'a str, Fault> {
    (need(record, key, field)?.as_str()).ok_or_else(|| missing(field, "it is not a string"))
}

/// A field that may be absent or null.
pub(super) fn optional<T: DeserializeOwned>(
    record: &Object,
    key: &str,
) -> Result<Option<T>, Fault> {
    match record.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match T::deserialize(value) {
            Ok(value) => Ok(Some(value)),
            Err(e) => Err(missing(key, e.to_string())),
        },
    }
}

/// A list that must be there.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> Result<&'a [Value], Fault> {
    match value.as_array() {
        Some(list) => Ok(list),
        None => Err(missing(field, "it is not a list")),
    }
}

/// A list of messages: `role` and `content`, or `from` and `value`.
pub(super) fn messages(value: &Value, field: &str) -> Result<Vec<Message>, Fault> {
    let read = |(i, value): (usize, &Value)| {
        let at = format!("{field}[{i}]");
        let Some(object) = value.as_object() else {
            return Err(missing(at, "it is not an object"));
        };
        let (role, content) = match object.contains_key("from") {
            true => ("from", "value"),
            false => ("role", "content"),
        };
        let named = format!("{at}.{role}");
        let role = match text(object, role, &named)? {
            "system" => Role::System,
            "user" | "human" | "prompter" => Role::User,
            "assistant" | "gpt" => Role::Assistant,
            other => {
                let what = format!("{other:?} is none of system, user and assistant");
                return Err(missing(named, what));
            }
        };
        let content = text(object, content, &format!("{at}.{content}"))?;
        Ok(Message::new(role, content))
    };
    list(value, field)?.iter().enumerate().map(read).collect()
}

/// The prompt of a record, if it has one: a text, a transcript in HH-RLHF's form, or a list of messages;
/// before it the record's `system`, after it its `input`, where they are not empty.
pub(super) fn prompt(record: &Object) -> Result<Option<Vec<Message>>, Fault> {
    let Some(&name) = PROMPTS.iter().find(|name| record.contains_key(**name)) else {
        return Ok(None);
    };
    let value = need(record, name, name)?;
    let mut dialogue = match value {
        Value::String(text) if hh::is_transcript(text) => hh::prompt(text, name)?,
        Value::String(text) => {
            let input = optional::<String>(record, "input")?.unwrap_or_default();
            let text = match input.trim().is_empty() {
                true => text.clone(),
                false => format!("{text}\n\n{input}"),
            };
            vec![Message::new(Role::User, text)]
        }
        Value::Array(_) => messages(value, name)?,
        _ => {
            return Err(missing(
                name,
                "it is neither a string nor a list of messages",
            ));
        }
    };
    let system = optional::<String>(record, "system")?.unwrap_or_default();
    if !system.trim().is_empty() && dialogue.first().is_none_or(|m| m.role != Role::System) {
        dialogue.insert(0, Message::new(Role::System, system));
    }
    Ok(Some(dialogue))
}

/// A comparison of two dialogues that are the same but for their last answers. `fields` name them.
pub(super) fn compare(
    mut chosen: Vec<Message>,
    mut rejected: Vec<Message>,
    fields: [&str; 2],
) -> Result<Candidate, Fault> {
    let last = |dialogue: &mut Vec<Message>, field| match dialogue.pop() {
        Some(message) if message.role == Role::Assistant => Ok(message.content),
        _ => {
            let what = "it does not end with an answer";
            Err(Fault::new(ProblemKind::Turns, field, what))
        }
    };
    let answers = [
        last(&mut chosen, fields[0])?,
        last(&mut rejected, fields[1])?,
    ];
    if chosen != rejected {
        let same = (chosen.iter().zip(&rejected))
            .take_while(|(a, b)| a == b)
            .count();
        let what = format!(
            "it differs from {} in message {}, before the last answer",
            fields[0],
            same + 1
        );
        return Err(Fault::new(ProblemKind::Turns, fields[1], what));
    }
    let [chosen_answer, rejected_answer] = answers;
    Ok(Candidate {
        dialogue: chosen,
        chosen: chosen_answer,
        rejected: rejected_answer,
        ..Candidate::default()
    })
}
