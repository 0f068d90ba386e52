//! The small commands.

use crate::common::{STAGES, fails, ok, pipe, puna, shared_model, shared_run, tiny_run};
use puna_needs::shared_data;
use serde_json::Value;
use std::fs;

fn text(output: &std::process::Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn lines_survive_encoding_and_decoding() {
    let model = shared_model();
    let lines = "Mira lives in the village.\n\n  two spaces, a tab\t, 1984 and ünïcödé 火\n";
    let ids = text(&pipe(["tokenizer", "encode", &model], lines));
    assert_eq!(ids.lines().count(), 3);
    assert!(
        ids.lines().all(|line| line.split(' ').next() == Some("1")),
        "{ids}"
    );
    assert_eq!(text(&pipe(["tokenizer", "decode", &model], &ids)), lines);
    let bare = text(&pipe(["tokenizer", "encode", &model, "--no-bos"], lines));
    for (with, without) in ids.lines().zip(bare.lines()) {
        assert_eq!(with.trim_start_matches('1').trim_start(), without);
    }
}

#[test]
fn the_released_tokenizer_gives_the_chat_ids() {
    let Some(tokenizer) = shared_data("tokenizers/llama2/tokenizer.model") else {
        return;
    };
    let ids = text(&pipe(
        ["tokenizer", "encode", tokenizer.to_str().unwrap()],
        "[INST] hi [/INST] hello \n",
    ));
    assert_eq!(
        ids.trim(),
        "1 518 25580 29962 7251 518 29914 25580 29962 22172 29871"
    );
}

#[test]
fn stories260k_tells_its_story_and_survives_import() {
    let Some(dir) = shared_data("models/stories260K") else {
        return;
    };
    let bin = dir.join("model/stories260K.bin");
    let tokenizer = dir.join("tok512.bin");
    let out = tempfile::tempdir().unwrap();
    let model = out.path().join("imported");
    ok([
        "import".as_ref(),
        bin.as_os_str(),
        "--tokenizer".as_ref(),
        tokenizer.as_os_str(),
        "--out".as_ref(),
        model.as_os_str(),
    ]);
    let generate = |model: &std::path::Path, more: &[&str]| {
        let mut args = vec![
            "generate",
            model.to_str().unwrap(),
            "--prompt",
            "Zoo",
            "--temperature",
            "0",
        ];
        args.extend(["--max-tokens", "200"]);
        args.extend(more);
        ok(args)
    };
    let story = generate(&model, &[]);
    assert_eq!(
        story,
        generate(&bin, &["--tokenizer", tokenizer.to_str().unwrap()])
    );
    let expected = fs::read_to_string(dir.join("STORY.txt")).unwrap();
    // The file keeps what another program said to this prompt, in brackets.
    let said = expected
        .split("[Zoo")
        .nth(1)
        .unwrap()
        .split(']')
        .next()
        .unwrap();
    assert!(story.starts_with(&format!("Zoo{said}")), "{story}");
}

#[test]
fn worlds_and_directories_are_described() {
    let dir = tempfile::tempdir().unwrap();
    let world = dir.path().join("world");
    let args = [
        "world",
        "--seed",
        "5",
        "--documents",
        "50",
        "--out",
        world.to_str().unwrap(),
        "--json",
    ];
    let told: Value = serde_json::from_str(&ok(args)).unwrap();
    assert_eq!(told["synthetic"], true);
    assert_eq!(
        fs::read_to_string(world.join("documents.jsonl"))
            .unwrap()
            .lines()
            .count(),
        50
    );
    let crawl: Value =
        serde_json::from_str(&fs::read_to_string(world.join("crawl/crawl.json")).unwrap()).unwrap();
    assert_eq!(crawl["synthetic"], true);
    assert_eq!(crawl["warc"].as_array().unwrap().len(), 4);

    let without = dir.path().join("without");
    ok([
        "world",
        "--documents",
        "5",
        "--crawl-pages",
        "0",
        "--out",
        without.to_str().unwrap(),
    ]);
    assert!(!without.join("crawl").exists());

    let inspect = |path: &std::path::Path| -> Value {
        serde_json::from_str(&ok([
            "inspect".as_ref(),
            path.as_os_str(),
            "--json".as_ref(),
        ]))
        .unwrap()
    };
    let run = shared_run();
    assert_eq!(inspect(run)["what"], "run");
    // Names stand there as files and recipes have them.
    let told = ok(["inspect", &shared_model()]);
    assert!(told.contains("\n  vocab_size: 512\n"), "{told}");
    assert_eq!(inspect(&run.join("05-pretrain"))["what"], "stage of a run");
    let model = inspect(&run.join("latest"));
    assert_eq!(
        (model["what"].as_str(), &model["provenance"]["synthetic"]),
        (Some("model"), &true.into())
    );
    assert_eq!(
        inspect(&run.join("latest/model.safetensors"))["what"],
        "weights"
    );
    assert_eq!(inspect(&run.join("latest/tokenizer.model"))["pieces"], 512);
    assert_eq!(
        inspect(&run.join("04-tokens/train/train-00000.tokens"))["vocab_size"],
        512
    );
}

#[test]
fn a_run_is_told_on_one_screen_and_in_full_when_asked() {
    let run = shared_run().display().to_string();
    let told = ok(["inspect", &run]);
    assert!(
        told.starts_with("run of recipe spark; stages done: 15\n"),
        "{told}"
    );
    let rows: Vec<&str> = told.lines().collect();
    assert!(rows.len() <= 24, "{told}");
    assert!(rows.iter().all(|row| row.chars().count() <= 160), "{told}");
    for stage in STAGES {
        assert!(
            rows.iter().any(|row| row.starts_with(stage)),
            "{stage}: {told}"
        );
    }
    for figures in [
        "\n05-pretrain            held out bits per byte ",
        "\n15-evaluate            right ",
    ] {
        assert!(told.contains(figures), "{figures}: {told}");
    }
    let newest = format!("newest model: {run}/latest, which is 13-distill/model\n");
    assert!(told.contains(&newest), "{told}");
    let all = ok(["inspect", &run, "--all"]);
    assert!(
        all.contains("validations: ") && !told.contains("validations"),
        "{all}"
    );

    // What is not done has no figures yet.
    let dir = tempfile::tempdir().unwrap();
    ok(tiny_run(dir.path(), &["--until", "world"]));
    let record = dir.path().join("01-world/manifest.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"complete\"", "\"running\"")).unwrap();
    let told = ok(["inspect".as_ref(), dir.path().as_os_str()]);
    assert!(
        told.starts_with("run of recipe spark; stages done: 0, begun and not done: 1\n"),
        "{told}"
    );
    assert!(told.contains("\n01-world  begun, not done\n"), "{told}");
}

