//! A run from end to end: stages, records, skipping, doing again.

use crate::common::{
    STAGES, fails, manifest, ok, outputs, puna, recipe, shared_run, tiny_run, tiny_run_of,
};
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn every_stage_leaves_a_record_and_a_model_that_loads() {
    let run = shared_run();
    for stage in STAGES {
        let manifest = manifest(run, stage);
        assert_eq!(manifest["status"], "complete", "{stage}");
        assert_eq!(manifest["stage"].as_str().unwrap(), &stage[3..]);
        assert!(
            !manifest["outputs"].as_object().unwrap().is_empty(),
            "{stage}"
        );
    }
    assert_eq!(
        fs::read_link(run.join("latest")).unwrap(),
        Path::new("13-distill/model")
    );
    let metrics = &manifest(run, "05-pretrain")["metrics"];
    let loss = |key: &str| metrics[key].as_f64().unwrap();
    assert!(loss("last_loss") < loss("first_loss"), "{metrics}");
    assert!(loss("held_out_bits_per_byte") > 0.1, "{metrics}");
    for name in [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer.model",
    ] {
        assert!(run.join("latest").join(name).exists(), "{name}");
    }
    let provenance: Value =
        serde_json::from_slice(&fs::read(run.join("latest/puna.json")).unwrap()).unwrap();
    assert_eq!(
        (
            provenance["synthetic"].as_bool(),
            provenance["stage"].as_str()
        ),
        (Some(true), Some("distill"))
    );
    let parent = &provenance["parents"]["12-ppo/model/model.safetensors"];
    assert_eq!(
        *parent,
        outputs(run, "12-ppo")["model/model.safetensors"]["sha256"]
    );
    ok(["verify", run.to_str().unwrap()]);
}

#[test]
fn what_is_done_is_skipped_and_what_changed_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    let first = ok(tiny_run(run, &["--json", "--until", "pretrain"]));
    assert_eq!(
        first.matches("\"status\":\"complete\"").count(),
        5,
        "{first}"
    );
    let events: Vec<Value> = first
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // What was measured on held-out text is called by its unit.
    let bits = "held_out_bits_per_byte";
    let is_measured = |event: &&Value| event["event"] == "progress" && !event[bits].is_null();
    let measured = events.iter().rfind(is_measured).unwrap();
    assert_eq!(measured["stage"], "pretrain");
    assert!(measured[bits].as_f64().unwrap() > 0.1, "{measured}");
    let begun: Vec<&Value> = events
        .iter()
        .filter(|event| event["status"] == "started")
        .collect();
    for (number, event) in (1..).zip(&begun) {
        assert_eq!(event["number"], number, "{event}");
        assert_eq!(event["of"], STAGES.len(), "{event}");
    }
    assert_eq!(begun.len(), 5);
    assert_eq!(
        fs::read_link(run.join("latest")).unwrap(),
        Path::new("05-pretrain/model")
    );
    assert!(!run.join("05-pretrain/checkpoints").exists());

    let again = ok(tiny_run(run, &["--json", "--until", "pretrain"]));
    assert_eq!(
        again.matches("\"status\":\"up to date\"").count(),
        5,
        "{again}"
    );
    // When checkpoints are written and how many threads work changes no result.
    let other = [
        "--json",
        "--until",
        "pretrain",
        "--set",
        "pretrain.checkpoint_every=5",
        "--threads",
        "1",
    ];
    assert_eq!(ok(tiny_run(run, &other)).matches("up to date").count(), 5);

    let changed = ["--until", "pretrain", "--set", "pretrain.peak_lr=1e-3"];
    let output = puna(tiny_run(run, &changed));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && told.contains("settings.lr 0.004 -> 0.001"),
        "{told}"
    );
    assert!(told.contains("stage 4 of 15, tokens: up to date"), "{told}");
    assert_eq!(fs::read_dir(run.join("superseded")).unwrap().count(), 1);
}

