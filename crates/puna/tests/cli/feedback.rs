//! Human feedback beyond spark: preferences from files, direct preference optimization, the scaling of
//! safety data, in a recipe that extends another.

use crate::aligned::check_scoreboard;
use crate::common::{fails, manifest, ok, outputs, recipe, tiny_run_of};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A directory with `mine.toml` beside spark, and the arguments that run it.
fn mine(dir: &Path, text: &str) -> Vec<String> {
    fs::copy(recipe("spark.toml"), dir.join("spark.toml")).unwrap();
    let head = "schema_version = 1\nextends = \"spark.toml\"\nname = \"mine\"\n";
    let recipe = dir.join("mine.toml");
    fs::write(&recipe, format!("{head}{text}")).unwrap();
    tiny_run_of(&recipe, &dir.join("run"), &[])
}

#[test]
fn files_of_preferences_and_the_stages_beside_the_papers() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    // Without a stream, so that the recipe says which it is; the second record cannot be used.
    let lines = [
        r#"{"prompt": "Where is the bridge?", "chosen": "I do not know.", "rejected": "bridge"}"#,
        r#"{"prompt": "Where is the bridge?", "chosen": "Same.", "rejected": "Same."}"#,
    ];
    fs::write(dir.path().join("open.jsonl"), lines.join("\n")).unwrap();
    let text = "[[feedback.preferences]]\npath = \"open.jsonl\"\nopen = true\n\
                read = { stream = \"safety\", ungraded = \"better\" }\n\
                [align]\nrounds = 1\nghost_after = 0\n[dpo]\nbatch_pairs = 16\nlr = 1e-3\n\
                [safety_scaling]\npercents = [0, 100]\nmax_tokens = 8\n";
    let mut args = mine(dir.path(), text);
    // Enough, and a model that has learnt enough, that those held out tell more than a coin would.
    for set in [
        "feedback.world.preferences=1500",
        "feedback.world.safety_preferences=1500",
        "world.documents=600",
        "world.instructions=400",
        "pretrain.batch_tokens=1024",
        "pretrain.steps=160",
        "sft.epochs=2",
    ] {
        args.extend(["--set".into(), set.into()]);
    }
    args.push("--json".into());
    let told = ok(&args);
    assert!(told.contains("equal_answers"), "{told}");

    // The reward models are measured twice: on dialogues held out of those compared, and on new facts.
    let measured = fs::read(run.join("08-reward-helpfulness/accuracy.json")).unwrap();
    let measured: Value = serde_json::from_slice(&measured).unwrap();
    for on in ["accuracy", "accuracy_on_new_facts"] {
        assert!(measured[on]["all"]["n"].as_u64().unwrap() > 0, "{measured}");
    }

    // What was skipped is named, by its line, for each model that would have learnt from it.
    for stage in ["08-reward-helpfulness", "09-reward-safety", "10-dpo"] {
        let skipped = fs::read_to_string(run.join(stage).join("skipped.jsonl")).unwrap();
        let skipped: Value = serde_json::from_str(skipped.trim()).unwrap();
        assert_eq!(
            (&skipped["path"], &skipped["line"]),
            (&"open.jsonl".into(), &2.into())
        );
        assert!(outputs(&run, stage)["skipped.jsonl"]["sha256"].is_string());
    }
    let page = fs::read_to_string(run.join("09-reward-safety/accuracy.html")).unwrap();
    assert!(page.contains("unsafe answers called unsafe") && page.contains("on new facts"));
    let mix = manifest(&run, "09-reward-safety")["metrics"]["mix"].clone();
    assert_eq!(mix["open_safety"], 1, "{mix}");

    // Open data of the safety stream joins the safety model's as a whole, or is held out.
    let metrics = |stage: &str| manifest(&run, stage)["metrics"].clone();
    let dpo = metrics("10-dpo");
    assert!(dpo["accuracy"].as_f64().unwrap() > 0.5, "{dpo}");
    assert!(dpo["held_out_loss"].as_f64().unwrap().is_finite(), "{dpo}");
    // The paper's way begins from the fine-tuned model, not from the one beside it.
    let inputs = manifest(&run, "11-v1")["inputs"].clone();
    let reads = |name: &str| {
        inputs
            .as_object()
            .unwrap()
            .keys()
            .any(|k| k.starts_with(name))
    };
    assert!(reads("06-sft") && !reads("10-dpo"), "{inputs}");
    assert_ne!(
        outputs(&run, "10-dpo")["model/model.safetensors"]["sha256"],
        outputs(&run, "06-sft")["model/model.safetensors"]["sha256"]
    );

    let points = fs::read(run.join("14-safety-scaling/scaling.json")).unwrap();
    let points: Value = serde_json::from_slice(&points).unwrap();
    let safety = |i: usize| points[i]["safety_dialogues"].as_u64().unwrap();
    assert_eq!((points.as_array().unwrap().len(), safety(0)), (2, 0));
    assert!(safety(1) > 0, "{points}");
    assert_eq!(
        points[0]["helpful_dialogues"],
        points[1]["helpful_dialogues"]
    );
    // One of the twelve held-out adversarial prompts leaves no room for an answer, and says so.
    assert_eq!(points[1]["violation_rate"]["n"], 11);
    assert!(
        told.contains("1 of 46 held-out prompts leave no room"),
        "{told}"
    );

    let made = outputs(&run, "14-safety-scaling");
    let is_working = |name: &str| name.contains("metrics.jsonl") || name.contains("checkpoints");
    assert!(
        !made
            .as_object()
            .unwrap()
            .keys()
            .any(|name| is_working(name))
    );

    let decided = check_scoreboard(&run, &["sft", "dpo", "v1", "ppo", "distill"]);
    assert!(decided > 20, "{decided}");
    let page = fs::read_to_string(run.join("scoreboard.html")).unwrap();
    assert!(page.contains("By percent of the safety data"));
    ok(["verify", run.to_str().unwrap()]);

    // Killed when the figures of a share were there and the rest was not.
    let stage = run.join("14-safety-scaling");
    let path = stage.join("manifest.json");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("\"complete\"", "\"running\"");
    fs::write(path, text).unwrap();
    fs::create_dir(stage.join("percent-0/checkpoints")).unwrap();
    fs::remove_file(stage.join("percent-100/scaling.json")).unwrap();
    ok(&args);
    assert!(!stage.join("percent-0/checkpoints").exists());
    assert_eq!(outputs(&run, "14-safety-scaling"), made);
}

