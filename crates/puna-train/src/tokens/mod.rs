//! Text as tokens on disk: documents, memory-mapped token files, and how one becomes the other.

mod build;
mod documents;
mod file;
mod writer;

pub use build::{BuildOptions, TokenSet, build_token_set};
pub(crate) use documents::open_text;
pub use documents::{DocumentOptions, Documents, Frames};
pub use file::TokenFile;
pub use writer::{TokenWriter, Vocabulary};

/// First bytes of a token file.
const MAGIC: [u8; 8] = *b"PUNATOKS";
/// Last bytes before the hash.
const END_MAGIC: [u8; 8] = *b"SKOTANUP";
/// Version of the format that this code reads and writes.
const VERSION: u32 = 1;
/// Length of what stands before the tokens.
const HEAD: usize = 64;
/// Length of what stands behind the index.
const TAIL: usize = 64;

/// Bytes of a token: two where every id fits.
fn token_bytes(vocab_size: u64) -> usize {
    if vocab_size <= 1 << 16 { 2 } else { 4 }
}
