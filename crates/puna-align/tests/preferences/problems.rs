//! Each problem that a record can have, skipped and refused.

use super::{full, read, read_bytes};
use puna_align::preferences::{
    Action, Format, Preference, ProblemKind, ReadPolicy, read_preferences,
};

/// A comparison in Puna's form, with one field replaced.
fn with(field: &str, value: &str) -> String {
    let mut object = serde_json::to_value(full()).unwrap();
    match value {
        "absent" => {
            object.as_object_mut().unwrap().remove(field);
        }
        value => object[field] = serde_json::from_str(value).unwrap(),
    }
    object.to_string()
}

#[test]
fn every_problem_is_named_counted_and_skipped_or_refused() {
    use ProblemKind as K;
    let long = format!("\"{}\"", "x".repeat(20_000));
    let cases = [
        (
            K::Malformed,
            "{\"chosen\"".to_owned(),
            "record",
            "it is not JSON at column",
        ),
        (K::Malformed, "[1]".to_owned(), "record", "it is a list"),
        (
            K::MissingField,
            with("chosen", "absent"),
            "chosen",
            "it is missing",
        ),
        (
            K::MissingField,
            with("rejected", "3"),
            "rejected",
            "it is not a string",
        ),
        (
            K::MissingField,
            with("strength", "absent"),
            "strength",
            "it is missing",
        ),
        (
            K::MissingField,
            with("strength", "\"much\""),
            "strength",
            "unknown variant `much`",
        ),
        (
            K::MissingField,
            with("stream", "null"),
            "stream",
            "it is missing",
        ),
        (K::MissingField, with("batch", "-1"), "batch", "-1"),
        (
            K::MissingField,
            with("models", "[\"a\"]"),
            "models",
            "length 1",
        ),
        (
            K::MissingField,
            with("safety", "\"no\""),
            "safety",
            "\"no\" is none of",
        ),
        (
            K::MissingField,
            with("dialogue", "{}"),
            "dialogue",
            "it is not a list",
        ),
        (
            K::MissingField,
            with("dialogue", r#"[{"role":"bot","content":"x"}]"#),
            "dialogue[0].role",
            "\"bot\" is none of",
        ),
        (
            K::Turns,
            with("dialogue", "[]"),
            "dialogue[0]",
            "should end with the user's",
        ),
        (
            K::Turns,
            with("dialogue", r#"[{"role":"assistant","content":"x"}]"#),
            "dialogue[0]",
            "the user should speak",
        ),
        (
            K::Turns,
            with(
                "dialogue",
                r#"[{"role":"user","content":"x"},{"role":"system","content":"x"}]"#,
            ),
            "dialogue[1]",
            "the assistant should speak",
        ),
        (
            K::EqualAnswers,
            with("chosen", "\" no\\n\""),
            "rejected",
            "same text as chosen",
        ),
        (
            K::EmptyAnswer,
            with("chosen", "\" \""),
            "chosen",
            "the answer is empty",
        ),
        (
            K::EmptyAnswer,
            with("dialogue", r#"[{"role":"user","content":""}]"#),
            "dialogue[0]",
            "the message is empty",
        ),
        (
            K::OverLong,
            with("rejected", &long),
            "dialogue",
            "over the limit of 16384",
        ),
        (
            K::ChatTags,
            with("rejected", "\"x [/INST] y\""),
            "rejected",
            "it contains [/INST]",
        ),
        (
            K::UnsafeChosen,
            with("safety", "\"rejected_safe\""),
            "safety",
            "is unsafe while",
        ),
    ];
    let good = serde_json::to_string(&full()).unwrap();
    for (kind, line, field, what) in cases {
        let text = format!("{good}\n\n{line}\n{good}\n");
        let read = read_bytes(text.as_bytes(), &ReadPolicy::all(Action::Skip)).unwrap();
        assert_eq!((read.records, read.preferences.len()), (3, 2), "{line}");
        assert_eq!(
            read.counts.iter().collect::<Vec<_>>(),
            [(&kind, &1)],
            "{line}"
        );
        let problem = &read.problems[0];
        assert_eq!((problem.line, problem.field.as_str()), (3, field), "{line}");
        assert!(problem.what.contains(what), "{}", problem.what);
        assert!(read.summary().contains(kind.name()));

        let refuse = ReadPolicy::all(Action::Refuse);
        let error = read_bytes(text.as_bytes(), &refuse)
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("line 3, {field}: ")), "{error}");
        assert!(
            error.contains(&format!("set read.{} = \"skip\"", kind.name())),
            "{error}"
        );
    }
}

#[test]
fn problems_before_the_form_is_known_count_too() {
    let text = "not json\n\"text\"\n{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\n\u{0}";
    let read = read_bytes(text.as_bytes(), &ReadPolicy::all(Action::Skip)).unwrap();
    assert_eq!((read.records, read.preferences.len()), (4, 1));
    let lines: Vec<usize> = read.problems.iter().map(|p| p.line).collect();
    assert_eq!(lines, [1, 2, 4]);
    let error = read_bytes(text.as_bytes(), &ReadPolicy::default()).unwrap_err();
    assert!(error.to_string().contains("line 1, record"), "{error}");
}

#[test]
fn unknown_forms_and_empty_files_are_refused() {
    for (text, expected) in [
        ("", "line 1, record: the file holds no record"),
        ("\n \n", "line 1, record: the file holds no record"),
        ("[]", "line 1, record: the file holds no record"),
        ("[{}", "the list is not JSON"),
        (
            "\n{\"a\":1,\"b\":2}",
            "line 2, record: the form is unknown, its fields are a, b; known forms: puna",
        ),
        ("\u{ff}", "it is not JSON"),
    ] {
        let error = read_bytes(text.as_bytes(), &ReadPolicy::all(Action::Skip)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = read_preferences("no/such/file".as_ref(), &ReadPolicy::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot read no/such/file"),
        "{error}"
    );
}

#[test]
fn what_was_skipped_can_be_written_down() {
    let read = read_bytes(
        [
            with("chosen", "\"no\""),
            with("chosen", "\"\""),
            with("batch", "4"),
        ]
        .join("\n")
        .as_bytes(),
        &ReadPolicy::default(),
    )
    .unwrap();
    let counts = serde_json::to_value(&read.counts).unwrap();
    assert_eq!(
        counts,
        serde_json::json!({"equal_answers": 1, "empty_answer": 1})
    );
    let problem = serde_json::to_value(&read.problems[1]).unwrap();
    assert_eq!(problem["kind"], "empty_answer");
    assert_eq!(problem["line"], 2);
    for format in Format::ALL {
        assert_eq!(serde_json::to_value(format).unwrap(), format.name());
    }
    for kind in ProblemKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    let to_string = read.problems[0].to_string();
    assert!(to_string.contains("line 1, rejected: it is the same text"));
}

#[test]
fn the_policy_reads_from_settings() {
    let policy: ReadPolicy =
        serde_json::from_str(r#"{"equal_answers":"refuse","max_characters":9}"#).unwrap();
    assert_eq!(policy.equal_answers, Action::Refuse);
    assert_eq!(policy.max_characters, 9);
    assert_eq!(policy.tie, Action::Skip);
    assert!(serde_json::from_str::<ReadPolicy>(r#"{"equals":"refuse"}"#).is_err());
}

#[test]
fn over_long_dialogues_are_found_by_tokens_too() {
    let options = puna_text::TrainOptions {
        vocab_size: 270,
        ..Default::default()
    };
    let tokenizer = puna_text::Tokenizer::train(["a b c d e f g h"; 20], &options).unwrap();
    let lines = (1..=4).map(|n| {
        let long = "a b ".repeat(10 * n);
        format!("{{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"{long}c\"}}\n")
    });
    let text: String = lines.collect();
    let policy = ReadPolicy::default();
    let mut all = read(&text);
    all.limit_tokens(&tokenizer, 10_000, &policy).unwrap();
    assert_eq!((all.preferences.len(), all.problems.len()), (4, 0));

    let tokens = |p: &Preference| {
        let rejected = puna_text::chat::render_training(&tokenizer, &p.rejected_messages());
        rejected.unwrap().ids.len()
    };
    let limit = tokens(&all.preferences[1]);
    let mut some = all.clone();
    some.limit_tokens(&tokenizer, limit, &policy).unwrap();
    assert_eq!(some.preferences, all.preferences[..2]);
    assert_eq!(some.counts[&ProblemKind::OverLong], 2);
    assert_eq!(some.problems[1].line, 4);
    let error = all.limit_tokens(&tokenizer, limit, &ReadPolicy::all(Action::Refuse));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("line 3, dialogue: "), "{error}");
}
