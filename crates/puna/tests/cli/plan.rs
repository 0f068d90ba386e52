//! What `puna plan` says, against known numbers and against what a run really took.

use crate::common::{STAGES, manifest, ok, puna, recipe, shared_run, tiny_run};
use serde_json::{Value, json};
use std::fs;

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
        assert!(stage["seconds_by"].is_null(), "{stage}");
    }
    assert_eq!(stage(&plan, "feedback")["details"]["answers"], 48);
    assert_eq!(stage(&plan, "scoreboard")["details"]["models"], 5);

    let told = ok(plan_of(&tiny_run(run, &[])));
    let row = |name: &str| {
        let mut rows = told.lines().map(|line| line.split_whitespace());
        rows.find_map(|mut cells| {
            cells
                .next()
                .filter(|&first| first == name)
                .and(cells.next())
        })
    };
    assert_eq!(row("ppo"), Some("-"), "{told}");
    assert!(row("total").is_some_and(|tokens| tokens != "-"), "{told}");
    // A sum of estimates is no bound, and what each follows from is told.
    assert!(!told.contains("at least"), "{told}");
    assert!(told.contains(", and what is left out\n"), "{told}");
    let measured =
        "trained here just now: pretrain, sft, reward-helpfulness, reward-safety, v1, v2\n";
    let assumed = "that were not measured here: world, corpus, tokenizer, tokens\n";
    assert!(told.contains(measured) && told.contains(assumed), "{told}");
    let sampling = "\nv1: 24 prompts, 2 answers to each, 16 tokens an answer at most, ";
    assert!(told.contains(sampling), "{told}");
    // Nothing of the memory is left out.
    assert!(told.ends_with("; it fits\n"), "{told}");
}

/// Overrides that make first-light tiny.
const SMALL: [&str; 18] = [
    "world.documents=160",
    "world.instructions=80",
    "tokenizer.vocab_size=512",
    "feedback.sampled=24",
    "feedback.world.documents=40",
    "feedback.world.instruction_documents=20",
    "feedback.world.safety_dialogues=60",
    "feedback.world.instruction_dialogues=20",
    "feedback.world.adversarial_prompts=40",
    "feedback.world.borderline_prompts=16",
    "feedback.world.helpful_prompts=24",
    "feedback.world.held_out_adversarial=12",
    "feedback.world.held_out_borderline=6",
    "feedback.world.held_out_helpful=4",
    "feedback.world.conversations=1",
    "feedback.world.held_out_conversations=1",
    "feedback.world.preferences=60",
    "feedback.world.safety_preferences=60",
];

/// The plan of a recipe that extends first-light.
fn small_plan(name: &str, more: &[&str]) -> Value {
    let recipe = recipe(name);
    let mut args = vec!["plan", recipe.to_str().unwrap(), "--json"];
    for &set in SMALL.iter().chain(more) {
        args.extend(["--set", set]);
    }
    serde_json::from_str(&ok(args)).unwrap()
}

/// Names of its stages from the first of human feedback on.
fn names(plan: &Value) -> Vec<&str> {
    let stages = plan["stages"].as_array().unwrap().iter();
    let names = stages.map(|stage| stage["stage"].as_str().unwrap());
    names.skip_while(|&name| name != "feedback").collect()
}

#[test]
fn direct_preference_optimization_is_counted() {
    let plan = small_plan("dpo.toml", &[]);
    let (before, after) = (
        ["feedback", "reward-helpfulness", "reward-safety", "dpo"],
        ["ppo", "distill", "scoreboard", "evaluate"],
    );
    let rounds = ["v1", "v2", "v3", "v4"];
    assert_eq!(names(&plan), [before, rounds, after].concat());
    let total = &plan["total"];
    assert_eq!(total["without_tokens"], json!(["ppo", "distill"]));
    assert_eq!(total["without_memory"], json!([]));
    let untimed = [&["feedback"][..], &rounds, &after].concat();
    assert_eq!(total["without_time"], json!(untimed));
    assert_eq!(stage(&plan, "scoreboard")["details"]["models"], 8);

    // All comparisons of both streams; the reward models have their own, and about a tenth of the other's.
    let pairs = |name: &str| stage(&plan, name)["details"]["pairs"].as_u64().unwrap();
    let (helpful, safe, both) = (
        pairs("reward-helpfulness"),
        pairs("reward-safety"),
        pairs("dpo"),
    );
    assert!((76..=152).contains(&both), "{both}");
    let share = (helpful + safe) as f64 / both as f64;
    assert!((1.08..1.13).contains(&share), "{helpful}, {safe}, {both}");
    assert_eq!(stage(&plan, "dpo")["steps"], both.div_ceil(32));

    // A reward model has no head of a number for each piece of the vocabulary.
    let each = |name: &str| {
        let stage = stage(&plan, name);
        stage["flops"].as_f64().unwrap() / stage["tokens"].as_f64().unwrap()
    };
    assert!(4.0 / 3.0 * each("reward-helpfulness") < 0.99 * each("dpo"));

    // Without any of the world's, nobody knows how long the model's own are.
    let plan = small_plan("dpo.toml", &["feedback.world.preferences=0"]);
    let unknown = json!([
        "reward-helpfulness",
        "reward-safety",
        "dpo",
        "ppo",
        "distill"
    ]);
    assert_eq!(plan["total"]["without_tokens"], unknown);
}

