//! Token files as pieces of a corpus.

use anyhow::{Context, Result, bail};
use puna_corpus::contamination::{Part, Record, Records};
use puna_corpus::{Damage, Error};
use puna_text::Tokenizer;
use puna_text::hash::hex;
use puna_train::TokenFile;
use puna_train::tokens::{TokenSet, Vocabulary};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

/// Tokens of a piece, so that one large file is shared among shards. Part of what names the pieces:
/// another number makes other files.
const PIECE: usize = 1 << 26;

/// The pieces of a token file, or of the training files of a token set; `None` where a path is
/// neither.
pub fn parts(path: &Path, tokenizer: &Tokenizer) -> Result<Option<Vec<Box<dyn Part>>>> {
    let files = if path.join("tokens.json").is_file() {
        // What was held out was not trained on.
        TokenSet::open(path, tokenizer)?.train
    } else if path.is_file() && path.extension().is_some_and(|e| e == "tokens") {
        let file = TokenFile::open(path)?;
        if file.vocabulary() != Vocabulary::of(tokenizer) {
            bail!(
                "{} was made with another tokenizer than the one given; give that one",
                path.display()
            );
        }
        vec![file]
    } else {
        return Ok(None);
    };
    let mut parts: Vec<Box<dyn Part>> = Vec::new();
    for file in files {
        parts.extend(
            pieces(file).with_context(|| format!("cannot read the tokens {}", path.display()))?,
        );
    }
    Ok(Some(parts))
}

fn pieces(file: TokenFile) -> Result<Vec<Box<dyn Part>>> {
    let name = file.path().display().to_string();
    let file = Rc::new(file);
    let mut pieces: Vec<Box<dyn Part>> = Vec::new();
    let mut first = 0;
    while first < file.documents() {
        let begin = file.document(first).start;
        let last = (first + 1..file.documents())
            .find(|&document| file.document(document).end - begin > PIECE)
            .unwrap_or(file.documents());
        pieces.push(Box::new(TokenPart {
            name: name.clone(),
            file: Rc::clone(&file),
            documents: first..last,
        }));
        first = last;
    }
    Ok(pieces)
}

/// Some documents of a token file.
struct TokenPart {
    name: String,
    file: Rc<TokenFile>,
    documents: Range<usize>,
}

impl TokenPart {
    fn bytes_before(&self, document: usize) -> u64 {
        let begin = self.file.document(self.documents.start).start;
        let tokens = match document.checked_sub(1) {
            Some(last) if document > self.documents.start => self.file.document(last).end - begin,
            _ => 0,
        };
        stored(&self.file, tokens)
    }
}

/// Bytes of so many tokens in their file.
fn stored(file: &TokenFile, tokens: usize) -> u64 {
    tokens as u64
        * if file.vocabulary().size <= 1 << 16 {
            2
        } else {
            4
        }
}

impl Part for TokenPart {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> puna_corpus::Result<String> {
        Ok(format!(
            "{} {:?}",
            hex(self.file.content_hash()),
            self.documents
        ))
    }

    fn bytes(&self) -> u64 {
        self.bytes_before(self.documents.end)
    }

    fn open(&self) -> puna_corpus::Result<Box<dyn Records + '_>> {
        Ok(Box::new(Documents {
            file: &self.file,
            read_so_far: 0,
            next: self.documents.clone(),
        }))
    }
}

struct Documents<'a> {
    file: &'a TokenFile,
    read_so_far: u64,
    next: Range<usize>,
}

impl Iterator for Documents<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.next.next()?;
        let range = self.file.document(document);
        let mut tokens = Vec::with_capacity(range.len());
        let size = self.file.vocabulary().size;
        self.read_so_far += stored(self.file, range.len());
        let offset = range.start as u64;
        self.file.read(range, &mut tokens);
        let outside = tokens.iter().find(|&&id| u64::from(id) >= size);
        Some(Ok(match outside {
            None => Record::Tokens {
                id: document.to_string(),
                tokens,
            },
            Some(id) => Record::Damaged(Damage {
                offset,
                what: format!("token {id} is outside the vocabulary of {size}"),
            }),
        }))
    }
}

impl Records for Documents<'_> {
    fn read_so_far(&self) -> u64 {
        self.read_so_far
    }
}
