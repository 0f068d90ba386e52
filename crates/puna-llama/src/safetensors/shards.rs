//! A model's weights in a directory: one file, or shards with an index.

use super::dtype::Dtype;
use super::header::{Entry, Pairs};
use super::reader::SafeTensors;
use super::writer::{TensorView, write};
use crate::error::{Error, Result};
use puna_text::atomic_file::write_atomically;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Name of unsharded weights.
pub const SINGLE_FILE: &str = "model.safetensors";
/// Name of the index of sharded weights.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// The weights of a directory, opened and checked, not yet read.
#[derive(Debug)]
pub struct Weights {
    files: Vec<SafeTensors>,
    /// File that holds each tensor.
    places: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: Pairs<String>,
}

impl Weights {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    pub fn open(dir: &Path) -> Result<Self> {
        let single = dir.join(SINGLE_FILE);
        if single.exists() {
            let file = SafeTensors::open(&single)?;
            let places = file
                .entries()
                .keys()
                .map(|name| (name.clone(), 0))
                .collect();
            return Ok(Self {
                files: vec![file],
                places,
            });
        }
        let index = dir.join(INDEX_FILE);
        if !index.exists() {
            let what =
                format!("holds neither {SINGLE_FILE} nor {INDEX_FILE}; is this a model directory?");
            return Err(Error::format(dir, what));
        }
        Self::open_index(dir, &index)
    }

    fn open_index(dir: &Path, index: &Path) -> Result<Self> {
        let fail = |what: String| Err(Error::format(index, what));
        let text = fs::read(index).map_err(|e| Error::io("read", index, e))?;
        let parsed: Index = match serde_json::from_slice(&text) {
            Ok(parsed) => parsed,
            Err(e) => return fail(format!("not a valid index: {e}")),
        };
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut files = Vec::new();
        let mut places = BTreeMap::new();
        for (name, file) in &parsed.weight_map.0 {
            if Path::new(file)
                .file_name()
                .is_none_or(|f| f != file.as_str())
            {
                return fail(format!(
                    "tensor {name:?} is in {file:?}, which is not a plain file name"
                ));
            }
            let number = match numbers.get(file.as_str()) {
                Some(&number) => number,
                None => {
                    files.push(SafeTensors::open(&dir.join(file))?);
                    numbers.insert(file, files.len() - 1);
                    files.len() - 1
                }
            };
            if !files[number].entries().contains_key(name) {
                return fail(format!(
                    "tensor {name:?} is not in {file:?}, where the index places it"
                ));
            }
            places.insert(name.clone(), number);
        }
        for (number, file) in files.iter().enumerate() {
            if let Some(name) = file
                .entries()
                .keys()
                .find(|&name| places.get(name) != Some(&number))
            {
                let shard = file.path().display();
                return fail(format!(
                    "{shard} holds tensor {name:?}, which the index does not place there; the files \
                     are of different models"
                ));
            }
        }
        Ok(Self { files, places })
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// The file that holds a tensor, and what its header says of it.
    pub fn entry(&self, name: &str) -> Option<(&Path, &Entry)> {
        let file = &self.files[*self.places.get(name)?];
        Some((file.path(), file.entries().get(name)?))
    }

    /// Reads a tensor that [`Weights::entry`] knows.
    pub fn read(&mut self, name: &str, out: &mut [f32]) -> Result<()> {
        let number = self.places.get(name).copied();
        match number {
            Some(number) => self.files[number].read(name, out),
            None => Err(Error::Input(format!(
                "there is no tensor {name:?} in this model"
            ))),
        }
    }
}

/// Writes tensors as one file if they fit `max_bytes`, else as shards of at most `max_bytes` each
/// (a larger tensor has one of its own), in the order given, with an index. Weights of another
/// layout that the directory held before are removed last.
pub fn write_sharded(
    dir: &Path,
    tensors: &[TensorView<'_>],
    dtype: Dtype,
    max_bytes: u64,
) -> Result<()> {
    let bytes = |t: &TensorView<'_>| (t.values.len() * dtype.size()) as u64;
    let mut shards: Vec<&[TensorView<'_>]> = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (i, tensor) in tensors.iter().enumerate() {
        if i > start && size + bytes(tensor) > max_bytes {
            shards.push(&tensors[start..i]);
            (start, size) = (i, 0);
        }
        size += bytes(tensor);
    }
    shards.push(&tensors[start..]);
    if let [only] = shards[..] {
        write(&dir.join(SINGLE_FILE), only, dtype)?;
        return remove_others(dir, &[SINGLE_FILE.into()]);
    }
    let mut keep = vec![INDEX_FILE.to_string()];
    let mut weight_map = BTreeMap::new();
    for (i, shard) in shards.iter().enumerate() {
        let file = format!("model-{:05}-of-{:05}.safetensors", i + 1, shards.len());
        write(&dir.join(&file), shard, dtype)?;
        weight_map.extend(shard.iter().map(|t| (t.name.as_str(), file.clone())));
        keep.push(file);
    }
    let total: u64 = tensors.iter().map(bytes).sum();
    let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
    write_atomically(&dir.join(INDEX_FILE), format!("{index:#}\n").as_bytes())?;
    remove_others(dir, &keep)
}

/// Removes weight files that are not in `keep`: a reader would prefer a stale single file.
fn remove_others(dir: &Path, keep: &[String]) -> Result<()> {
    let entries = fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("read", dir, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let shard =
            name.starts_with("model-") && name.contains("-of-") && name.ends_with(".safetensors");
        if (shard || name == SINGLE_FILE || name == INDEX_FILE) && !keep.contains(&name) {
            fs::remove_file(entry.path()).map_err(|e| Error::io("remove", &entry.path(), e))?;
        }
    }
    Ok(())
}
