//! Reading dialogues for fine-tuning: JSON lines in the three shapes that public data have.
//!
//! - `{"messages": [{"role": "user", "content": ..}, {"role": "assistant", "content": ..}, ..]}`
//! - `{"prompt": .., "completion": ..}`
//! - `{"instruction": .., "input": .., "output": ..}`, where `input` may be missing or empty
//!
//! With `"loss": "last_answer"` only the last answer is trained on, and an assistant's message with
//! `"weight": 0` is read and not trained on. Other fields are allowed beside these, and not read.

use crate::error::{Error, Result};
use crate::tokens::open_text;
use puna_text::chat::{Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Which answers of a dialogue count in the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossOn {
    /// All of them.
    #[default]
    AllAnswers,
    /// The last alone: what Ghost Attention needs (paper section 3.3), whose earlier answers follow
    /// an instruction that is no longer before them.
    LastAnswer,
}

/// A dialogue and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialogue {
    /// The messages; the last one is an answer.
    pub messages: Vec<Message>,
    /// Which answers count in the loss.
    pub loss: LossOn,
    /// Of these, the messages by index that do not.
    pub without_loss: BTreeSet<usize>,
    /// File and line, for messages about it; line 0 is none.
    pub origin: (PathBuf, usize),
}

impl Dialogue {
    /// A dialogue that stands in no file.
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            messages,
            loss: LossOn::default(),
            without_loss: BTreeSet::new(),
            origin: (PathBuf::from("dialogue"), 0),
        }
    }

    /// Whether the loss counts on the message of this index, if it is an answer.
    pub(crate) fn learns(&self, index: usize) -> bool {
        let chosen = match self.loss {
            LossOn::AllAnswers => true,
            LossOn::LastAnswer => index + 1 == self.messages.len(),
        };
        chosen && !self.without_loss.contains(&index)
    }

    pub(crate) fn error(&self, field: impl Into<String>, what: impl Into<String>) -> Error {
        let (path, line) = self.origin.clone();
        Error::Record {
            path,
            line,
            field: field.into(),
            what: what.into(),
        }
    }
}

/// Reads a file of dialogues, compressed or not (`.jsonl`, `.jsonl.zst`).
pub fn read_dialogues(path: &Path) -> Result<Vec<Dialogue>> {
    let mut reader = open_text(path)?;
    let mut dialogues = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if reader
            .read_until(b'\n', &mut bytes)
            .map_err(Error::io("read", path))?
            == 0
        {
            break;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let mut dialogue = Dialogue {
            origin: (path.to_path_buf(), line),
            ..Dialogue::new(Vec::new())
        };
        let record: Value = serde_json::from_slice(&bytes)
            .map_err(|e| dialogue.error("record", format!("not JSON: {e}")))?;
        dialogue.messages = messages(&dialogue, &record)?;
        dialogue.without_loss = without_loss(&dialogue, &record)?;
        if let Some(value) = record.get("loss") {
            dialogue.loss = LossOn::deserialize(value).map_err(|_| {
                let what = format!("{value} is neither \"all_answers\" nor \"last_answer\"");
                dialogue.error("loss", what)
            })?;
        }
        dialogues.push(dialogue);
    }
    Ok(dialogues)
}

fn messages(at: &Dialogue, record: &Value) -> Result<Vec<Message>> {
    let Some(record) = record.as_object() else {
        return Err(at.error("record", "it is not an object"));
    };
    let pair = |user: String, answer: String| {
        vec![
            Message {
                role: Role::User,
                content: user,
            },
            Message {
                role: Role::Assistant,
                content: answer,
            },
        ]
    };
    if let Some(list) = record.get("messages") {
        let Some(list) = list.as_array() else {
            return Err(at.error("messages", "it is not a list"));
        };
        list.iter()
            .enumerate()
            .map(|(i, m)| message(at, &format!("messages[{i}]"), m))
            .collect()
    } else if record.contains_key("prompt") {
        Ok(pair(
            text(at, record, "prompt", "prompt")?,
            text(at, record, "completion", "completion")?,
        ))
    } else if record.contains_key("instruction") {
        let mut user = text(at, record, "instruction", "instruction")?;
        if record.contains_key("input") {
            let input = text(at, record, "input", "input")?;
            if !input.trim().is_empty() {
                user = format!("{user}\n\n{input}");
            }
        }
        Ok(pair(user, text(at, record, "output", "output")?))
    } else {
        let what =
            "it has none of the fields messages, prompt and instruction, one of which is needed";
        Err(at.error("record", what))
    }
}

