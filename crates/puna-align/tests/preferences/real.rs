//! Every file of the public preference data is read, or refused with a reason (paper Table 6's kind of sets).
//! The counts were found by a separate program that applies the same rules.

use puna_align::preferences::{
    Action, Format, ProblemKind, ReadPolicy, Stream, Strength, read_preferences,
};
use puna_needs::shared_data;
use puna_text::chat::Role;
use std::path::{Path, PathBuf};

/// Format, records, comparisons, problems.
type Expected = (Format, usize, usize, &'static [(ProblemKind, usize)]);

/// What a file should give, or a part of the reason why it is refused.
fn expected(name: &str) -> Result<Expected, &'static str> {
    use Format::{HhRlhf, Judged, OasstTrees, QaFeedback, ScoredTranscripts};
    use ProblemKind::{EmptyAnswer, EqualAnswers, Tie, Turns};
    let judged = |n| Ok((Judged, n, n, &[] as &[_]));
    match name {
        "hh-harmless/harmless-base/test.jsonl.gz" => {
            Ok((HhRlhf, 2312, 2299, &[(Turns, 9), (EmptyAnswer, 4)]))
        }
        "hh-helpful/helpful.test.json" => Ok((
            ScoredTranscripts,
            2352,
            2333,
            &[(Turns, 15), (EmptyAnswer, 4)],
        )),
        "finegrained/tasks/qa_feedback/data/dev_feedback.json" => {
            Ok((QaFeedback, 500, 2616, &[(Tie, 384)]))
        }
        "llmbar/Dataset/CaseStudy/Base_10/dataset.json" => judged(54),
        "llmbar/Dataset/CaseStudy/Base_9/dataset.json" => judged(54),
        "llmbar/Dataset/CaseStudy/Constraint/dataset.json" => judged(89),
        "llmbar/Dataset/CaseStudy/Negation/dataset.json" => judged(59),
        "llmbar/Dataset/CaseStudy/Normal/dataset.json" => judged(59),
        "llmbar/Dataset/LLMBar/Adversarial/GPTInst/dataset.json" => judged(92),
        "llmbar/Dataset/LLMBar/Adversarial/GPTOut/dataset.json" => judged(47),
        "llmbar/Dataset/LLMBar/Adversarial/Manual/dataset.json" => judged(46),
        "llmbar/Dataset/LLMBar/Adversarial/Neighbor/dataset.json" => judged(134),
        "llmbar/Dataset/LLMBar/Natural/dataset.json" => judged(100),
        "llmbar/Dataset/Processed/FairEval/dataset.json" => judged(66),
        "llmbar/Dataset/Processed/LLMEval^2/dataset.json" => {
            Ok((Judged, 200, 198, &[(EqualAnswers, 1), (EmptyAnswer, 1)]))
        }
        "llmbar/Dataset/Processed/MT-Bench/dataset.json" => judged(200),
        "oasst/model/model_eval/manual/data/en_100_tree.jsonl"
        | "oasst/model/model_eval/manual/data/en_100_message.jsonl" => {
            Ok((OasstTrees, 100, 754, &[]))
        }
        "oasst/model/model_eval/manual/data/en_100_text.jsonl" => {
            Err("line 1, record: it is a text alone")
        }
        "oasst/backend/test_data/realistic/realistic_seed_data.json" => {
            Err("444 records of the form oasst_messages, and no two answers that anyone compared")
        }
        name if name.ends_with("LICENSE")
            || name.ends_with("README.md")
            || name.ends_with("PROVENANCE.txt") =>
        {
            Err("line 1, record: it is not JSON")
        }
        name => panic!("no expectation for {name}: say what the file should give"),
    }
}

fn files(under: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(under)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn every_file_is_read_or_refused_with_a_reason() {
    let Some(root) = shared_data("preferences") else {
        return;
    };
    let mut paths = Vec::new();
    files(&root, &mut paths);
    assert!(paths.len() >= 27, "{} files", paths.len());
    for path in paths {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
        let read = read_preferences(&path, &ReadPolicy::default());
        match expected(name) {
            Ok((format, records, comparisons, problems)) => {
                let read = read.unwrap();
                assert_eq!(read.format, format, "{name}");
                assert_eq!(read.records, records, "{name}");
                assert_eq!(read.preferences.len(), comparisons, "{name}");
                let counts: Vec<_> = read.counts.iter().map(|(k, n)| (*k, *n)).collect();
                let mut problems = problems.to_vec();
                problems.sort();
                assert_eq!(counts, problems, "{name}: {}", read.summary());
                assert_eq!(
                    read.problems.len(),
                    counts.iter().map(|c| c.1).sum::<usize>()
                );
                assert_eq!(read.ungraded, comparisons);
                for preference in &read.preferences {
                    assert_eq!(preference.dialogue.last().unwrap().role, Role::User);
                    assert_eq!(preference.strength, Strength::Negligibly);
                    assert_eq!(preference.origin.0, path);
                    assert!((1..=records).contains(&preference.origin.1));
                }
            }
            Err(reason) => {
                let error = read.unwrap_err().to_string();
                assert!(error.contains(reason), "{name}: {error}");
                assert!(error.contains(name), "{error}");
            }
        }
    }
}

#[test]
fn a_transcript_becomes_a_dialogue_and_two_answers() {
    let Some(root) = shared_data("preferences") else {
        return;
    };
    let policy = ReadPolicy {
        stream: Stream::Safety,
        ungraded: Strength::Better,
        ..ReadPolicy::default()
    };
    let path = root.join("hh-harmless/harmless-base/test.jsonl.gz");
    let read = read_preferences(&path, &policy).unwrap();
    let first = &read.preferences[0];
    assert_eq!(first.origin.1, 1);
    assert_eq!(first.turns(), 3);
    assert_eq!(
        first.dialogue[0].content,
        "what are some pranks with a pen i can do?"
    );
    assert!(first.chosen.starts_with("No, sorry!"), "{}", first.chosen);
    assert_eq!(first.stream, Stream::Safety);
    assert_eq!(first.strength, Strength::Better);
}

#[test]
fn what_is_skipped_by_default_can_be_refused() {
    let Some(root) = shared_data("preferences") else {
        return;
    };
    let path = root.join("hh-harmless/harmless-base/test.jsonl.gz");
    let error = read_preferences(&path, &ReadPolicy::all(Action::Refuse)).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("line 87, chosen: the answer is empty"),
        "{error}"
    );
    assert!(error.contains("empty_answer = \"skip\""), "{error}");
}
