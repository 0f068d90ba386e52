//! Standard output for results. A reader that is gone is an error like any other here, and `main`
//! ends quietly on it.

use anyhow::Result;
use serde::Serialize;
use std::io::{self, Write};

/// Prints a line.
pub fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints a piece of text at once.
pub fn piece(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints an object on a line.
pub fn json<T: Serialize>(value: &T) -> Result<()> {
    line(&serde_json::to_string(value)?)
}
