//! Training, encoding and decoding give what sentencepiece gives (fixtures by scripts/fixtures/tokenizer.py).

#![allow(clippy::unwrap_used)] // helpers of tests, too

use puna_text::{Id, StreamDecoder, Tokenizer, TrainOptions};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    corpus: Vec<String>,
    texts: Vec<String>,
    trainings: Vec<Training>,
}

#[derive(Deserialize)]
struct Training {
    name: String,
    options: TrainOptions,
    pieces: Vec<String>,
    ids: Vec<Vec<Id>>,
    decoded: Vec<Decoded>,
}

#[derive(Deserialize)]
struct Decoded {
    ids: Vec<Id>,
    text: String,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/sentencepiece.json")).unwrap()
}

impl Training {
    fn train(&self, corpus: &[String]) -> Tokenizer {
        Tokenizer::train(corpus, &self.options).unwrap()
    }
}

#[test]
fn training_finds_the_same_pieces_in_the_same_order() {
    let fixture = fixture();
    for training in &fixture.trainings {
        let tokenizer = training.train(&fixture.corpus);
        let pieces: Vec<_> = (0..tokenizer.vocab_size())
            .map(|id| tokenizer.piece(id as Id))
            .collect();
        assert_eq!(pieces, training.pieces, "{}", training.name);
    }
}

#[test]
fn training_does_not_depend_on_the_order_or_cutting_of_texts() {
    let fixture = fixture();
    let whole = fixture.corpus.join("\n");
    for training in &fixture.trainings {
        let expected = training.train(&fixture.corpus).hash_hex();
        assert_eq!(
            Tokenizer::train([&whole], &training.options)
                .unwrap()
                .hash_hex(),
            expected
        );
        let turned = Tokenizer::train(fixture.corpus.iter().rev(), &training.options).unwrap();
        assert_eq!(turned.hash_hex(), expected);
    }
}

#[test]
fn encoding_gives_the_same_ids() {
    let fixture = fixture();
    for training in &fixture.trainings {
        let tokenizer = training.train(&fixture.corpus);
        for (text, ids) in fixture.texts.iter().zip(&training.ids) {
            // Twice: the second time from the cache.
            for _ in 0..2 {
                assert_eq!(tokenizer.encode(text), *ids, "{}: {text:?}", training.name);
            }
        }
    }
}

#[test]
fn decoding_gives_the_same_text_at_once_and_token_by_token() {
    let fixture = fixture();
    for training in &fixture.trainings {
        let tokenizer = training.train(&fixture.corpus);
        for Decoded { ids, text } in &training.decoded {
            assert_eq!(tokenizer.decode(ids), *text, "{}: {ids:?}", training.name);
            let mut stream = StreamDecoder::new(&tokenizer);
            let parts: String = ids.iter().map(|&id| stream.push(id)).collect();
            assert_eq!(parts + &stream.finish(), *text);
        }
    }
}

#[test]
fn written_files_give_the_same_tokenizer() {
    let fixture = fixture();
    for training in &fixture.trainings {
        let tokenizer = training.train(&fixture.corpus);
        let dir = tempfile::tempdir().unwrap();
        tokenizer.save(dir.path()).unwrap();
        for name in ["tokenizer.model", "tokenizer.json", ""] {
            let again = Tokenizer::load(&dir.path().join(name)).unwrap();
            assert_eq!(
                again.hash_hex(),
                tokenizer.hash_hex(),
                "{}: {name}",
                training.name
            );
            assert_eq!(
                again.to_sentencepiece(),
                tokenizer.to_sentencepiece(),
                "{}: {name}",
                training.name
            );
            for (text, ids) in fixture.texts.iter().zip(&training.ids) {
                assert_eq!(
                    again.encode(text),
                    *ids,
                    "{}: {name}: {text:?}",
                    training.name
                );
            }
        }
        let left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}
