//! SentencePiece's `.model` file: a protobuf message with pieces, trainer and normaliser settings.

use std::path::Path;

use super::wire::{Fields, Message, Value};
use crate::vocab::{Kind, Piece, Settings, Vocab};
use crate::{Error, Id, Result};

/// Field numbers of the messages.
mod field {
    pub const PIECES: u64 = 1;
    pub const TRAINER: u64 = 2;
    pub const NORMALIZER: u64 = 3;

    pub const PIECE_TEXT: u64 = 1;
    pub const PIECE_SCORE: u64 = 2;
    pub const PIECE_KIND: u64 = 3;

    pub const MODEL_TYPE: u64 = 3;
    pub const VOCAB_SIZE: u64 = 4;
    pub const CHARACTER_COVERAGE: u64 = 10;
    pub const MAX_PIECE_LENGTH: u64 = 20;
    pub const SPLIT_BY_UNICODE_SCRIPT: u64 = 21;
    pub const SPLIT_BY_WHITESPACE: u64 = 22;
    pub const SPLIT_BY_NUMBER: u64 = 23;
    pub const WHITESPACE_AS_SUFFIX: u64 = 24;
    pub const SPLIT_DIGITS: u64 = 25;
    pub const WHITESPACE_ONLY_PIECES: u64 = 26;
    pub const BYTE_FALLBACK: u64 = 35;
    pub const UNK_ID: u64 = 40;
    pub const BOS_ID: u64 = 41;
    pub const EOS_ID: u64 = 42;
    pub const PAD_ID: u64 = 43;
    pub const UNK_SURFACE: u64 = 44;
    pub const UNK_PIECE: u64 = 45;
    pub const BOS_PIECE: u64 = 46;
    pub const EOS_PIECE: u64 = 47;

    pub const NORMALIZER_NAME: u64 = 1;
    pub const CHARSMAP: u64 = 2;
    pub const DUMMY_PREFIX: u64 = 3;
    pub const REMOVE_EXTRA_SPACES: u64 = 4;
    pub const ESCAPE_SPACES: u64 = 5;
}

/// The model type of byte-pair encoding.
const BPE: u64 = 2;

/// Settings as the file gives them; the defaults are those of the format.
struct Header {
    model_type: u64,
    whitespace_as_suffix: bool,
    remove_extra_spaces: bool,
    escape_spaces: bool,
    charsmap: bool,
    settings: Settings,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            model_type: 1,
            whitespace_as_suffix: false,
            remove_extra_spaces: true,
            escape_spaces: true,
            charsmap: false,
            settings: Settings {
                byte_fallback: false,
                ..Settings::default()
            },
        }
    }
}

/// Reads the bytes of a model file.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vocab> {
    let corrupt = |what: String| Error::Corrupt {
        path: path.into(),
        format: "SentencePiece",
        what,
    };
    let unsupported = |feature: String, hint: &'static str| Error::Unsupported {
        path: path.into(),
        feature,
        hint,
    };
    let mut pieces = Vec::new();
    let mut header = Header::default();
    for item in Fields::new(bytes) {
        let (number, value) = item.map_err(|at| corrupt(format!("broken field at byte {at}")))?;
        let part = match (number, value) {
            (field::PIECES, Value::Bytes(message)) => {
                match piece(message).map_err(|w| in_piece(pieces.len(), w)) {
                    Ok((Some(kind), text, score)) => {
                        pieces.push(Piece { text, score, kind });
                        Ok(())
                    }
                    Ok((None, text, _)) => {
                        return Err(unsupported(
                            format!(
                                "piece {} ({text:?}) as a user-defined or unused symbol",
                                pieces.len()
                            ),
                            "convert a vocabulary without such symbols",
                        ));
                    }
                    Err(what) => Err(what),
                }
            }
            (field::TRAINER, Value::Bytes(message)) => trainer(message, &mut header),
            (field::NORMALIZER, Value::Bytes(message)) => normalizer(message, &mut header),
            (field::PIECES..=field::NORMALIZER, _) => {
                Err(format!("field {number} has the wrong wire type"))
            }
            _ => Ok(()),
        };
        part.map_err(corrupt)?;
    }
    if pieces.is_empty() {
        return Err(corrupt("it holds no pieces".into()));
    }
    if header.model_type != BPE {
        let name = match header.model_type {
            1 => "unigram".to_owned(),
            3 => "word".to_owned(),
            4 => "char".to_owned(),
            other => format!("type {other}"),
        };
        return Err(unsupported(
            format!("a {name} model"),
            "train or take a BPE model",
        ));
    }
    let features = [
        (header.charsmap, "a normalisation table"),
        (header.remove_extra_spaces, "removal of extra spaces"),
        (!header.escape_spaces, "spaces kept as spaces in pieces"),
        (header.whitespace_as_suffix, "spaces at the ends of pieces"),
    ];
    if let Some((_, feature)) = features.into_iter().find(|(on, _)| *on) {
        let hint = "train with the identity normaliser and Llama 2's settings";
        return Err(unsupported(feature.into(), hint));
    }
    Vocab::new(pieces, header.settings).map_err(corrupt)
}

fn in_piece(index: usize, what: String) -> String {
    format!("piece {index}: {what}")
}

