//! The vocabulary as every file format describes it, checked once here (paper section 2.2).

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::Id;
use crate::merges::merge_list;

/// How SentencePiece writes a space.
pub(crate) const SPACE: char = '\u{2581}';

/// Longest piece in characters that a vocabulary may hold, SentencePiece's own limit. It also bounds
/// the work of deriving merges from a hostile file.
pub(crate) const MAX_PIECE_CHARS: usize = 512;

/// What a piece is for; the numbers are those of SentencePiece's file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    Byte = 6,
}

/// One entry of the vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub text: Box<str>,
    pub score: f32,
    pub kind: Kind,
}

/// A merge by ids: `left` and `right`, side by side, become the piece of their joined text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merge {
    pub left: Id,
    pub right: Id,
    pub result: Id,
}

/// A checked vocabulary. [`Vocab::new`] is the only way to make one.
#[derive(Debug, Clone)]
pub(crate) struct Vocab {
    pub pieces: Vec<Piece>,
    pub by_text: FxHashMap<Box<str>, Id>,
    pub unk: Id,
    pub bos: Id,
    pub eos: Id,
    /// The 256 byte pieces, where characters without a piece fall back to bytes.
    pub bytes: Option<Box<[Id; 256]>>,
    pub dummy_prefix: bool,
    pub unk_surface: Box<str>,
    /// Merges in rank order where a file's list is not the one that scores imply.
    pub explicit_merges: Option<Vec<Merge>>,
}

/// What [`Vocab::new`] takes beside the pieces.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub bos: Id,
    pub eos: Id,
    pub byte_fallback: bool,
    pub dummy_prefix: bool,
    pub unk_surface: Box<str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bos: 1,
            eos: 2,
            byte_fallback: true,
            dummy_prefix: true,
            unk_surface: " \u{2047} ".into(),
        }
    }
}

/// The byte that `<0xNN>` names, with exactly two upper-case hexadecimal digits.
pub(crate) fn byte_of_piece(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let upper = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    (digits.len() == 2 && upper)
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The name of a byte's piece.
pub(crate) fn piece_of_byte(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

impl Vocab {
    /// Checks the pieces and indexes them; the error says what is wrong with which piece.
    pub fn new(pieces: Vec<Piece>, settings: Settings) -> Result<Self, String> {
        let size = Id::try_from(pieces.len())
            .ok()
            .filter(|&n| n < 1 << 31)
            .ok_or("more than 2^31 pieces")?;
        let mut by_text = FxHashMap::with_capacity_and_hasher(pieces.len(), Default::default());
        let mut bytes = [None; 256];
        let mut unk = None;
        for (id, piece) in (0..size).zip(&pieces) {
            if piece.text.is_empty() {
                return Err(format!("piece {id} is empty"));
            }
            if piece.text.chars().take(MAX_PIECE_CHARS + 1).count() > MAX_PIECE_CHARS {
                return Err(format!(
                    "piece {id} is longer than {MAX_PIECE_CHARS} characters"
                ));
            }
            if !piece.score.is_finite() {
                return Err(format!(
                    "piece {id} ({:?}) has the score {}",
                    piece.text, piece.score
                ));
            }
            if let Some(first) = by_text.insert(piece.text.clone(), id) {
                return Err(format!("pieces {first} and {id} are both {:?}", piece.text));
            }
            match piece.kind {
                Kind::Unknown if unk.is_some() => {
                    return Err(format!("piece {id} is a second unknown piece"));
                }
                Kind::Unknown => unk = Some(id),
                Kind::Byte => {
                    let byte = byte_of_piece(&piece.text).ok_or_else(|| {
                        format!("byte piece {id} is {:?}, not <0xNN>", piece.text)
                    })?;
                    bytes[usize::from(byte)] = Some(id);
                }
                Kind::Normal | Kind::Control => {}
            }
        }
        let bytes = if settings.byte_fallback {
            let mut all = Box::new([0; 256]);
            for (byte, (slot, id)) in (0..=u8::MAX).zip(all.iter_mut().zip(bytes)) {
                *slot = id.ok_or_else(|| {
                    format!("byte fallback is on but {} is missing", piece_of_byte(byte))
                })?;
            }
            Some(all)
        } else {
            None
        };
        for (name, id) in [("BOS", settings.bos), ("EOS", settings.eos)] {
            if pieces
                .get(id as usize)
                .is_none_or(|p| p.kind != Kind::Control)
            {
                return Err(format!(
                    "{name} has id {id}, which is not a control piece of this vocabulary"
                ));
            }
        }
        Ok(Self {
            unk: unk.ok_or("there is no unknown piece")?,
            pieces,
            by_text,
            bos: settings.bos,
            eos: settings.eos,
            bytes,
            dummy_prefix: settings.dummy_prefix,
            unk_surface: settings.unk_surface,
            explicit_merges: None,
        })
    }

    /// The piece of an id, if the vocabulary has it.
    pub fn piece(&self, id: Id) -> Option<&Piece> {
        self.pieces.get(id as usize)
    }

    /// Ids of normal pieces from the highest score down; equal scores keep the order of ids.
    pub fn by_score(&self) -> Vec<Id> {
        let mut ids: Vec<Id> = (0..)
            .zip(&self.pieces)
            .filter(|(_, p)| p.kind == Kind::Normal)
            .map(|(id, _)| id)
            .collect();
        ids.sort_by(|&a, &b| {
            self.pieces[b as usize]
                .score
                .total_cmp(&self.pieces[a as usize].score)
        });
        ids
    }

    /// The id of a normal piece with this text.
    pub fn normal(&self, text: &str) -> Option<Id> {
        self.by_text
            .get(text)
            .copied()
            .filter(|&id| self.pieces[id as usize].kind == Kind::Normal)
    }

    /// Identity of the vocabulary. It covers the pieces, their kinds, the list of merges and the two
    /// settings, not the scores, so it is the same whichever file format the vocabulary came from.
    pub fn hash(&self) -> [u8; 32] {
        let mut sha = Sha256::new();
        sha.update(b"puna vocabulary 1\0");
        for value in [
            self.unk,
            self.bos,
            self.eos,
            self.bytes.is_some().into(),
            self.dummy_prefix.into(),
        ] {
            sha.update(value.to_le_bytes());
        }
        sha.update((self.pieces.len() as u64).to_le_bytes());
        for piece in &self.pieces {
            sha.update([piece.kind as u8]);
            sha.update((piece.text.len() as u64).to_le_bytes());
            sha.update(piece.text.as_bytes());
        }
        for merge in merge_list(self) {
            sha.update(merge.left.to_le_bytes());
            sha.update(merge.right.to_le_bytes());
        }
        sha.finalize().into()
    }
}
