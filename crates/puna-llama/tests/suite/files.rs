//! Model directories and safetensors files: what is written is read, what is wrong is named.

use crate::common::*;
use puna_llama::safetensors::{SafeTensors, TensorView, Weights, write};
use puna_llama::{Dtype, Error, Model, SaveOptions};
use std::fs;
use std::path::Path;

#[track_caller]
fn assert_same_model(a: &Model, b: &Model, round: Dtype) {
    assert_eq!(a.config, b.config);
    for (x, y) in a.params.tensors.iter().zip(&b.params.tensors) {
        let y: Vec<f32> = y.iter().map(|&v| round.round(v)).collect();
        assert_same_bits("tensor", x, &y);
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn models_round_trip_in_every_type_and_layout() {
    let dir = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        let model = Model::load(&fixture(name)).unwrap();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            for max_shard_bytes in [u64::MAX, 30_000, 1] {
                let options = SaveOptions {
                    dtype,
                    max_shard_bytes,
                    ..SaveOptions::default()
                };
                model.save(dir.path(), &options).unwrap();
                assert_same_model(&Model::load(dir.path()).unwrap(), &model, dtype);
            }
        }
        model.save(dir.path(), &SaveOptions::default()).unwrap();
        // Shards of the saves before are gone.
        let expected = ["config.json", "generation_config.json", "model.safetensors"];
        assert_eq!(names(dir.path()), expected);
    }
}

