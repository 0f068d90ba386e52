//! Evaluation sets: samples verbalised as the model is fed them, tokenised.

use super::lines::{self, Id};
use crate::error::{Error, Result};
use puna_text::Tokenizer;
use puna_text::hash::hex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::Path;

const EXPECTED: &str =
    "{\"text\": ...} or {\"prompt\": ..., \"completion\": ...}, with an \"id\" or without";

/// A line of the file; other fields are somebody else's.
#[derive(Deserialize)]
struct Line {
    id: Option<Id>,
    text: Option<String>,
    prompt: Option<String>,
    completion: Option<String>,
}

/// The samples of one file.
#[derive(Debug, Clone)]
pub struct EvaluationSet {
    /// The file's name without its ending.
    pub name: String,
    /// The samples' ids; where a line gives none, its number.
    pub ids: Vec<String>,
    tokens: Vec<u32>,
    ends: Vec<usize>,
}

impl EvaluationSet {
    /// Reads JSON lines. Tokens are those of the text alone, without a token that begins a sequence.
    pub fn read(path: &Path, tokenizer: &Tokenizer) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut set = Self {
            name: name.into_owned(),
            ids: Vec::new(),
            tokens: Vec::new(),
            ends: Vec::new(),
        };
        let mut seen = HashSet::new();
        lines::read(path, EXPECTED, |number, line: Line| {
            let id = line.id.map_or_else(|| number.to_string(), |id| id.0);
            match (line.text, line.prompt, line.completion) {
                (Some(text), None, None) => tokenizer.encode_into(&text, &mut set.tokens),
                (None, Some(prompt), Some(completion)) => {
                    tokenizer.encode_into(&prompt, &mut set.tokens);
                    // What follows a text has no dummy prefix; what stands at the front has one.
                    if prompt.is_empty() {
                        tokenizer.encode_into(&completion, &mut set.tokens);
                    } else {
                        tokenizer.encode_continuation_into(&completion, &mut set.tokens);
                    }
                }
                _ => return Err(("record".to_owned(), format!("it must be {EXPECTED}"))),
            }
            set.ends.push(set.tokens.len());
            if !seen.insert(id.clone()) {
                let what = format!("{id:?} is the id of an earlier sample; make ids unique");
                return Err(("id".to_owned(), what));
            }
            set.ids.push(id);
            Ok(())
        })?;
        if set.ids.is_empty() {
            return Err(Error::Format {
                path: path.into(),
                what: "there are no samples in it".into(),
            });
        }
        Ok(set)
    }

    /// The samples' tokens.
    pub fn samples(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = self.ends.iter().zip(starts);
        ranges.map(|(&end, start)| &self.tokens[start..end])
    }

    /// Hash over all tokens and where samples end.
    pub(super) fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for sample in self.samples() {
            hasher.update((sample.len() as u64).to_le_bytes());
            sample
                .iter()
                .for_each(|token| hasher.update(token.to_le_bytes()));
        }
        hex(hasher.finalize())
    }
}
