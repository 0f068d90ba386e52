//! A window that slides over the decompressed bytes of a file, member by member, and that goes on
//! at the next member where one is damaged.

use super::codec::{Codec, Step};
use super::stored::Stored;
use std::collections::VecDeque;
use std::io::{self, BufRead};

/// Bytes decompressed at once.
const CHUNK: usize = 1 << 16;

/// How the bytes of the window end.
enum End {
    /// There may be more.
    Open,
    /// Nothing follows.
    File,
    /// The member that begins at decompressed position `from` is damaged.
    Broken { from: u64, what: String },
    /// The system or the store does not give more.
    Failed(io::Error),
}

/// Decompressed bytes around the record being read.
pub(super) struct Window {
    stored: Stored,
    codec: Codec,
    chunk: Vec<u8>,
    buffer: Vec<u8>,
    start: usize,
    /// Decompressed position of `buffer[start]`.
    position: u64,
    /// Decompressed position and stored offset of the members in the window.
    members: VecDeque<(u64, u64)>,
    end: End,
    /// Whether bytes may begin a member: asked only of the members after a damaged one.
    accepts: fn(&[u8]) -> bool,
}

impl Window {
    pub fn new(stored: Stored, codec: Codec) -> Self {
        Self {
            stored,
            codec,
            chunk: Vec::new(),
            buffer: Vec::new(),
            start: 0,
            position: 0,
            members: VecDeque::new(),
            end: End::Open,
            accepts: |_| true,
        }
    }

    /// Says how members begin, so that none is taken for one by chance after damage.
    pub fn members_begin(mut self, accepts: fn(&[u8]) -> bool) -> Self {
        self.accepts = accepts;
        self
    }

    /// The bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Tries to have `wanted` bytes at hand; says how many there are, fewer only at the end.
    pub fn ensure(&mut self, wanted: usize) -> usize {
        while self.bytes().len() < wanted && matches!(self.end, End::Open) {
            self.pull();
        }
        self.bytes().len()
    }

    /// Passes over bytes at hand.
    pub fn consume(&mut self, n: usize) {
        let n = n.min(self.bytes().len());
        self.start += n;
        self.position += n as u64;
        while self.members.get(1).is_some_and(|m| m.0 <= self.position) {
            self.members.pop_front();
        }
    }

    /// Where the next byte is stored: its own offset, or that of its compressed member.
    pub fn offset(&self) -> u64 {
        match self.codec {
            Codec::Plain => self.position,
            _ => {
                let mut begun = self.members.iter().rev();
                begun.find(|m| m.0 <= self.position).map_or(0, |m| m.1)
            }
        }
    }

    /// Stored bytes read so far.
    pub fn read_so_far(&self) -> u64 {
        self.stored.offset()
    }

    /// Why no more bytes come after those at hand, if that is for damage.
    pub fn broken(&self) -> Option<&str> {
        match &self.end {
            End::Broken { what, .. } => Some(what),
            _ => None,
        }
    }

    /// Whether the damage that ends the window lies in a member with one of the next `n` bytes.
    pub fn breaks_within(&self, n: usize) -> bool {
        matches!(&self.end, End::Broken { from, .. } if *from < self.position + n as u64)
    }

    /// Why no more bytes come, if that is for the system or the store.
    pub fn failure(&self) -> Option<io::Error> {
        match &self.end {
            End::Failed(e) => Some(io::Error::new(e.kind(), e.to_string())),
            _ => None,
        }
    }

    /// Drops what is at hand and goes on at the next sound member, if the end was a damaged one.
    pub fn recover(&mut self) {
        let rest = self.bytes().len();
        self.consume(rest);
        if !matches!(self.end, End::Broken { .. }) {
            return;
        }
        let damaged = self.members.back().map_or(0, |m| m.1);
        self.members.clear();
        self.end = match self.next_sound_member(damaged + 1) {
            Ok(true) => End::Open,
            Ok(false) => End::File,
            Err(e) => End::Failed(e),
        };
    }

    fn next_sound_member(&mut self, from: u64) -> io::Result<bool> {
        let Some(magic) = self.codec.magic() else {
            return Ok(false);
        };
        let finder = memchr::memmem::Finder::new(magic);
        self.stored.go_to(from)?;
        while self.stored.find(&finder)? {
            let candidate = self.stored.offset();
            let sound = self.probe()?;
            self.codec.reset();
            if sound {
                self.stored.go_to(candidate)?;
                return Ok(true);
            }
            self.stored.go_to(candidate + 1)?;
        }
        Ok(false)
    }

    /// Whether a member can be decompressed here and begins as it should.
    fn probe(&mut self) -> io::Result<bool> {
        self.codec.reset();
        let mut head = [0; 512];
        let mut filled = 0;
        while filled < head.len() {
            match self.codec.step(&mut self.stored, &mut head[filled..]) {
                Step::Bytes(n) => filled += n,
                Step::MemberBegins(_) => {}
                Step::MemberEnds | Step::FileEnds => break,
                Step::Broken(_) | Step::NoMember(_) => return Ok(false),
                Step::Failed(e) => return Err(e),
            }
        }
        Ok(filled > 0 && (self.accepts)(&head[..filled]))
    }

    fn pull(&mut self) {
        // Moved only when the most part is behind, so each byte moves a bounded number of times.
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if matches!(self.codec, Codec::Plain) {
            match self.stored.fill_buf() {
                Ok([]) => self.end = End::File,
                Ok(chunk) => {
                    let n = chunk.len();
                    self.buffer.extend_from_slice(chunk);
                    self.stored.consume(n);
                }
                // A decoder below (lz4) says so of bytes that are not what they should be.
                Err(e) if matches!(e.kind(), io::ErrorKind::InvalidData) => {
                    let what = e.to_string();
                    let from = self.position;
                    self.end = End::Broken { from, what };
                }
                Err(e) => self.end = End::Failed(e),
            }
            return;
        }
        // Members are often small: a chunk of the buffer itself would be cleared for each step.
        self.chunk.resize(CHUNK, 0);
        let step = self.codec.step(&mut self.stored, &mut self.chunk);
        if let Step::Bytes(n) = step {
            self.buffer.extend_from_slice(&self.chunk[..n]);
        }
        let position = self.position + self.bytes().len() as u64;
        match step {
            Step::Bytes(_) | Step::MemberEnds => {}
            Step::MemberBegins(offset) => {
                // An empty member leaves no byte to be found by.
                self.members.retain(|m| m.0 != position);
                self.members.push_back((position, offset));
            }
            Step::FileEnds => self.end = End::File,
            Step::Broken(what) => {
                let from = self.members.back().map_or(0, |m| m.0);
                self.end = End::Broken { from, what };
            }
            Step::NoMember(what) => {
                self.members.push_back((position, self.stored.offset()));
                self.end = End::Broken {
                    from: position,
                    what,
                };
            }
            Step::Failed(e) => self.end = End::Failed(e),
        }
    }
}
