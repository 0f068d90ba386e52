//! One run in a directory at a time. The system's own file lock ends with its process, however that
//! ended, so a dead run never stands in the way.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;

/// Held while a run writes into its directory.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a run's directory.
    pub fn take(dir: &Path) -> Result<Self> {
        let path = dir.join(".lock");
        let opening = || format!("cannot open {}", path.display());
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(opening)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                bail!(
                    "another run (process {}) is at work in {}; wait for it, or give this one a \
                     directory of its own with --dir",
                    holder.trim(),
                    dir.display()
                )
            }
            Err(TryLockError::Error(e)) => {
                return Err(e).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        // The number is for the message above only.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .with_context(opening)?;
        writeln!(file, "{}", std::process::id())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        let message = Lock::take(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("process {}", std::process::id())),
            "{message}"
        );
        drop(first);
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn the_file_of_a_dead_run_does_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".lock"), "99999999\n").unwrap();
        Lock::take(dir.path()).unwrap();
    }
}
