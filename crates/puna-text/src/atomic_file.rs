//! Files that appear under their name only when they are whole.

use crate::error::{Error, Result};
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file written beside its destination and renamed over it by [`AtomicFile::commit`]. Dropped
/// without a commit, it leaves nothing; killed, it leaves what [`remove_abandoned`] finds.
///
/// The temporary file is locked while it is written, and the system gives the lock up with the
/// process: on one machine or several, a file without a lock is nobody's.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    writer: BufWriter<File>,
}

impl AtomicFile {
    /// Begins to write the file that will be called `path`.
    pub fn create(path: &Path) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (temporary, file) = loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let process = std::process::id();
            let temporary = path.with_file_name(format!(".{name}.{process}.{number}.tmp"));
            let created = File::options()
                .write(true)
                .create_new(true)
                .open(&temporary);
            if matches!(&created, Err(e) if e.kind() == ErrorKind::AlreadyExists) {
                continue;
            }
            let file = created.map_err(Error::io("create", path))?;
            // Between its creation and its lock, another process may have taken the file for
            // abandoned; then there is another number. Where files cannot be locked, none is.
            let taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            if !taken && temporary.exists() {
                break (temporary, file);
            }
        };
        Ok(Self {
            path: path.into(),
            temporary,
            writer: BufWriter::with_capacity(1 << 20, file),
        })
    }

    /// Appends bytes.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer
            .write_all(bytes)
            .map_err(Error::io("write", &self.path))
    }

    /// Makes the bytes durable, still without their name. Where files belong together, each is synced
    /// before one is committed: a disk that is too small for all of them then keeps the old ones.
    pub fn sync(&mut self) -> Result<()> {
        self.writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .map_err(Error::io("write", &self.path))
    }

    /// Makes the bytes durable and gives the file its name, replacing what had it.
    pub fn commit(mut self) -> Result<()> {
        self.sync()?;
        // Open, so locked, until it has its name.
        fs::rename(&self.temporary, &self.path).map_err(Error::io("write", &self.path))?;
        // The rename itself is durable once the directory is; not every system can sync one.
        if let Some(directory) = self.path.parent().and_then(|p| File::open(p).ok()) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After a commit there is nothing under that name any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Removes the temporary files of processes that were killed, directly in `directory`; those that
/// are still written, here or on another machine, stay. Gives their number.
pub fn remove_abandoned(directory: &Path) -> Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
        let entry = entry.map_err(Error::io("read", directory))?;
        if !is_temporary(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let path = entry.path();
        // Its writer may have given it its name meanwhile; what cannot be opened stays.
        let Ok(file) = File::options().write(true).open(&path) else {
            continue;
        };
        if file.try_lock().is_ok() && fs::remove_file(&path).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a name is that of a temporary file: `.NAME.PROCESS.NUMBER.tmp`.
fn is_temporary(name: &str) -> bool {
    let inner = name.strip_prefix('.').and_then(|n| n.strip_suffix(".tmp"));
    let mut parts = inner.unwrap_or_default().rsplitn(3, '.');
    let is_number = |part: Option<&str>| part.is_some_and(|p| p.parse::<u64>().is_ok());
    is_number(parts.next()) && is_number(parts.next()) && parts.next().is_some()
}

/// Writes a whole file at once.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_file_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_atomically(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_written_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.bin");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        for name in [".x.bin.4000000000.0.tmp", ".hidden.tmp", ".x.1.2.other"] {
            fs::write(dir.path().join(name), b"old").unwrap();
        }
        assert_eq!(remove_abandoned(dir.path()).unwrap(), 1);
        assert_eq!(remove_abandoned(dir.path()).unwrap(), 0);
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_is_never_taken_from_its_writer() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for i in 0..60u32 {
                    let path = dir.path().join(format!("{}", i % 3));
                    write_atomically(&path, &i.to_be_bytes()).unwrap();
                }
            });
            while !writer.is_finished() {
                remove_abandoned(dir.path()).unwrap();
            }
        });
        assert_eq!(fs::read(dir.path().join("1")).unwrap(), 58u32.to_be_bytes());
    }
}
