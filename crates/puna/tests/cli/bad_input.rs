//! Bad input: one paragraph that names it, a code that is not 0, nothing half-written.

use crate::common::{
    command, fails, message, ok, pipe, puna, recipe, shared_model, shared_run, tiny_run,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// A copy of the shared model to break.
fn copy() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(shared_run().join("latest")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    (dir, model)
}

fn generate(model: &Path) -> String {
    fails([
        "generate".as_ref(),
        model.as_os_str(),
        "--prompt".as_ref(),
        "x".as_ref(),
    ])
}

#[test]
fn a_mistyped_flag_and_command_get_a_suggestion() {
    let output = command(["run", "x.toml", "--unti", "tokens"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && told.contains("--until"),
        "{told}"
    );
    let output = command(["genrate"]).output().unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("generate")
    );
}

#[test]
fn an_instruction_set_is_chosen_by_its_name() {
    let bench = |isa: &str| {
        let small = [
            "--dim", "32", "--layers", "1", "--heads", "1", "--hidden", "32", "--vocab", "32",
        ];
        let more = ["--seq", "16", "--batch", "1", "--steps", "1", "--json"];
        let args = [&["bench", "train"], &small[..], &more[..]].concat();
        command(args).env("PUNA_ISA", isa).output().unwrap()
    };
    let told = String::from_utf8(bench("portable").stdout).unwrap();
    assert!(told.contains(r#""isa":"portable""#), "{told}");
    for name in ["amd", "PORTABLE"] {
        let told = message(&bench(name));
        assert!(
            told.contains(&format!("PUNA_ISA is \"{name}\"")) && told.contains("has portable"),
            "{told}"
        );
    }
    assert!(bench("").status.success(), "an empty name is none");
}

#[test]
fn recipes_that_do_not_fit_are_refused_with_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.toml");
    let text = fs::read_to_string(recipe("spark.toml")).unwrap();
    let refuse = |text: &str| {
        fs::write(&path, text).unwrap();
        let message = fails(["plan".as_ref(), path.as_os_str()]);
        assert!(message.contains("r.toml"), "{message}");
        message
    };
    let message = refuse(&text.replace("peak_lr = 4e-3", "peek_lr = 4e-3"));
    let line = 1 + text.lines().position(|l| l == "peak_lr = 4e-3").unwrap();
    assert!(
        message.contains(&format!(
            "r.toml:{line}: unknown key `peek_lr`; did you mean `peak_lr`?"
        )),
        "{message}"
    );
    for (from, to, named) in [
        ("schema_version = 1", "schema_version = 9", "schema_version"),
        (
            "heads = 4",
            "heads = 5",
            "model.dim: 64 cannot be shared evenly by 5 heads",
        ),
        (
            "batch_tokens = 1024",
            "batch_tokens = 1000",
            "pretrain.batch_tokens",
        ),
        (
            "batch_tokens = 1024",
            "batch_tokens = 1024\nlong.sequence_length = 256\nlong.every = 2",
            "pretrain.long.sequence_length: 256 is not between",
        ),
        (
            "batch_tokens = 1024",
            "batch_tokens = 1024\nlong.sequence_length = 96\nlong.every = 2",
            "pretrain.long.sequence_length: 96 must be more than",
        ),
        (
            "steps = 160",
            "steps = 160\ntokens = 7",
            "exactly one of steps, tokens and epochs",
        ),
        ("held_out = 0.05", "held_out = 1.5", "corpus.held_out"),
        (
            "held_out = 0.05",
            "crawl = [\"pages\"]",
            "corpus.crawl: beside [world]",
        ),
        (
            "vocab_size = 512",
            "vocab_size = 12",
            "tokenizer.vocab_size",
        ),
        ("warmup_steps = 16", "warmup_steps = 1600", "warm-up"),
        ("name = \"spark\"", "name = \"../etc\"", "name"),
    ] {
        assert!(text.contains(from), "{from}");
        let message = refuse(&text.replacen(from, to, 1));
        assert!(message.contains(named), "{message}");
    }
    let path = recipe("spark.toml");
    let message = fails(["plan", path.to_str().unwrap(), "--set", "sft.peak_lr=high"]);
    let told = "--set sft.peak_lr=high: sft.peak_lr must be a number, not \"high\"";
    assert!(message.contains(told), "{message}");
    let message = fails(["run", "nowhere.toml"]);
    assert!(
        message.contains("cannot read recipe nowhere.toml"),
        "{message}"
    );
    let recipe = recipe("spark.toml");
    // In a directory of its own: with a stage of that name, it would run.
    let message = fails([
        "run".as_ref(),
        recipe.as_os_str(),
        "--dir".as_ref(),
        dir.path().as_os_str(),
        "--until".as_ref(),
        "dpo".as_ref(),
    ]);
    assert!(
        message.contains("no stage \"dpo\"; it has world, corpus"),
        "{message}"
    );
}

#[test]
fn a_missing_source_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.toml");
    let text = fs::read_to_string(recipe("spark.toml")).unwrap();
    let text = text.split("[sft]").next().unwrap();
    let (head, tail) = (
        text.split("[world]").next().unwrap(),
        text.split("[tokenizer]").nth(1).unwrap(),
    );
    let corpus = "[[corpus.sources]]\npath = \"not-there.jsonl\"\n";
    fs::write(&path, format!("{head}{corpus}[tokenizer]{tail}")).unwrap();
    let run = dir.path().join("run");
    let args = [
        "run".as_ref(),
        path.as_os_str(),
        "--dir".as_ref(),
        run.as_os_str(),
    ];
    let message = fails(args);
    assert!(
        message.contains("stage corpus") && message.contains("not-there.jsonl"),
        "{message}"
    );
    // Broken lines are named by file and line.
    fs::write(
        dir.path().join("not-there.jsonl"),
        "{\"text\": \"good\"}\n{\"text\": 7}\n",
    )
    .unwrap();
    let message = fails(args);
    assert!(message.contains("not-there.jsonl, line 2"), "{message}");
    assert!(!run.join("01-corpus/documents.jsonl").exists());
}

#[test]
fn broken_models_are_refused_by_name() {
    let message = fails(["chat", "no/such/model"]);
    assert!(
        message.contains("there is no model at no/such/model"),
        "{message}"
    );

    let (_dir, model) = copy();
    let weights = model.join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    assert!(generate(&model).contains("model.safetensors"));
    let mut corrupt = bytes.clone();
    corrupt[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&weights, &corrupt).unwrap();
    assert!(generate(&model).contains("model.safetensors"));
    // The dtype of the first tensor, in place.
    let at = bytes.windows(5).position(|w| w == b"\"F32\"").unwrap();
    let mut wrong = bytes.clone();
    wrong[at + 1..at + 4].copy_from_slice(b"I32");
    fs::write(&weights, &wrong).unwrap();
    assert!(generate(&model).contains("dtype I32"));
    fs::write(&weights, &bytes).unwrap();

    let config = fs::read_to_string(model.join("config.json")).unwrap();
    let edit = |from: &str, to: &str| {
        assert!(config.contains(from), "{config}");
        fs::write(model.join("config.json"), config.replace(from, to)).unwrap();
        generate(&model)
    };
    assert!(edit("\"intermediate_size\": 192", "\"intermediate_size\": 196").contains("shape"));
    assert!(edit("\"vocab_size\": 512", "\"vocab_size\": 400").contains("shape"));
    assert!(edit("\"model_type\": \"llama\"", "\"model_type\": \"gpt2\"").contains("gpt2"));
    fs::write(model.join("config.json"), &config).unwrap();

    // A format that the shape does not allow.
    let narrow = model.join("narrow");
    ok(tiny_run(
        &narrow,
        &[
            "--until",
            "pretrain",
            "--set",
            "model.hidden_dim=176",
            "--set",
            "pretrain.steps=2",
        ],
    ));
    let narrow = narrow.join("latest");
    let message = fails([
        "generate".as_ref(),
        narrow.as_os_str(),
        "--prompt".as_ref(),
        "x".as_ref(),
        "--weights".as_ref(),
        "q8_0".as_ref(),
    ]);
    assert!(
        message.contains("down_proj") && message.contains("bf16"),
        "{message}"
    );

    // A tokenizer of another size.
    let text = shared_run().join("01-world/documents.jsonl");
    let other = model.join("other");
    ok([
        "tokenizer".as_ref(),
        "train".as_ref(),
        text.as_os_str(),
        "--vocab-size".as_ref(),
        "400".as_ref(),
        "--out".as_ref(),
        other.as_os_str(),
    ]);
    let message = fails([
        "generate".as_ref(),
        model.as_os_str(),
        "--prompt".as_ref(),
        "x".as_ref(),
        "--tokenizer".as_ref(),
        other.as_os_str(),
    ]);
    assert!(
        message.contains("512") && message.contains("400"),
        "{message}"
    );
    for name in ["tokenizer.json", "tokenizer.model"] {
        fs::remove_file(model.join(name)).unwrap();
    }
    assert!(generate(&model).contains("no tokenizer"));
}

#[test]
fn options_without_meaning_are_refused_before_anything_is_told() {
    let model = shared_model();
    for (option, value, told) in [
        ("--top-p", "2", "top_p is 2"),
        ("--temperature", "nan", "temperature is NaN"),
        (
            "--temperature",
            "-1",
            "temperature is -1; it must be 0 or more",
        ),
        ("--top-p", "-0.5", "top_p is -0.5"),
        ("--repetition-penalty", "0", "repetition_penalty is 0"),
        ("--stop", "", "a stop string is empty"),
    ] {
        for model in ["no/such/model", &model] {
            let output = puna(["generate", model, "--prompt", "x", option, value]);
            assert!(message(&output).contains(told), "{option} {value}");
            assert!(output.stdout.is_empty(), "{option} {value}");
        }
        // At once, not with the first answer.
        let message = fails(["chat", &model, option, value]);
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_negative_number_is_a_value_and_not_a_flag() {
    for (args, told) in [
        (
            &["generate", "m", "--prompt", "x", "--max-tokens", "-1"][..],
            "'-1' for '--max-tokens <N>': it must be a whole number of at least 0",
        ),
        (
            &["chat", "m", "--seed", "-1"],
            "'-1' for '--seed <S>': it must be a whole number of at least 0",
        ),
        (
            &["bench", "train", "--dim", "-8"],
            "'-8' for '--dim <N>': it must be a whole number of at least 1",
        ),
    ] {
        let output = puna(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn lines_of_input_are_named() {
    let model = shared_model();
    let score = |input: &str| message(&pipe(["score", &model], input));
    assert!(score("{\"text\": \"a\"}\nnot json\n").contains("line 2 of standard input"));
    assert!(score("{\"txt\": \"a\"}\n").contains("line 1"));
    assert!(score("{\"prompt\": \"a\"}\n").contains("both"));
    let long = format!("{{\"text\": \"{}\"}}\n", "many words ".repeat(200));
    assert!(score(&long).contains("context of 128"));
    let decode = message(&pipe(["tokenizer", "decode", &model], "1 2\n3 x 4\n"));
    assert!(
        decode.contains("line 2") && decode.contains("\"x\""),
        "{decode}"
    );
    assert!(message(&pipe(["tokenizer", "decode", &model], "99999\n")).contains("no token 99999"));
}

#[test]
fn a_reader_that_leaves_is_no_news() {
    let mut child = command(["tokenizer", "encode", &shared_model()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        drop(stdin.write_all("some words\n".repeat(20_000).as_bytes()));
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(141));
}