#[test]
fn a_stage_can_run_alone_once_those_before_it_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    let mut args = tiny_run(run, &[]);
    args[0] = "pretrain".into();
    let message = fails(&args);
    assert!(
        message.contains("stage world") && message.contains("--until world"),
        "{message}"
    );
    ok(tiny_run(run, &["--until", "tokens"]));
    ok(&args);
    args[0] = "sft".into();
    ok(&args);
    assert_eq!(outputs(run, "06-sft"), outputs(shared_run(), "06-sft"));
    for command in ["reward", "align", "distill"] {
        args[0] = command.into();
        ok(&args);
    }
    assert_eq!(
        outputs(run, "13-distill"),
        outputs(shared_run(), "13-distill")
    );
}

#[test]
fn damage_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    ok(tiny_run(run, &["--until", "tokenizer"]));
    ok(["verify".as_ref(), run.as_os_str()]);
    let file = run.join("01-world/documents.jsonl");
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let output = puna(["verify".as_ref(), run.as_os_str()]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        !output.status.success() && told.contains("documents.jsonl has other contents"),
        "{told}"
    );
    // A file that is gone is made again.
    fs::remove_file(&file).unwrap();
    ok(tiny_run(run, &["--until", "tokenizer"]));
    ok(["verify".as_ref(), run.as_os_str()]);
}

#[test]
fn what_is_not_finished_is_not_called_whole() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    ok(tiny_run(run, &["--until", "tokenizer"]));
    let path = run.join("02-corpus/manifest.json");
    let record = fs::read_to_string(&path).unwrap();
    fs::write(&path, record.replace("\"complete\"", "\"running\"")).unwrap();
    let told = ok(["verify".as_ref(), run.as_os_str()]);
    let files = |stage| outputs(run, stage).as_object().unwrap().len();
    let [world, tokenizer] = ["01-world", "03-tokenizer"].map(files);
    let expected = format!(
        "01-world      {world:>5} files  whole\n\
         02-corpus     not finished, nothing to verify yet\n\
         03-tokenizer  {tokenizer:>5} files  whole\n\
         compared {} files of 2 finished stages with their records\n\
         the run is not finished: 02-corpus; run `puna run RECIPE` to go on\n",
        world + tokenizer
    );
    assert_eq!(told, expected);
    let found = ok(["verify".as_ref(), run.as_os_str(), "--json".as_ref()]);
    let found: Vec<Value> = found
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found[0]["status"], "complete");
    assert_eq!(
        (&found[1]["status"], &found[1]["files"]),
        (&"running".into(), &0.into())
    );
}

#[test]
fn a_part_of_a_stage_is_verified_by_the_stage_s_record() {
    let run = shared_run();
    for (path, stage, part) in [
        ("latest", "13-distill", "model/"),
        ("04-tokens/train", "04-tokens", "train/"),
        (
            "03-tokenizer/tokenizer.json",
            "03-tokenizer",
            "tokenizer.json",
        ),
        ("06-sft", "06-sft", ""),
    ] {
        let recorded = outputs(run, stage);
        let names = recorded.as_object().unwrap().keys();
        let files = names.filter(|name| name.starts_with(part)).count();
        let told = ok(["verify".as_ref(), run.join(path).as_os_str()]);
        let expected = format!(
            "{stage}  {files:>5} files  whole\n\
             compared {files} files of 1 finished stages with their records\n"
        );
        assert_eq!(told, expected, "{path}");
        assert!(files > 0, "{path}");
    }

    let dir = tempfile::tempdir().unwrap();
    ok(tiny_run(dir.path(), &["--until", "tokenizer"]));
    let file = dir.path().join("03-tokenizer/tokenizer.json");
    let mut text = fs::read(&file).unwrap();
    text[0] = b' ';
    fs::write(&file, text).unwrap();
    let message = fails(["verify".as_ref(), file.as_os_str()]);
    assert!(message.contains("1 outputs of"), "{message}");
    // What is damaged elsewhere in the stage is no part of this file.
    let other = file.with_file_name("tokenizer.model");
    ok(["verify".as_ref(), other.as_os_str()]);
}

