//! Token files: exact, deterministic, and hard to fool.

#![allow(clippy::unwrap_used)]

mod common;

use common::{stories, token_set, tokenizer};
use proptest::prelude::*;
use puna_train::TokenFile;
use puna_train::tokens::{
    BuildOptions, DocumentOptions, Documents, TokenSet, TokenWriter, Vocabulary, build_token_set,
};
use std::fs;
use std::path::{Path, PathBuf};

fn write(path: &Path, size: u64, documents: &[Vec<u32>]) {
    let mut writer = TokenWriter::create(
        path,
        Vocabulary {
            size,
            hash: [7; 32],
        },
    )
    .unwrap();
    for document in documents {
        writer.push(document, 3 * document.len() as u64).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn what_is_written_is_read_in_two_and_four_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for size in [1 << 16, (1 << 16) + 1] {
        let path = dir.path().join("x.tokens");
        let last = size as u32 - 1;
        let documents = [vec![1, last, 2], vec![5], (0..1000).collect()];
        write(&path, size, &documents);
        let file = TokenFile::open(&path).unwrap();
        file.verify().unwrap();
        assert_eq!(
            (file.documents(), file.tokens(), file.text_bytes()),
            (3, 1004, 3012)
        );
        for (i, document) in documents.iter().enumerate() {
            let mut out = Vec::new();
            file.read(file.document(i), &mut out);
            assert_eq!(out, *document);
            assert_eq!(file.document_text_bytes(i), 3 * document.len() as u64);
        }
        let wide = fs::metadata(&path).unwrap().len() > 128 + 2008 + 48;
        assert_eq!(wide, size > 1 << 16);
    }
    let path = dir.path().join("y.tokens");
    let mut writer = TokenWriter::create(
        &path,
        Vocabulary {
            size: 10,
            hash: [7; 32],
        },
    )
    .unwrap();
    assert!(
        writer
            .push(&[10], 1)
            .unwrap_err()
            .to_string()
            .contains("token 10")
    );
    assert!(writer.push(&[], 1).is_err());
    drop(writer);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "an abandoned file leaves nothing"
    );
}

#[test]
fn threads_and_restarts_change_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let stories = stories(3000, 2);
    let build = |threads, name: &str| {
        let options = BuildOptions {
            held_out: 0.1,
            seed: 3,
            file_tokens: 20_000,
            threads,
        };
        let target = dir.path().join(name);
        token_set(&target, &tokenizer, &stories, &options);
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(&target)
            .unwrap()
            .map(|e| e.unwrap())
            .map(|e| {
                (
                    e.file_name().into_string().unwrap(),
                    fs::read(e.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    };
    let one = build(1, "a");
    assert!(one.len() > 4, "{}", one.len());
    assert!(build(3, "b") == one);
    assert!(build(2, "a") == one, "a set replaces the one of its name");
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "nothing else is left"
    );
}

#[test]
fn the_split_is_by_document_and_loses_none() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let mut stories = stories(2000, 2);
    stories.push(String::new());
    let options = BuildOptions {
        held_out: 0.2,
        ..BuildOptions::default()
    };
    let set = token_set(&dir.path().join("t"), &tokenizer, &stories, &options);
    set.verify().unwrap();
    let texts = |files: &[TokenFile]| -> Vec<String> {
        let mut out = Vec::new();
        for file in files {
            for i in 0..file.documents() {
                let mut ids = Vec::new();
                file.read(file.document(i), &mut ids);
                assert_eq!(
                    (ids[0], ids[ids.len() - 1]),
                    (tokenizer.bos(), tokenizer.eos())
                );
                let text = tokenizer.decode(&ids);
                assert_eq!(text.len() as u64, file.document_text_bytes(i));
                out.push(text);
            }
        }
        out
    };
    let (train, valid) = (texts(&set.train), texts(&set.valid));
    assert!(
        valid.iter().all(|text| !train.contains(text)),
        "equal documents stay on one side"
    );
    let share = valid.len() as f64 / stories.len() as f64;
    assert!((0.15..0.25).contains(&share), "{share}");
    let mut all = [train, valid].concat();
    all.sort();
    stories.retain(|s| !s.is_empty());
    stories.sort();
    assert_eq!(all, stories);
}

#[test]
fn a_set_is_checked_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let target = dir.path().join("t");
    token_set(
        &target,
        &tokenizer,
        &stories(50, 2),
        &BuildOptions::default(),
    );
    let other = puna_text::Tokenizer::train(
        stories(200, 1),
        &puna_text::TrainOptions {
            vocab_size: 310,
            ..Default::default()
        },
    );
    let error = TokenSet::open(&target, &other.unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("another tokenizer"), "{error}");
    write(&target.join("train-00000.tokens"), 320, &[vec![1, 2, 3]]);
    let error = TokenSet::open(&target, &tokenizer).unwrap_err().to_string();
    assert!(
        error.contains("train-00000.tokens: it is not the file"),
        "{error}"
    );
    fs::remove_file(target.join("train-00000.tokens")).unwrap();
    let error = TokenSet::open(&target, &tokenizer).unwrap_err().to_string();
    assert!(error.contains("train-00000.tokens"), "{error}");
}

