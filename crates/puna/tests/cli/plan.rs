//! What `puna plan` says, against known numbers and against what a run really took.

use crate::common::{STAGES, manifest, ok, puna, recipe, shared_run, tiny_run};
use serde_json::{Value, json};

fn stage<'a>(plan: &'a Value, name: &str) -> &'a Value {
    plan["stages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["stage"] == name)
        .unwrap()
}

/// Arguments that plan what the arguments of a run do.
fn plan_of(run: &[String]) -> Vec<String> {
    let plan = run.iter().enumerate().filter(|(i, _)| ![2, 3].contains(i));
    plan.map(|(i, arg)| if i == 0 { "plan".into() } else { arg.clone() })
        .collect()
}

#[test]
fn the_plan_lists_every_stage_and_counts_what_the_run_trains_on() {
    let run = shared_run();
    let plan: Value = serde_json::from_str(&ok(plan_of(&tiny_run(run, &["--json"])))).unwrap();
    let names: Vec<&str> = plan["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["stage"].as_str().unwrap())
        .collect();
    assert_eq!(names, STAGES.map(|dir| &dir[3..]));
    // What is known before the models have answered, and what hangs on their answers.
    for (dir, least, most) in [
        ("04-tokens", 0.95, 1.05),
        ("05-pretrain", 1.0, 1.0),
        ("06-sft", 0.95, 1.05),
        ("08-reward-helpfulness", 0.9, 1.3),
        ("09-reward-safety", 0.9, 1.3),
        ("10-v1", 0.8, 1.25),
        ("11-v2", 0.8, 1.25),
    ] {
        let planned = stage(&plan, &dir[3..])["tokens"].as_f64().unwrap();
        let real = manifest(run, dir)["metrics"]["tokens"].as_f64().unwrap();
        println!("{dir}: planned {planned}, trained on {real}");
        let share = planned / real;
        assert!(
            (least..=most).contains(&share),
            "{dir}: planned {planned}, took {real}"
        );
    }
    let total = &plan["total"];
    let trained = [
        "pretrain",
        "sft",
        "reward-helpfulness",
        "reward-safety",
        "v1",
        "v2",
    ];
    let sum: f64 = trained
        .map(|name| stage(&plan, name)["tokens"].as_f64().unwrap())
        .iter()
        .sum();
    assert!(
        (total["tokens"].as_f64().unwrap() / sum - 1.0).abs() < 1e-9,
        "{total}"
    );
    assert_eq!(total["without_tokens"], json!(["ppo", "distill"]));
    // No time is made up for sampling.
    for name in ["feedback", "ppo", "distill", "scoreboard", "evaluate"] {
        let stage = stage(&plan, name);
        assert!(
            stage["seconds"].is_null() && stage["untimed"].is_string(),
            "{stage}"
        );
    }
    assert_eq!(stage(&plan, "feedback")["details"]["answers"], 48);
    assert_eq!(stage(&plan, "scoreboard")["details"]["models"], 5);

    let told = ok(plan_of(&tiny_run(run, &[])));
    assert!(told.contains("\nppo                         -"), "{told}");
    assert!(
        told.lines().any(|line| line.starts_with("total ")),
        "{told}"
    );
}

#[test]
fn the_paper_s_7b_has_the_paper_s_numbers() {
    let recipe = recipe("llama2-7b-chat.toml");
    let plan: Value = serde_json::from_str(&ok([
        "plan".as_ref(),
        recipe.as_os_str(),
        "--json".as_ref(),
    ]))
    .unwrap();
    let pretrain = stage(&plan, "pretrain");
    assert_eq!(
        pretrain["steps"], 476_838,
        "2T tokens by steps of 4M, rounded up"
    );
    let details = &pretrain["details"];
    assert_eq!(details["parameters"], 6_738_415_616u64);
    assert_eq!(details["batch_tokens"], 4_194_304);
    assert_eq!(details["warmup_tokens"], 2000u64 * 4_194_304);
    assert!((details["final_lr"].as_f64().unwrap() - 3e-5).abs() < 1e-12);
    // Weights, gradients and two moments in f32 alone are 16 bytes a parameter.
    assert!(pretrain["peak_bytes"].as_u64().unwrap() > 16 * 6_738_415_616);
    assert!(stage(&plan, "sft")["steps"].as_u64().unwrap() > 50);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let huge = [
        "--set",
        "model.dim=65536",
        "--set",
        "model.heads=512",
        "--set",
        "model.kv_heads=512",
    ];
    let output = puna(tiny_run(
        &run,
        &[&huge[..], &["--set", "model.layers=200"]].concat(),
    ));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && told.contains("this machine has"),
        "{told}"
    );
    assert!(!run.exists());
}

#[test]
fn the_plan_s_memory_is_what_training_takes() {
    let dir = tempfile::tempdir().unwrap();
    // Large enough that the program itself is not what is measured.
    let shape = [
        "--threads",
        "2",
        "--json",
        "--set",
        "model.dim=256",
        "--set",
        "model.hidden_dim=688",
        "--set",
        "model.layers=6",
        "--set",
        "pretrain.steps=6",
    ];
    let mut args = tiny_run(dir.path(), &shape);
    let until: Vec<String> = args
        .iter()
        .cloned()
        .chain(["--until".into(), "tokens".into()])
        .collect();
    ok(until);
    let plan: Value = serde_json::from_str(&ok(plan_of(&args))).unwrap();
    for name in ["pretrain", "sft"] {
        args[0] = name.into();
        let told = ok(&args);
        let done: Value = told
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .find(|event| event["stage"] == name && event["status"] == "complete")
            .unwrap();
        let (planned, real) = (
            stage(&plan, name)["peak_bytes"].as_f64().unwrap(),
            done["peak_rss_bytes"].as_f64().unwrap(),
        );
        println!("{name}: planned {planned}, took {real}");
        assert!(
            (planned / real - 1.0).abs() < 0.1,
            "{name}: planned {planned}, took {real}"
        );
    }
}