#[test]
fn what_no_stage_has_a_record_of_is_told_what_verify_takes() {
    let dir = tempfile::tempdir().unwrap();
    let takes = "verify takes a run, a stage of one, or what lies in a stage, such as RUN/latest";
    let refuse = |path: &Path, told: &str| {
        let message = fails(["verify".as_ref(), path.as_os_str()]);
        assert!(
            message.contains(told) && message.contains(takes),
            "{message}"
        );
    };
    refuse(dir.path(), "no stage has a record");
    let file = dir.path().join("config.json");
    fs::copy(shared_run().join("latest/config.json"), &file).unwrap();
    refuse(dir.path(), "is a model outside a run");
    refuse(&file, "no stage has a record");
    refuse(
        &shared_run().join("06-sft/log.jsonl"),
        "no stage has a record",
    );
}

#[test]
fn a_directory_holds_the_run_of_one_recipe() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let until = ["--json", "--until", "corpus"];
    ok(tiny_run(&run, &until));
    // A copy that kept its name is the same recipe.
    let text = fs::read_to_string(recipe("spark.toml")).unwrap();
    let copy = dir.path().join("copy.toml");
    fs::write(&copy, &text).unwrap();
    let up_to_date = |told: String| assert_eq!(told.matches("up to date").count(), 2, "{told}");
    up_to_date(ok(tiny_run_of(&copy, &run, &until)));

    // One with a name of its own is another, even with the same numbers.
    let named = text.replace("name = \"spark\"", "name = \"other\"");
    assert_ne!(named, text);
    fs::write(&copy, named).unwrap();
    let changed = [&until[..], &["--set", "seed=9"]].concat();
    for more in [&until[..], &changed] {
        let message = fails(tiny_run_of(&copy, &run, more));
        let expected = format!(
            "{} holds a run of recipe spark, and this is recipe other; give this one another --dir",
            run.display()
        );
        assert!(message.contains(&expected), "{message}");
    }
    assert!(!run.join("superseded").exists());
    // What was only renamed goes on under the old name.
    let renamed = [&until[..], &["--set", "name=spark"]].concat();
    up_to_date(ok(tiny_run_of(&copy, &run, &renamed)));
}

#[test]
fn foreign_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("01-world")).unwrap();
    fs::write(dir.path().join("01-world/thesis.txt"), "years of work").unwrap();
    let message = fails(tiny_run(dir.path(), &[]));
    assert!(message.contains("no record of a run"), "{message}");
    assert!(dir.path().join("01-world/thesis.txt").exists());
    // What a killed run leaves before its first record is nobody's.
    fs::remove_file(dir.path().join("01-world/thesis.txt")).unwrap();
    fs::write(dir.path().join("01-world/.manifest.json.7.tmp"), "{").unwrap();
    ok(tiny_run(dir.path(), &["--until", "world"]));
    assert!(!dir.path().join("01-world/.manifest.json.7.tmp").exists());
}

#[test]
fn what_is_not_finite_ends_the_run_with_its_culprit_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    // The highest that a recipe takes.
    let rate = ["--until", "pretrain", "--set", "pretrain.peak_lr=2e9"];
    let told = fails(tiny_run(run, &rate));
    assert!(told.contains("is not finite; first in the "), "{told}");
    assert!(told.contains("stage pretrain"), "{told}");
    for advice in [
        "lower learning rate",
        "lower gradient clip",
        "last checkpoint",
    ] {
        assert!(told.contains(advice), "{told}");
    }
    // The batch is where the message says.
    let saved = told.split("The batch is saved in ").nth(1).unwrap();
    let saved = saved.split(". A lower").next().unwrap();
    let batch: Value = serde_json::from_slice(&fs::read(saved).unwrap()).unwrap();
    assert!(!batch["sequences"].as_array().unwrap().is_empty());
    // With the advice taken the same directory trains, and what came before is not done again.
    let taken = ok(tiny_run(run, &["--json", "--until", "pretrain"]));
    assert_eq!(taken.matches("up to date").count(), 4, "{taken}");
    ok(["verify".as_ref(), run.as_os_str()]);
}
