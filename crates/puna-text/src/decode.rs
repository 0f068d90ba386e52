//! Ids to text, at once or token by token.

use crate::vocab::{Kind, SPACE};
use crate::{Id, Tokenizer};

/// Decodes a sequence token by token, for output that appears while it is generated.
///
/// What [`push`](Self::push) and [`finish`](Self::finish) give, joined, is what [`Tokenizer::decode`]
/// gives for all ids at once. A character spread over byte tokens appears when it is complete.
#[derive(Debug, Clone)]
pub struct StreamDecoder {
    tokenizer: Tokenizer,
    bytes: Vec<u8>,
    /// The next token's leading space may be the dummy prefix.
    at_start: bool,
}

impl StreamDecoder {
    /// A decoder at the start of a text: the dummy prefix's space is dropped.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        let at_start = tokenizer.vocab().dummy_prefix;
        Self {
            tokenizer: tokenizer.clone(),
            bytes: Vec::new(),
            at_start,
        }
    }

    /// A decoder in the middle of a text: a leading space is text.
    pub fn continuing(tokenizer: &Tokenizer) -> Self {
        Self {
            at_start: false,
            ..Self::new(tokenizer)
        }
    }

    /// Takes one token and gives the text that is now certain (empty within a character). An id outside
    /// the vocabulary reads as the unknown piece.
    pub fn push(&mut self, id: Id) -> String {
        let mut text = String::new();
        self.push_into(id, &mut text);
        text
    }

    /// As [`push`](Self::push), appending to `text`.
    pub fn push_into(&mut self, id: Id, text: &mut String) {
        let vocab = self.tokenizer.vocab();
        let Some(piece) = vocab.piece(id) else {
            self.flush(text);
            self.at_start = false;
            text.push_str(&self.tokenizer.vocab().unk_surface);
            return;
        };
        if piece.kind == Kind::Byte {
            self.bytes.extend_from_slice(self.tokenizer.piece_bytes(id));
            self.complete(text);
            return;
        }
        // A byte before this token is text, whole or not.
        if !self.bytes.is_empty() {
            self.at_start = false;
            flush_bytes(&mut self.bytes, text);
        }
        match piece.kind {
            Kind::Control | Kind::Byte => {}
            Kind::Unknown => {
                text.push_str(&vocab.unk_surface);
                self.at_start = false;
            }
            Kind::Normal => {
                let shown = if self.at_start {
                    piece.text.strip_prefix(SPACE)
                } else {
                    None
                };
                text.extend(
                    shown
                        .unwrap_or(&piece.text)
                        .chars()
                        .map(|c| if c == SPACE { ' ' } else { c }),
                );
                self.at_start = false;
            }
        }
    }

    /// Ends the sequence and gives what was held back: bytes of an incomplete character, each as U+FFFD.
    pub fn finish(&mut self) -> String {
        let mut text = String::new();
        self.flush(&mut text);
        text
    }

    fn flush(&mut self, text: &mut String) {
        flush_bytes(&mut self.bytes, text);
    }

    /// Moves complete and invalid characters from the held bytes to the text.
    fn complete(&mut self, text: &mut String) {
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let (valid, invalid) = match std::str::from_utf8(rest) {
                Ok(all) => (all, false),
                Err(error) => {
                    let valid =
                        std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default();
                    (valid, error.error_len().is_some())
                }
            };
            text.push_str(valid);
            self.at_start &= valid.is_empty() && !invalid;
            rest = &rest[valid.len()..];
            if !invalid {
                break;
            }
            // SentencePiece replaces byte by byte.
            text.push(char::REPLACEMENT_CHARACTER);
            rest = &rest[1..];
        }
        self.bytes.drain(..self.bytes.len() - rest.len());
    }
}

/// Held bytes never hold a complete character, so each is invalid alone.
fn flush_bytes(bytes: &mut Vec<u8>, text: &mut String) {
    text.extend(bytes.drain(..).map(|_| char::REPLACEMENT_CHARACTER));
}
