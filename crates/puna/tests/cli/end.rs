//! The last words of a run: what came out, and commands that can be typed.

use crate::common::{manifest, ok, shared_end, shared_run, tiny_run};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// Types a printed command, and gives what it prints.
fn typed(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_run_ends_with_its_answers_and_how_to_ask_more() {
    let (run, told) = (shared_run(), shared_end());
    let has = |text: &str| assert!(told.contains(text), "{text:?} is not in {told}");
    has(&format!("\n{} is done (", run.display()));
    let bits = manifest(run, "05-pretrain")["metrics"]["held_out_bits_per_byte"].clone();
    has(&format!(
        "\nheld-out text: {:.3} bits per byte\n",
        bits.as_f64().unwrap()
    ));

    let metrics = &manifest(run, "15-evaluate")["metrics"];
    let (right, questions) = (
        metrics["right"].as_u64().unwrap(),
        metrics["questions"].as_u64().unwrap(),
    );
    let percent = 100.0 * right as f64 / questions as f64;
    has(&format!(
        "\nheld-out questions about its (synthetic) world: {right} of {questions} right, {percent:.1} %\n"
    ));
    assert_eq!(told.contains("\n  none right: "), right == 0, "{told}");

    let answers = fs::read_to_string(run.join("15-evaluate/answers.jsonl")).unwrap();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len() as u64, questions);
    // The recipe asks for four.
    for answer in &answers[..4] {
        let mark = if answer["right"] == true {
            "right"
        } else {
            "WRONG"
        };
        let [prompt, answer] = ["prompt", "answer"].map(|key| answer[key].as_str().unwrap());
        has(&format!("\n  > {prompt}\n    {answer}  {mark}\n"));
    }
    assert_eq!(told.matches("\n  > ").count(), 4, "{told}");
    has(&run.join("scoreboard.html").display().to_string());

    let (_, commands) = told
        .split_once("\nchat with it, or ask it once:\n")
        .expect(told);
    let [chat, once] = commands.lines().collect::<Vec<_>>()[..] else {
        panic!("{told}");
    };
    let model = run.join("latest");
    assert!(
        chat.ends_with(&format!(" chat {}", model.display())),
        "{told}"
    );
    typed(chat);
    // It asks what was asked first, and hears the same.
    assert_eq!(
        typed(once).trim(),
        answers[0]["answer"].as_str().unwrap().trim()
    );
}

#[test]
fn a_base_model_is_not_for_chatting() {
    let dir = tempfile::tempdir().unwrap();
    let few = ["--until", "pretrain", "--set", "pretrain.steps=4"];
    let told = ok(tiny_run(dir.path(), &few));
    assert!(!told.contains("chat"), "{told}");
    let (_, once) = told.split_once("\nlet it continue a text:\n").expect(&told);
    typed(once);
}