#[test]
fn what_a_recipe_refuses_in_a_file_of_preferences_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let line = r#"{"prompt": "Where?", "chosen": "Same.", "rejected": "Same."}"#;
    fs::write(dir.path().join("mine.jsonl"), line).unwrap();
    let text = "[[feedback.preferences]]\npath = \"mine.jsonl\"\nread.equal_answers = \"refuse\"\n";
    let error = fails(mine(dir.path(), text));
    assert!(error.contains("mine.jsonl, line 1"), "{error}");
    // At once, before anything was done.
    assert!(!dir.path().join("run/01-world").exists());
}

#[test]
fn a_key_that_no_recipe_has_is_found_in_what_is_extended_too() {
    let dir = tempfile::tempdir().unwrap();
    let error = fails(mine(dir.path(), "[sft]\nepoch = 3\n"));
    let told =
        "mine.toml, with what it extends: [sft]: unknown key `epoch`; did you mean `epochs`?";
    assert!(error.contains(told), "{error}");
}

#[test]
fn settings_without_meaning_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (text, told) in [
        (
            "[reward]\nothers_in_helpfulness = -1\n",
            "reward.others_in_helpfulness: -1 is not",
        ),
        (
            "[safety_scaling]\npercents = []\n",
            "safety_scaling.percents: there must be one",
        ),
        (
            "[safety_scaling]\npercents = [10, 10]\n",
            "safety_scaling.percents: there must be one",
        ),
        (
            "[safety_scaling]\npercents = [101]\n",
            "safety_scaling.percents: 101 is not",
        ),
        ("[align]\nrounds = 0\n[safety_scaling]\n", "add [align]"),
        ("[dpo]\nbeta = 0.0\n", "dpo: setting beta"),
    ] {
        let error = fails(mine(dir.path(), text));
        assert!(error.contains(told), "{text}: {error}");
    }
}
