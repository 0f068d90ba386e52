//! What a test needs beside the repository: shared data, a right, an instruction set, a Python. Without it the
//! test says so and is skipped, unless [`REQUIRE_VARIABLE`] is 1: then it fails, so that a machine which has
//! everything cannot pass by skipping.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// With the value 1, what would be skipped fails.
pub const REQUIRE_VARIABLE: &str = "PUNA_REQUIRE";

/// Says that a test is skipped and what it needs.
///
/// # Panics
///
/// If nothing may be skipped.
pub fn skip(needed: impl Display) {
    let required = std::env::var(REQUIRE_VARIABLE).is_ok_and(|value| value == "1");
    assert!(
        !required,
        "needs {needed}, and {REQUIRE_VARIABLE}=1 lets nothing be skipped"
    );
    println!("skipped: needs {needed}");
}

/// A file or directory of the shared data beside the repository; none if it is not there, and then the test is
/// skipped.
pub fn shared_data(path: impl AsRef<Path>) -> Option<PathBuf> {
    let found = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    if found.exists() {
        return Some(found);
    }
    skip(found.display());
    None
}
