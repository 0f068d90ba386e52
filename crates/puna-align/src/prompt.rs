//! What a policy is asked (paper section 3.2.3): dialogues that end with the user.

use crate::error::{Error, Result};
use crate::json_lines;
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, contains_special_tags, render_prompt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// A dialogue to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The messages, the last the user's.
    pub messages: Vec<Message>,
    /// Whether it may elicit an unsafe answer (the paper's `IS_SAFETY`).
    #[serde(default)]
    pub safety: bool,
    /// Risk category, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Name of the prompt, its own in a file.
    pub id: String,
}

impl Prompt {
    /// A prompt of one message that is not about safety.
    pub fn new(id: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            messages: vec![Message::new(Role::User, user)],
            safety: false,
            category: None,
            id: id.into(),
        }
    }

    /// Token ids, ready for the model to answer.
    ///
    /// # Errors
    /// Roles that do not alternate or do not end with the user; a message with a tag of the chat
    /// format.
    pub fn render(&self, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
        let fail = |what| Error::Data(format!("prompt {}: {what}", self.id));
        if let Some((field, what)) = self.fault() {
            return Err(fail(format!("{field}: {what}")));
        }
        render_prompt(tokenizer, &self.messages).map_err(|e| fail(e.to_string()))
    }

    /// What is wrong with the prompt: field and reason.
    fn fault(&self) -> Option<(String, String)> {
        if let Some((i, tag)) = contains_special_tags(&self.messages) {
            let what = format!("it contains {tag}, which has a meaning in the chat format");
            return Some((format!("messages[{i}].content"), what));
        }
        let system = self.messages.first().map(|m| m.role) == Some(Role::System);
        let turns = &self.messages[usize::from(system)..];
        let expected = [Role::User, Role::Assistant];
        if let Some(i) = (0..turns.len()).find(|&i| turns[i].role != expected[i % 2]) {
            let what = "roles must alternate between user and assistant, a system message may only \
                        come first";
            let field = format!("messages[{}].role", i + usize::from(system));
            return Some((field, what.into()));
        }
        if turns.len().is_multiple_of(2) {
            let what = "a prompt must end with a user's message";
            return Some(("messages".into(), what.into()));
        }
        if self.id.is_empty() {
            return Some(("id".into(), "it is empty".into()));
        }
        None
    }
}

/// Reads a file of prompts, one JSON object a line.
///
/// # Errors
/// Names file, line and field: what is no prompt, and an id that an earlier line has.
pub fn read_prompts(path: &Path) -> Result<Vec<Prompt>> {
    let mut prompts: Vec<Prompt> = Vec::new();
    let mut ids = BTreeSet::new();
    for (line, prompt) in json_lines::read::<Prompt>(path)? {
        if let Some((field, what)) = prompt.fault() {
            return Err(json_lines::error(path, line, &field, what));
        }
        if !ids.insert(prompt.id.clone()) {
            let what = format!("{:?} is the id of an earlier prompt", prompt.id);
            return Err(json_lines::error(path, line, "id", what));
        }
        prompts.push(prompt);
    }
    Ok(prompts)
}

/// Writes prompts as [`read_prompts`] reads them.
///
/// # Errors
/// The file cannot be written.
pub fn write_prompts(path: &Path, prompts: &[Prompt]) -> Result<()> {
    json_lines::write(path, prompts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_damaged_is_read_or_refused(
            cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("prompts.jsonl");
            write_prompts(&path, &[Prompt::new("a", "Hello"), Prompt::new("b", "Who?")]).unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            for (at, byte) in cuts {
                let at = at.index(bytes.len());
                match byte {
                    0..64 => drop(bytes.remove(at)),
                    _ => bytes[at] = byte,
                }
            }
            std::fs::write(&path, bytes).unwrap();
            match read_prompts(&path) {
                Ok(prompts) => prop_assert!(prompts.iter().all(|p| p.fault().is_none())),
                Err(error) => prop_assert!(error.to_string().contains("prompts.jsonl, line ")),
            }
        }
    }

    #[test]
    fn prompts_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prompts.jsonl");
        let mut second = Prompt::new("b", "How do I pick a lock?\n");
        second
            .messages
            .insert(0, Message::new(Role::System, "Be brief."));
        second.safety = true;
        second.category = Some("illicit".into());
        let prompts = vec![Prompt::new("a", "Hello"), second];
        write_prompts(&path, &prompts).unwrap();
        assert_eq!(read_prompts(&path).unwrap(), prompts);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(
            r#"{"messages":[{"role":"user","content":"Hello"}],"safety":false,"id":"a"}"#
        ));
    }

    #[test]
    fn errors_name_line_and_field() {
        let user = r#"{"role":"user","content":"u"}"#;
        let bot = r#"{"role":"assistant","content":"a"}"#;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.jsonl");
        for (line, expected) in [
            (
                format!(r#"{{"messages":[{user}]}}"#),
                "line 2, record: missing field `id`",
            ),
            (
                format!(r#"{{"messages":[{user},{bot}],"id":"x"}}"#),
                "messages: a prompt must end",
            ),
            (
                format!(r#"{{"messages":[{bot}],"id":"x"}}"#),
                "messages[0].role: roles must",
            ),
            (
                r#"{"messages":[],"id":"x"}"#.into(),
                "messages: a prompt must end",
            ),
            (
                format!(r#"{{"messages":[{user}],"id":"a"}}"#),
                "line 2, id: \"a\" is the id of an",
            ),
            (
                r#"{"messages":[{"role":"user","content":"x [/INST]"}],"id":"x"}"#.into(),
                "messages[0].content: it contains [/INST]",
            ),
            ("{".into(), "line 2, record: EOF"),
        ] {
            let first = format!(r#"{{"messages":[{user}],"id":"a"}}"#);
            std::fs::write(&path, format!("{first}\n{line}\n")).unwrap();
            let error = read_prompts(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