#[test]
fn a_failing_source_leaves_the_old_set() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let target = dir.path().join("t");
    let options = BuildOptions::default();
    token_set(&target, &tokenizer, &stories(50, 2), &options);
    let bad = dir.path().join("bad.jsonl");
    fs::write(&bad, "{\"text\":\"a\"}\n{\"text\":5}\n").unwrap();
    let mut documents = Documents::open(&[bad], &DocumentOptions::default());
    let error = build_token_set(
        &mut documents,
        &tokenizer,
        &target,
        &options,
        &mut |_, _| {},
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("bad.jsonl, line 2, field \"text\": 5 is not a string"),
        "{error}"
    );
    TokenSet::open(&target, &tokenizer)
        .unwrap()
        .verify()
        .unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

fn read(
    dir: &Path,
    name: &str,
    bytes: &[u8],
    options: &DocumentOptions,
) -> Result<Vec<String>, String> {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    Documents::open(&[path], options)
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())
}

#[test]
fn documents_of_every_kind() {
    let dir = tempfile::tempdir().unwrap();
    let options = DocumentOptions::default();
    let jsonl = b"{\"text\":\"a\\nb\"}\n\n{\"id\":1,\"text\":\"c\"}";
    assert_eq!(
        read(dir.path(), "a.jsonl", jsonl, &options).unwrap(),
        ["a\nb", "c"]
    );
    assert_eq!(
        read(dir.path(), "a.txt", b"a\n\nb\n", &options).unwrap(),
        ["a\n\nb"]
    );
    let separated = DocumentOptions {
        separator: Some("<|endoftext|>".into()),
        ..options.clone()
    };
    let text = b"a\nb\n<|endoftext|>\n<|endoftext|>\nc\n<|endoftext|>\n";
    assert_eq!(
        read(dir.path(), "b.txt", text, &separated).unwrap(),
        ["a\nb", "c"]
    );
    let named = DocumentOptions {
        text_field: "body".into(),
        ..options.clone()
    };
    assert_eq!(
        read(dir.path(), "c.jsonl", b"{\"body\":\"x\"}", &named).unwrap(),
        ["x"]
    );
    for (bytes, expected) in [
        (
            &b"{\"body\":\"x\"}"[..],
            "line 1, field \"text\": it is missing",
        ),
        (b"\n{]", "line 2, record: not JSON"),
        (
            b"\"\xff\"",
            "line 1, record: byte 2 of the line is not UTF-8",
        ),
    ] {
        let error = read(dir.path(), "d.jsonl", bytes, &options).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let missing = Documents::open(&[dir.path().join("none")], &options)
        .next()
        .unwrap();
    assert!(missing.unwrap_err().to_string().contains("none"));
}

#[test]
fn compressed_documents() {
    let Some(books) = puna_needs::shared_data("text/books.jsonl.zst") else {
        return;
    };
    let first = Documents::open(std::slice::from_ref(&books), &DocumentOptions::default());
    let lengths: Vec<usize> = first.take(2).map(|text| text.unwrap().len()).collect();
    assert!(
        lengths.len() == 2 && lengths.iter().all(|&n| n > 1000),
        "{lengths:?}"
    );
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.jsonl.zst");
    fs::write(&cut, &fs::read(&books).unwrap()[..100_000]).unwrap();
    let last = Documents::open(&[cut], &DocumentOptions::default())
        .last()
        .unwrap();
    let error = last.unwrap_err().to_string();
    assert!(
        error.contains("cut.jsonl.zst") && error.contains("damaged"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]
    #[test]
    fn a_damaged_file_never_passes_and_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        wide: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path: PathBuf = dir.path().join("x.tokens");
        write(&path, if wide { 70_000 } else { 300 }, &[vec![1, 9, 2], vec![1, 299, 4, 5, 2], vec![1]]);
        let original = fs::read(&path).unwrap();
        let mut bytes = original.clone();
        for (at, by) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = bytes[at].wrapping_add(*by);
        }
        if let Some(at) = cut {
            bytes.truncate(at.index(bytes.len()));
        }
        prop_assume!(bytes != original);
        fs::write(&path, &bytes).unwrap();
        if let Ok(file) = TokenFile::open(&path) {
            for i in 0..file.documents() {
                file.read(file.document(i), &mut Vec::new());
            }
            prop_assert!(file.verify().is_err());
        }
    }
}
