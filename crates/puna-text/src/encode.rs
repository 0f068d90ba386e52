//! Text to ids, exactly as SentencePiece does for Llama (paper section 2.2).

use std::sync::{Mutex, PoisonError};

use crate::Id;
use crate::boundary::Boundaries;
use crate::bpe::{self, Scratch};
use crate::cache::{Cache, Key};
use crate::merges::{CHARACTER, MergeTable, Symbol, symbol_of};
use crate::vocab::{SPACE, Vocab};

/// Working memory of one thread's encoding.
#[derive(Debug, Default)]
struct Workspace {
    cache: Cache,
    scratch: Scratch,
    /// A space and the first segment, where a dummy prefix is added.
    head: String,
}

/// Everything that encoding needs beside the vocabulary.
#[derive(Debug)]
pub(crate) struct Encoder {
    merges: MergeTable,
    boundaries: Boundaries,
    /// Symbols of the ASCII characters; the space's is that of U+2581.
    ascii: [Symbol; 128],
    /// Workspaces not in use: as many as the most threads that ever encoded at once.
    idle: Mutex<Vec<Workspace>>,
}

/// What stands before the text that is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing: the vocabulary's dummy prefix is added.
    Beginning,
    /// Other text of the same sequence: no prefix.
    Continuation,
}

impl Encoder {
    pub fn new(vocab: &Vocab) -> Self {
        let mut ascii = [0; 128];
        for (byte, symbol) in (0u8..).zip(&mut ascii) {
            *symbol = symbol_of(
                vocab,
                if byte == b' ' {
                    SPACE
                } else {
                    char::from(byte)
                },
            );
        }
        Self {
            merges: MergeTable::new(vocab),
            boundaries: Boundaries::new(vocab),
            ascii,
            idle: Mutex::default(),
        }
    }

    /// Appends the ids of `text`. Empty text has none, not even those of the dummy prefix.
    pub fn encode(&self, vocab: &Vocab, text: &str, start: Start, out: &mut Vec<Id>) {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = idle().pop().unwrap_or_default();
        let from = out.len();
        let prefix = start == Start::Beginning && vocab.dummy_prefix;
        self.segments(text, prefix, |prefixed, from, to| {
            if prefixed {
                workspace.head.clear();
                workspace.head.push(' ');
                workspace.head.push_str(&text[from..to]);
                let Workspace {
                    cache,
                    scratch,
                    head,
                } = &mut workspace;
                self.segment(vocab, head, 0, head.len(), cache, scratch, out);
            } else {
                let Workspace { cache, scratch, .. } = &mut workspace;
                self.segment(vocab, text, from, to, cache, scratch, out);
            }
        });
        if vocab.bytes.is_none() {
            fuse_unknown(vocab.unk, from, out);
        }
        idle().push(workspace);
    }

    /// Calls `f` for each part of the text that can be encoded alone, with its bounds and whether the
    /// dummy prefix belongs to it.
    #[inline]
    fn segments(&self, text: &str, mut prefix: bool, mut f: impl FnMut(bool, usize, usize)) {
        let bytes = text.as_bytes();
        let Some(first) = text.chars().next() else {
            return;
        };
        let mut from = 0;
        if prefix && !self.boundaries.joins(' ', first) {
            f(true, 0, 0);
            prefix = false;
        }
        let mut previous = first;
        let mut at = first.len_utf8();
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii() && previous.is_ascii() {
                if !self.boundaries.joins_ascii(previous as u8, byte) {
                    f(prefix, from, at);
                    prefix = false;
                    from = at;
                }
                previous = char::from(byte);
                at += 1;
                continue;
            }
            let Some(c) = text[at..].chars().next() else {
                break;
            };
            if !self.boundaries.joins(previous, c) {
                f(prefix, from, at);
                prefix = false;
                from = at;
            }
            previous = c;
            at += c.len_utf8();
        }
        f(prefix, from, bytes.len());
    }

    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn segment(
        &self,
        vocab: &Vocab,
        text: &str,
        from: usize,
        to: usize,
        cache: &mut Cache,
        scratch: &mut Scratch,
        out: &mut Vec<Id>,
    ) {
        let key = Key::new(text.as_bytes(), from, to);
        if let Some(ids) = key.and_then(|key| cache.get(key)) {
            out.extend_from_slice(ids);
            return;
        }
        let start = out.len();
        self.merge(vocab, &text[from..to], scratch, out);
        if let Some(key) = key {
            cache.insert(key, &out[start..]);
        }
    }

    /// Encodes one segment without the cache.
    #[cold]
    fn merge(&self, vocab: &Vocab, segment: &str, scratch: &mut Scratch, out: &mut Vec<Id>) {
        scratch.symbols.clear();
        scratch
            .symbols
            .extend(segment.chars().map(|c| match self.ascii.get(c as usize) {
                Some(&symbol) => symbol,
                None => symbol_of(vocab, c),
            }));
        bpe::merge(&self.merges, scratch);
        for &symbol in &scratch.symbols {
            if symbol & CHARACTER == 0 {
                out.push(symbol);
                continue;
            }
            match &vocab.bytes {
                Some(ids) => {
                    let c =
                        char::from_u32(symbol & !CHARACTER).unwrap_or(char::REPLACEMENT_CHARACTER);
                    let mut utf8 = [0; 4];
                    out.extend(
                        c.encode_utf8(&mut utf8)
                            .bytes()
                            .map(|b| ids[usize::from(b)]),
                    );
                }
                None => out.push(vocab.unk),
            }
        }
    }
}

/// Without byte fallback, a run of unknown characters is one unknown token.
fn fuse_unknown(unk: Id, from: usize, out: &mut Vec<Id>) {
    let mut kept = from;
    for at in from..out.len() {
        if out[at] != unk || kept == from || out[kept - 1] != unk {
            out[kept] = out[at];
            kept += 1;
        }
    }
    out.truncate(kept);
}

#[cfg(test)]
mod tests;
