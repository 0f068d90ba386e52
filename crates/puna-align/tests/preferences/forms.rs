//! The forms of preference files, one by one.

use super::{full, read, read_bytes, texts, user};
use puna_align::preferences::{
    Action, Format, Preference, ProblemKind, ReadPolicy, SafetyLabel, Stream, Strength,
    read_preferences, write_preferences,
};
use std::io::Write;

#[test]
fn own_form_survives_the_way_to_disk_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.jsonl");
    let bare = Preference::new(
        vec![user("u")],
        "a",
        "b",
        Strength::Better,
        Stream::Helpfulness,
    );
    let mut ungraded = full();
    ungraded.graded = false;
    let written = vec![full(), bare, ungraded];
    write_preferences(&path, &written).unwrap();
    let mut read = read_preferences(&path, &ReadPolicy::default()).unwrap();
    assert_eq!(read.format, Format::Puna);
    assert_eq!(read.ungraded, 1);
    for (i, preference) in read.preferences.iter_mut().enumerate() {
        assert_eq!(preference.origin, (path.clone(), i + 1));
        preference.origin = Default::default();
    }
    assert_eq!(read.preferences, written);
    let mut broken = full();
    broken.temperatures = Some([f32::NAN, 1.0]);
    let error = write_preferences(&path, &[broken]).unwrap_err().to_string();
    assert!(error.contains("line 1, temperatures"), "{error}");
    // The file that was there is still there.
    assert_eq!(
        read_preferences(&path, &ReadPolicy::default())
            .unwrap()
            .records,
        3
    );
}

#[test]
fn what_nobody_graded_is_marked_whatever_level_it_is_given() {
    let graded = r#"{"dialogue":[{"role":"user","content":"q"}],"chosen":"a","rejected":"b","strength":"negligibly","stream":"safety"}"#;
    let ungraded = r#"{"prompt":"q","chosen":"a","rejected":"b"}"#;
    for level in [Strength::Negligibly, Strength::Better] {
        let policy = ReadPolicy {
            ungraded: level,
            ..ReadPolicy::default()
        };
        let of = |text: &str| {
            let read = read_bytes(text.as_bytes(), &policy).unwrap();
            let preference = &read.preferences[0];
            (preference.graded, preference.strength, read.ungraded)
        };
        assert_eq!(of(graded), (true, Strength::Negligibly, 0));
        assert_eq!(of(ungraded), (false, level, 1));
        // Written down once, it keeps the level that it was given.
        let told = graded.replace("\"stream\"", "\"graded\":false,\"stream\"");
        assert_eq!(of(&told), (false, Strength::Negligibly, 1));
    }
}

#[test]
fn gzip_and_zstd_are_told_by_their_first_bytes_and_may_have_several_members() {
    let line = |n| format!("{{\"prompt\":\"u{n}\",\"chosen\":\"a\",\"rejected\":\"b\"}}\n");
    let mut gzip = Vec::new();
    let mut zstd = Vec::new();
    for n in 0..3 {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(line(n).as_bytes()).unwrap();
        gzip.extend(encoder.finish().unwrap());
        zstd.extend(ruzstd::encoding::compress_to_vec(
            line(n).as_bytes(),
            ruzstd::encoding::CompressionLevel::Fastest,
        ));
    }
    let policy = ReadPolicy::default();
    for bytes in [&gzip, &zstd] {
        let read = read_bytes(bytes, &policy).unwrap();
        assert_eq!(read.preferences.len(), 3);
        assert_eq!(texts(&read.preferences[2]).0, ["u2"]);
        // Cut off.
        let error = read_bytes(&bytes[..bytes.len() - 5], &policy).unwrap_err();
        assert!(error.to_string().contains("cannot read"), "{error}");
        // A file that decompresses to more than it may.
        let small = ReadPolicy {
            max_bytes: 60,
            ..policy.clone()
        };
        let error = read_bytes(bytes, &small).unwrap_err().to_string();
        assert!(error.contains("more than 60 bytes"), "{error}");
    }
}

#[test]
fn transcripts() {
    let read = read(
        r#"{"chosen":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c \n\nAssistant: d\n\ne ","rejected":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: f"}"#,
    );
    assert_eq!(read.format, Format::HhRlhf);
    assert_eq!(
        texts(&read.preferences[0]),
        (vec!["a", "b", "c"], "d\n\ne", "f")
    );
}

#[test]
fn transcripts_with_scores_give_every_pair_of_different_scores() {
    let read = read(
        r#"[{"text":["\n\nHuman: q\n\nAssistant: low","\n\nHuman: q\n\nAssistant: high","\n\nHuman: q\n\nAssistant: same"],"score":[0.0,1.5,"0"]}]"#,
    );
    assert_eq!(read.format, Format::ScoredTranscripts);
    let pairs: Vec<_> = (read.preferences.iter())
        .map(|p| (texts(p).1, texts(p).2))
        .collect();
    assert_eq!(pairs, [("high", "low"), ("high", "same")]);
    assert_eq!(read.counts[&ProblemKind::Tie], 1);
    assert_eq!(read.problems[0].field, "text[2]");
}

