//! The chat format of Llama 2-Chat with its exact ids (paper section 3.3 and the release's code).
//!
//! A system message is merged into the first user message. Each pair of a user's message and its answer
//! is encoded by itself, between BOS and EOS; the tags are ordinary text.

use serde::{Deserialize, Serialize};

use crate::{Error, Id, Result, Tokenizer};

/// Opens a user's message.
const BEGIN_USER: &str = "[INST]";
/// Closes a user's message.
const END_USER: &str = "[/INST]";
/// Opens the system text.
const BEGIN_SYSTEM: &str = "<<SYS>>";
/// Closes the system text.
const END_SYSTEM: &str = "<</SYS>>";

/// Text that has a meaning in the format, so that no message may contain it.
pub const SPECIAL_TAGS: [&str; 4] = [BEGIN_USER, END_USER, BEGIN_SYSTEM, END_SYSTEM];

/// The same text as a Jinja template, for `tokenizer_config.json`. With the tokenizer files that
/// [`Tokenizer::save`] writes, transformers' `apply_chat_template` gives the same ids.
pub const CHAT_TEMPLATE: &str = include_str!("chat_template.jinja");

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions for the whole dialogue; only as the first message.
    System,
    /// The human.
    User,
    /// The model.
    Assistant,
}

/// One message of a dialogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A message.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

/// A dialogue as training tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The tokens, each pair with its own BOS and EOS.
    pub ids: Vec<Id>,
    /// True on the tokens of answers, the space before EOS and EOS included; false on those of prompts.
    pub loss_mask: Vec<bool>,
}

impl Rendered {
    fn mask_up_to_here(&mut self, answer: bool) {
        self.loss_mask.resize(self.ids.len(), answer);
    }
}

/// Ids of a dialogue that ends with a user's message, ready for the model to answer.
///
/// # Errors
/// Roles that do not alternate, or do not end with the user.
pub fn render_prompt(tokenizer: &Tokenizer, dialogue: &[Message]) -> Result<Vec<Id>> {
    let turns = turns(dialogue)?;
    let mut ids = Vec::new();
    for turn in &turns {
        match turn.answer {
            Some(answer) => {
                pair(tokenizer, &turn.user, answer, &mut ids);
            }
            None => prompt(tokenizer, &turn.user, &mut ids),
        }
    }
    match turns.last() {
        Some(Turn { answer: None, .. }) => Ok(ids),
        _ => Err(order(
            dialogue.len(),
            "a prompt must end with a user's message, this one ends with an answer",
        )),
    }
}

/// Ids and loss mask of a dialogue that ends with an answer.
///
/// The ids before an answer are those that [`render_prompt`] gives for the messages before it, so the
/// model learns on exactly what it will see.
///
/// # Errors
/// Roles that do not alternate, or do not end with the assistant.
pub fn render_training(tokenizer: &Tokenizer, dialogue: &[Message]) -> Result<Rendered> {
    let mut rendered = Rendered::default();
    for turn in turns(dialogue)? {
        let Some(answer) = turn.answer else {
            return Err(order(
                dialogue.len(),
                "a training dialogue must end with an answer",
            ));
        };
        let answer_at = pair(tokenizer, &turn.user, answer, &mut rendered.ids);
        rendered.loss_mask.resize(answer_at, false);
        rendered.mask_up_to_here(true);
    }
    Ok(rendered)
}

/// The first message that contains one of [`SPECIAL_TAGS`], and the tag. Such text could pass for the
/// format's own structure; the check looks at every role.
pub fn contains_special_tags(dialogue: &[Message]) -> Option<(usize, &'static str)> {
    dialogue.iter().enumerate().find_map(|(index, message)| {
        SPECIAL_TAGS
            .into_iter()
            .find(|tag| message.content.contains(tag))
            .map(|tag| (index, tag))
    })
}

/// A user's message and, unless the dialogue ends there, its answer.
struct Turn<'a> {
    user: String,
    answer: Option<&'a str>,
}

fn order(index: usize, what: &str) -> Error {
    Error::Dialogue {
        index,
        what: what.into(),
    }
}

/// Checks the order of roles and merges the system message into the first user's message.
fn turns(dialogue: &[Message]) -> Result<Vec<Turn<'_>>> {
    let (system, rest, first) = match dialogue {
        [
            Message {
                role: Role::System,
                content,
            },
            rest @ ..,
        ] => (Some(content), rest, 1),
        all => (None, all, 0),
    };
    if rest.is_empty() {
        return Err(order(dialogue.len(), "the dialogue has no user's message"));
    }
    let mut turns: Vec<Turn<'_>> = Vec::with_capacity(rest.len().div_ceil(2));
    for (index, message) in rest.iter().enumerate() {
        match (message.role, index % 2) {
            (Role::User, 0) => {
                let user = match system.filter(|_| index == 0) {
                    Some(system) => {
                        format!(
                            "{BEGIN_SYSTEM}\n{system}\n{END_SYSTEM}\n\n{}",
                            message.content
                        )
                    }
                    None => message.content.clone(),
                };
                turns.push(Turn { user, answer: None });
            }
            (Role::Assistant, 1) => {
                if let Some(turn) = turns.last_mut() {
                    turn.answer = Some(&message.content);
                }
            }
            (Role::System, _) => {
                return Err(order(first + index, "a system message may only come first"));
            }
            (Role::User, _) => {
                return Err(order(
                    first + index,
                    "the user speaks twice; an answer must come between",
                ));
            }
            (Role::Assistant, _) => {
                return Err(order(
                    first + index,
                    "an answer without a user's message before it",
                ));
            }
        }
    }
    Ok(turns)
}

/// White space as the release's code strips it: with the four separators that Unicode does not count.
fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c))
}

fn prompt_text(user: &str) -> String {
    format!("{BEGIN_USER} {} {END_USER}", strip(user))
}

fn prompt(tokenizer: &Tokenizer, user: &str, ids: &mut Vec<Id>) {
    ids.push(tokenizer.bos());
    tokenizer.encode_into(&prompt_text(user), ids);
}

/// Appends a pair, encoded as one text, and gives the position of the answer's first token.
fn pair(tokenizer: &Tokenizer, user: &str, answer: &str, ids: &mut Vec<Id>) -> usize {
    let begin = ids.len();
    prompt(tokenizer, user, ids);
    let prompt = ids.split_off(begin);
    let tail = format!(" {} ", strip(answer));
    ids.push(tokenizer.bos());
    tokenizer.encode_into(&(prompt_text(user) + &tail), ids);
    if !ids[begin..].starts_with(&prompt) {
        // Only a vocabulary with a piece across "] " gets here. The prompt must read as it will when the
        // model is asked, so the answer is encoded as its continuation.
        ids.truncate(begin);
        ids.extend_from_slice(&prompt);
        tokenizer.encode_continuation_into(&tail, ids);
    }
    ids.push(tokenizer.eos());
    begin + prompt.len()
}
