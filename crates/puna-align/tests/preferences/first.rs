//! A file's first record tells its form: what is missing there is named, and is never taken for another
//! form of which nothing is kept.

use super::{full, read, read_bytes};
use puna_align::Error;
use puna_align::preferences::{Action, Format, ReadPolicy};
use serde_json::Value;

/// The place and the reason of an error about a record.
fn told(error: Error) -> (usize, String, String) {
    match error {
        Error::Record {
            path,
            line,
            field,
            what,
        } => {
            assert_eq!(path.file_name().unwrap(), "p.data");
            (line, field, what)
        }
        other => panic!("{other}"),
    }
}

/// The first record of a file without one field, and then the file.
fn without(file: &str, field: &str) -> String {
    let first = file.lines().next().unwrap();
    let mut record: Value = serde_json::from_str(first).unwrap();
    assert!(record.as_object_mut().unwrap().remove(field).is_some());
    format!("{record}\n{file}")
}

const PAIR: &str = r#"{"prompt":"q","chosen":"a","rejected":"b"}"#;
const LISTS: &str = r#"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#;
const TRANSCRIPTS: &str =
    r#"{"chosen":"\n\nHuman: q\n\nAssistant: a","rejected":"\n\nHuman: q\n\nAssistant: b"}"#;
const SCORED: &str =
    r#"{"text":["\n\nHuman: q\n\nAssistant: a","\n\nHuman: q\n\nAssistant: b"],"score":[0,1]}"#;
const SAFE: &str = r#"{"prompt":"q","response_0":"a","response_1":"b","is_response_0_safe":true,"is_response_1_safe":true,"better_response_id":0}"#;
const JUDGED: &str = r#"{"input":"q","output_1":"a","output_2":"b","label":2}"#;
const QA: &str = r#"{"question":"q","passages":[["T"]],"prediction 1":"a","prediction 2":"b","prediction 3":"c","prediction 4":"d","preference":[1,2,1,1,1,2]}"#;
const COMPLETIONS: &str = r#"{"source":"x","instruction":"q","completions":[{"response":"a","score":1},{"response":"b","score":2}]}"#;
const TREE: &str = r#"{"message_tree_id":"t","tree_state":"s","prompt":{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","rank":1},{"text":"b","role":"assistant","rank":0}]}}"#;
const ROOT: &str = r#"{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","rank":1},{"text":"b","role":"assistant","rank":0}]}"#;
const FLAT: &str = r#"{"message_id":"1","parent_id":null,"message_tree_id":"1","text":"q","role":"prompter"}
{"message_id":"2","parent_id":"1","message_tree_id":"1","text":"a","role":"assistant","rank":0}
{"message_id":"3","parent_id":"1","message_tree_id":"1","text":"b","role":"assistant","rank":1}"#;

#[test]
fn a_field_that_the_first_record_lacks_is_named() {
    let own = serde_json::to_string(&full()).unwrap();
    let cases: [(Format, &str, &[&str]); 10] = [
        (
            Format::Puna,
            &own,
            &["dialogue", "chosen", "rejected", "strength", "stream"],
        ),
        (Format::HhRlhf, TRANSCRIPTS, &["chosen", "rejected"]),
        (Format::Pairs, PAIR, &["prompt", "chosen", "rejected"]),
        (Format::Pairs, LISTS, &["chosen", "rejected"]),
        (
            Format::SafeRlhf,
            SAFE,
            &[
                "prompt",
                "response_0",
                "response_1",
                "is_response_0_safe",
                "is_response_1_safe",
                "better_response_id",
            ],
        ),
        (
            Format::Judged,
            JUDGED,
            &["input", "output_1", "output_2", "label"],
        ),
        (
            Format::QaFeedback,
            QA,
            &[
                "question",
                "passages",
                "prediction 1",
                "prediction 2",
                "prediction 3",
                "prediction 4",
                "preference",
            ],
        ),
        (Format::ScoredCompletions, COMPLETIONS, &["instruction"]),
        (Format::OasstTrees, ROOT, &["text", "role"]),
        (Format::OasstMessages, FLAT, &["message_id", "text", "role"]),
    ];
    for (format, file, fields) in cases {
        let whole = read(file);
        assert_eq!(whole.format, format);
        for field in fields {
            let text = without(file, field);
            let error = read_bytes(text.as_bytes(), &ReadPolicy::default()).unwrap_err();
            let beside = match (file, *field) {
                (PAIR, "prompt") => " beside an answer that is a text",
                _ => "",
            };
            let what = format!(
                "it is missing{beside} (the file is read as {}); mend it, or set read.missing_field = \"skip\" for this file to \
                 leave such records out",
                format.name()
            );
            assert_eq!(told(error), (1, (*field).to_owned(), what));
            // Skipped, it takes no other record with it.
            let skip = ReadPolicy {
                missing_field: Action::Skip,
                ..ReadPolicy::default()
            };
            let rest = read_bytes(text.as_bytes(), &skip).unwrap();
            assert_eq!(rest.format, format);
            let of_first = rest.preferences.iter().filter(|p| p.origin.1 == 1).count();
            assert_eq!(rest.preferences.len() - of_first, whole.preferences.len());
            assert!(rest.problems.iter().all(|p| p.line == 1), "{field}");
            assert_eq!(rest.problems[0].field, *field);
        }
    }
}