#[test]
fn the_scaling_of_safety_data_is_counted() {
    let plan = small_plan("safety-scaling.toml", &[]);
    let expected = [
        "feedback",
        "reward-helpfulness",
        "reward-safety",
        "v1",
        "v2",
        "v3",
        "v4",
        "ppo",
        "distill",
        "safety-scaling",
        "scoreboard",
        "evaluate",
    ];
    assert_eq!(names(&plan), expected);
    assert_eq!(plan["total"]["without_tokens"], json!(["ppo", "distill"]));
    assert_eq!(plan["total"]["without_memory"], json!([]));
    let scaling = stage(&plan, "safety-scaling");
    assert_eq!(scaling["details"]["models"], 6);
    // The reward models stay in memory beside the training.
    let peak = |stage: &Value| stage["peak_bytes"].as_u64().unwrap();
    assert!(peak(scaling) > peak(stage(&plan, "sft")), "{scaling}");

    // A share above 0 of a few answers is one of them.
    let tokens = |percents: &str| {
        let set = format!("safety_scaling.percents={percents}");
        let plan = small_plan("safety-scaling.toml", &[&set]);
        stage(&plan, "safety-scaling")["tokens"].as_f64().unwrap()
    };
    let (none, one) = (tokens("[0]"), tokens("[0, 1]"));
    assert!(one > 2.0 * none, "{one}, {none}");
    assert!(one < 2.5 * none, "{one}, {none}");
}

#[test]
fn what_fits_is_only_what_was_counted() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(recipe("spark.toml")).unwrap();
    let (head, rest) = text.split_once("[world]").unwrap();
    let (_, rest) = rest.split_once("[tokenizer]").unwrap();
    let (rest, _) = rest.split_once("[sft]").unwrap();
    let path = dir.path().join("r.toml");
    let corpus = "[[corpus.sources]]\npath = \"not-there.jsonl\"\n";
    fs::write(&path, format!("{head}{corpus}[tokenizer]{rest}")).unwrap();
    let told = ok(["plan".as_ref(), path.as_os_str()]);
    let expected = "; it fits, as far as it is counted (without corpus, tokenizer)\n";
    assert!(told.ends_with(expected), "{told}");
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

/// The other sizes say only what differs, and have the human feedback of the 7B.
#[test]
fn the_paper_s_other_sizes_have_the_paper_s_numbers() {
    for (size, parameters, final_lr) in [
        ("13b", 13_015_864_320_u64, 3e-5),
        ("70b", 68_976_648_192, 1.5e-5),
    ] {
        let recipe = recipe(&format!("llama2-{size}-chat.toml"));
        let plan: Value = serde_json::from_str(&ok([
            "plan".as_ref(),
            recipe.as_os_str(),
            "--json".as_ref(),
        ]))
        .unwrap();
        let details = &stage(&plan, "pretrain")["details"];
        assert_eq!(details["parameters"], parameters, "{size}");
        let planned = details["final_lr"].as_f64().unwrap();
        assert!((planned - final_lr).abs() < 1e-12, "{size}: {planned}");
        for name in [
            "reward-helpfulness",
            "reward-safety",
            "v4",
            "ppo",
            "distill",
        ] {
            stage(&plan, name);
        }
    }
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
fn a_plan_counts_long_sequences_where_they_are() {
    let recipe = recipe("spark.toml");
    let plan = |numbers: &[&str]| {
        let sets = numbers.iter().flat_map(|n| ["--set", n]);
        let args = ["plan", recipe.to_str().unwrap(), "--json"];
        let told = ok(args.into_iter().chain(sets));
        let plan: Value = serde_json::from_str(&told).unwrap();
        let pretrain = stage(&plan, "pretrain");
        let number = |key: &str| pretrain[key].as_f64().unwrap();
        (number("flops"), number("peak_bytes"))
    };
    let short = plan(&["pretrain.sequence_length=32"]);
    let long = plan(&["pretrain.sequence_length=128"]);
    let some = [
        "pretrain.sequence_length=32",
        "pretrain.long.sequence_length=128",
        "pretrain.long.every=4",
    ];
    let mixed = plan(&some);
    assert!(short.0 < long.0 && short.1 < long.1);
    let expected = 0.75 * short.0 + 0.25 * long.0;
    assert!((mixed.0 / expected - 1.0).abs() < 1e-9, "{mixed:?}");
    assert_eq!(mixed.1, long.1);
    let none = plan(&[some[0], some[1], "pretrain.long.every=0"]);
    assert_eq!(none, short);
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
        "align.rounds=1",
        "--set",
        "align.ghost_after=0",
    ];
    let mut args = tiny_run(dir.path(), &shape);
    let until: Vec<String> = args
        .iter()
        .cloned()
        .chain(["--until".into(), "tokens".into()])
        .collect();
    ok(until);
    let plan: Value = serde_json::from_str(&ok(plan_of(&args))).unwrap();
    let rewards = ["feedback", "reward-helpfulness", "reward-safety"];
    for (command, stages, tolerance) in [
        ("pretrain", &["pretrain"][..], 0.1),
        ("sft", &["sft"][..], 0.1),
        ("reward", &rewards[..], 0.2),
        ("align", &["v1", "ppo"][..], 0.15),
    ] {
        args[0] = command.into();
        let told = ok(&args);
        let events = told.lines().map(|line| serde_json::from_str(line).unwrap());
        let done = events.filter(|event: &Value| event["status"] == "complete");
        let took = done.map(|event| event["peak_rss_bytes"].as_f64().unwrap());
        let real = took.fold(0.0, f64::max);
        let peaks = stages
            .iter()
            .map(|name| stage(&plan, name)["peak_bytes"].as_f64().unwrap());
        let planned = peaks.fold(0.0, f64::max);
        println!("{command}: planned {planned}, took {real}");
        assert!(
            (planned / real - 1.0).abs() < tolerance,
            "{command}: planned {planned}, took {real}"
        );
    }
}
