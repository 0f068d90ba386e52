//! Tokenizer files: SentencePiece `.model`, `tokenizer.json`, llama2.c `.bin`.

mod config;
mod json;
mod llama2c;
pub(crate) mod sentencepiece;
mod wire;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::atomic_file::AtomicFile;
use crate::vocab::Vocab;
use crate::{Error, Result};

const MODEL: &str = "tokenizer.model";
const JSON: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";

/// Reads a file or the tokenizer of a directory.
pub(crate) fn load(path: &Path) -> Result<Vocab> {
    if path.is_dir() {
        for name in [MODEL, JSON] {
            let file = path.join(name);
            if file.is_file() {
                return load(&file);
            }
        }
        return Err(Error::NotATokenizer { path: path.into() });
    }
    parse(path, &fs::read(path).map_err(Error::io("read", path))?)
}

/// Parses a file's bytes, its format told by the extension.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Vocab> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("model") => sentencepiece::read(path, bytes),
        Some("json") => json::read(path, bytes),
        Some("bin") => llama2c::read(path, bytes),
        _ => Err(Error::NotATokenizer { path: path.into() }),
    }
}

/// Writes the files of a model directory. None takes its name before all are on the disk, so that a
/// full one never leaves two tokenizers mixed.
pub(crate) fn save(vocab: &Vocab, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let mut contents = vec![(JSON, json::write(vocab)?), (CONFIG, config::write(vocab)?)];
    let fits_model = vocab.explicit_merges.is_none();
    if fits_model {
        contents.push((MODEL, sentencepiece::write(vocab)));
    }
    let mut files = Vec::new();
    for (name, bytes) in contents {
        let mut file = AtomicFile::create(&dir.join(name))?;
        file.write_all(&bytes)?;
        file.sync()?;
        files.push(file);
    }
    if !fits_model {
        // A stale one would be preferred by readers and give other ids.
        let stale = dir.join(MODEL);
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", &stale)(error));
            }
            _ => {}
        }
    }
    files.into_iter().try_for_each(AtomicFile::commit)
}

/// Indented JSON with a final line break.
fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|e| Error::Serialize(e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}