#[test]
fn the_same_model_is_the_same_bytes() {
    let model = lively_model(64);
    let bytes = || {
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path(), &SaveOptions::default()).unwrap();
        names(dir.path())
            .iter()
            .map(|n| fs::read(dir.path().join(n)).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn shards_keep_to_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let model = lively_model(64);
    let options = SaveOptions {
        max_shard_bytes: 40_000,
        ..SaveOptions::default()
    };
    model.save(dir.path(), &options).unwrap();
    let shards: Vec<String> = names(dir.path())
        .into_iter()
        .filter(|n| n.contains("-of-"))
        .collect();
    assert!(shards.len() > 3);
    for shard in shards {
        let file = SafeTensors::open(&dir.path().join(shard)).unwrap();
        let bytes: usize = file.entries().values().map(|e| 4 * e.len()).sum();
        assert!(bytes <= 40_000 || file.entries().len() == 1);
    }
    assert_eq!(
        Weights::open(dir.path()).unwrap().names().count(),
        3 + 9 * model.config.layers
    );
}

/// Saves a small model, damages it, and gives the message.
#[track_caller]
fn message(sharded: bool, damage: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let max_shard_bytes = if sharded { 30_000 } else { u64::MAX };
    let options = SaveOptions {
        max_shard_bytes,
        ..SaveOptions::default()
    };
    lively_model(64).save(dir.path(), &options).unwrap();
    damage(dir.path());
    match Model::load(dir.path()) {
        Ok(_) => panic!("a damaged model was read"),
        Err(e) => e.to_string(),
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn damage_is_named() {
    let weights = |d: &Path| d.join("model.safetensors");
    let m = message(false, |d| edit(&weights(d), |b| b.truncate(b.len() - 1)));
    assert!(
        m.contains("truncated") && m.contains("model.safetensors"),
        "{m}"
    );
    let m = message(false, |d| edit(&weights(d), |b| b.truncate(5)));
    assert!(m.contains("too few"), "{m}");
    let m = message(false, |d| {
        edit(&weights(d), |b| {
            b[..8].copy_from_slice(&u64::MAX.to_le_bytes())
        })
    });
    assert!(m.contains("header"), "{m}");
    let m = message(false, |d| edit(&weights(d), |b| b.extend([0; 4])));
    assert!(m.contains("trailing"), "{m}");
    let m = message(false, |d| {
        replace(
            &d.join("config.json"),
            "\"vocab_size\": 64",
            "\"vocab_size\": 65",
        )
    });
    assert!(
        m.contains("model.embed_tokens.weight") && m.contains("[64, 48]"),
        "{m}"
    );
    let m = message(false, |d| {
        replace(
            &d.join("config.json"),
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
        );
    });
    assert!(
        m.contains("model.layers.2.") && m.contains("missing"),
        "{m}"
    );
    let m = message(false, |d| {
        replace(
            &d.join("config.json"),
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 1",
        );
    });
    assert!(
        m.contains("model.layers.1.") && m.contains("no place"),
        "{m}"
    );
    let m = message(false, |d| fs::remove_file(weights(d)).unwrap());
    assert!(m.contains("neither"), "{m}");
    let m = message(false, |d| fs::remove_file(d.join("config.json")).unwrap());
    assert!(
        m.contains("cannot read") && m.contains("config.json"),
        "{m}"
    );
    let index = |d: &Path| d.join("model.safetensors.index.json");
    let m = message(true, |d| {
        replace(&index(d), "model-00002-of", "../model-00002-of")
    });
    assert!(m.contains("plain file name"), "{m}");
    let m = message(true, |d| {
        replace(&index(d), "model-00002-of", "model-00001-of")
    });
    assert!(m.contains("the index places it"), "{m}");
    let m = message(true, |d| {
        replace(&index(d), "\"model.norm.weight\"", "\"model.morn.weight\"")
    });
    assert!(m.contains("model.morn.weight"), "{m}");
}

/// A file with that header and so many bytes of data.
fn raw(header: &str, data: usize) -> Result<SafeTensors, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    fs::write(&path, bytes).unwrap();
    SafeTensors::open(&path)
}

#[test]
fn headers_are_strict() {
    let f32s = |offsets: &str| format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":{offsets}}}"#);
    let two = |a: &str, b: &str| format!(r#"{{"a":{},"b":{}}}"#, f32s(a), f32s(b));
    assert!(raw(&two("[0,8]", "[8,16]"), 16).is_ok());
    assert!(raw(r#"{"__metadata__":{"format":"pt"}}"#, 0).is_ok());
    assert!(
        raw(
            r#"{"empty":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}}"#,
            0
        )
        .is_ok()
    );
    let cases = [
        (two("[0,8]", "[4,12]"), 12, "overlaps"),
        (two("[0,8]", "[12,20]"), 20, "hole"),
        (two("[0,8]", "[8,12]"), 12, "cannot fill"),
        (two("[8,0]", "[8,16]"), 16, "claims bytes"),
        (two("[0,8]", "[8,16]"), 12, "truncated"),
        (format!(r#"{{"a":{0},"a":{0}}}"#, f32s("[0,8]")), 8, "twice"),
        (
            r#"{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}"#.into(),
            8,
            "unknown dtype",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#.into(),
            8,
            "\"a\"",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[2]}}"#.into(),
            8,
            "data_offsets",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}}"#
                .into(),
            0,
            "cannot fill",
        ),
        ("[1,2]".into(), 0, "begin with"),
        ("{\"a\":".into(), 0, "JSON"),
    ];
    for (header, data, needle) in cases {
        let message = raw(&header, data).unwrap_err().to_string();
        assert!(message.contains(needle), "{header}: {message}");
    }
}

#[test]
fn wrong_types_are_refused() {
    let mut file = raw(
        r#"{"n":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}"#,
        8,
    )
    .unwrap();
    let message = file.read("n", &mut [0.0; 2]).unwrap_err().to_string();
    assert!(
        message.contains("I32") && message.contains("convert"),
        "{message}"
    );
}

#[test]
fn a_failed_save_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let tensor = TensorView {
        name: "a".into(),
        shape: vec![2],
        values: &[1.0, 1e6],
    };
    let message = write(&path, &[tensor], Dtype::F16).unwrap_err().to_string();
    assert!(
        message.contains("\"a\"") && message.contains("too large"),
        "{message}"
    );
    assert!(names(dir.path()).is_empty());
}
