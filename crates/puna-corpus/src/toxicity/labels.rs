//! Labelled texts: CSV files with a header as published collections have them, and JSON lines.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A text, and whether it is toxic.
pub type Example = (String, bool);

/// How a collection names its columns and its labels.
struct Scheme {
    text: &'static str,
    label: &'static str,
    toxic: &'static [&'static str],
    other: &'static [&'static str],
}

/// Davidson et al. 2017 label tweets as hate (0), offensive (1) or neither (2): the first two are
/// toxic. Surge's collection says it in words. Other files say true or false.
const SCHEMES: [Scheme; 3] = [
    Scheme {
        text: "tweet",
        label: "class",
        toxic: &["0", "1"],
        other: &["2"],
    },
    Scheme {
        text: "text",
        label: "is_toxic",
        toxic: &["toxic", "true", "1"],
        other: &["not toxic", "false", "0"],
    },
    Scheme {
        text: "text",
        label: "toxic",
        toxic: &["true", "1"],
        other: &["false", "0"],
    },
];

/// Reads a file of labelled texts: `.csv` with a header, or `.jsonl` (also `.ndjson`, `.json`) with
/// an object `{"text": ..., "toxic": true}` on each line.
pub fn read(path: &Path) -> Result<Vec<Example>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => read_csv(path, file),
        Some("jsonl" | "ndjson" | "json") => read_json_lines(path, BufReader::new(file)),
        _ => Err(Error::Format {
            path: path.to_path_buf(),
            what: "labelled texts are read from .csv and .jsonl; name it by what it is".to_owned(),
        }),
    }
}

fn read_csv(path: &Path, input: impl Read) -> Result<Vec<Example>> {
    let record_error = |line: usize, field: &str, what: String| Error::Record {
        path: path.to_path_buf(),
        line,
        field: field.to_owned(),
        what,
    };
    let broken = |error: csv::Error| {
        let line = error.position().map_or(1, |position| position.line());
        record_error(line as usize, "record", error.to_string())
    };
    let mut reader = csv::Reader::from_reader(input);
    let headers = reader.headers().map_err(broken)?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim() == name);
    let found = SCHEMES
        .iter()
        .find_map(|scheme| Some((scheme, column(scheme.text)?, column(scheme.label)?)));
    let Some((scheme, text_at, label_at)) = found else {
        let columns: Vec<&str> = headers.iter().collect();
        return Err(record_error(
            1,
            "header",
            format!(
                "has {}; expected tweet and class, text and is_toxic, or text and toxic",
                columns.join(", ")
            ),
        ));
    };
    let mut examples = Vec::new();
    for record in reader.into_records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, |position| position.line()) as usize;
        let field = |at: usize, name: &str| {
            record
                .get(at)
                .ok_or_else(|| record_error(line, name, "is missing".to_owned()))
        };
        let label = field(label_at, scheme.label)?.trim();
        let is = |names: &[&str]| names.iter().any(|name| label.eq_ignore_ascii_case(name));
        let toxic = is(scheme.toxic);
        if !toxic && !is(scheme.other) {
            return Err(record_error(
                line,
                scheme.label,
                format!(
                    "is {label:?}; expected one of {}",
                    [scheme.toxic, scheme.other].concat().join(", ")
                ),
            ));
        }
        examples.push((field(text_at, scheme.text)?.to_owned(), toxic));
    }
    Ok(examples)
}

fn read_json_lines(path: &Path, input: impl BufRead) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for (at, line) in input.lines().enumerate() {
        let record_error = |field: &str, what: String| Error::Record {
            path: path.to_path_buf(),
            line: at + 1,
            field: field.to_owned(),
            what,
        };
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(record_error("record", "is not UTF-8".to_owned()));
            }
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        if line.trim().is_empty() {
            continue;
        }
        let record: serde_json::Value = serde_json::from_str(&line)
            .map_err(|error| record_error("record", format!("is not JSON: {error}")))?;
        let text = record
            .get("text")
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| record_error("text", "expected a string".to_owned()))?;
        let toxic = match record.get("toxic") {
            Some(serde_json::Value::Bool(toxic)) => Some(*toxic),
            Some(serde_json::Value::Number(number)) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        };
        let toxic = toxic
            .ok_or_else(|| record_error("toxic", "expected true, false, 0 or 1".to_owned()))?;
        examples.push((text.to_owned(), toxic));
    }
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn csv(text: &str) -> Result<Vec<Example>> {
        read_csv(Path::new("labels.csv"), text.as_bytes())
    }

    fn json(text: &str) -> Result<Vec<Example>> {
        read_json_lines(Path::new("labels.jsonl"), text.as_bytes())
    }

    #[test]
    fn known_collections_are_read() {
        let davidson = ",count,class,tweet\n0,3,2,\"a, b\"\n1,3,1,\"two\nlines\"\n2,3,0,c\n";
        let expected = [("a, b", false), ("two\nlines", true), ("c", true)];
        let expected: Vec<Example> = expected.map(|(t, l)| (t.to_owned(), l)).into();
        assert_eq!(csv(davidson).unwrap(), expected);
        let surge = "text,is_toxic\n\"a, b\",Not Toxic\n\"two\nlines\",Toxic\nc,Toxic\n";
        assert_eq!(csv(surge).unwrap(), expected);
        let lines = "{\"text\":\"a, b\",\"toxic\":false}\n\n{\"text\":\"two\\nlines\",\"toxic\":true}\n{\"text\":\"c\",\"toxic\":1}\n";
        assert_eq!(json(lines).unwrap(), expected);
    }

    #[test]
    fn errors_name_line_and_field() {
        let place = |result: Result<Vec<Example>>| match result {
            Err(Error::Record { line, field, .. }) => (line, field),
            other => panic!("{other:?}"),
        };
        assert_eq!(place(csv("a,b\n1,2\n")), (1, "header".into()));
        assert_eq!(
            place(csv("text,toxic\nx,true\ny,perhaps\n")),
            (3, "toxic".into())
        );
        assert_eq!(place(csv("text,toxic\nx,true\ny\n")), (3, "record".into()));
        assert_eq!(
            place(json("{\"text\":\"x\",\"toxic\":true}\n{\"text\":1}\n")),
            (2, "text".into())
        );
        assert_eq!(
            place(json("{\"text\":\"x\",\"toxic\":\"yes\"}\n")),
            (1, "toxic".into())
        );
        assert_eq!(place(json("{\"text\"\n")), (1, "record".into()));
    }

    #[test]
    fn the_name_says_the_format() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("labels.txt");
        std::fs::write(&path, "x").unwrap();
        assert!(matches!(read(&path), Err(Error::Format { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_csv(Path::new("x.csv"), bytes.as_slice());
            let mut with_header = b"text,toxic\n".to_vec();
            with_header.extend(&bytes);
            let _ = read_csv(Path::new("x.csv"), with_header.as_slice());
            let _ = read_json_lines(Path::new("x.jsonl"), bytes.as_slice());
        }
    }
}
