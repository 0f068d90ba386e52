//! Compressed members one after another: gzip (RFC 1952) and zstd frames (RFC 8878), with the
//! dictionary frame of WARC-zstd files.

use super::stored::Stored;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, BufRead};
use zstd::stream::raw::{Decoder, Operation};

const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// First byte of the skippable frame that holds the dictionary; the other kinds are 0x50 to 0x5f.
const DICTIONARY: u8 = 0x5d;
/// A dictionary larger than this is refused: they are some hundred KB.
const DICTIONARY_LIMIT: usize = 16 << 20;

/// How members are compressed.
pub(super) enum Codec {
    /// Not at all.
    Plain,
    /// Gzip members; the state of the one being read.
    Gzip(Option<Box<Decompress>>),
    /// Zstd frames.
    Zstd(Box<Zstd>),
}

/// The state of zstd frames.
#[derive(Default)]
pub(super) struct Zstd {
    decoder: Option<Decoder<'static>>,
    dictionary: Vec<u8>,
    inside: bool,
}

/// What one step of decompression gave.
pub(super) enum Step {
    /// A member begins at this stored offset.
    MemberBegins(u64),
    /// So many bytes.
    Bytes(usize),
    /// The member is whole, its check right.
    MemberEnds,
    /// There are no more members.
    FileEnds,
    /// The member is damaged.
    Broken(String),
    /// Something else stands where a member should begin.
    NoMember(String),
    /// The bytes as stored cannot be read.
    Failed(io::Error),
}

impl Codec {
    /// The codec of members that begin with these bytes.
    pub fn of(head: &[u8]) -> Self {
        if head.starts_with(GZIP) {
            Self::Gzip(None)
        } else if head.starts_with(ZSTD) || is_skippable(head) {
            Self::Zstd(Box::default())
        } else {
            Self::Plain
        }
    }

    /// The codec that a name in lower case tells.
    pub fn by_name(name: &str) -> Self {
        if name.ends_with(".gz") {
            Self::Gzip(None)
        } else if name.ends_with(".zst") || name.ends_with(".zstd") {
            Self::Zstd(Box::default())
        } else {
            Self::Plain
        }
    }

    /// What every member begins with.
    pub fn magic(&self) -> Option<&'static [u8]> {
        match self {
            Self::Plain => None,
            Self::Gzip(_) => Some(GZIP),
            Self::Zstd(_) => Some(ZSTD),
        }
    }

    /// Forgets the member being read.
    pub fn reset(&mut self) {
        match self {
            Self::Plain => {}
            Self::Gzip(state) => *state = None,
            Self::Zstd(zstd) => zstd.inside = false,
        }
    }

    /// Goes on by one step.
    pub fn step(&mut self, stored: &mut Stored, out: &mut [u8]) -> Step {
        match self {
            Self::Plain => Ok(Step::FileEnds),
            Self::Gzip(state) => gzip(state, stored, out),
            Self::Zstd(zstd) => zstd.step(stored, out),
        }
        .unwrap_or_else(Step::Failed)
    }
}

fn gzip(state: &mut Option<Box<Decompress>>, stored: &mut Stored, out: &mut [u8]) -> Fallible {
    let Some(inflate) = state else {
        return begin(stored, GZIP, "gzip member", || {
            *state = Some(Box::new(Decompress::new_gzip(15)));
        });
    };
    loop {
        let input = stored.fill_buf()?;
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(input, out, FlushDecompress::None);
        let used = (inflate.total_in() - before_in) as usize;
        let made = (inflate.total_out() - before_out) as usize;
        let at_end = input.is_empty();
        stored.consume(used);
        match status {
            Err(e) => return Ok(Step::Broken(format!("gzip member is damaged: {e}"))),
            // The last bytes and the end come together; the end is found again by the next step.
            Ok(Status::StreamEnd) if made == 0 => {
                *state = None;
                return Ok(Step::MemberEnds);
            }
            Ok(_) if made > 0 => return Ok(Step::Bytes(made)),
            Ok(_) if at_end => return Ok(Step::Broken("file ends inside a gzip member".into())),
            Ok(_) if used == 0 => return Ok(Step::Broken("gzip member is damaged".into())),
            Ok(_) => {}
        }
    }
}

