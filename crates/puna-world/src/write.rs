//! The world as files: JSON lines and the truth, each complete or absent.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dialogue::Dialogue;
use crate::fact::{Attribute, Entity, Fact};
use crate::world::{Pronoun, World, WorldOptions};

/// Why the world could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The file system refused.
    #[error("cannot write {path}: {source}; check that the directory is writable and has room")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A file of the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Name in the directory.
    pub name: String,
    /// Lines of a `.jsonl` file, 1 for `world.json`.
    pub records: usize,
    /// Size.
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// What was written. The data is synthetic, and says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always true.
    pub synthetic: bool,
    /// As given, brought into range.
    pub options: WorldOptions,
    /// In the order of writing.
    pub files: Vec<WrittenFile>,
}

impl World {
    /// Writes `documents.jsonl`, `dialogues.jsonl`, `questions.jsonl` and `world.json`
    /// into the directory, which is made if need be. The same options give the same
    /// bytes. Each file appears under its name only when it is complete; `world.json` comes last.
    pub fn write(&self, dir: &Path) -> Result<Manifest, WorldError> {
        fs::create_dir_all(dir).map_err(|source| WorldError::Io {
            path: dir.into(),
            source,
        })?;
        let documents = self
            .documents()
            .map(|d| json!({"id": d.id, "kind": d.kind, "text": d.text}));
        let dialogues = self.dialogues().into_iter().map(|d| dialogue_record(&d));
        let questions = self.questions().into_iter().map(|q| {
            json!({
                "id": q.id, "kind": q.kind, "prompt": q.prompt, "accepted": q.accepted,
                "rejected": q.rejected, "new_phrasing": q.new_phrasing,
            })
        });
        let files = vec![
            write_lines(dir, "documents.jsonl", documents)?,
            write_lines(dir, "dialogues.jsonl", dialogues)?,
            write_lines(dir, "questions.jsonl", questions)?,
            write_lines(dir, "world.json", std::iter::once(self.truth()))?,
        ];
        Ok(Manifest {
            synthetic: true,
            options: self.options.clone(),
            files,
        })
    }

    /// The truth with names in place of indices.
    fn truth(&self) -> Value {
        let entity = |entity: Entity, attributes: &[Attribute]| {
            let mut out = serde_json::Map::new();
            out.insert("name".into(), self.name(entity).into());
            for attribute in attributes {
                let value = self.value(Fact {
                    entity,
                    attribute: *attribute,
                });
                out.insert(attribute.name().into(), value.into());
            }
            out
        };
        let people = self.people.iter().enumerate().map(|(i, person)| {
            let mut out = entity(Entity::Person(i), &Attribute::OF_PERSON);
            let pronoun = match person.pronoun {
                Pronoun::She => "she",
                Pronoun::He => "he",
            };
            out.insert("pronoun".into(), pronoun.into());
            Value::Object(out)
        });
        let places = 0..self.places.len();
        let places = places.map(|i| entity(Entity::Place(i), &Attribute::OF_PLACE));
        let trades = 0..self.trades.len();
        let trades = trades.map(|i| entity(Entity::Trade(i), &Attribute::OF_TRADE));
        let held_out = self.held_out.iter().map(
            |fact| json!({"entity": self.name(fact.entity), "attribute": fact.attribute.name()}),
        );
        json!({
            "synthetic": true,
            "note": "A synthetic world made from a seed. Nobody and nothing in it is real.",
            "options": self.options,
            "people": people.collect::<Vec<_>>(),
            "places": places.collect::<Vec<_>>(),
            "trades": trades.collect::<Vec<_>>(),
            "held_out": held_out.collect::<Vec<_>>(),
        })
    }
}

pub(crate) fn dialogue_record(dialogue: &Dialogue) -> Value {
    let messages = dialogue
        .messages
        .iter()
        .map(|(role, content)| json!({"role": role.as_str(), "content": content}));
    json!({"id": dialogue.id, "kind": dialogue.kind, "messages": messages.collect::<Vec<_>>()})
}

/// Writes one JSON value a line, to a temporary file that takes its name when it is complete.
pub(crate) fn write_lines(
    dir: &Path,
    name: &str,
    records: impl Iterator<Item = impl Serialize>,
) -> Result<WrittenFile, WorldError> {
    let mut file = PartialFile::create(dir, name)?;
    for record in records {
        file.line(&record)?;
    }
    file.commit()
}

/// A file that takes its name when it is complete. Dropped before that, it leaves nothing.
pub(crate) struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    out: Option<BufWriter<File>>,
    hash: Sha256,
    name: String,
    records: u64,
    bytes: u64,
    line: Vec<u8>,
}

impl PartialFile {
    pub(crate) fn create(dir: &Path, name: &str) -> Result<Self, WorldError> {
        let path = dir.join(name);
        let partial = dir.join(format!(".{name}.partial"));
        let file = File::create(&partial).map_err(|source| WorldError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            partial,
            out: Some(BufWriter::with_capacity(1 << 17, file)),
            hash: Sha256::new(),
            name: name.into(),
            records: 0,
            bytes: 0,
            line: Vec::new(),
        })
    }

    /// Appends bytes that hold so many records.
    pub(crate) fn write(&mut self, bytes: &[u8], records: u64) -> Result<(), WorldError> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.records += records;
        let written = self.out.as_mut().map_or(Ok(()), |out| out.write_all(bytes));
        written.map_err(|source| self.error(source))
    }

    /// Appends a value as a line of JSON.
    pub(crate) fn line(&mut self, record: &impl Serialize) -> Result<(), WorldError> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        serde_json::to_writer(&mut line, record).map_err(|e| self.error(e.into()))?;
        line.push(b'\n');
        let written = self.write(&line, 1);
        self.line = line;
        written
    }

    /// Gives the file its name.
    pub(crate) fn commit(mut self) -> Result<WrittenFile, WorldError> {
        self.finish().map_err(|source| self.error(source))?;
        let hash = std::mem::take(&mut self.hash).finalize();
        Ok(WrittenFile {
            name: self.name.clone(),
            records: self.records as usize,
            bytes: self.bytes,
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
        }
        fs::rename(&self.partial, &self.path)
    }

    fn error(&self, source: io::Error) -> WorldError {
        WorldError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After a commit nothing has this name; that it cannot be removed is no news.
        let _ = fs::remove_file(&self.partial);
    }
}
