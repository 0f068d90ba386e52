//! Writing a token file. All numbers are little-endian:
//!
//! ```text
//! head, 64 bytes   magic 8, version u32, bytes of a token u32, vocabulary size u64,
//!                  vocabulary hash 32, zeros 8
//! tokens           u16 or u32 each, zeros up to a multiple of 8 bytes
//! index            for every document: position behind its last token u64
//!                  for every document: bytes of its text u64
//! tail, 64 bytes   tokens u64, documents u64, bytes of text u64, magic 8,
//!                  SHA-256 of everything before it 32
//! ```

use super::{END_MAGIC, HEAD, MAGIC, VERSION, token_bytes};
use crate::error::{Error, Result};
use puna_text::Tokenizer;
use puna_text::atomic_file::AtomicFile;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The identity of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Number of token ids.
    pub size: u64,
    /// [`Tokenizer::hash`].
    pub hash: [u8; 32],
}

impl Vocabulary {
    /// That of a tokenizer.
    pub fn of(tokenizer: &Tokenizer) -> Self {
        Self {
            size: tokenizer.vocab_size() as u64,
            hash: tokenizer.hash(),
        }
    }
}

/// A token file being written; it gets its name at [`TokenWriter::finish`].
pub struct TokenWriter {
    path: PathBuf,
    file: AtomicFile,
    hasher: Sha256,
    vocabulary: Vocabulary,
    ends: Vec<u64>,
    text_bytes: Vec<u64>,
    bytes: Vec<u8>,
}

impl TokenWriter {
    /// Begins a file.
    pub fn create(path: &Path, vocabulary: Vocabulary) -> Result<Self> {
        let mut writer = Self {
            path: path.to_path_buf(),
            file: AtomicFile::create(path)?,
            hasher: Sha256::new(),
            vocabulary,
            ends: Vec::new(),
            text_bytes: Vec::new(),
            bytes: Vec::new(),
        };
        let mut head = Vec::with_capacity(HEAD);
        head.extend(MAGIC);
        head.extend(VERSION.to_le_bytes());
        head.extend((token_bytes(vocabulary.size) as u32).to_le_bytes());
        head.extend(vocabulary.size.to_le_bytes());
        head.extend(vocabulary.hash);
        head.resize(HEAD, 0);
        writer.append(&head)?;
        Ok(writer)
    }

    /// Tokens so far.
    pub fn tokens(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Appends a document of at least one token, made from so many bytes of text.
    pub fn push(&mut self, tokens: &[u32], text_bytes: u64) -> Result<()> {
        if tokens.is_empty() {
            return Err(Error::Data(
                "a document without tokens cannot be written".into(),
            ));
        }
        if let Some(id) = tokens
            .iter()
            .find(|&&id| u64::from(id) >= self.vocabulary.size)
        {
            let what = format!(
                "token {id} is not in the vocabulary of {}",
                self.vocabulary.size
            );
            return Err(Error::format(&self.path, what));
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if token_bytes(self.vocabulary.size) == 2 {
            bytes.extend(tokens.iter().flat_map(|&id| (id as u16).to_le_bytes()));
        } else {
            bytes.extend(tokens.iter().flat_map(|id| id.to_le_bytes()));
        }
        self.append(&bytes)?;
        self.bytes = bytes;
        self.ends.push(self.tokens() + tokens.len() as u64);
        self.text_bytes.push(text_bytes);
        Ok(())
    }

    /// Writes the index and gives the file its name.
    pub fn finish(mut self) -> Result<()> {
        let payload = self.tokens() as usize * token_bytes(self.vocabulary.size);
        self.append(&vec![0; payload.next_multiple_of(8) - payload])?;
        let index: Vec<u8> = self
            .ends
            .iter()
            .chain(&self.text_bytes)
            .flat_map(|n| n.to_le_bytes())
            .collect();
        self.append(&index)?;
        let mut tail = Vec::new();
        tail.extend(self.tokens().to_le_bytes());
        tail.extend((self.ends.len() as u64).to_le_bytes());
        tail.extend(self.text_bytes.iter().sum::<u64>().to_le_bytes());
        tail.extend(END_MAGIC);
        self.append(&tail)?;
        self.file.write_all(&self.hasher.finalize())?;
        Ok(self.file.commit()?)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes)?)
    }
}
