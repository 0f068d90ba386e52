//! Sorting more fixed-size records than memory holds: sorted runs on disk, merged k ways.

use crate::error::{Error, Result};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Runs merged at once. So many of one length are merged into one that is as many times longer: each
/// record is written once for each length, and open files stay few.
const FAN_IN: usize = 64;

/// Collects records of one width and gives them back in byte order, equal ones included. Runs are
/// unnamed files of the working directory: a process that dies leaves nothing behind.
#[derive(Debug)]
pub struct ExternalSorter {
    width: usize,
    capacity: usize,
    directory: PathBuf,
    buffer: Vec<u8>,
    /// Runs by how often their records were merged.
    runs: Vec<Vec<File>>,
}

impl ExternalSorter {
    /// A sorter of records of `width` bytes that holds about `memory` bytes of them at once and
    /// spills into `directory`.
    pub fn new(width: usize, memory: usize, directory: &Path) -> Result<Self> {
        if width == 0 {
            return Err(Error::Setting {
                name: "width",
                what: "a record needs at least one byte".into(),
            });
        }
        // Beside each record stands its 4-byte place in the order.
        let capacity = (memory / (width + 4)).clamp(16, u32::MAX as usize);
        Ok(Self {
            width,
            capacity,
            directory: directory.into(),
            buffer: Vec::new(),
            runs: Vec::new(),
        })
    }

    /// Adds a record, which has the sorter's width.
    pub fn push(&mut self, record: &[u8]) -> Result<()> {
        if record.len() != self.width {
            return Err(Error::Setting {
                name: "width",
                what: format!("record of {} bytes, expected {}", record.len(), self.width),
            });
        }
        let limit = self.capacity * self.width;
        if self.buffer.len() >= limit {
            self.spill()?;
        }
        // A vector left to itself doubles past the limit, and the old half stays the allocator's.
        let length = self.buffer.len();
        if self.buffer.capacity() - length < self.width {
            let more = length.max(1 << 16).min(limit - length);
            self.buffer.reserve_exact(more);
        }
        self.buffer.extend_from_slice(record);
        Ok(())
    }

    fn order(&self) -> Vec<u32> {
        let width = self.width;
        let at = |i: u32| &self.buffer[i as usize * width..(i as usize + 1) * width];
        let mut order: Vec<u32> = (0..(self.buffer.len() / width) as u32).collect();
        order.sort_unstable_by(|&a, &b| at(a).cmp(at(b)));
        order
    }

    fn spill(&mut self) -> Result<()> {
        let order = self.order();
        let width = self.width;
        let buffer = &self.buffer;
        let mut run = RunWriter::create(&self.directory)?;
        for i in order {
            run.write(&buffer[i as usize * width..(i as usize + 1) * width])?;
        }
        self.buffer.clear();
        let mut run = run.finish()?;
        for level in 0.. {
            if level == self.runs.len() {
                self.runs.push(Vec::new());
            }
            self.runs[level].push(run);
            if self.runs[level].len() < FAN_IN {
                break;
            }
            let full = std::mem::take(&mut self.runs[level]);
            let mut merge = Merge::new(self.width, full, &self.directory)?;
            let mut merged = RunWriter::create(&self.directory)?;
            while let Some(record) = merge.next_record()? {
                merged.write(&record)?;
            }
            run = merged.finish()?;
        }
        Ok(())
    }

    /// Ends the input; the records follow in order.
    pub fn finish(mut self) -> Result<Sorted> {
        if self.runs.is_empty() {
            let order = self.order().into_iter();
            return Ok(Sorted(Source::Memory {
                width: self.width,
                buffer: self.buffer,
                order,
            }));
        }
        self.spill()?;
        self.buffer = Vec::new();
        let runs = self.runs.into_iter().flatten().collect();
        let merge = Merge::new(self.width, runs, &self.directory)?;
        Ok(Sorted(Source::Disk(merge)))
    }
}

/// The records of an [`ExternalSorter`] in order.
#[derive(Debug)]
pub struct Sorted(Source);

#[derive(Debug)]
enum Source {
    Memory {
        width: usize,
        buffer: Vec<u8>,
        order: std::vec::IntoIter<u32>,
    },
    Disk(Merge),
}

impl Iterator for Sorted {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Memory {
                width,
                buffer,
                order,
            } => order
                .next()
                .map(|i| Ok(buffer[i as usize * *width..(i as usize + 1) * *width].to_vec())),
            Source::Disk(merge) => merge.next_record().transpose(),
        }
    }
}

#[derive(Debug)]
struct RunWriter {
    writer: BufWriter<File>,
    directory: PathBuf,
}

impl RunWriter {
    fn create(directory: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(Error::io("write", directory))?;
        Ok(Self {
            writer: BufWriter::with_capacity(1 << 18, file),
            directory: directory.into(),
        })
    }

    fn write(&mut self, record: &[u8]) -> Result<()> {
        self.writer
            .write_all(record)
            .map_err(Error::io("write", &self.directory))
    }

    fn finish(self) -> Result<File> {
        let mut file = self
            .writer
            .into_inner()
            .map_err(|e| Error::io("write", &self.directory)(e.into_error()))?;
        file.seek(SeekFrom::Start(0))
            .map_err(Error::io("read", &self.directory))?;
        Ok(file)
    }
}

#[derive(Debug)]
struct Merge {
    width: usize,
    runs: Vec<BufReader<File>>,
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    directory: PathBuf,
}

impl Merge {
    fn new(width: usize, runs: Vec<File>, directory: &Path) -> Result<Self> {
        let mut merge = Self {
            width,
            runs: runs
                .into_iter()
                .map(|f| BufReader::with_capacity(1 << 16, f))
                .collect(),
            heads: BinaryHeap::new(),
            directory: directory.into(),
        };
        for run in 0..merge.runs.len() {
            merge.refill(run, vec![0; width])?;
        }
        Ok(merge)
    }

    fn refill(&mut self, run: usize, mut record: Vec<u8>) -> Result<()> {
        let reader = &mut self.runs[run];
        let more = std::io::BufRead::fill_buf(reader).map(|b| !b.is_empty());
        if more.map_err(Error::io("read", &self.directory))? {
            record.resize(self.width, 0);
            reader
                .read_exact(&mut record)
                .map_err(Error::io("read", &self.directory))?;
            self.heads.push(Reverse((record, run)));
        }
        Ok(())
    }

    fn next_record(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(Reverse((record, run))) = self.heads.pop() else {
            return Ok(None);
        };
        self.refill(run, Vec::with_capacity(self.width))?;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_runs_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = ExternalSorter::new(8, 200, dir.path()).unwrap();
        let mut expected = Vec::new();
        let mut state = 7u64;
        // More than two lengths of runs.
        for _ in 0..80_000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            let value = state >> 48; // repeats on purpose
            expected.push(value);
            sorter.push(&value.to_be_bytes()).unwrap();
        }
        expected.sort_unstable();
        let sorted: Vec<u64> = sorter
            .finish()
            .unwrap()
            .map(|r| u64::from_be_bytes(r.unwrap().try_into().unwrap()))
            .collect();
        assert_eq!(sorted, expected);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_record_of_another_width_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = ExternalSorter::new(8, 200, dir.path()).unwrap();
        assert!(sorter.push(&[1]).is_err());
        assert!(sorter.finish().unwrap().next().is_none());
    }
}
