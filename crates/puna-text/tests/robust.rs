//! Any text survives; any file is a tokenizer or a typed error.

#![allow(clippy::unwrap_used)] // helpers of tests, too

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use puna_text::{Error, StreamDecoder, Tokenizer, TrainOptions};

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let corpus = [
        "the cat sat on the mat, and the 3 dogs sat on  the cat",
        "größer 漢字 漢字 漢",
        "ünder the mat",
    ];
    Tokenizer::train(
        corpus,
        &TrainOptions {
            vocab_size: 305,
            ..TrainOptions::default()
        },
    )
    .unwrap()
});

/// The files of a tokenizer, by name.
static FILES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    TOKENIZER.save(dir.path()).unwrap();
    let mut files: Vec<_> = ["tokenizer.model", "tokenizer.json"]
        .into_iter()
        .map(|name| (name, std::fs::read(dir.path().join(name)).unwrap()))
        .collect();
    let mut llama2c = 16u32.to_le_bytes().to_vec();
    for id in 0..TOKENIZER.vocab_size() as u32 {
        let piece = TOKENIZER.piece(id).replace('\u{2581}', " ");
        llama2c.extend((-(id as f32)).to_le_bytes());
        llama2c.extend((piece.len() as u32).to_le_bytes());
        llama2c.extend(piece.as_bytes());
    }
    files.push(("tok.bin", llama2c));
    files
});

fn read(name: &str, bytes: &[u8]) -> Result<Tokenizer, Error> {
    Tokenizer::from_bytes(Path::new(name), bytes)
}

/// What a tokenizer read from a damaged file may do: anything but panic.
fn use_it(tokenizer: &Tokenizer) {
    let ids = tokenizer.encode("the cat  sat\non 漢字 🚀");
    tokenizer.decode(&ids);
    tokenizer.hash();
}

#[test]
fn the_files_themselves_are_read() {
    for (name, bytes) in FILES.iter() {
        let again = read(name, bytes).unwrap();
        assert_eq!(
            again.encode("the cat sat 漢"),
            TOKENIZER.encode("the cat sat 漢"),
            "{name}"
        );
    }
}

#[test]
fn every_truncation_of_a_file_is_an_error_or_a_smaller_tokenizer() {
    for (name, bytes) in FILES.iter() {
        let whole = read(name, bytes).unwrap();
        for length in (0..bytes.len()).step_by(if bytes.len() > 8192 { 7 } else { 1 }) {
            match read(name, &bytes[..length]) {
                Ok(part) => assert!(part.vocab_size() <= whole.vocab_size()),
                Err(Error::Corrupt { path, .. } | Error::Unsupported { path, .. }) => {
                    assert_eq!(path, Path::new(name))
                }
                Err(other) => panic!("{name} cut at {length}: {other}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        file in 0usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..8),
    ) {
        let (name, bytes) = &FILES[file];
        let mut bytes = bytes.clone();
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => { bytes.drain(at..bytes.len().min(at + usize::from(byte))); }
            }
        }
        match read(name, &bytes) {
            Ok(tokenizer) => use_it(&tokenizer),
            Err(error) => prop_assert!(error.to_string().contains(name)),
        }
    }

    #[test]
    fn noise_never_panics(name in prop::sample::select(vec!["a.model", "a.json", "a.bin", "a.txt"]), bytes: Vec<u8>) {
        if let Ok(tokenizer) = read(name, &bytes) {
            use_it(&tokenizer);
        }
    }

    #[test]
    fn text_survives(text: String) {
        // The one character that cannot: the vocabulary's own spelling of a space.
        let expected = text.replace('\u{2581}', " ");
        let ids = TOKENIZER.encode(&text);
        prop_assert_eq!(TOKENIZER.decode(&ids), expected.as_str());
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| TOKENIZER.piece_bytes(id).to_vec()).collect();
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), if text.is_empty() { String::new() } else { format!(" {expected}") });
    }

    #[test]
    fn texts_of_words_survive(words in prop::collection::vec("[ a-zß漢字\n\t0-9.,]{0,12}", 0..12)) {
        let text = words.join(" ");
        prop_assert_eq!(TOKENIZER.decode(&TOKENIZER.encode(&text)), text);
    }

    #[test]
    fn streaming_gives_what_decoding_gives(ids in prop::collection::vec(0u32..310, 0..24)) {
        let mut stream = StreamDecoder::new(&TOKENIZER);
        let parts: String = ids.iter().map(|&id| stream.push(id)).collect();
        prop_assert_eq!(parts + &stream.finish(), TOKENIZER.decode(&ids));
    }

    #[test]
    fn continuations_join(a in "[ a-z]{1,9}", b in "[ a-z]{0,9}") {
        let mut ids = TOKENIZER.encode(&a);
        TOKENIZER.encode_continuation_into(&b, &mut ids);
        prop_assert_eq!(TOKENIZER.decode(&ids), a + &b);
    }
}

#[test]
fn a_stream_shows_a_character_when_it_is_whole() {
    let mut stream = StreamDecoder::new(&TOKENIZER);
    let parts: Vec<String> = TOKENIZER
        .encode("a🚀b")
        .iter()
        .map(|&id| stream.push(id))
        .collect();
    assert_eq!(parts.concat(), "a🚀b");
    assert_eq!(parts.iter().filter(|part| part.contains('🚀')).count(), 1);
    assert_eq!(
        StreamDecoder::continuing(&TOKENIZER)
            .push(TOKENIZER.encode("the")[0])
            .chars()
            .next(),
        Some(' ')
    );
}

#[test]
fn ids_outside_the_vocabulary_read_as_unknown() {
    let unknown = TOKENIZER.decode(&[TOKENIZER.unk()]);
    assert_eq!(TOKENIZER.decode(&[u32::MAX]), unknown);
    assert_eq!(TOKENIZER.piece(u32::MAX), "");
    assert!(TOKENIZER.piece_bytes(u32::MAX).is_empty());
}

#[test]
fn many_threads_share_one_tokenizer() {
    let text = "the cat sat on the mat 漢字 ".repeat(200);
    let expected = TOKENIZER.encode(&text);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(TOKENIZER.encode(&text), expected));
        }
    });
}

#[test]
fn impossible_training_says_why() {
    let train = |options: TrainOptions| {
        Tokenizer::train(["the cat sat on the mat"], &options)
            .unwrap_err()
            .to_string()
    };
    let base = TrainOptions {
        vocab_size: 300,
        ..TrainOptions::default()
    };
    assert!(
        train(TrainOptions {
            vocab_size: 100,
            ..base.clone()
        })
        .contains("vocab_size is 100")
    );
    assert!(
        train(TrainOptions {
            vocab_size: 32_000,
            ..base.clone()
        })
        .contains("no more than")
    );
    assert!(
        train(TrainOptions {
            character_coverage: f64::NAN,
            ..base.clone()
        })
        .contains("character_coverage")
    );
    assert!(
        train(TrainOptions {
            max_piece_length: 0,
            ..base.clone()
        })
        .contains("max_piece_length")
    );
    assert!(
        Tokenizer::train(["", "\n\n"], &base)
            .unwrap_err()
            .to_string()
            .contains("empty")
    );
}

#[test]
fn missing_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["", "tokenizer.model", "tokenizer.txt"] {
        let path = dir.path().join(name);
        let error = Tokenizer::load(&path).unwrap_err().to_string();
        assert!(error.contains(&*dir.path().to_string_lossy()), "{error}");
    }
}
