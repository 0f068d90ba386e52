//! The tokenizer as the other crates see it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::encode::{Encoder, Start};
use crate::hash::hex;
use crate::vocab::{Kind, SPACE, Vocab};
use crate::{Result, StreamDecoder, TrainOptions, formats, train};

/// A token's number in the vocabulary.
pub type Id = u32;

/// Llama 2's tokenizer: SentencePiece BPE with byte fallback, a dummy prefix and no normalisation.
///
/// Clones share one vocabulary. Text is never parsed for control pieces: `"</s>"` in text becomes the
/// tokens of those four characters, so a user's text cannot end a turn.
#[derive(Debug, Clone)]
pub struct Tokenizer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    vocab: Vocab,
    encoder: Encoder,
    /// Each token's bytes in text, one after the other, and where each begins.
    surface: Vec<u8>,
    starts: Vec<usize>,
    hash: OnceLock<[u8; 32]>,
}

impl Tokenizer {
    pub(crate) fn from_vocab(vocab: Vocab) -> Self {
        let encoder = Encoder::new(&vocab);
        let mut surface = Vec::new();
        let mut starts = vec![0];
        for piece in &vocab.pieces {
            match piece.kind {
                Kind::Control => {}
                Kind::Unknown => surface.extend_from_slice(vocab.unk_surface.as_bytes()),
                Kind::Byte => surface.extend(crate::vocab::byte_of_piece(&piece.text)),
                Kind::Normal => {
                    let mut utf8 = [0; 4];
                    for c in piece.text.chars().map(|c| if c == SPACE { ' ' } else { c }) {
                        surface.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
                    }
                }
            }
            starts.push(surface.len());
        }
        Self(Arc::new(Inner {
            vocab,
            encoder,
            surface,
            starts,
            hash: OnceLock::new(),
        }))
    }

    pub(crate) fn vocab(&self) -> &Vocab {
        &self.0.vocab
    }

    /// Reads a tokenizer: a SentencePiece `.model`, a `tokenizer.json`, a llama2.c `.bin`, or a directory
    /// that holds `tokenizer.model` (preferred) or `tokenizer.json`.
    ///
    /// # Errors
    /// A file that cannot be read, is corrupt, or needs what Llama's tokenizer does not have.
    pub fn load(path: &Path) -> Result<Self> {
        formats::load(path).map(Self::from_vocab)
    }

    /// Writes `tokenizer.json`, `tokenizer.model` and `tokenizer_config.json` into a directory, each
    /// whole or not at all.
    ///
    /// `tokenizer.model` is left out (and an old one removed) if the vocabulary came from a
    /// `tokenizer.json` whose list of merges scores cannot express.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        formats::save(self.vocab(), dir)
    }

    /// Trains a vocabulary on texts, as SentencePiece does with Llama 2's settings.
    ///
    /// Each line of a text counts as a sentence. The same texts, in any order, give the same vocabulary.
    ///
    /// # Errors
    /// Options out of range, or too little text for the number of pieces.
    pub fn train<S: AsRef<str>>(
        texts: impl IntoIterator<Item = S>,
        options: &TrainOptions,
    ) -> Result<Self> {
        train::train(texts, options).map(Self::from_vocab)
    }

    /// Number of pieces, with the control and byte pieces.
    pub fn vocab_size(&self) -> usize {
        self.vocab().pieces.len()
    }

    /// Id of the token that begins a sequence, 1 in Llama 2.
    pub fn bos(&self) -> Id {
        self.vocab().bos
    }

    /// Id of the token that ends a sequence, 2 in Llama 2.
    pub fn eos(&self) -> Id {
        self.vocab().eos
    }

    /// Id of the unknown piece, 0 in Llama 2; with byte fallback no text encodes to it.
    pub fn unk(&self) -> Id {
        self.vocab().unk
    }

    /// Ids of a text, without BOS and EOS. Empty text has none.
    pub fn encode(&self, text: &str) -> Vec<Id> {
        let mut ids = Vec::with_capacity(text.len() / 3 + 4);
        self.encode_into(text, &mut ids);
        ids
    }

    /// Appends the ids of a text to `out`.
    pub fn encode_into(&self, text: &str, out: &mut Vec<Id>) {
        self.0
            .encoder
            .encode(self.vocab(), text, Start::Beginning, out);
    }

    /// Appends the ids of text that goes on after other text: without the dummy prefix.
    pub fn encode_continuation_into(&self, text: &str, out: &mut Vec<Id>) {
        self.0
            .encoder
            .encode(self.vocab(), text, Start::Continuation, out);
    }

    /// Text of ids. Control pieces are invisible, the dummy prefix is dropped, and bytes that are not
    /// UTF-8 become U+FFFD.
    pub fn decode(&self, ids: &[Id]) -> String {
        let mut text = String::with_capacity(ids.len() * 4);
        let mut decoder = StreamDecoder::new(self);
        for &id in ids {
            decoder.push_into(id, &mut text);
        }
        text.push_str(&decoder.finish());
        text
    }

    /// The piece as the vocabulary spells it (U+2581 for a space); empty outside the vocabulary.
    pub fn piece(&self, id: Id) -> &str {
        self.vocab().piece(id).map_or("", |piece| &piece.text)
    }

    /// The token's bytes as they stand in text: U+2581 as a space, a byte piece as its byte, nothing for
    /// control pieces and ids outside the vocabulary.
    pub fn piece_bytes(&self, id: Id) -> &[u8] {
        let Inner {
            surface, starts, ..
        } = &*self.0;
        match starts.get(id as usize..(id as usize).saturating_add(2)) {
            Some(&[from, to]) => &surface[from..to],
            _ => &[],
        }
    }

    /// Id of a piece, by its spelling in the vocabulary.
    pub fn id_of(&self, piece: &str) -> Option<Id> {
        self.vocab().by_text.get(piece).copied()
    }

    /// Identity of the vocabulary (SHA-256): the same whatever file format it came from.
    pub fn hash(&self) -> [u8; 32] {
        *self.0.hash.get_or_init(|| self.vocab().hash())
    }

    /// [`hash`](Self::hash) in hexadecimal.
    pub fn hash_hex(&self) -> String {
        hex(self.hash())
    }

    /// The vocabulary as a SentencePiece model file, for embedding elsewhere.
    pub fn to_sentencepiece(&self) -> Vec<u8> {
        formats::sentencepiece::write(self.vocab())
    }
}

/// Equal vocabularies, by [`Tokenizer::hash`].
impl PartialEq for Tokenizer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.hash() == other.hash()
    }
}

impl Eq for Tokenizer {}

impl Tokenizer {
    /// Parses the bytes of a file; `path` serves the error messages and tells the format by extension.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self> {
        formats::parse(path, bytes).map(Self::from_vocab)
    }
}
