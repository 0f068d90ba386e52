//! llama2.c's `tokenizer.bin`: the longest token's length, then score, length and text of each token.

use std::path::Path;

use crate::vocab::{Kind, Piece, SPACE, Settings, Vocab, byte_of_piece};
use crate::{Error, Result};

/// Reads the export. It keeps no kinds, so they are Llama 2's by position: unknown, BOS, EOS, bytes.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vocab> {
    let corrupt = |what: String| Error::Corrupt {
        path: path.into(),
        format: "llama2.c",
        what,
    };
    let mut pieces = Vec::new();
    let (longest, mut rest) =
        word(bytes).ok_or_else(|| corrupt("shorter than its header".into()))?;
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let token = (|| {
            let (score, after) = word(rest)?;
            let (length, after) = word(after)?;
            let length = usize::try_from(length).ok().filter(|_| length <= longest)?;
            let (text, after) = after.split_at_checked(length)?;
            rest = after;
            Some((f32::from_bits(score), std::str::from_utf8(text).ok()?))
        })();
        let (score, text) = token.ok_or_else(|| {
            corrupt(format!(
                "token {} at byte {offset} is cut off or not UTF-8",
                pieces.len()
            ))
        })?;
        let (text, kind) = match pieces.len() {
            0 => (text.trim().into(), Kind::Unknown),
            // The export puts line breaks round the control pieces, for printing.
            1 | 2 => (text.trim().into(), Kind::Control),
            3..259 if byte_of_piece(text).is_some() => (text.into(), Kind::Byte),
            _ => (
                text.replace(' ', SPACE.encode_utf8(&mut [0; 4])),
                Kind::Normal,
            ),
        };
        pieces.push(Piece {
            text: text.into(),
            score,
            kind,
        });
    }
    Vocab::new(pieces, Settings::default()).map_err(corrupt)
}

/// The next four bytes as a little-endian number.
fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, tail) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), tail))
}