type Fallible = io::Result<Step>;

/// Begins the member that stands here, past the zeros that some writers pad with.
fn begin(stored: &mut Stored, magic: &[u8], name: &str, init: impl FnOnce()) -> Fallible {
    loop {
        let offset = stored.offset();
        let head = stored.peek(magic.len())?;
        if head.is_empty() {
            return Ok(Step::FileEnds);
        }
        if head.starts_with(magic) {
            init();
            return Ok(Step::MemberBegins(offset));
        }
        let zeros = head.iter().take_while(|b| **b == 0).count();
        if zeros == 0 {
            return Ok(Step::NoMember(format!("no {name} where one should begin")));
        }
        stored.consume(zeros);
    }
}

fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

impl Zstd {
    fn step(&mut self, stored: &mut Stored, out: &mut [u8]) -> Fallible {
        if !self.inside {
            while is_skippable(stored.peek(8)?) {
                if let Some(what) = self.skippable(stored)? {
                    return Ok(Step::NoMember(what));
                }
            }
            let inside = &mut self.inside;
            let step = begin(stored, ZSTD, "zstd frame", || *inside = true)?;
            if self.inside {
                match &mut self.decoder {
                    Some(decoder) => decoder.reinit()?,
                    None => self.decoder = Some(Decoder::with_dictionary(&self.dictionary)?),
                }
            }
            return Ok(step);
        }
        let Some(decoder) = &mut self.decoder else {
            return Ok(Step::FileEnds);
        };
        loop {
            let input = stored.fill_buf()?;
            let at_end = input.is_empty();
            let status = match decoder.run_on_buffers(input, out) {
                Ok(status) => status,
                Err(e) => return Ok(Step::Broken(format!("zstd frame is damaged: {e}"))),
            };
            let used = status.bytes_read;
            stored.consume(used);
            if status.remaining == 0 {
                self.inside = false;
            }
            if status.bytes_written > 0 {
                return Ok(Step::Bytes(status.bytes_written));
            }
            if status.remaining == 0 {
                return Ok(Step::MemberEnds);
            }
            if at_end {
                return Ok(Step::Broken("file ends inside a zstd frame".into()));
            }
            if used == 0 {
                return Ok(Step::Broken("zstd frame is damaged".into()));
            }
        }
    }

    /// Passes over a skippable frame, taking the dictionary out of it; says what is wrong with it.
    fn skippable(&mut self, stored: &mut Stored) -> io::Result<Option<String>> {
        let Some(&[kind, _, _, _, a, b, c, d]) = stored.peek(8)?.first_chunk() else {
            return Ok(Some("file ends inside a skippable frame".into()));
        };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        stored.consume(8);
        if kind == DICTIONARY && self.decoder.is_none() {
            if length > DICTIONARY_LIMIT {
                return Ok(Some("dictionary frame is too large".into()));
            }
            let held = stored.peek(length)?;
            let held = &held[..length.min(held.len())];
            self.dictionary = if held.starts_with(ZSTD) {
                match zstd::bulk::decompress(held, DICTIONARY_LIMIT) {
                    Ok(dictionary) => dictionary,
                    Err(e) => return Ok(Some(format!("dictionary frame is damaged: {e}"))),
                }
            } else {
                held.to_vec()
            };
        }
        let mut left = length;
        while left > 0 {
            let n = stored.fill_buf()?.len().min(left);
            if n == 0 {
                return Ok(Some("file ends inside a skippable frame".into()));
            }
            stored.consume(n);
            left -= n;
        }
        Ok(None)
    }
}
