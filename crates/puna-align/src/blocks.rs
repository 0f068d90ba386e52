//! Long work in blocks whose results are files: what was interrupted goes on after the last whole
//! block, and ends with the same bytes.

use crate::error::{Error, Result, at_least_one};
use crate::json_lines;
use puna_text::atomic_file::write_atomically;
use puna_train::Identity;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Hears how far a work is: its name, items done, items in all.
pub type OnBlock<'a> = &'a mut dyn FnMut(&str, usize, usize);

/// Name of the file that says what the blocks are of.
const IDENTITY: &str = "identity.json";

/// A directory of blocks, `block-00000.jsonl` and so on; one record an item.
pub(crate) struct Blocks {
    dir: PathBuf,
    size: usize,
}

impl Blocks {
    /// Opens a directory, or makes it. `identity` names everything that decides the results; what was
    /// begun with another is refused, since its blocks would not fit together.
    pub fn open(dir: &Path, size: usize, identity: &Identity) -> Result<Self> {
        at_least_one([("block", size)])?;
        std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let path = dir.join(IDENTITY);
        let fail = |what| {
            let path = dir.to_path_buf();
            Error::Train(puna_train::Error::Checkpoint { path, what })
        };
        if path.exists() {
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            let begun: Identity = serde_json::from_slice(&bytes)
                .map_err(|e| fail(format!("{IDENTITY} is damaged: {e}; delete the directory")))?;
            let names = begun.keys().chain(identity.keys());
            if let Some(name) = names.into_iter().find(|&n| begun.get(n) != identity.get(n)) {
                return Err(fail(format!(
                    "it was begun with another {name}; use what it was begun with, or another \
                     directory"
                )));
            }
        } else {
            let bytes = serde_json::to_vec_pretty(identity)
                .map_err(|e| fail(format!("{IDENTITY} cannot be written: {e}")))?;
            write_atomically(&path, &bytes)?;
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            size,
        })
    }

    /// Results of the items `0..n`: read where a block is whole, made by `work` and written where not.
    ///
    /// # Errors
    /// The work's own; [`puna_train::Error::Stopped`] between blocks once `stop` is set; a block that
    /// does not hold what it should.
    pub fn run<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        n: usize,
        stop: Option<&AtomicBool>,
        on_block: OnBlock<'_>,
        mut work: impl FnMut(Range<usize>) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::with_capacity(n);
        for (block, start) in (0..n).step_by(self.size).enumerate() {
            let range = start..(start + self.size).min(n);
            let path = self.dir.join(format!("block-{block:05}.jsonl"));
            let results: Vec<T> = if path.exists() {
                let read = json_lines::read(&path)?;
                read.into_iter().map(|(_, result)| result).collect()
            } else {
                if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                    let step = block as u64;
                    return Err(Error::Train(puna_train::Error::Stopped { step }));
                }
                let results = work(range.clone())?;
                json_lines::write(&path, &results)?;
                results
            };
            if results.len() != range.len() {
                let what = format!(
                    "{} records where {} are expected; delete the file to make it again",
                    results.len(),
                    range.len()
                );
                return Err(json_lines::error(&path, results.len(), "record", what));
            }
            all.extend(results);
            on_block(name, range.end, n);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn goes_on_after_the_last_whole_block() {
        let dir = tempfile::tempdir().unwrap();
        let identity: Identity = BTreeMap::from([("seed".into(), 3.into())]);
        let stop = AtomicBool::new(false);
        let mut made = Vec::new();
        let run = |stop_at: usize, made: &mut Vec<usize>| {
            let blocks = Blocks::open(dir.path(), 3, &identity).unwrap();
            stop.store(false, Ordering::Relaxed);
            blocks.run("squares", 8, Some(&stop), &mut |_, _, _| {}, |range| {
                if range.start >= stop_at {
                    stop.store(true, Ordering::Relaxed);
                }
                made.extend(range.clone());
                Ok(range.map(|i| i * i).collect::<Vec<usize>>())
            })
        };
        let error = run(3, &mut made).unwrap_err();
        assert!(matches!(
            error,
            Error::Train(puna_train::Error::Stopped { step: 2 })
        ));
        // Of a block that was being written, nothing counts.
        std::fs::write(dir.path().join(".block-00002.jsonl.1.tmp"), "1\n").unwrap();
        let squares = [0, 1, 4, 9, 16, 25, 36, 49];
        assert_eq!(run(99, &mut made).unwrap(), squares);
        assert_eq!(run(99, &mut made).unwrap(), squares);
        assert_eq!(made, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn another_identity_and_a_damaged_block_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let identity: Identity = BTreeMap::from([("seed".into(), 3.into())]);
        let blocks = Blocks::open(dir.path(), 3, &identity).unwrap();
        let other: Identity = BTreeMap::from([("seed".into(), 4.into())]);
        let error = Blocks::open(dir.path(), 3, &other).err().unwrap();
        assert!(error.to_string().contains("another seed"), "{error}");
        std::fs::write(dir.path().join("block-00000.jsonl"), "1\n").unwrap();
        let run = blocks.run("n", 2, None, &mut |_, _, _| {}, |r| {
            Ok(r.collect::<Vec<_>>())
        });
        assert!(run.unwrap_err().to_string().contains("1 records where 2"));
    }
}
