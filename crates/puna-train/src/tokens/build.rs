//! Documents to token files (paper section 2.1): tokenised on all threads, split by document into a
//! training and a held-out part, with the same files for any number of threads.

use super::file::TokenFile;
use super::writer::{TokenWriter, Vocabulary};
use crate::error::{Error, Result};
use puna_text::Tokenizer;
use puna_text::atomic_file::write_atomically;
use puna_text::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// Name of the list of files in the directory of a token set.
const MANIFEST: &str = "tokens.json";
/// Version of that list.
const VERSION: u32 = 1;
/// Bytes of text that a thread tokenises at a time.
const CHUNK: usize = 1 << 20;

/// How token files are built.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Share of the documents that is held out.
    pub held_out: f64,
    /// Decides which.
    pub seed: u64,
    /// Tokens after which a file is closed and the next begun.
    pub file_tokens: u64,
    /// Threads.
    pub threads: usize,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            held_out: 0.0,
            seed: 0,
            file_tokens: 1 << 30,
            threads: 1,
        }
    }
}

/// Training and held-out token files of one vocabulary.
#[derive(Debug)]
pub struct TokenSet {
    /// To train on.
    pub train: Vec<TokenFile>,
    /// To validate on; may be empty.
    pub valid: Vec<TokenFile>,
}

/// What stands in the list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    vocab_size: u64,
    vocab_hash: String,
    seed: u64,
    held_out: f64,
    empty_documents: u64,
    train: Vec<Entry>,
    valid: Vec<Entry>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    documents: u64,
    tokens: u64,
    text_bytes: u64,
    hash: String,
}

impl Entry {
    fn of(file: &TokenFile) -> Self {
        let name = file.path().file_name().unwrap_or_default();
        Self {
            file: name.to_string_lossy().into_owned(),
            documents: file.documents() as u64,
            tokens: file.tokens() as u64,
            text_bytes: file.text_bytes(),
            hash: hex(file.content_hash()),
        }
    }
}

impl TokenSet {
    /// Opens the set in a directory; `tokenizer` must be the one it was made with.
    pub fn open(dir: &Path, tokenizer: &Tokenizer) -> Result<Self> {
        let path = dir.join(MANIFEST);
        let json = fs::read(&path).map_err(Error::io("read", &path))?;
        let manifest: Manifest = serde_json::from_slice(&json)
            .map_err(|e| Error::format(&path, format!("{e}; build the token files anew")))?;
        if manifest.version != VERSION {
            let what = format!("version {}; this program reads {VERSION}", manifest.version);
            return Err(Error::format(&path, what));
        }
        let open = |entries: &[Entry]| -> Result<Vec<TokenFile>> {
            let mut files = Vec::new();
            for entry in entries {
                if Path::new(&entry.file).file_name() != Some(entry.file.as_ref()) {
                    return Err(Error::format(
                        &path,
                        format!("{:?} is not the name of a file", entry.file),
                    ));
                }
                let file = TokenFile::open(&dir.join(&entry.file))?;
                if Entry::of(&file) != *entry {
                    let what = format!(
                        "it is not the file that {MANIFEST} lists; build the token files anew"
                    );
                    return Err(Error::format(file.path(), what));
                }
                if file.vocabulary() != Vocabulary::of(tokenizer) {
                    let what = "it was made with another tokenizer; build the token files anew";
                    return Err(Error::format(file.path(), what));
                }
                files.push(file);
            }
            Ok(files)
        };
        Ok(Self {
            train: open(&manifest.train)?,
            valid: open(&manifest.valid)?,
        })
    }

    /// Reads every byte of every file against the hashes.
    pub fn verify(&self) -> Result<()> {
        self.train
            .iter()
            .chain(&self.valid)
            .try_for_each(TokenFile::verify)
    }
}

/// Tokenises documents into a directory, which appears, or replaces the one of that name, when it is
/// complete. A document is BOS, its text, EOS; one without text is left out. Which documents are held
/// out depends on the seed and their text alone, so equal documents stay on one side. `progress` hears
/// of documents and bytes of text done so far.
pub fn build_token_set(
    documents: &mut dyn Iterator<Item = Result<String>>,
    tokenizer: &Tokenizer,
    dir: &Path,
    options: &BuildOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<TokenSet> {
    if !(0.0..1.0).contains(&options.held_out) {
        return Err(Error::setting(
            "held_out",
            format!("{} is not in 0..1", options.held_out),
        ));
    }
    if options.file_tokens == 0 || options.threads == 0 {
        return Err(Error::setting(
            "file_tokens",
            "it and threads must be at least 1",
        ));
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let partial = dir.with_file_name(format!(".{name}.partial"));
    remove_dir(&partial)?;
    fs::create_dir_all(&partial).map_err(Error::io("create", &partial))?;
    let built = fill(documents, tokenizer, &partial, options, progress);
    if let Err(e) = built {
        // The error that counts is the first.
        let _ = remove_dir(&partial);
        return Err(e);
    }
    remove_dir(dir)?;
    fs::rename(&partial, dir).map_err(Error::io("create", dir))?;
    TokenSet::open(dir, tokenizer)
}

fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", dir)(e)),
        _ => Ok(()),
    }
}

