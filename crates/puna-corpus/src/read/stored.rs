//! The bytes of an input as stored: buffered, with their offset, and able to go back.

use memchr::memmem;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// What an input's bytes come from: a file, an object of a store, memory.
pub(super) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// Bytes asked for at once.
const CHUNK: usize = 1 << 16;

/// A buffered reader that knows where it is.
pub(super) struct Stored {
    inner: Box<dyn ReadSeek>,
    buffer: Vec<u8>,
    start: usize,
    /// Offset of `buffer[start]`.
    offset: u64,
    at_end: bool,
}

impl Stored {
    pub fn new(inner: Box<dyn ReadSeek>) -> Self {
        Self {
            inner,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            at_end: false,
        }
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// At least `wanted` bytes, unless the end comes before.
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.start < wanted && !self.at_end {
            self.buffer.drain(..self.start);
            self.start = 0;
            let old = self.buffer.len();
            self.buffer.resize(old + CHUNK, 0);
            let read = loop {
                match self.inner.read(&mut self.buffer[old..]) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(old + read.as_ref().map_or(0, |n| *n));
            self.at_end = read? == 0;
        }
        Ok(&self.buffer[self.start..])
    }

    /// Continues at an offset.
    pub fn go_to(&mut self, offset: u64) -> io::Result<()> {
        let ahead = offset.checked_sub(self.offset);
        if let Some(ahead) = ahead.filter(|a| *a <= (self.buffer.len() - self.start) as u64) {
            self.start += ahead as usize;
        } else {
            self.inner.seek(SeekFrom::Start(offset))?;
            self.buffer.clear();
            self.start = 0;
            self.at_end = false;
        }
        self.offset = offset;
        Ok(())
    }

    /// Goes to the next place where `needle` stands; false at the end.
    pub fn find(&mut self, needle: &memmem::Finder<'_>) -> io::Result<bool> {
        let length = needle.needle().len();
        loop {
            let bytes = self.peek(length)?;
            if let Some(at) = needle.find(bytes) {
                self.consume(at);
                return Ok(true);
            }
            let passed = bytes.len().saturating_sub(length - 1);
            if passed == 0 {
                return Ok(false);
            }
            self.consume(passed);
        }
    }
}

impl Read for Stored {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.peek(1)?;
        let n = bytes.len().min(out.len());
        out[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, n: usize) {
        self.start += n;
        self.offset += n as u64;
    }
}
