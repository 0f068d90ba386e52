//! Files of a run: what is there, and links that always point somewhere.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a directory, sorted; hidden ones (temporary files among them) are left out.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        let reading = || format!("cannot list {}", dir.display());
        for entry in fs::read_dir(&dir).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type().with_context(reading)?.is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Replaces a symbolic link at once, so that it always points somewhere.
pub fn link_atomically(link: &Path, target: &Path) -> Result<()> {
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    let temporary = link.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let failing = || format!("cannot link {} to {}", link.display(), target.display());
    let _ = fs::remove_file(&temporary);
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, &temporary).with_context(failing)?;
    #[cfg(not(unix))]
    fs::write(&temporary, target.to_string_lossy().as_bytes()).with_context(failing)?;
    fs::rename(&temporary, link).with_context(failing)
}
