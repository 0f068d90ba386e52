//! Reading one safetensors file.

use super::dtype::Dtype;
use super::header::{self, Entry};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest header that is believed; the format's own limit.
const MAX_HEADER: u64 = 100_000_000;
/// Bytes converted at a time.
const CHUNK: usize = 1 << 20;

/// An open file whose header has been checked.
#[derive(Debug)]
pub struct SafeTensors {
    path: PathBuf,
    file: File,
    data_start: u64,
    entries: BTreeMap<String, Entry>,
}

impl SafeTensors {
    /// Opens a file and checks its header against its length.
    pub fn open(path: &Path) -> Result<Self> {
        let io = |e| Error::io("read", path, e);
        let mut file = File::open(path).map_err(io)?;
        let file_len = file.metadata().map_err(io)?.len();
        let mut prefix = [0; 8];
        if file_len < 8 {
            let what =
                format!("{file_len} bytes are too few for a safetensors file; it is truncated");
            return Err(Error::format(path, what));
        }
        file.read_exact(&mut prefix).map_err(io)?;
        let header_len = u64::from_le_bytes(prefix);
        if header_len > MAX_HEADER || header_len > file_len - 8 {
            let what = format!(
                "the header claims {header_len} bytes in a file of {file_len}; this is not a \
                 safetensors file, or it is truncated"
            );
            return Err(Error::format(path, what));
        }
        let mut json = vec![0; header_len as usize];
        file.read_exact(&mut json).map_err(io)?;
        let data_start = 8 + header_len;
        let entries = header::parse(path, &json, file_len - data_start)?;
        Ok(Self {
            path: path.into(),
            file,
            data_start,
            entries,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tensors by name, sorted.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// Reads a tensor of `out.len()` floats, whatever its float type.
    pub fn read(&mut self, name: &str, out: &mut [f32]) -> Result<()> {
        let entry = self.find(name)?;
        let Some(dtype) = Dtype::parse(&entry.dtype) else {
            let what = format!(
                "tensor {name:?} has dtype {}; convert it to F32, F16 or BF16",
                entry.dtype
            );
            return Err(Error::format(&self.path, what));
        };
        if entry.len() != out.len() {
            let what = format!(
                "tensor {name:?} of shape {:?} has {} values where {} are needed",
                entry.shape,
                entry.len(),
                out.len()
            );
            return Err(Error::format(&self.path, what));
        }
        self.seek(entry.data_offsets.0)?;
        let mut bytes = vec![0; CHUNK.min(out.len() * dtype.size())];
        for values in out.chunks_mut(CHUNK / dtype.size()) {
            let bytes = &mut bytes[..values.len() * dtype.size()];
            self.file
                .read_exact(bytes)
                .map_err(|e| Error::io("read", &self.path, e))?;
            dtype.decode(values, bytes);
        }
        Ok(())
    }

    /// The bytes of a tensor of any type.
    pub fn read_bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let (start, end) = self.find(name)?.data_offsets;
        self.seek(start)?;
        let mut bytes = vec![0; (end - start) as usize];
        self.file
            .read_exact(&mut bytes)
            .map_err(|e| Error::io("read", &self.path, e))?;
        Ok(bytes)
    }

    fn find(&self, name: &str) -> Result<Entry> {
        match self.entries.get(name) {
            Some(entry) => Ok(entry.clone()),
            None => Err(Error::format(
                &self.path,
                format!("there is no tensor {name:?}"),
            )),
        }
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        let at = SeekFrom::Start(self.data_start + offset);
        self.file
            .seek(at)
            .map_err(|e| Error::io("read", &self.path, e))?;
        Ok(())
    }
}
