//! OpenAssistant's conversation trees: people ranked the assistant's replies to a message, and of every two
//! ranked replies the one of better rank is chosen (paper section 3.2.1; the ranks are from 0, the best).

use super::collect::{Candidate, Collector, Fault};
use super::format::Object;
use super::messages::{missing, optional, text};
use super::policy::ProblemKind;
use super::scored::MOST_ANSWERS;
use crate::error::Result;
use puna_text::chat::{Message, Role};
use serde_json::Value;
use std::collections::BTreeMap;

/// More turns above a reply than this are taken for a circle of parents.
const MOST_TURNS: usize = 1_000;

/// A message of a tree or of a flat file.
struct Node {
    line: usize,
    /// For messages about it.
    field: String,
    parent: Option<usize>,
    message: Message,
    rank: Option<u64>,
    deleted: bool,
    model: Option<String>,
}

/// The messages of one tree, or of a whole flat file.
#[derive(Default)]
pub(super) struct Messages {
    nodes: Vec<Node>,
    /// Of flat files: a message's place by its id.
    ids: BTreeMap<String, usize>,
    /// Of flat files: the parent's id, where there is one.
    parents: Vec<Option<String>>,
}

/// A record that holds a whole tree: under `prompt`, or the record itself.
pub(super) fn tree(record: &Object, to: &mut Collector<'_>) -> Result<()> {
    let mut messages = Messages::default();
    let mut pending: Vec<(&Value, String, Option<usize>)> = Vec::new();
    match record.get("prompt") {
        Some(root) => pending.push((root, "prompt".into(), None)),
        None => match node(record, "record", to.line, None) {
            Ok(root) => {
                messages.nodes.push(root);
                replies(record, "", 0, &mut pending, to)?;
            }
            Err(fault) => return to.fault(fault),
        },
    }
    while let Some((value, field, parent)) = pending.pop() {
        let read = (value.as_object())
            .ok_or_else(|| missing(&*field, "it is not an object"))
            .and_then(|object| Ok((object, node(object, &field, to.line, parent)?)));
        match read {
            Ok((object, node)) => {
                messages.nodes.push(node);
                replies(object, &field, messages.nodes.len() - 1, &mut pending, to)?;
            }
            Err(fault) => to.fault(fault)?,
        }
    }
    messages.compare(to)
}

/// Puts a message's replies where the next to read are.
fn replies<'a>(
    object: &'a Object,
    field: &str,
    parent: usize,
    pending: &mut Vec<(&'a Value, String, Option<usize>)>,
    to: &mut Collector<'_>,
) -> Result<()> {
    let dot = if field.is_empty() { "" } else { "." };
    match object.get("replies") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(list)) => {
            // Taken from the end: the first reply comes first.
            for (i, reply) in list.iter().enumerate().rev() {
                pending.push((reply, format!("{field}{dot}replies[{i}]"), Some(parent)));
            }
            Ok(())
        }
        Some(_) => to.fault(missing(format!("{field}{dot}replies"), "it is not a list")),
    }
}

fn node(object: &Object, field: &str, line: usize, parent: Option<usize>) -> Result<Node, Fault> {
    let at = |key: &str| match field {
        "record" => key.to_owned(),
        field => format!("{field}.{key}"),
    };
    let role = match text(object, "role", &at("role"))? {
        "prompter" | "user" => Role::User,
        "assistant" => Role::Assistant,
        other => {
            let what = format!("{other:?} is neither prompter nor assistant");
            return Err(missing(at("role"), what));
        }
    };
    Ok(Node {
        line,
        field: field.to_owned(),
        parent,
        message: Message::new(role, text(object, "text", &at("text"))?),
        rank: optional(object, "rank")?,
        deleted: optional(object, "deleted")?.unwrap_or(false),
        model: optional(object, "model_name")?,
    })
}

