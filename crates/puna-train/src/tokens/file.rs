//! Reading a memory-mapped token file (the layout stands in `writer.rs`).

use super::writer::Vocabulary;
use super::{END_MAGIC, HEAD, MAGIC, TAIL, VERSION, token_bytes};
use crate::error::{Error, Result};
use memmap2::Mmap;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Documents as tokens, in a memory-mapped file.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    map: Mmap,
    vocabulary: Vocabulary,
    token_bytes: usize,
    tokens: usize,
    documents: usize,
    text_bytes: u64,
    /// Where the index begins.
    index: usize,
}

impl TokenFile {
    /// Opens a file and checks its structure: its length to the byte, and every document's place.
    /// The tokens themselves are checked by [`TokenFile::verify`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        // SAFETY: the map is read-only, and token files are never changed in place: writers make a
        // new file and rename it.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        let fail = |what: String| {
            Err(Error::format(
                path,
                format!("{what}; build the token files anew"),
            ))
        };
        if map.len() < HEAD + TAIL || map[..8] != MAGIC {
            return fail("this is not a token file, or it is truncated".into());
        }
        let number = |at: usize| u64::from_le_bytes(array(&map, at));
        let version = u32::from_le_bytes(array(&map, 8));
        if version != VERSION {
            return fail(format!(
                "version {version} of the format; this program reads {VERSION}"
            ));
        }
        let vocabulary = Vocabulary {
            size: number(16),
            hash: array(&map, 24),
        };
        let width = u32::from_le_bytes(array(&map, 12)) as usize;
        if vocabulary.size > 1 << 32 || width != token_bytes(vocabulary.size) {
            let size = vocabulary.size;
            return fail(format!(
                "{width} bytes a token do not go with a vocabulary of {size}"
            ));
        }
        let tail = map.len() - TAIL;
        if map[tail + 24..tail + 32] != END_MAGIC {
            return fail("the end is missing; the file is truncated".into());
        }
        let (tokens, documents) = (number(tail), number(tail + 8));
        // In u128 no claim can overflow.
        let payload = (u128::from(tokens) * width as u128).next_multiple_of(8);
        let expected = (HEAD + TAIL) as u128 + payload + 16 * u128::from(documents);
        if expected != map.len() as u128 {
            return fail(format!(
                "{tokens} tokens in {documents} documents take {expected} bytes, the file has {}",
                map.len()
            ));
        }
        let file = Self {
            path: path.to_path_buf(),
            vocabulary,
            token_bytes: width,
            tokens: tokens as usize,
            documents: documents as usize,
            text_bytes: number(tail + 16),
            index: HEAD + payload as usize,
            map,
        };
        file.check_index()?;
        Ok(file)
    }

    fn check_index(&self) -> Result<()> {
        let fail = |what: String| {
            Err(Error::format(
                &self.path,
                format!("the index is damaged: {what}"),
            ))
        };
        let (mut end, mut text) = (0, 0u64);
        for document in 0..self.documents {
            let next = self.end(document);
            if next <= end || next > self.tokens as u64 {
                return fail(format!(
                    "document {document} ends at token {next}, after one that ends at {end}"
                ));
            }
            end = next;
            text = text.wrapping_add(self.document_text_bytes(document));
        }
        if end != self.tokens as u64 || text != self.text_bytes {
            return fail(format!(
                "documents end at token {end} of {} and count {text} bytes of text of {}",
                self.tokens, self.text_bytes
            ));
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The vocabulary the ids belong to.
    pub fn vocabulary(&self) -> Vocabulary {
        self.vocabulary
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Number of documents.
    pub fn documents(&self) -> usize {
        self.documents
    }

    /// Bytes of the text of all documents.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// SHA-256 that stands at the file's end: its identity.
    pub fn content_hash(&self) -> [u8; 32] {
        array(&self.map, self.map.len() - 32)
    }

    /// Where a document lies among the file's tokens.
    pub fn document(&self, document: usize) -> Range<usize> {
        assert!(
            document < self.documents,
            "document {document} of {}",
            self.documents
        );
        let start = if document == 0 {
            0
        } else {
            self.end(document - 1) as usize
        };
        start..self.end(document) as usize
    }

    /// Bytes of a document's text.
    pub fn document_text_bytes(&self, document: usize) -> u64 {
        assert!(
            document < self.documents,
            "document {document} of {}",
            self.documents
        );
        u64::from_le_bytes(array(
            &self.map,
            self.index + 8 * (self.documents + document),
        ))
    }

    /// Appends a range of the file's tokens.
    pub fn read(&self, range: Range<usize>, out: &mut Vec<u32>) {
        assert!(
            range.end <= self.tokens,
            "tokens {range:?} of {}",
            self.tokens
        );
        let bytes =
            &self.map[HEAD + range.start * self.token_bytes..HEAD + range.end * self.token_bytes];
        if self.token_bytes == 2 {
            out.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&b| u32::from(u16::from_le_bytes(b))),
            );
        } else {
            out.extend(bytes.as_chunks().0.iter().map(|&b| u32::from_le_bytes(b)));
        }
    }

    /// Reads everything: the hash, and every id against the vocabulary.
    pub fn verify(&self) -> Result<()> {
        let hash: [u8; 32] = Sha256::digest(&self.map[..self.map.len() - 32]).into();
        if hash != self.content_hash() {
            let what = "the contents do not match their hash; build the token files anew";
            return Err(Error::format(&self.path, what));
        }
        let mut tokens = Vec::new();
        for document in 0..self.documents {
            tokens.clear();
            self.read(self.document(document), &mut tokens);
            if let Some(id) = tokens
                .iter()
                .find(|&&id| u64::from(id) >= self.vocabulary.size)
            {
                let size = self.vocabulary.size;
                let what =
                    format!("document {document} has token {id}, outside the vocabulary of {size}");
                return Err(Error::format(&self.path, what));
            }
        }
        Ok(())
    }

    fn end(&self, document: usize) -> u64 {
        u64::from_le_bytes(array(&self.map, self.index + 8 * document))
    }
}

/// Bytes at a place that the caller knows to exist.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