#[test]
fn what_is_left_without_its_only_mark_is_of_an_unknown_form() {
    for (file, field, rest) in [
        (COMPLETIONS, "completions", "instruction, source"),
        (SCORED, "text", "score"),
        (SCORED, "score", "text"),
        (ROOT, "replies", "role, text"),
        (TREE, "prompt", "message_tree_id, tree_state"),
        (TREE, "message_tree_id", "prompt, tree_state"),
    ] {
        assert!(!read(file).preferences.is_empty());
        let text = without(file, field);
        let error = read_bytes(text.as_bytes(), &ReadPolicy::default()).unwrap_err();
        let (line, at, what) = told(error);
        assert_eq!((line, at.as_str()), (1, "record"));
        let expected = format!("the form is unknown, its fields are {rest}; known forms: puna (");
        assert!(what.starts_with(&expected), "{what}");
    }
}

#[test]
fn answers_are_transcripts_only_where_they_look_like_it() {
    // Two texts alone are no transcripts: their prompt is missing.
    let error = read_bytes(
        br#"{"chosen":"a","rejected":"b"}"#,
        &ReadPolicy::all(Action::Refuse),
    );
    let (line, field, what) = told(error.unwrap_err());
    assert_eq!((line, field.as_str()), (1, "prompt"));
    assert!(what.contains("read as pairs"), "{what}");
    // One that is enough like it tells what is wrong with the other.
    let text = TRANSCRIPTS.replacen(r"\n\nHuman: q", "q", 1);
    let read = read(&format!("{text}\n{TRANSCRIPTS}"));
    assert_eq!((read.format, read.preferences.len()), (Format::HhRlhf, 1));
    assert_eq!(read.problems[0].field, "chosen");
}

#[test]
fn a_file_of_which_nothing_is_left_is_an_error() {
    let same = PAIR.replace("\"b\"", "\"a\"");
    let empty = PAIR.replace("\"b\"", "\"\"");
    let unmarked = TRANSCRIPTS.replace(r"\n\nHuman", "Human");
    let deleted = ROOT.replace("\"rank\":1", "\"rank\":1,\"deleted\":true");
    let tied = ROOT.replace("\"rank\":1", "\"rank\":0");
    for (text, expected) in [
        (
            format!("\n{same}\n{empty}\n{same}"),
            (
                2,
                "rejected",
                "it is the same text as chosen; so no comparison of the file is left (pairs: 3 records, \
                 0 comparisons; skipped 2 equal_answers, 1 empty_answer)",
            ),
        ),
        (
            unmarked,
            (
                1,
                "chosen",
                "it does not begin with an empty line and \"Human:\", as transcripts do; so no comparison \
                 of the file is left (hh_rlhf: 1 records, 0 comparisons; skipped 1 turns)",
            ),
        ),
        (
            format!("{deleted}\n{tied}"),
            (
                2,
                "replies[1]",
                "its rank is that of replies[0]; so no comparison of the file is left (oasst_trees: 2 \
                 records, 0 comparisons; skipped 1 tie, 1 deleted)",
            ),
        ),
    ] {
        let error = read_bytes(text.as_bytes(), &ReadPolicy::default()).unwrap_err();
        let (line, field, what) = told(error);
        assert_eq!((line, field.as_str(), what.as_str()), expected);
    }
}
