//! What the tests share.

use std::path::PathBuf;

/// A file of the shared data, or a line that says which is missing.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: needs shared/data/{path}");
    None
}
