//! Training a vocabulary as SentencePiece's BPE trainer does with Llama 2's settings (paper section 2.2).

mod pairs;
mod valid;
mod words;

use serde::{Deserialize, Serialize};

use crate::vocab::{Kind, Piece, Settings, Vocab, piece_of_byte};
use crate::{Error, Result};

/// Settings of [`Tokenizer::train`](crate::Tokenizer::train); the defaults are Llama 2's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Number of pieces, with the three control and 256 byte pieces.
    pub vocab_size: usize,
    /// Share of the text's characters whose kinds get a piece; the rest falls back to bytes.
    pub character_coverage: f64,
    /// Longest piece in characters.
    pub max_piece_length: usize,
    /// Every digit is a piece of its own.
    pub split_digits: bool,
    /// Characters without a piece become bytes instead of the unknown piece.
    pub byte_fallback: bool,
    /// No piece mixes scripts, or letters with punctuation.
    pub split_by_unicode_script: bool,
    /// No piece mixes digits and other characters.
    pub split_by_number: bool,
    /// Runs of spaces may be pieces.
    pub allow_whitespace_only_pieces: bool,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            vocab_size: 32_000,
            character_coverage: 0.99995,
            max_piece_length: 16,
            split_digits: true,
            byte_fallback: true,
            split_by_unicode_script: true,
            split_by_number: true,
            allow_whitespace_only_pieces: true,
        }
    }
}

impl TrainOptions {
    fn check(&self) -> Result<()> {
        if !(0.98..=1.0).contains(&self.character_coverage) {
            let given = self.character_coverage;
            return Err(Error::Training(format!(
                "character_coverage is {given}; give 0.98 to 1"
            )));
        }
        if !(1..=crate::vocab::MAX_PIECE_CHARS).contains(&self.max_piece_length) {
            let (given, most) = (self.max_piece_length, crate::vocab::MAX_PIECE_CHARS);
            return Err(Error::Training(format!(
                "max_piece_length is {given}; give 1 to {most}"
            )));
        }
        Ok(())
    }
}

/// The pieces before those that are learned.
fn meta_pieces(options: &TrainOptions) -> Vec<Piece> {
    let piece = |text: String, kind| Piece {
        text: text.into(),
        score: 0.0,
        kind,
    };
    let mut pieces = vec![
        piece("<unk>".into(), Kind::Unknown),
        piece("<s>".into(), Kind::Control),
        piece("</s>".into(), Kind::Control),
    ];
    if options.byte_fallback {
        pieces.extend((0..=u8::MAX).map(|byte| piece(piece_of_byte(byte), Kind::Byte)));
    }
    pieces
}

/// Learns a vocabulary: meta pieces, then merges in the order found, then characters from the most
/// frequent down, with scores 0, -1, -2 and so on.
pub(crate) fn train<S: AsRef<str>>(
    texts: impl IntoIterator<Item = S>,
    options: &TrainOptions,
) -> Result<Vocab> {
    options.check()?;
    let mut pieces = meta_pieces(options);
    let mut counter = words::WordCounter::new(options.allow_whitespace_only_pieces);
    for text in texts {
        counter.add(text.as_ref());
    }
    let words = counter.finish();
    let alphabet = words::alphabet(&words, options.character_coverage);
    if alphabet.is_empty() {
        return Err(Error::Training("the texts are empty".into()));
    }
    let fixed = pieces.len() + alphabet.len();
    let wanted = options.vocab_size.checked_sub(fixed).ok_or_else(|| {
        Error::Training(format!(
            "vocab_size is {}, but {} control and byte pieces and {} characters already make {fixed}; \
             raise it or lower character_coverage",
            options.vocab_size,
            pieces.len(),
            alphabet.len(),
        ))
    })?;
    let merged = pairs::learn(&words, &alphabet, wanted, options, &pieces);
    if merged.len() < wanted {
        return Err(Error::Training(format!(
            "vocab_size is {}, but the texts give no more than {} pieces; lower it or give more text",
            options.vocab_size,
            fixed + merged.len(),
        )));
    }
    let characters = alphabet
        .iter()
        .map(|&(c, _)| c.to_string().into_boxed_str());
    for (rank, text) in merged.into_iter().chain(characters).enumerate() {
        pieces.push(Piece {
            text,
            score: -(rank as f32),
            kind: Kind::Normal,
        });
    }
    let settings = Settings {
        byte_fallback: options.byte_fallback,
        ..Settings::default()
    };
    Vocab::new(pieces, settings).map_err(Error::Training)
}
