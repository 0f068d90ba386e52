//! DPO's form of preferences (the baseline beside the paper's section 3.2): a prompt, a chosen and a rejected
//! answer, each a text or a list of messages.

use super::collect::{Candidate, Fault};
use super::format::Object;
use super::messages::{compare, messages, missing, need, prompt};
use super::policy::ProblemKind;
use puna_text::chat::{Message, Role};
use serde_json::Value;

/// A record. Where the answers are lists, the prompt may stand in them, beside them, or both.
pub(super) fn read(record: &Object) -> Result<Candidate, Fault> {
    let prompt = prompt(record)?;
    let side = |key| answered(record, key, prompt.as_deref());
    compare(side("chosen")?, side("rejected")?, ["chosen", "rejected"])
}

/// The whole dialogue with this answer.
fn answered(record: &Object, key: &str, prompt: Option<&[Message]>) -> Result<Vec<Message>, Fault> {
    match need(record, key, key)? {
        Value::String(answer) => {
            let Some(prompt) = prompt else {
                return Err(missing(
                    "prompt",
                    "it is missing beside an answer that is a text",
                ));
            };
            let mut dialogue = prompt.to_vec();
            dialogue.push(Message::new(Role::Assistant, answer.as_str()));
            Ok(dialogue)
        }
        value @ Value::Array(_) => {
            let answer = messages(value, key)?;
            let Some(prompt) = prompt else {
                return Ok(answer);
            };
            // All but a system message, which may stand on one side only.
            let said = |dialogue: &[Message]| {
                let skip = usize::from(dialogue.first().is_some_and(|m| m.role == Role::System));
                dialogue[skip..].to_vec()
            };
            let spoken = said(prompt);
            if answer.len() <= 1 {
                return Ok([prompt.to_vec(), answer].concat());
            }
            if !said(&answer).starts_with(&spoken) {
                let what = "its first messages are not those of the prompt";
                return Err(Fault::new(ProblemKind::Turns, key, what));
            }
            let system = |dialogue: &[Message]| {
                (dialogue.first().filter(|m| m.role == Role::System)).cloned()
            };
            let system = system(&answer).or_else(|| system(prompt));
            Ok(system.into_iter().chain(said(&answer)).collect())
        }
        _ => Err(missing(
            key,
            "it is neither a string nor a list of messages",
        )),
    }
}
