//! Reading documents: JSON lines with a text field, or plain text; compressed with zstd or not.

use crate::error::{Error, Result};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest window that is believed: what `zstd --long` uses.
const MAX_WINDOW: u64 = 1 << 27;

/// How files become documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DocumentOptions {
    /// The field of a JSON lines record that holds the text.
    pub text_field: String,
    /// In plain text, a line that consists of this ends a document; without it, a file is one.
    pub separator: Option<String>,
}

impl Default for DocumentOptions {
    fn default() -> Self {
        Self {
            text_field: "text".into(),
            separator: None,
        }
    }
}

/// The documents of some files, in order. `.jsonl` files hold a document a line, all others are plain
/// text; either may be compressed, with `.zst` behind the name.
pub struct Documents {
    paths: VecDeque<PathBuf>,
    options: DocumentOptions,
    open: Option<Source>,
}

struct Source {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    json: bool,
    line: usize,
}

impl Documents {
    /// Begins to read files.
    pub fn open(paths: &[PathBuf], options: &DocumentOptions) -> Self {
        Self {
            paths: paths.to_vec().into(),
            options: options.clone(),
            open: None,
        }
    }

    fn next_document(&mut self) -> Result<Option<String>> {
        loop {
            let source = match &mut self.open {
                Some(source) => source,
                None => match self.paths.pop_front() {
                    Some(path) => self.open.insert(Source::open(path)?),
                    None => return Ok(None),
                },
            };
            let document = if source.json {
                source.json_document(&self.options.text_field)?
            } else {
                source.plain_document(self.options.separator.as_deref())?
            };
            match document {
                Some(document) => return Ok(Some(document)),
                None => self.open = None,
            }
        }
    }
}

impl Iterator for Documents {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_document().transpose();
        if let Some(Err(_)) = next {
            // Nothing sensible follows an error.
            self.open = None;
            self.paths.clear();
        }
        next
    }
}

/// Opens a file for reading by lines, through a decoder if its name ends in `.zst`.
pub(crate) fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let file =
        BufReader::with_capacity(1 << 16, File::open(path).map_err(Error::io("read", path))?);
    if path.extension().is_some_and(|e| e == "zst") {
        return Ok(Box::new(BufReader::with_capacity(
            1 << 16,
            Frames::new(file),
        )));
    }
    Ok(Box::new(file))
}

impl Source {
    fn open(path: PathBuf) -> Result<Self> {
        let stem = if path.extension().is_some_and(|e| e == "zst") {
            path.with_extension("")
        } else {
            path.clone()
        };
        let json = stem
            .extension()
            .is_some_and(|e| e == "jsonl" || e == "ndjson");
        Ok(Self {
            reader: open_text(&path)?,
            path,
            json,
            line: 0,
        })
    }

    /// The next line without its end; `None` at the end of the file.
    fn line(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let n = self
            .reader
            .read_until(b'\n', &mut bytes)
            .map_err(Error::io("read", &self.path))?;
        if n == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        String::from_utf8(bytes).map(Some).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            self.error(
                "record",
                format!("byte {} of the line is not UTF-8; convert the file", at + 1),
            )
        })
    }

    fn error(&self, field: &str, what: String) -> Error {
        Error::Record {
            path: self.path.clone(),
            line: self.line,
            field: field.into(),
            what,
        }
    }

    fn json_document(&mut self, field: &str) -> Result<Option<String>> {
        while let Some(line) = self.line()? {
            if line.trim().is_empty() {
                continue;
            }
            let record: serde_json::Value = serde_json::from_str(&line)
                .map_err(|e| self.error("record", format!("not JSON: {e}")))?;
            let field_name = format!("field {field:?}");
            return match record.get(field) {
                Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
                Some(other) => Err(self.error(&field_name, format!("{other:.40} is not a string"))),
                None => Err(self.error(
                    &field_name,
                    "it is missing; name the field that holds the text (`field` in a recipe, --field on the command line)".into(),
                )),
            };
        }
        Ok(None)
    }

    fn plain_document(&mut self, separator: Option<&str>) -> Result<Option<String>> {
        let mut text: Option<String> = None;
        while let Some(line) = self.line()? {
            if separator == Some(line.trim()) {
                match &text {
                    Some(_) => break,
                    None => continue,
                }
            }
            let text = text.get_or_insert_default();
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
        }
        Ok(text)
    }
}

/// All frames of a zstd file, one after the other, with their checksums compared.
pub struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Frames<R> {
    /// Decodes from the first byte of `source`.
    pub fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self {
            source,
            decoder,
            within: false,
        }
    }

    /// Reads the next frame's header; false at the end of the file.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.within = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(
                        &mut self.source.by_ref().take(u64::from(length)),
                        &mut io::sink(),
                    )?;
                }
                Err(e) => return Err(damaged(&e)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within && !self.begin_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder
                    .decode_blocks(&mut self.source, one)
                    .map_err(|e| damaged(&e))?;
            }
            let n = self.decoder.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            let stored = self.decoder.get_checksum_from_data();
            if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
                return Err(damaged(&"a frame does not match its checksum"));
            }
            self.within = false;
        }
    }
}

fn damaged(what: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the zstd stream is damaged: {what}"),
    )
}
