//! Llama 2's own tokenizer: the ids that others give for it.

#![allow(clippy::unwrap_used)] // helpers of tests, too

use std::fs;

use puna_needs::shared_data;
use puna_text::chat::{Message, Role, render_prompt};
use puna_text::{Id, StreamDecoder, Tokenizer};

fn llama2() -> Option<Tokenizer> {
    Some(Tokenizer::load(&shared_data("tokenizers/llama2/tokenizer.model")?).unwrap())
}

/// The strings and ids of llama.cpp's vocabulary tests.
fn vectors() -> Option<Vec<(String, Vec<Id>)>> {
    let base = "tokenizers/llama2-vectors/models/ggml-vocab-llama-spm.gguf";
    let texts = fs::read_to_string(shared_data(format!("{base}.inp"))?).unwrap();
    let ids = fs::read_to_string(shared_data(format!("{base}.out"))?).unwrap();
    let texts: Vec<_> = texts.split("\n__ggml_vocab_test__\n").collect();
    let ids: Vec<Vec<Id>> = ids
        .lines()
        .map(|line| {
            line.split_whitespace()
                .map(|id| id.parse().unwrap())
                .collect()
        })
        .collect();
    // The text after the last separator is empty and has its own line.
    let count = ids.len();
    assert!(
        texts.len() >= count,
        "{} texts, {count} lines of ids",
        texts.len()
    );
    Some(texts.into_iter().map(str::to_owned).zip(ids).collect())
}

#[test]
fn every_vector_has_its_ids() {
    let (Some(tokenizer), Some(vectors)) = (llama2(), vectors()) else {
        return;
    };
    assert!(vectors.len() > 40);
    for (text, ids) in vectors {
        assert_eq!(tokenizer.encode(&text), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids), text);
        let mut stream = StreamDecoder::new(&tokenizer);
        let streamed: String = ids.iter().map(|&id| stream.push(id)).collect();
        assert_eq!(streamed + &stream.finish(), text);
    }
}

#[test]
fn known_places_of_the_vocabulary() {
    let Some(tokenizer) = llama2() else { return };
    assert_eq!(tokenizer.vocab_size(), 32_000);
    assert_eq!(
        (tokenizer.unk(), tokenizer.bos(), tokenizer.eos()),
        (0, 1, 2)
    );
    assert_eq!(tokenizer.piece(259), "\u{2581}\u{2581}");
    assert_eq!(tokenizer.piece(29871), "\u{2581}");
    assert_eq!(tokenizer.piece(13), "<0x0A>");
    assert_eq!(tokenizer.piece_bytes(13), b"\n");
    assert_eq!(tokenizer.piece_bytes(259), b"  ");
}

#[test]
fn the_chat_format_has_its_ids() {
    let Some(tokenizer) = llama2() else { return };
    let dialogue = [
        Message::new(Role::User, "hi"),
        Message::new(Role::Assistant, "hello"),
        Message::new(Role::User, "bye"),
    ];
    let expected = [
        1, 518, 25580, 29962, 7251, 518, 29914, 25580, 29962, 22172, 29871, 2, //
        1, 518, 25580, 29962, 491, 29872, 518, 29914, 25580, 29962,
    ];
    assert_eq!(render_prompt(&tokenizer, &dialogue).unwrap(), expected);

    let with_system = [
        Message::new(Role::System, "be kind"),
        Message::new(Role::User, "hi"),
    ];
    let ids = render_prompt(&tokenizer, &with_system).unwrap();
    let text = "[INST] <<SYS>>\nbe kind\n<</SYS>>\n\nhi [/INST]";
    assert_eq!(ids[1..], tokenizer.encode(text));
    // The tags keep their tokens: "<<SYS>>" after a space, "<</SYS>>" after a line break.
    assert_eq!(
        ids[1..10],
        [518, 25580, 29962, 3532, 14816, 29903, 6778, 13, 915]
    );
    let close = [13, 29966, 829, 14816, 29903, 6778, 13, 13];
    assert!(ids.windows(close.len()).any(|w| w == close));
}

#[test]
fn the_other_formats_give_the_same_vocabulary() {
    let (Some(tokenizer), Some(vectors)) = (llama2(), vectors()) else {
        return;
    };
    if let Some(bin) = shared_data("tokenizers/llama2/tokenizer.bin") {
        let bin = Tokenizer::load(&bin).unwrap();
        assert_eq!(bin.hash_hex(), tokenizer.hash_hex());
    }
    let dir = tempfile::tempdir().unwrap();
    tokenizer.save(dir.path()).unwrap();
    for name in ["tokenizer.json", "tokenizer.model", ""] {
        let again = Tokenizer::load(&dir.path().join(name)).unwrap();
        assert_eq!(again.hash_hex(), tokenizer.hash_hex(), "{name}");
        for (text, ids) in &vectors {
            assert_eq!(again.encode(text), *ids, "{name}: {text:?}");
        }
    }
    // Written again from either file, tokenizer.json stays as it is.
    for name in ["tokenizer.json", "tokenizer.model"] {
        let other = tempfile::tempdir().unwrap();
        Tokenizer::load(&dir.path().join(name))
            .unwrap()
            .save(other.path())
            .unwrap();
        for file in ["tokenizer.json", "tokenizer_config.json"] {
            let (a, b) = (
                fs::read(dir.path().join(file)).unwrap(),
                fs::read(other.path().join(file)).unwrap(),
            );
            assert!(a == b, "{file} written from {name} differs");
        }
        assert!(other.path().join("tokenizer.model").exists());
    }
}

#[test]
fn llama2c_vocabulary_of_stories260k() {
    let Some(path) = shared_data("models/stories260K/tok512.bin") else {
        return;
    };
    let tokenizer = Tokenizer::load(&path).unwrap();
    assert_eq!(tokenizer.vocab_size(), 512);
    let text = "Once upon a time, there was a little girl named Lily.";
    let ids = tokenizer.encode(text);
    assert_eq!(tokenizer.decode(&ids), text);
    assert!(ids.len() < 30, "{ids:?}");
}
