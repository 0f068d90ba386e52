//! Reading against files with known records, and against what no writer should write.

mod charsets;
mod damage;
mod formats;
mod http;
mod inputs;
mod mutation;
#[cfg(feature = "object-store")]
mod objects;
mod real_files;
mod samples;

use super::*;
use crate::page::Body;

/// What an input gave.
#[derive(Debug, Default)]
struct Read {
    pages: Vec<Page>,
    damage: Vec<Damage>,
    skipped: BTreeMap<&'static str, u64>,
}

impl Read {
    fn texts(&self) -> Vec<&str> {
        self.pages.iter().map(text).collect()
    }

    /// Pages, damaged records, and records of other kinds.
    fn counts(&self) -> (usize, usize, u64) {
        (
            self.pages.len(),
            self.damage.len(),
            self.skipped.values().sum(),
        )
    }
}

fn text(page: &Page) -> &str {
    let (Body::Html(text) | Body::Text(text)) = &page.body;
    text
}

/// Reads an input to its end, which must come.
fn drain(mut pages: Pages, bytes: usize) -> Read {
    let mut read = Read::default();
    for item in pages.by_ref() {
        match item {
            Ok(page) => read.pages.push(page),
            Err(damage) => read.damage.push(damage),
        }
        let items = read.pages.len() + read.damage.len();
        assert!(items <= 2 * bytes + 16, "reading does not end");
    }
    assert!(pages.next().is_none(), "the end stays the end");
    read.skipped = pages.skipped().clone();
    read
}

fn read_as(name: &str, bytes: &[u8]) -> Read {
    let pages = from_bytes(name, bytes.to_vec(), Limits::default());
    drain(pages.unwrap(), bytes.len())
}
