//! Where every reader's comparisons pass (paper section 3.2.1): each is checked, and kept, skipped or
//! refused by the policy.

use super::format::Format;
use super::policy::{Action, ProblemKind, ReadPolicy};
use super::record::{Preference, SafetyLabel, Stream, Strength};
use crate::error::{Error, Result};
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, SPECIAL_TAGS, render_training};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A record that was skipped, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// The file.
    pub path: PathBuf,
    /// Line, from 1; in a file that is one JSON value, the record's number from 1.
    pub line: usize,
    /// The field, or "record".
    pub field: String,
    /// What is wrong and what is expected.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(
            f,
            "{path}, line {}, {}: {}",
            self.line, self.field, self.what
        )
    }
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// What the file was taken for.
    pub format: Format,
    /// How many records it holds; one record of several answers gives several comparisons.
    pub records: usize,
    /// The comparisons, in the file's order.
    pub preferences: Vec<Preference>,
    /// How many of them nobody graded; those without a level got [`ReadPolicy::ungraded`].
    pub ungraded: usize,
    /// What was skipped, in the file's order.
    pub problems: Vec<Problem>,
    /// How many problems of each kind there were; kinds without any are absent.
    pub counts: BTreeMap<ProblemKind, usize>,
}

impl Read {
    /// One line for people: what was read, and what was skipped.
    pub fn summary(&self) -> String {
        let mut line = format!(
            "{}: {} records, {} comparisons",
            self.format.name(),
            self.records,
            self.preferences.len()
        );
        if self.ungraded > 0 {
            line += &format!(" ({} ungraded)", self.ungraded);
        }
        for (i, (kind, count)) in self.counts.iter().enumerate() {
            line += if i == 0 { "; skipped " } else { ", " };
            line += &format!("{count} {}", kind.name());
        }
        line
    }

    /// Applies the policy for over-long dialogues to those that have more than `max` tokens with either
    /// answer, as a reward model reads them.
    ///
    /// # Errors
    /// A dialogue that cannot be rendered; an over-long one where the policy refuses those.
    pub fn limit_tokens(
        &mut self,
        tokenizer: &Tokenizer,
        max: usize,
        policy: &ReadPolicy,
    ) -> Result<()> {
        let mut kept = Vec::with_capacity(self.preferences.len());
        for preference in std::mem::take(&mut self.preferences) {
            let chosen = render_training(tokenizer, &preference.chosen_messages())?;
            let rejected = render_training(tokenizer, &preference.rejected_messages())?;
            let tokens = chosen.ids.len().max(rejected.ids.len());
            if tokens <= max {
                kept.push(preference);
                continue;
            }
            let what = format!("{tokens} tokens with the longer answer, over the limit of {max}");
            let (path, line) = preference.origin;
            let fault = Fault::new(ProblemKind::OverLong, "dialogue", what);
            self.note(fault, path, line, policy)?;
        }
        self.preferences = kept;
        Ok(())
    }

    /// The form, where it decides what a record needs: it is a guess by the file's first record.
    fn told_by(&self, kind: ProblemKind) -> String {
        match kind {
            ProblemKind::MissingField | ProblemKind::Turns => {
                format!(" (the file is read as {})", self.format.name())
            }
            _ => String::new(),
        }
    }

    fn note(
        &mut self,
        fault: Fault,
        path: PathBuf,
        line: usize,
        policy: &ReadPolicy,
    ) -> Result<()> {
        let Fault { kind, field, what } = fault;
        match policy.action(kind) {
            Action::Refuse => Err(Error::Record {
                path,
                line,
                field,
                what: format!(
                    "{what}{}; mend it, or set read.{} = \"skip\" for this file to leave such records out",
                    self.told_by(kind),
                    kind.name()
                ),
            }),
            Action::Skip => {
                *self.counts.entry(kind).or_default() += 1;
                self.problems.push(Problem {
                    kind,
                    path,
                    line,
                    field,
                    what,
                });
                Ok(())
            }
        }
    }
}

/// Something wrong with the record at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub kind: ProblemKind,
    pub field: String,
    pub what: String,
}

impl Fault {
    pub fn new(kind: ProblemKind, field: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            kind,
            field: field.into(),
            what: what.into(),
        }
    }
}

/// A comparison as a reader found it, before it is checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidate {
    pub dialogue: Vec<Message>,
    pub chosen: String,
    pub rejected: String,
    /// None where the source does not grade.
    pub strength: Option<Strength>,
    /// Whether the source says that nobody graded, although it has a level.
    pub ungraded: bool,
    /// Whether the chosen and the rejected answer are safe.
    pub safe: Option<[bool; 2]>,
    pub annotator: Option<String>,
    pub batch: Option<u32>,
    pub models: Option<[String; 2]>,
    pub temperatures: Option<[f32; 2]>,
    /// None where the source does not name it.
    pub stream: Option<Stream>,
}

/// Gathers what a reader finds.
pub(super) struct Collector<'a> {
    policy: &'a ReadPolicy,
    path: &'a Path,
    /// Where the reader is: line or record number, from 1.
    pub line: usize,
    read: Read,
}