#[test]
fn completions_with_scores() {
    let read = read(
        r#"{"source":"x","instruction":"q","models":["m1","m2","m3"],"completions":[
        {"model":"m1","response":"A","overall_score":7.5,"fine-grained_score":1},
        {"model":"m2","response":"B","overall_score":8},
        {"model":"m3","response":" ","overall_score":9}]}"#
            .replace('\n', " ")
            .as_str(),
    );
    assert_eq!(read.format, Format::ScoredCompletions);
    assert_eq!(read.preferences.len(), 1);
    assert_eq!(texts(&read.preferences[0]), (vec!["q"], "B", "A"));
    let models = read.preferences[0].models.clone().unwrap();
    assert_eq!(models, ["m2", "m1"]);
    // The empty answer was in two pairs.
    assert_eq!(read.counts[&ProblemKind::EmptyAnswer], 2);
}

#[test]
fn pairs_of_texts_and_of_messages() {
    let read = read(
        r#"{"prompt":"q","chosen":"a","rejected":"b"}
{"system":"s","question":"q","input":"i","chosen":"a","rejected":"b"}
{"prompt":"\n\nHuman: x\n\nAssistant: y\n\nHuman: q\n\nAssistant:","chosen":"a","rejected":"b"}
{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}
{"prompt":"q","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}
{"prompt":"q","chosen":[{"from":"system","value":"s"},{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"rejected":[{"from":"system","value":"s"},{"from":"human","value":"q"},{"from":"gpt","value":"b"}]}
{"prompt":"other","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
    );
    assert_eq!(read.format, Format::Pairs);
    let dialogues: Vec<_> = read.preferences.iter().map(|p| texts(p).0).collect();
    assert_eq!(
        dialogues,
        [
            vec!["q"],
            vec!["s", "q\n\ni"],
            vec!["x", "y", "q"],
            vec!["q"],
            vec!["q"],
            vec!["s", "q"],
        ]
    );
    assert!(read.preferences.iter().all(|p| texts(p).1 == "a"));
    assert_eq!(read.problems.len(), 1);
    assert_eq!(read.problems[0].line, 7);
    assert_eq!(
        read.problems[0].what,
        "its first messages are not those of the prompt"
    );
    // Lists of messages alone.
    let alone = read_bytes(
        br#"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
        &ReadPolicy::default(),
    )
    .unwrap();
    assert_eq!(alone.format, Format::Pairs);
    assert_eq!(texts(&alone.preferences[0]), (vec!["q"], "a", "b"));
}

#[test]
fn safe_rlhf_gives_each_stream_its_own_choice() {
    let line = r#"{"prompt":"q","response_0":"harmful detail","response_1":"refusal","is_response_0_safe":false,"is_response_1_safe":true,"better_response_id":0,"safer_response_id":1}"#;
    let safety = ReadPolicy {
        stream: Stream::Safety,
        ..ReadPolicy::default()
    };
    let read = read_bytes(line.as_bytes(), &safety).unwrap();
    assert_eq!(read.format, Format::SafeRlhf);
    assert_eq!(read.preferences[0].safety, Some(SafetyLabel::ChosenSafe));
    assert_eq!(read.preferences[0].chosen, "refusal");
    assert_eq!(read.preferences[0].stream, Stream::Safety);
    // The more helpful one is the unsafe one: the paper leaves such pairs out.
    let other = line.replace("better_response_id\":0", "better_response_id\":1");
    let both = format!("{line}\n{other}");
    let read = read_bytes(both.as_bytes(), &ReadPolicy::default()).unwrap();
    assert_eq!(read.preferences.len(), 1);
    assert_eq!(read.preferences[0].stream, Stream::Helpfulness);
    assert_eq!(read.counts[&ProblemKind::UnsafeChosen], 1);
    assert_eq!(read.problems[0].line, 1);
}

#[test]
fn judged_pairs_and_qa_feedback() {
    let read_judged = read(r#"[{"input":"q","output_1":"a","output_2":"b","label":2}]"#);
    assert_eq!(texts(&read_judged.preferences[0]), (vec!["q"], "b", "a"));
    let read_qa = read(
        r#"[{"question":"q?","passages":[["T","T\n\nOne.","Two."],["U"]],"prediction 1":"p1","prediction 2":"p2","prediction 3":"p3","prediction 4":"p4","preference":[1,2,0,1,1,2]}]"#,
    );
    let pairs: Vec<_> = read_qa
        .preferences
        .iter()
        .map(|p| (texts(p).1, texts(p).2))
        .collect();
    assert_eq!(
        pairs,
        [
            ("p1", "p2"),
            ("p3", "p1"),
            ("p2", "p3"),
            ("p2", "p4"),
            ("p4", "p3")
        ]
    );
    let asked = texts(&read_qa.preferences[0]).0;
    assert_eq!(asked, ["q?\n\nT:\nOne. Two.\n\nU"]);
    assert_eq!(read_qa.problems[0].field, "preference[2]");
}

const FLAT: &str = r#"{"message_id":"1","parent_id":null,"text":"q","role":"prompter"}
{"message_id":"2","parent_id":"1","text":"best","role":"assistant","rank":0}
{"message_id":"3","parent_id":"1","text":"worst","role":"assistant","rank":2}
{"message_id":"4","parent_id":"1","text":"middle","role":"assistant","rank":1,"deleted":true}
{"message_id":"5","parent_id":"2","text":"more?","role":"prompter","rank":0}
{"message_id":"6","parent_id":"5","text":"b2","role":"assistant","rank":1}
{"message_id":"7","parent_id":"5","text":"b1","role":"assistant","rank":0}
{"message_id":"8","parent_id":"2","text":"also?","role":"prompter","rank":1}
{"message_id":"9","parent_id":"8","text":"x","role":"assistant","rank":0}
{"message_id":"10","parent_id":"8","text":"y","role":"assistant","rank":0}
"#;

#[test]
fn flat_messages_are_joined_by_their_parents() {
    let read = read(FLAT);
    assert_eq!(read.format, Format::OasstMessages);
    assert_eq!(read.records, 10);
    let found: Vec<_> = read.preferences.iter().map(texts).collect();
    assert_eq!(
        found,
        [
            (vec!["q"], "best", "worst"),
            (vec!["q", "best", "more?"], "b1", "b2")
        ]
    );
    assert_eq!(read.counts[&ProblemKind::Deleted], 1);
    assert_eq!(read.counts[&ProblemKind::Tie], 1);
    let line = |kind| read.problems.iter().find(|p| p.kind == kind).unwrap().line;
    assert_eq!(
        (line(ProblemKind::Deleted), line(ProblemKind::Tie)),
        (4, 10)
    );
    // As OpenAssistant writes them: the tree's id in each, and no parent in the first.
    let told = FLAT
        .replace(",\"role\"", ",\"message_tree_id\":\"1\",\"role\"")
        .replace("\"parent_id\":null,", "");
    let of_tree = super::read(&told);
    assert_eq!(of_tree.format, Format::OasstMessages);
    assert_eq!(of_tree.problems.len(), read.problems.len());
    let again: Vec<_> = of_tree.preferences.iter().map(texts).collect();
    assert_eq!(again, found);
}

#[test]
fn flat_messages_in_circles_or_without_parents_are_problems() {
    let skip = ReadPolicy::all(Action::Skip);
    let circle = r#"{"message_id":"1","parent_id":"2","text":"q","role":"prompter"}
{"message_id":"2","parent_id":"1","text":"a","role":"assistant","rank":0}
{"message_id":"3","parent_id":"1","text":"b","role":"assistant","rank":1}
{"message_id":"3","parent_id":"nobody","text":"b","role":"assistant","rank":1}
{"message_id":"4","parent_id":"nobody","text":"b","role":"assistant","rank":1}
{"message_id":"5","parent_id":null,"text":"q","role":"prompter"}
{"message_id":"6","parent_id":"5","text":"a","role":"assistant","rank":0}
{"message_id":"7","parent_id":"5","text":"b","role":"assistant","rank":1}
"#;
    let read = read_bytes(circle.as_bytes(), &skip).unwrap();
    assert_eq!(read.preferences.len(), 1);
    assert_eq!(texts(&read.preferences[0]), (vec!["q"], "a", "b"));
    let what: Vec<&str> = read.problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "\"3\" is the id of an earlier message too",
            "no message has the id \"nobody\"",
            "more than 1000 messages stand before the replies"
        ]
    );
    let unranked = FLAT.replace("\"rank\":", "\"votes\":");
    let error = read_bytes(unranked.as_bytes(), &skip).unwrap_err();
    assert!(error.to_string().contains("no two answers"), "{error}");
}

#[test]
fn trees_of_either_kind() {
    let tree = |root: &str| {
        format!(
            r#"{root}"text":"q","role":"prompter","replies":[{{"text":"a","role":"assistant","rank":1,"replies":[]}},{{"text":"b","role":"assistant","rank":0,"replies":null}},{{"text":"c","role":"assistant","rank":null}}]"#
        )
    };
    for text in [
        format!(r#"{{"message_tree_id":"t","prompt":{}}}}}"#, tree("{")),
        format!("{}}}", tree("{")),
    ] {
        let read = read(&text);
        assert_eq!(read.format, Format::OasstTrees);
        assert_eq!(read.preferences.len(), 1, "{text}");
        assert_eq!(texts(&read.preferences[0]), (vec!["q"], "b", "a"));
    }
}

#[test]
fn marks_and_line_ends_of_other_systems_are_no_problem() {
    let text = "\u{feff}{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\r\n\r\n";
    let read = read(text);
    assert_eq!((read.records, read.preferences.len()), (1, 1));
}