/// One piece; no kind if the format's kind is one that Llama's tokenizer lacks.
fn piece(message: &[u8]) -> Result<(Option<Kind>, Box<str>, f32), String> {
    let (mut text, mut score, mut kind) = ("", 0.0, Some(Kind::Normal));
    for item in Fields::new(message) {
        match item.map_err(|at| format!("broken field at byte {at} of its message"))? {
            (field::PIECE_TEXT, Value::Bytes(bytes)) => {
                text = std::str::from_utf8(bytes).map_err(|_| "its text is not UTF-8")?;
            }
            (field::PIECE_SCORE, Value::Fixed32(bits)) => score = f32::from_bits(bits),
            (field::PIECE_KIND, Value::Varint(number)) => {
                kind = match number {
                    1 => Some(Kind::Normal),
                    2 => Some(Kind::Unknown),
                    3 => Some(Kind::Control),
                    4 | 5 => None,
                    6 => Some(Kind::Byte),
                    other => return Err(format!("its type {other} is unknown")),
                }
            }
            (number @ field::PIECE_TEXT..=field::PIECE_KIND, _) => {
                return Err(format!("its field {number} has the wrong wire type"));
            }
            _ => {}
        }
    }
    Ok((kind, text.into(), score))
}

fn trainer(message: &[u8], header: &mut Header) -> Result<(), String> {
    for item in Fields::new(message) {
        let (number, value) =
            item.map_err(|at| format!("trainer settings: broken field at byte {at}"))?;
        match (number, value) {
            (field::MODEL_TYPE, Value::Varint(n)) => header.model_type = n,
            (field::WHITESPACE_AS_SUFFIX, Value::Varint(n)) => header.whitespace_as_suffix = n != 0,
            (field::BYTE_FALLBACK, Value::Varint(n)) => header.settings.byte_fallback = n != 0,
            (field::BOS_ID, Value::Varint(n)) => header.settings.bos = id("bos_id", n)?,
            (field::EOS_ID, Value::Varint(n)) => header.settings.eos = id("eos_id", n)?,
            (field::UNK_SURFACE, Value::Bytes(bytes)) => {
                header.settings.unk_surface = std::str::from_utf8(bytes)
                    .map_err(|_| "trainer settings: unk_surface is not UTF-8")?
                    .into();
            }
            _ => {}
        }
    }
    Ok(())
}

/// BOS and EOS must exist: a negative number switches a piece off.
fn id(name: &str, number: u64) -> Result<Id, String> {
    Id::try_from(number).map_err(|_| {
        // Negative numbers arrive as their 64-bit complement.
        format!(
            "trainer settings: {name} is {}, but Llama's format needs this piece",
            number as i64
        )
    })
}

fn normalizer(message: &[u8], header: &mut Header) -> Result<(), String> {
    for item in Fields::new(message) {
        let (number, value) =
            item.map_err(|at| format!("normaliser settings: broken field at byte {at}"))?;
        match (number, value) {
            (field::CHARSMAP, Value::Bytes(bytes)) => header.charsmap = !bytes.is_empty(),
            (field::DUMMY_PREFIX, Value::Varint(n)) => header.settings.dummy_prefix = n != 0,
            (field::REMOVE_EXTRA_SPACES, Value::Varint(n)) => header.remove_extra_spaces = n != 0,
            (field::ESCAPE_SPACES, Value::Varint(n)) => header.escape_spaces = n != 0,
            _ => {}
        }
    }
    Ok(())
}

/// The model file of a vocabulary.
pub(crate) fn write(vocab: &Vocab) -> Vec<u8> {
    let mut file = Message::default();
    for piece in &vocab.pieces {
        let mut message = Message::default();
        message.bytes(field::PIECE_TEXT, piece.text.as_bytes());
        message.float(field::PIECE_SCORE, piece.score);
        if piece.kind != Kind::Normal {
            message.varint(field::PIECE_KIND, piece.kind as u64);
        }
        file.bytes(field::PIECES, &message.0);
    }
    let longest = vocab
        .pieces
        .iter()
        .filter(|p| p.kind == Kind::Normal)
        .map(|p| p.text.chars().count())
        .max()
        .unwrap_or(1);
    let mut trainer = Message::default();
    trainer.varint(field::MODEL_TYPE, BPE);
    trainer.varint(field::VOCAB_SIZE, vocab.pieces.len() as u64);
    trainer.float(field::CHARACTER_COVERAGE, 0.99995);
    trainer.varint(field::MAX_PIECE_LENGTH, longest.max(16) as u64);
    for on in [
        field::SPLIT_BY_UNICODE_SCRIPT,
        field::SPLIT_BY_WHITESPACE,
        field::SPLIT_BY_NUMBER,
        field::SPLIT_DIGITS,
        field::WHITESPACE_ONLY_PIECES,
    ] {
        trainer.varint(on, 1);
    }
    trainer.varint(field::BYTE_FALLBACK, vocab.bytes.is_some().into());
    trainer.varint(field::UNK_ID, vocab.unk.into());
    trainer.varint(field::BOS_ID, vocab.bos.into());
    trainer.varint(field::EOS_ID, vocab.eos.into());
    trainer.int(field::PAD_ID, -1);
    trainer.bytes(field::UNK_SURFACE, vocab.unk_surface.as_bytes());
    for (number, id) in [
        (field::UNK_PIECE, vocab.unk),
        (field::BOS_PIECE, vocab.bos),
        (field::EOS_PIECE, vocab.eos),
    ] {
        trainer.bytes(number, vocab.pieces[id as usize].text.as_bytes());
    }
    file.bytes(field::TRAINER, &trainer.0);
    let mut normalizer = Message::default();
    normalizer.bytes(field::NORMALIZER_NAME, b"identity");
    normalizer.varint(field::DUMMY_PREFIX, vocab.dummy_prefix.into());
    normalizer.varint(field::REMOVE_EXTRA_SPACES, 0);
    normalizer.varint(field::ESCAPE_SPACES, 1);
    file.bytes(field::NORMALIZER, &normalizer.0);
    file.0
}
