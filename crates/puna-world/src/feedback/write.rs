//! The feedback material as files: JSON lines, each complete or absent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Excluded, Feedback, FeedbackOptions, Preference, Split, Stream};
use crate::world::WorldOptions;
use crate::write::{WorldError, WrittenFile, dialogue_record, write_lines};

/// What was written. The data is synthetic, and says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedbackManifest {
    /// Always true.
    pub synthetic: bool,
    /// The world's options.
    pub world: WorldOptions,
    /// As given.
    pub options: FeedbackOptions,
    /// In the order of writing.
    pub files: Vec<WrittenFile>,
    /// Records by file and kind: "prompts.train/adversarial/illicit/plain", "dialogues/borderline",
    /// "preferences.train/safety/both_safe" and so on; "excluded" counts pairs that gave no
    /// preference.
    pub counts: BTreeMap<String, usize>,
}

impl Feedback<'_> {
    /// Writes into the directory, which is made if need be:
    /// - `feedback_documents.jsonl`: as `documents.jsonl` of the world (`id`, `kind`, `text`);
    /// - `feedback_dialogues.jsonl`: as `dialogues.jsonl` of the world (`id`, `kind`, `messages`);
    /// - `prompts.train.jsonl`, `prompts.held_out.jsonl`: one [`Prompt`](super::Prompt) a line;
    /// - `conversations.train.jsonl`, `conversations.held_out.jsonl`: one
    ///   [`Conversation`](super::Conversation) a line;
    /// - `preferences.train.jsonl`, `preferences.held_out.jsonl`: one [`Preference`] a line, of both
    ///   streams;
    /// - `feedback.json`: the manifest, last.
    ///
    /// The same world and options give the same bytes. Each file appears under its name only when
    /// it is complete.
    pub fn write(&self, dir: &Path) -> Result<FeedbackManifest, WorldError> {
        fs::create_dir_all(dir).map_err(|source| WorldError::Io {
            path: dir.into(),
            source,
        })?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut count = |what: String| *counts.entry(what).or_default() += 1;
        let mut files = Vec::new();

        let documents = self.documents().inspect(|document| {
            count(format!("documents/{}", document.kind));
        });
        files.push(write_lines(dir, "feedback_documents.jsonl", documents)?);
        let dialogues = self.dialogues().iter().map(|dialogue| {
            count(format!("dialogues/{}", dialogue.kind));
            dialogue_record(dialogue)
        });
        files.push(write_lines(dir, "feedback_dialogues.jsonl", dialogues)?);
        for split in [Split::Train, Split::HeldOut] {
            let side = split.name();
            let prompts = self.prompts(split).iter().inspect(|prompt| {
                let kind = prompt.kind.name();
                count(match (prompt.risk, prompt.vector) {
                    (Some(risk), Some(vector)) => {
                        format!("prompts.{side}/{kind}/{}/{}", risk.name(), vector.name())
                    }
                    _ => format!("prompts.{side}/{kind}"),
                });
            });
            files.push(write_lines(dir, &format!("prompts.{side}.jsonl"), prompts)?);
        }
        for split in [Split::Train, Split::HeldOut] {
            let side = split.name();
            let conversations = self
                .conversations(split)
                .into_iter()
                .inspect(|conversation| {
                    count(format!(
                        "conversations.{side}/{} turns",
                        conversation.turns.len()
                    ));
                });
            files.push(write_lines(
                dir,
                &format!("conversations.{side}.jsonl"),
                conversations,
            )?);
        }
        for split in [Split::Train, Split::HeldOut] {
            let side = split.name();
            let streams = [Stream::Helpfulness, Stream::Safety].into_iter();
            let compared = streams.flat_map(|stream| {
                let compared = self.preferences(stream, split).into_iter();
                compared.map(move |result| (stream, result))
            });
            let preferences = compared.filter_map(|(stream, result)| {
                count(format!(
                    "preferences.{side}/{}/{}",
                    stream.name(),
                    bin(&result)
                ));
                result.ok()
            });
            files.push(write_lines(
                dir,
                &format!("preferences.{side}.jsonl"),
                preferences,
            )?);
        }

        let mut manifest = FeedbackManifest {
            synthetic: true,
            world: self.world.options.clone(),
            options: self.options.clone(),
            files,
            counts,
        };
        let last = write_lines(dir, "feedback.json", std::iter::once(&manifest))?;
        manifest.files.push(last);
        Ok(manifest)
    }
}

/// What a comparison counts as.
fn bin(result: &Result<Preference, Excluded>) -> &'static str {
    use super::SafetyLabel::{BothSafe, BothUnsafe, ChosenSafe};
    match result {
        Err(Excluded::Equal) => "excluded/equal",
        Err(Excluded::Empty) => "excluded/empty",
        Err(Excluded::UnsafeChosen) => "excluded/unsafe_chosen",
        Ok(preference) => match preference.safety {
            Some(ChosenSafe) => "chosen_safe",
            Some(BothSafe) => "both_safe",
            Some(BothUnsafe) => "both_unsafe",
            None => "kept",
        },
    }
}
