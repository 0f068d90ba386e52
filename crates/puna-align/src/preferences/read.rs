//! Reading a preference file of any known form (paper section 3.2.1): opened by content, plain, gzip or zstd;
//! JSON lines or one JSON list.

use super::collect::{Collector, Fault, Problem, Read};
use super::format::{Format, Object};
use super::oasst;
use super::policy::{Action, ProblemKind, ReadPolicy};
use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use puna_train::tokens::Frames;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

/// Reads the comparisons of a file. Its form is told by its first record; see [`Format`].
///
/// # Errors
/// The file cannot be read or decompressed; its form is unknown; a record has a problem that the policy
/// refuses; none gives a comparison. The error names file, line and field.
pub fn read_preferences(path: &Path, policy: &ReadPolicy) -> Result<Read> {
    let bytes = open(path, policy.max_bytes)?;
    // Some editors mark UTF-8 with three bytes, which are no part of the text.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let whole = bytes.trim_ascii_start().first() == Some(&b'[');
    let records: Box<dyn Iterator<Item = (usize, Parsed)>> = if whole {
        let list: Vec<Value> = serde_json::from_slice(bytes).map_err(|e| {
            record_error(
                path,
                e.line(),
                "record",
                format!("the list is not JSON: {e}"),
            )
        })?;
        Box::new((1..).zip(list.into_iter().map(Ok)))
    } else {
        let lines = bytes.split(|&b| b == b'\n').zip(1..);
        Box::new(
            lines
                .filter(|(line, _)| !line.trim_ascii().is_empty())
                .map(|(line, number)| (number, serde_json::from_slice(line).map_err(malformed))),
        )
    };
    // Problems before the form is known are kept until there is somewhere to put them.
    let mut early = Vec::new();
    let mut known: Option<(Format, Collector<'_>)> = None;
    let mut flat = oasst::Messages::default();
    for (line, value) in records {
        let object = match value {
            Ok(Value::Object(object)) => Ok(object),
            Ok(value) => Err(unknown_value(&value)),
            Err(what) => Err(what),
        };
        let (format, to) = match (&mut known, &object) {
            (Some(known), _) => known,
            (None, Ok(object)) => {
                let Some(format) = Format::of(object) else {
                    return Err(record_error(path, line, "record", unknown(object)));
                };
                let mut to = Collector::new(path, policy, format);
                for (line, what) in early.drain(..) {
                    to.begin(line);
                    to.fault(Fault::new(ProblemKind::Malformed, "record", what))?;
                }
                known.insert((format, to))
            }
            (None, Err(what)) => {
                early.push((line, what.clone()));
                if policy.malformed == Action::Refuse {
                    break;
                }
                continue;
            }
        };
        to.begin(line);
        match object {
            Ok(object) => format.record(&object, &mut flat, to)?,
            Err(what) => to.fault(Fault::new(ProblemKind::Malformed, "record", what))?,
        }
    }
    let Some((_, mut to)) = known else {
        let (line, what) = early
            .into_iter()
            .next()
            .unwrap_or_else(|| (1, "the file holds no record".into()));
        return Err(record_error(path, line, "record", what));
    };
    flat.end(&mut to)?;
    let read = to.finish();
    match read.preferences.is_empty() {
        true => Err(nothing(path, &read)),
        false => Ok(read),
    }
}

/// Why a file of records gives no comparison.
fn nothing(path: &Path, read: &Read) -> Error {
    // Deleted messages do not explain why nothing else compares anything.
    let explains = |p: &&Problem| p.kind != ProblemKind::Deleted;
    match read.problems.iter().find(explains) {
        Some(first) => {
            let what = format!(
                "{}; so no comparison of the file is left ({})",
                first.what,
                read.summary()
            );
            record_error(path, first.line, &first.field, what)
        }
        None => {
            let what = format!(
                "{} records of the form {}, and no two answers that anyone compared or ranked",
                read.records,
                read.format.name()
            );
            record_error(path, 1, "record", what)
        }
    }
}

/// A line's value, or why it is none.
type Parsed = std::result::Result<Value, String>;

fn record_error(path: &Path, line: usize, field: &str, what: String) -> Error {
    Error::Record {
        path: path.to_path_buf(),
        line,
        field: field.into(),
        what,
    }
}

fn malformed(error: serde_json::Error) -> String {
    // The parser counts lines within the line that it was given.
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or(&what);
    format!("it is not JSON at column {}: {what}", error.column())
}

fn unknown_value(value: &Value) -> String {
    match value {
        Value::String(_) => "it is a text alone, which compares nothing; an object is expected",
        Value::Array(_) => "it is a list; an object is expected",
        _ => "it is a number, a truth value or null; an object is expected",
    }
    .into()
}

fn unknown(object: &Object) -> String {
    let fields: Vec<&str> = object.keys().take(12).map(String::as_str).collect();
    format!(
        "the form is unknown, its fields are {}; known forms: {}",
        fields.join(", "),
        Format::known()
    )
}

/// The file's bytes, decompressed if its first bytes say that it is compressed.
fn open(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io("read", path))?);
    let head = file.fill_buf().map_err(Error::io("read", path))?;
    let mut reader: Box<dyn std::io::Read> = match head {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Frames::new(file)),
        _ => Box::new(file),
    };
    let mut bytes = Vec::new();
    (reader.by_ref())
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::Data(format!(
            "{} holds more than {max_bytes} bytes; raise max_bytes or split the file",
            path.display()
        )));
    }
    Ok(bytes)
}
