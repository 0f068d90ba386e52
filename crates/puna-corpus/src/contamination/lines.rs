//! JSON lines that a user wrote: each error with its file and line.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Longest line that is believed.
const LONGEST: u64 = 64 << 20;

/// Calls `each` with the number of every line that is not blank and what stands in it.
pub(super) fn read<T: DeserializeOwned>(
    path: &Path,
    expected: &str,
    mut each: impl FnMut(usize, T) -> Result<(), (String, String)>,
) -> Result<()> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut bytes = Vec::new();
    for line in 1.. {
        let fail = |field: String, what: String| Error::Record {
            path: path.into(),
            line,
            field,
            what,
        };
        bytes.clear();
        let mut limited = std::io::Read::take(&mut reader, LONGEST);
        let n = limited.read_until(b'\n', &mut bytes);
        if n.map_err(Error::io("read", path))? == 0 {
            break;
        }
        if bytes.len() as u64 == LONGEST {
            let what = format!("longer than {LONGEST} bytes; is it JSON lines?");
            return Err(fail("record".into(), what));
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let record = serde_json::from_slice(&bytes)
            .map_err(|e| fail("record".into(), format!("{e}; it must be {expected}")))?;
        each(line, record).map_err(|(field, what)| fail(field, what))?;
    }
    Ok(())
}

/// An id: text, or a whole number that stands for its digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an id must be text or a whole number")]
        enum Either {
            Text(String),
            Number(i64),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::Number(number) => number.to_string(),
        }))
    }
}