impl Messages {
    /// Takes up a record that is one message of a flat file.
    pub fn add(&mut self, record: &Object, to: &mut Collector<'_>) -> Result<()> {
        let names = match record.contains_key("parent_message_id") {
            // The seed data of OpenAssistant's backend.
            true => ("user_message_id", "parent_message_id"),
            false => ("message_id", "parent_id"),
        };
        let read = text(record, names.0, names.0).and_then(|id| {
            let node = node(record, "record", to.line, None)?;
            Ok((id.to_owned(), optional::<String>(record, names.1)?, node))
        });
        let (id, parent, node) = match read {
            Ok(read) => read,
            Err(fault) => return to.fault(fault),
        };
        if self.ids.contains_key(&id) {
            let what = format!("{id:?} is the id of an earlier message too");
            return to.fault(missing(names.0, what));
        }
        self.ids.insert(id, self.nodes.len());
        self.nodes.push(node);
        self.parents.push(parent);
        Ok(())
    }

    /// After the last record of a flat file: joins the messages by their parents, and compares.
    pub fn end(mut self, to: &mut Collector<'_>) -> Result<()> {
        for (i, parent) in std::mem::take(&mut self.parents).into_iter().enumerate() {
            let Some(id) = parent else { continue };
            match self.ids.get(&id) {
                Some(&parent) => self.nodes[i].parent = Some(parent),
                None => {
                    to.line = self.nodes[i].line;
                    let what = format!("no message has the id {id:?}");
                    to.fault(missing("parent_id", what))?;
                }
            }
        }
        self.compare(to)
    }

    /// Every two ranked replies of the assistant to one message.
    fn compare(&self, to: &mut Collector<'_>) -> Result<()> {
        let mut siblings: BTreeMap<usize, Vec<&Node>> = BTreeMap::new();
        for node in &self.nodes {
            if node.deleted {
                to.line = node.line;
                let what = "the message is marked as deleted";
                to.fault(Fault::new(ProblemKind::Deleted, node.field.as_str(), what))?;
                continue;
            }
            if let (Role::Assistant, Some(_), Some(parent)) =
                (node.message.role, node.rank, node.parent)
            {
                siblings.entry(parent).or_default().push(node);
            }
        }
        for (parent, replies) in siblings {
            if replies.len() < 2 {
                continue;
            }
            to.line = replies[0].line;
            if replies.len() > MOST_ANSWERS {
                let what = format!("there are more than {MOST_ANSWERS} replies to one message");
                to.fault(missing("replies", what))?;
                continue;
            }
            let dialogue = match self.dialogue(parent) {
                Ok(dialogue) => dialogue,
                Err(fault) => {
                    to.fault(fault)?;
                    continue;
                }
            };
            for (i, a) in replies.iter().enumerate() {
                for b in &replies[i + 1..] {
                    to.line = b.line;
                    to.take(better(&dialogue, a, b))?;
                }
            }
        }
        Ok(())
    }

    /// The messages from the root to this one.
    fn dialogue(&self, last: usize) -> Result<Vec<Message>, Fault> {
        let mut dialogue = Vec::new();
        let mut next = Some(last);
        while let Some(node) = next.map(|i| &self.nodes[i]) {
            if node.deleted {
                let what = "a message before the replies is marked as deleted";
                return Err(Fault::new(ProblemKind::Deleted, node.field.as_str(), what));
            }
            if dialogue.len() == MOST_TURNS {
                let what = format!("more than {MOST_TURNS} messages stand before the replies");
                return Err(Fault::new(ProblemKind::Turns, node.field.as_str(), what));
            }
            dialogue.push(node.message.clone());
            next = node.parent;
        }
        dialogue.reverse();
        Ok(dialogue)
    }
}

fn better(dialogue: &[Message], a: &Node, b: &Node) -> Result<Candidate, Fault> {
    let (chosen, rejected) = match a.rank.cmp(&b.rank) {
        std::cmp::Ordering::Less => (a, b),
        std::cmp::Ordering::Greater => (b, a),
        std::cmp::Ordering::Equal => {
            let what = format!("its rank is that of {}", a.field);
            return Err(Fault::new(ProblemKind::Tie, b.field.as_str(), what));
        }
    };
    Ok(Candidate {
        dialogue: dialogue.to_vec(),
        chosen: chosen.message.content.clone(),
        rejected: rejected.message.content.clone(),
        models: (chosen.model.clone().zip(rejected.model.clone())).map(|(c, r)| [c, r]),
        ..Candidate::default()
    })
}