impl<'a> Collector<'a> {
    pub fn new(path: &'a Path, policy: &'a ReadPolicy, format: Format) -> Self {
        Self {
            policy,
            path,
            line: 0,
            read: Read {
                format,
                records: 0,
                preferences: Vec::new(),
                ungraded: 0,
                problems: Vec::new(),
                counts: BTreeMap::new(),
            },
        }
    }

    /// The stream of data that do not name it.
    pub fn stream(&self) -> Stream {
        self.policy.stream
    }

    /// A further record begins here.
    pub fn begin(&mut self, line: usize) {
        self.line = line;
        self.read.records += 1;
    }

    /// Keeps what a reader made of a pair, or notes why there is nothing.
    pub fn take(&mut self, candidate: Result<Candidate, Fault>) -> Result<()> {
        match candidate.and_then(|c| check(c, self.policy)) {
            Ok(mut preference) => {
                preference.origin = (self.path.to_path_buf(), self.line);
                self.read.ungraded += usize::from(!preference.graded);
                self.read.preferences.push(preference);
                Ok(())
            }
            Err(fault) => self.fault(fault),
        }
    }

    /// Notes a problem of the record at hand.
    pub fn fault(&mut self, fault: Fault) -> Result<()> {
        self.read
            .note(fault, self.path.to_path_buf(), self.line, self.policy)
    }

    /// All that was found.
    pub fn finish(self) -> Read {
        self.read
    }
}

/// Whether a comparison can be used at all.
fn check(candidate: Candidate, policy: &ReadPolicy) -> Result<Preference, Fault> {
    let Candidate {
        dialogue,
        chosen,
        rejected,
        strength,
        ungraded,
        safe,
        annotator,
        batch,
        models,
        temperatures,
        stream,
    } = candidate;
    turns(&dialogue)?;
    for (i, message) in dialogue.iter().enumerate() {
        if message.content.trim().is_empty() {
            let what = "the message is empty";
            return Err(Fault::new(ProblemKind::EmptyAnswer, turn(i), what));
        }
    }
    for (field, answer) in [("chosen", &chosen), ("rejected", &rejected)] {
        if answer.trim().is_empty() {
            let what = "the answer is empty";
            return Err(Fault::new(ProblemKind::EmptyAnswer, field, what));
        }
    }
    if chosen.trim() == rejected.trim() {
        let what = "it is the same text as chosen";
        return Err(Fault::new(ProblemKind::EqualAnswers, "rejected", what));
    }
    let texts = (dialogue.iter().enumerate())
        .map(|(i, message)| (turn(i), &message.content))
        .chain([
            ("chosen".to_owned(), &chosen),
            ("rejected".to_owned(), &rejected),
        ]);
    for (field, text) in texts {
        if let Some(tag) = SPECIAL_TAGS.into_iter().find(|tag| text.contains(tag)) {
            let what = format!("it contains {tag}, which would pass for the chat format's own");
            return Err(Fault::new(ProblemKind::ChatTags, field, what));
        }
    }
    let characters = |text: &str| text.chars().count();
    let before: usize = dialogue.iter().map(|m| characters(&m.content)).sum();
    let length = before.saturating_add(characters(&chosen).max(characters(&rejected)));
    if length > policy.max_characters {
        let what = format!(
            "{length} characters with the longer answer, over the limit of {}",
            policy.max_characters
        );
        return Err(Fault::new(ProblemKind::OverLong, "dialogue", what));
    }
    let safety = match safe {
        None => None,
        Some([true, true]) => Some(SafetyLabel::BothSafe),
        Some([true, false]) => Some(SafetyLabel::ChosenSafe),
        Some([false, false]) => Some(SafetyLabel::BothUnsafe),
        Some([false, true]) => {
            let what = "the chosen answer is unsafe while the rejected one is safe";
            return Err(Fault::new(ProblemKind::UnsafeChosen, "safety", what));
        }
    };
    Ok(Preference {
        dialogue,
        chosen,
        rejected,
        strength: strength.unwrap_or(policy.ungraded),
        graded: strength.is_some() && !ungraded,
        safety,
        stream: stream.unwrap_or(policy.stream),
        annotator,
        batch,
        models,
        temperatures,
        origin: (PathBuf::new(), 0),
    })
}

fn turn(i: usize) -> String {
    format!("dialogue[{i}]")
}

/// A system message may come first; then user and assistant alternate, from the user's to the user's.
fn turns(dialogue: &[Message]) -> Result<(), Fault> {
    let fault = |i: usize, what: &str| Err(Fault::new(ProblemKind::Turns, turn(i), what));
    let skip = usize::from(dialogue.first().is_some_and(|m| m.role == Role::System));
    for (i, message) in dialogue.iter().enumerate().skip(skip) {
        let expected = match (i - skip) % 2 {
            0 => Role::User,
            _ => Role::Assistant,
        };
        if message.role != expected {
            let what = match expected {
                Role::User => "the user should speak here",
                _ => "the assistant should speak here",
            };
            return fault(i, what);
        }
    }
    if (dialogue.len() - skip).is_multiple_of(2) {
        return fault(
            dialogue.len(),
            "the dialogue should end with the user's message",
        );
    }
    Ok(())
}
