//! Numbers and strings of a fastText file, little-endian, with every length checked against what
//! is left of the file before memory is taken for it.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest word of a dictionary; the longest in published models have some hundred bytes.
const LONGEST_WORD: usize = 1 << 16;

/// A file being read.
pub(super) struct Reader<R> {
    path: PathBuf,
    input: R,
    left: u64,
    length: u64,
}

impl Reader<BufReader<File>> {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        Ok(Self::new(
            path,
            BufReader::with_capacity(1 << 18, file),
            length,
        ))
    }
}

impl<R: Read> Reader<R> {
    pub(super) fn new(path: &Path, input: R, length: u64) -> Self {
        Self {
            path: path.to_path_buf(),
            input,
            left: length,
            length,
        }
    }

    /// An error at the present place of the file.
    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Error {
        Error::Format {
            path: self.path.clone(),
            what: format!(
                "at byte {}: {what}; is it a supervised fastText model, whole?",
                self.length - self.left
            ),
        }
    }

    /// As many bytes as asked for, if the file has them.
    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        if count > self.left {
            return Err(self.refuse(format_args!(
                "{count} bytes are announced and {} are left",
                self.left
            )));
        }
        let mut bytes = vec![0; count as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        if bytes.len() as u64 > self.left {
            return Err(self.refuse("the file ends"));
        }
        self.input
            .read_exact(bytes)
            .map_err(Error::io("read", &self.path))?;
        self.left -= bytes.len() as u64;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.refuse(format_args!("{name} is {other} and must be 0 or 1"))),
        }
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(super) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A 32-bit size within bounds.
    pub(super) fn size32(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<i32>,
    ) -> Result<usize> {
        let value = self.i32()?;
        if !range.contains(&value) {
            return Err(self.refuse(format_args!(
                "{name} is {value} and must be {} to {}",
                range.start(),
                range.end()
            )));
        }
        Ok(value as usize)
    }

    /// A 64-bit size, not negative and at most `most`.
    pub(super) fn size64(&mut self, name: &str, most: u64) -> Result<usize> {
        let value = self.i64()?;
        match u64::try_from(value) {
            Ok(size) if size <= most => Ok(size as usize),
            _ => Err(self.refuse(format_args!(
                "{name} is {value} and must be 0 to {most} here"
            ))),
        }
    }

    /// Bytes left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// A string that ends with a zero byte.
    pub(super) fn word(&mut self) -> Result<Box<[u8]>> {
        let mut word = Vec::new();
        loop {
            match self.u8()? {
                0 => return Ok(word.into()),
                byte => word.push(byte),
            }
            if word.len() > LONGEST_WORD {
                return Err(self.refuse("a word of the dictionary does not end"));
            }
        }
    }

    pub(super) fn floats(&mut self, count: u64) -> Result<Vec<f32>> {
        let size = count
            .checked_mul(4)
            .ok_or_else(|| self.refuse("a matrix is larger than any file"))?;
        if size > self.left {
            return Err(self.refuse(format_args!(
                "{count} numbers are announced and {} bytes are left",
                self.left
            )));
        }
        let mut floats = Vec::with_capacity(count as usize);
        let mut block = [0u8; 1 << 14];
        let mut remaining = size as usize;
        while remaining > 0 {
            let now = remaining.min(block.len());
            self.fill(&mut block[..now])?;
            floats.extend(
                block[..now]
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            );
            remaining -= now;
        }
        if floats.iter().any(|x| !x.is_finite()) {
            return Err(self.refuse("a matrix before it holds a number that is not finite"));
        }
        Ok(floats)
    }
}
