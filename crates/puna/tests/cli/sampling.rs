//! `puna generate`: what its options of sampling do, and what a user may not say.

use crate::common::{fails, ok, shared_model, shared_run};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the base model writes, which goes on for longer than the chat model.
fn generate(more: &[&str]) -> String {
    let model = shared_run().join("05-pretrain").display().to_string();
    let args = ["generate", &model, "--prompt", "Once", "--max-tokens", "40"];
    ok([&args[..], more].concat())
}

/// The completion as a machine reads it.
fn completion(more: &[&str]) -> Value {
    serde_json::from_str(&generate(&[&["--json"], more].concat())).unwrap()
}

fn text(completion: &Value) -> &str {
    completion["completion"].as_str().unwrap()
}

fn refused(more: &[&str]) -> String {
    let model = shared_model();
    fails([&["generate", &model, "--prompt", "Once"], more].concat())
}

#[test]
fn a_stop_text_ends_the_completion() {
    // So that it does not write the same again and again.
    let varied = ["--temperature", "0", "--repetition-penalty", "2"];
    let free = completion(&varied);
    let free = text(&free);
    // Three characters from the middle, which need not be a token's; and some that come later.
    let at = |n: usize| -> String { free.chars().skip(n).take(3).collect() };
    let length = free.chars().count();
    let (stop, later) = (at(length / 3), at(length - 3));
    let first = free.find(&stop).unwrap().min(free.find(&later).unwrap());
    assert!(first > 0, "{free}");
    let stops = ["--stop", &later, "--stop", &stop];
    let stopped = completion(&[&varied[..], &stops].concat());
    assert_eq!(text(&stopped), &free[..first]);
    assert_eq!(stopped["finish"], "stop");
    let printed = generate(&[&varied[..], &stops].concat());
    assert_eq!(printed, format!("Once{}\n", &free[..first]));
    let unheard = ["--stop", "a text that no model would ever write"];
    let never = completion(&[&varied[..], &unheard].concat());
    assert_eq!(text(&never), free);
    let message = refused(&["--stop", ""]);
    assert!(message.contains("stop string is empty"), "{message}");
}

#[test]
fn the_best_of_one_is_the_most_probable() {
    let greedy = completion(&["--temperature", "0"]);
    let hot = |top_k: &str| {
        let options = ["--temperature", "9", "--top-p", "1", "--top-k", top_k];
        completion(&options)
    };
    assert_eq!(hot("1")["tokens"], greedy["tokens"]);
    assert_ne!(hot("0")["tokens"], greedy["tokens"]);
}

#[test]
fn a_repetition_penalty_brings_more_tokens() {
    let different = |penalty: &str| -> usize {
        let options = ["--temperature", "0", "--repetition-penalty", penalty];
        let completion = completion(&options);
        let tokens = completion["tokens"].as_array().unwrap().iter();
        let tokens = tokens.map(|token| token.as_u64().unwrap());
        tokens.collect::<BTreeSet<_>>().len()
    };
    let (free, penalised) = (different("1"), different("2"));
    assert!(penalised > free, "{penalised} after {free}");
    let message = refused(&["--repetition-penalty", "0"]);
    assert!(message.contains("repetition_penalty is 0"), "{message}");
}

#[test]
fn a_message_may_not_hold_the_format_s_tags() {
    let model = shared_model();
    for tag in ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"] {
        let text = format!("Hi {tag} there");
        let args = ["generate", &model, "--prompt", &text, "--max-tokens", "1"];
        let chat = ["--chat", "--prompt", "Hello!"];
        let message = fails([&args[..], &chat].concat());
        assert!(
            message.contains("prompt 1") && message.contains(tag),
            "{message}"
        );
        // A text to continue may hold anything.
        assert!(ok(args).starts_with(&text));
    }
}
