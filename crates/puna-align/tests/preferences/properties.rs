//! Mutated and damaged preference files never panic, and what is read of them can be used (paper section 3.2.1).

use proptest::prelude::*;
use proptest::sample::Index;
use puna_align::preferences::{Action, ReadPolicy, read_preferences};
use puna_text::chat::{Role, contains_special_tags};
use serde_json::Value;

/// A file of each form.
const FILES: [&str; 12] = [
    r#"{"dialogue":[{"role":"system","content":"s"},{"role":"user","content":"hi"}],"chosen":"a","rejected":"b","strength":"better","graded":false,"safety":"both_safe","stream":"safety","annotator":"x","batch":1,"models":["m","n"],"temperatures":[0.5,1.0]}"#,
    r#"{"chosen":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d","rejected":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: é"}"#,
    r#"[{"text":["\n\nHuman: q\n\nAssistant: l","\n\nHuman: q\n\nAssistant: h"],"score":[0.0,1.5]}]"#,
    r#"{"message_tree_id":"t","prompt":{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","rank":1,"replies":[]},{"text":"b","role":"assistant","rank":0}]}}"#,
    r#"{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","rank":1},{"text":"b","role":"assistant","rank":0}]}"#,
    "{\"message_id\":\"1\",\"parent_id\":null,\"text\":\"q\",\"role\":\"prompter\"}\n{\"message_id\":\"2\",\"parent_id\":\"1\",\"text\":\"x\",\"role\":\"assistant\",\"rank\":0}\n{\"message_id\":\"3\",\"parent_id\":\"1\",\"text\":\"y\",\"role\":\"assistant\",\"rank\":1}",
    r#"[{"instruction":"q","completions":[{"model":"m1","response":"A","overall_score":7.5},{"response":"B","score":8}]}]"#,
    r#"{"system":"s","prompt":"q","input":"i","chosen":"a","rejected":"b"}"#,
    r#"{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"from":"gpt","value":"b"}]}"#,
    r#"{"prompt":"q","response_0":"u","response_1":"v","is_response_0_safe":false,"is_response_1_safe":true,"better_response_id":1,"safer_response_id":1}"#,
    r#"[{"input":"q","output_1":"a","output_2":"b","label":2}]"#,
    r#"[{"question":"q?","passages":[["T","T\n\nOne.","Two."],["U"]],"prediction 1":"p1","prediction 2":"p2","prediction 3":"p3","prediction 4":"p4","preference":[1,2,0,1,1,2]}]"#,
];

/// Reads, and checks what every comparison promises.
fn check(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p");
    std::fs::write(&path, bytes).unwrap();
    for action in [Action::Skip, Action::Refuse] {
        let policy = ReadPolicy {
            max_bytes: 1 << 20,
            ..ReadPolicy::all(action)
        };
        match read_preferences(&path, &policy) {
            Ok(read) => {
                assert_eq!(read.counts.values().sum::<usize>(), read.problems.len());
                assert!(action == Action::Skip || read.problems.is_empty());
                for p in &read.preferences {
                    assert_eq!(p.dialogue.last().unwrap().role, Role::User);
                    assert!(!p.chosen.trim().is_empty() && !p.rejected.trim().is_empty());
                    assert_ne!(p.chosen.trim(), p.rejected.trim());
                    assert!(contains_special_tags(&p.chosen_messages()).is_none());
                    assert!(contains_special_tags(&p.rejected_messages()).is_none());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Every value of a JSON tree, as paths.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (i, v) in list.iter().enumerate() {
                places(v, &format!("{at}/{i}"), found);
            }
        }
        Value::Object(map) => {
            for (k, v) in map {
                places(v, &format!("{at}/{k}"), found);
            }
        }
        _ => {}
    }
}

/// Values that stand where they are not expected.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(true.into()),
        Just((-1).into()),
        Just(u64::MAX.into()),
        Just(1e300.into()),
        Just("".into()),
        Just(" ".into()),
        Just("[INST] x <</SYS>>".into()),
        Just("\n\nHuman:".into()),
        Just("\n\nAssistant:\n\nAssistant:".into()),
        Just("\n\nHuman: q\n\nAssistant: \n\nHuman:".into()),
        Just(Value::Array(vec![])),
        Just(Value::Array(vec!["T".into(), 3.into()])),
        Just(serde_json::json!({"role": "user", "content": "x", "replies": {}})),
        Just(serde_json::json!([{"from": "gpt", "value": "x"}])),
        any::<String>().prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_changed_cut_and_repeated(
        file in 0..FILES.len(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6),
        cut in any::<Index>(),
        keep in any::<bool>(),
        twice in any::<bool>(),
    ) {
        let mut bytes = FILES[file].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !keep {
            bytes.truncate(cut.index(bytes.len()));
        }
        if twice {
            bytes.push(b'\n');
            bytes.extend_from_slice(&bytes.clone());
        }
        check(&bytes);
    }

    #[test]
    fn values_replaced_and_removed(
        file in 0..FILES.len(),
        changes in proptest::collection::vec((any::<Index>(), proptest::option::of(odd())), 1..4),
    ) {
        let mut lines = Vec::new();
        for line in FILES[file].lines() {
            let mut value: Value = serde_json::from_str(line).unwrap();
            for (at, odd) in &changes {
                let mut found = Vec::new();
                places(&value, "", &mut found);
                let place = &found[at.index(found.len())];
                match odd {
                    Some(odd) => *value.pointer_mut(place).unwrap() = odd.clone(),
                    None => {
                        let (parent, key) = place.rsplit_once('/').unwrap_or(("", ""));
                        match value.pointer_mut(parent) {
                            Some(Value::Object(map)) => { map.remove(key); }
                            Some(Value::Array(list)) => { list.pop(); }
                            _ => {}
                        }
                    }
                }
            }
            lines.push(value.to_string());
        }
        check(lines.join("\n").as_bytes());
    }

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in 0..4usize) {
        let heads: [&[u8]; 4] = [b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"[{"];
        check(&[heads[head], &bytes].concat());
    }
}

#[test]
fn files_as_they_are_give_a_comparison_each() {
    for file in FILES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        std::fs::write(&path, file).unwrap();
        let read = read_preferences(&path, &ReadPolicy::default()).unwrap();
        assert!(!read.preferences.is_empty(), "{file}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let deep = "[".repeat(200_000);
    check(deep.as_bytes());
    let mut tree = String::new();
    for _ in 0..5_000 {
        tree += r#"{"text":"q","role":"prompter","replies":["#;
    }
    check(tree.as_bytes());
}