/// The answers of weight 0; what stands beside other messages is not read.
fn without_loss(at: &Dialogue, record: &Value) -> Result<BTreeSet<usize>> {
    let mut without = BTreeSet::new();
    let list = record.get("messages").and_then(Value::as_array);
    let answers = list
        .into_iter()
        .flatten()
        .zip(&at.messages)
        .enumerate()
        .filter(|(_, (_, message))| message.role == Role::Assistant);
    for (i, (answer, _)) in answers {
        match answer.get("weight") {
            None | Some(Value::Null) => {}
            Some(weight) if weight.as_f64() == Some(1.0) => {}
            Some(weight) if weight.as_f64() == Some(0.0) => {
                without.insert(i);
            }
            Some(weight) => {
                let what = format!("{weight} is neither 0 nor 1");
                return Err(at.error(format!("messages[{i}].weight"), what));
            }
        }
    }
    Ok(without)
}

fn message(at: &Dialogue, field: &str, value: &Value) -> Result<Message> {
    let Some(value) = value.as_object() else {
        return Err(at.error(field, "it is not an object"));
    };
    let role = match text(at, value, "role", &format!("{field}.role"))?.as_str() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => {
            let what = format!("{other:?} is none of system, user and assistant");
            return Err(at.error(format!("{field}.role"), what));
        }
    };
    Ok(Message {
        role,
        content: text(at, value, "content", &format!("{field}.content"))?,
    })
}

fn text(at: &Dialogue, record: &Map<String, Value>, key: &str, field: &str) -> Result<String> {
    match record.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(at.error(field, "it is not a string")),
        None => Err(at.error(field, "it is missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Vec<Dialogue>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.jsonl");
        std::fs::write(&path, lines).unwrap();
        read_dialogues(&path)
    }

    #[test]
    fn three_shapes() {
        let lines = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"id":1}

{"prompt":"u","completion":"a"}
{"instruction":"u","input":"","output":"a"}
{"instruction":"u","input":"i","output":"a","loss":"last_answer"}
{"messages":[{"role":"user","content":"u","weight":0.5},{"role":"assistant","content":"a","weight":0},{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":1},{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":null}]}
"#;
        let dialogues = read(lines).unwrap();
        let texts = |i: usize| -> Vec<&str> {
            dialogues[i]
                .messages
                .iter()
                .map(|m| m.content.as_str())
                .collect()
        };
        assert_eq!(texts(0), ["s", "u", "a"]);
        assert_eq!(texts(1), ["u", "a"]);
        assert_eq!(texts(2), ["u", "a"]);
        assert_eq!(texts(3), ["u\n\ni", "a"]);
        assert_eq!(dialogues[3].origin.1, 5);
        assert_eq!(dialogues[2].loss, LossOn::AllAnswers);
        assert_eq!(dialogues[3].loss, LossOn::LastAnswer);
        assert!(dialogues[0].without_loss.is_empty());
        assert_eq!(dialogues[4].without_loss, BTreeSet::from([1]));
    }

    #[test]
    fn errors_name_the_line_and_the_field() {
        for (line, expected) in [
            (r#"{"prompt":"u"}"#, "line 1, completion: it is missing"),
            (
                r#"{"prompt":3,"completion":""}"#,
                "line 1, prompt: it is not a string",
            ),
            (
                r#"{"messages":[{"role":"bot","content":""}]}"#,
                "line 1, messages[0].role: \"bot\"",
            ),
            (
                r#"{"messages":[{"role":"user"}]}"#,
                "line 1, messages[0].content: it is missing",
            ),
            (
                r#"{"messages":[{"role":"user","content":""},{"role":"assistant","content":"","weight":2}]}"#,
                "line 1, messages[1].weight: 2 is neither",
            ),
            (r#"{"messages":{}}"#, "line 1, messages: it is not a list"),
            (r#"{"text":"u"}"#, "line 1, record: it has none"),
            (
                r#"{"prompt":"u","completion":"a","loss":"none"}"#,
                "line 1, loss: \"none\" is neither",
            ),
            ("[1]", "line 1, record: it is not an object"),
            ("\n{", "line 2, record: not JSON"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