#[test]
fn a_run_stands_for_its_newest_model_and_a_stage_for_its_own() {
    let (run, model) = (shared_run(), shared_model());
    let newest = run.display().to_string();
    let base = run.join("05-pretrain").display().to_string();
    let generate = |path: &str| {
        let args = ["generate", path, "--prompt", "Once", "--max-tokens", "8"];
        puna(args)
    };
    for (given, meant) in [(&newest, model.as_str()), (&base, &format!("{base}/model"))] {
        let output = generate(given);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.contains(&format!("using the model {meant}\n")),
            "{told}"
        );
        assert_eq!(text(&output), text(&generate(meant)));
    }
    let score = |path: &str| text(&pipe(["score", path], r#"{"text": "Once"}"#));
    assert_eq!(score(&newest), score(&model));
    let encode = |path: &str| pipe(["tokenizer", "encode", path], "Once\n");
    let encoded = encode(&newest);
    let told = String::from_utf8_lossy(&encoded.stderr).into_owned();
    assert_eq!(told, format!("using the tokenizer of {model}\n"));
    assert_eq!(text(&encoded), text(&encode(&model)));

    let world = run.join("01-world").display().to_string();
    let message = fails(["chat", &world]);
    assert!(
        message.contains("01-world holds no model") && message.contains("RUN/latest"),
        "{message}"
    );
}

#[test]
fn generate_answers_and_continues() {
    let model = shared_model();
    let continued = ok([
        "generate",
        &model,
        "--prompt",
        "Once",
        "--max-tokens",
        "4",
        "--temperature",
        "0",
    ]);
    assert!(continued.starts_with("Once"), "{continued}");
    let args = ["generate", &model, "--prompt", "Once", "--max-tokens", "0"];
    assert_eq!(ok(args), "Once\n");
    let answered = ok([
        "generate",
        &model,
        "--chat",
        "--prompt",
        "Hello!",
        "--max-tokens",
        "8",
        "--json",
    ]);
    let answered: Value = serde_json::from_str(&answered).unwrap();
    assert!(answered["prompt_tokens"].as_u64().unwrap() > 5);
    for weights in ["bf16", "q8_0"] {
        ok([
            "generate",
            &model,
            "--prompt",
            "Once",
            "--max-tokens",
            "4",
            "--weights",
            weights,
        ]);
    }
}

#[test]
fn benches_print_what_scripts_read() {
    for command in ["train", "decode", "prefill", "gemm"] {
        let told = ok([
            "bench",
            command,
            "--dim",
            "64",
            "--layers",
            "1",
            "--heads",
            "2",
            "--vocab",
            "320",
            "--seq",
            "16",
            "--batch",
            "2",
            "--threads",
            "1",
            "--steps",
            "1",
            "--json",
        ]);
        let told: Value = serde_json::from_str(&told).unwrap();
        for key in ["tokens_per_second", "share_of_peak", "peak_rss_bytes"] {
            assert!(
                told[key].as_f64().unwrap() > 0.0,
                "{command}: {key} in {told}"
            );
        }
        assert_eq!(
            (told["dim"].as_u64(), told["seq"].as_u64()),
            (Some(64), Some(16))
        );
    }
}