fn fill(
    documents: &mut dyn Iterator<Item = Result<String>>,
    tokenizer: &Tokenizer,
    dir: &Path,
    options: &BuildOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let vocabulary = Vocabulary::of(tokenizer);
    let mut train = Split::new(dir, "train", vocabulary, options.file_tokens);
    let mut valid = Split::new(dir, "valid", vocabulary, options.file_tokens);
    let (mut empty, mut done, mut bytes) = (0, 0, 0);
    loop {
        let mut chunks: Vec<Vec<String>> = Vec::new();
        for _ in 0..options.threads {
            chunks.push(take_chunk(documents)?);
        }
        if chunks.iter().all(Vec::is_empty) {
            break;
        }
        for (text, ids) in tokenise(tokenizer, &chunks).into_iter().flatten() {
            done += 1;
            bytes += text.len() as u64;
            // BOS and EOS alone are no document.
            if ids.len() <= 2 {
                empty += 1;
                continue;
            }
            let split = if is_held_out(text, options) {
                &mut valid
            } else {
                &mut train
            };
            split.push(&ids, text.len() as u64)?;
        }
        progress(done, bytes);
    }
    let manifest = Manifest {
        version: VERSION,
        vocab_size: vocabulary.size,
        vocab_hash: hex(vocabulary.hash),
        seed: options.seed,
        held_out: options.held_out,
        empty_documents: empty,
        train: train.finish()?,
        valid: valid.finish()?,
    };
    let path = dir.join(MANIFEST);
    let json =
        serde_json::to_vec_pretty(&manifest).map_err(|e| Error::format(&path, e.to_string()))?;
    Ok(write_atomically(&path, &json)?)
}

fn take_chunk(documents: &mut dyn Iterator<Item = Result<String>>) -> Result<Vec<String>> {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while bytes < CHUNK {
        let Some(document) = documents.next() else {
            break;
        };
        let document = document?;
        bytes += document.len();
        chunk.push(document);
    }
    Ok(chunk)
}

/// The documents of each chunk with their tokens, a thread a chunk.
fn tokenise<'a>(tokenizer: &Tokenizer, chunks: &'a [Vec<String>]) -> Vec<Vec<(&'a str, Vec<u32>)>> {
    let work = |chunk: &'a Vec<String>| -> Vec<(&'a str, Vec<u32>)> {
        let document = |text: &'a String| {
            let mut ids = vec![tokenizer.bos()];
            tokenizer.encode_into(text, &mut ids);
            ids.push(tokenizer.eos());
            (text.as_str(), ids)
        };
        chunk.iter().map(document).collect()
    };
    if let [chunk] = chunks {
        return vec![work(chunk)];
    }
    let work = &work;
    thread::scope(|scope| {
        let handles: Vec<_> = chunks
            .iter()
            .map(|chunk| scope.spawn(move || work(chunk)))
            .collect();
        let join = |h: thread::ScopedJoinHandle<'_, _>| {
            h.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    })
}

fn is_held_out(text: &str, options: &BuildOptions) -> bool {
    let hash = Sha256::new()
        .chain_update(options.seed.to_le_bytes())
        .chain_update(text)
        .finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    // 53 bits make an exact number in 0..1.
    let draw = (u64::from_le_bytes(first) >> 11) as f64 * (-53f64).exp2();
    draw < options.held_out
}

/// The files of one side of the split.
struct Split<'a> {
    dir: &'a Path,
    name: &'static str,
    vocabulary: Vocabulary,
    file_tokens: u64,
    writer: Option<TokenWriter>,
    files: Vec<PathBuf>,
}

impl<'a> Split<'a> {
    fn new(dir: &'a Path, name: &'static str, vocabulary: Vocabulary, file_tokens: u64) -> Self {
        Self {
            dir,
            name,
            vocabulary,
            file_tokens,
            writer: None,
            files: Vec::new(),
        }
    }

    fn push(&mut self, ids: &[u32], text_bytes: u64) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let path = self
                    .dir
                    .join(format!("{}-{:05}.tokens", self.name, self.files.len()));
                self.files.push(path.clone());
                self.writer
                    .insert(TokenWriter::create(&path, self.vocabulary)?)
            }
        };
        writer.push(ids, text_bytes)?;
        if writer.tokens() >= self.file_tokens {
            self.close()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.writer.take().map_or(Ok(()), TokenWriter::finish)
    }

    fn finish(mut self) -> Result<Vec<Entry>> {
        self.close()?;
        self.files
            .iter()
            .map(|path| Ok(Entry::of(&TokenFile::open(path)?)))
            .collect()
    }
}
