//! Done markers: the last file of each piece of work, with what it was made from.

use crate::error::{Error, Result};
use puna_text::atomic_file::write_atomically;
use puna_text::hash::hex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// What stands in a marker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Marker<T> {
    /// Hash over everything the work follows from.
    pub fingerprint: String,
    /// What was counted.
    pub counted: T,
}

/// Hash over parts, as hexadecimal; lengths keep them apart.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(hasher.finalize())
}

/// The marker, if the work was done from the same.
pub(crate) fn done<T: DeserializeOwned>(path: &Path, fingerprint: &str) -> Option<T> {
    let marker: Marker<T> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (marker.fingerprint == fingerprint).then_some(marker.counted)
}

/// Reads a marker that must be there.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, missing: &str) -> Result<Marker<T>> {
    let fail = |what: String| Error::Format {
        path: path.into(),
        what,
    };
    let bytes = fs::read(path).map_err(|_| fail(missing.into()))?;
    serde_json::from_slice(&bytes).map_err(|e| fail(format!("{e}; {missing}")))
}

/// Takes the marker away before the work begins again, so that it never speaks for other files.
pub(crate) fn clear(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// Writes the marker: the work is done.
pub(crate) fn write<T: Serialize>(path: &Path, fingerprint: String, counted: T) -> Result<()> {
    let bytes = serde_json::to_vec(&Marker {
        fingerprint,
        counted,
    })
    .map_err(|e| Error::Format {
        path: path.into(),
        what: e.to_string(),
    })?;
    Ok(write_atomically(path, &bytes)?)
}
