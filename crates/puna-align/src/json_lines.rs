//! JSON lines of records of one type, with errors that name file and line.

use crate::error::{Error, Result};
use puna_text::atomic_file::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads every record with its line, from 1; empty lines are passed over.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<(usize, T)>> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let lines = bytes.split(|&b| b == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(i, line)| match serde_json::from_slice(line) {
            Ok(record) => Ok((i + 1, record)),
            Err(e) => {
                // The parser counts lines within the line that it was given.
                let what = e.to_string();
                let what = what.split(" at line ").next().unwrap_or(&what);
                let what = format!("{what} (column {})", e.column());
                Err(error(path, i + 1, "record", what))
            }
        })
        .collect()
}

/// Reads every record; empty lines are passed over.
///
/// # Errors
/// A file that cannot be read; a record of another form, with file and line.
pub fn read_all<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let records = read(path)?.into_iter();
    Ok(records.map(|(_, record)| record).collect())
}

/// Writes a file that appears when it is complete.
///
/// # Errors
/// A record that JSON cannot hold; a file that cannot be written.
pub fn write<T: Serialize>(path: &Path, records: &[T]) -> Result<()> {
    let mut bytes = Vec::new();
    for (i, record) in records.iter().enumerate() {
        serde_json::to_writer(&mut bytes, record)
            .map_err(|e| error(path, i + 1, "record", format!("it cannot be written: {e}")))?;
        bytes.push(b'\n');
    }
    Ok(write_atomically(path, &bytes)?)
}

/// An error about a record of a file.
pub(crate) fn error(path: &Path, line: usize, field: &str, what: impl Into<String>) -> Error {
    Error::Record {
        path: path.to_path_buf(),
        line,
        field: field.into(),
        what: what.into(),
    }
}
