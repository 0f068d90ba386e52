//! Recipes that begin with a model raised elsewhere.

use crate::common::{fails, manifest, ok, outputs, puna, shared_model, shared_run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const SFT: &str = "[sft]\ndialogues = \"d.jsonl\"\npeak_lr = 1e-3\nbatch_sequences = 4\ntoo_long = \"skip\"\nheld_out = 0.2\n";

/// A recipe of these sections that begins with the tiny run's chat model, and dialogues beside it.
fn recipe(dir: &Path, sections: &str) -> PathBuf {
    let dialogues = fs::read_to_string(shared_run().join("01-world/dialogues.jsonl")).unwrap();
    let some: Vec<&str> = dialogues.lines().take(60).collect();
    fs::write(dir.join("d.jsonl"), some.join("\n")).unwrap();
    let path = dir.join("r.toml");
    let base = shared_model();
    let text = format!("schema_version = 1\nname = \"r\"\n[base]\npath = \"{base}\"\n{sections}");
    fs::write(&path, text).unwrap();
    path
}

fn args<'a>(command: &'a str, recipe: &'a Path, dir: &'a Path) -> Vec<&'a str> {
    vec![
        command,
        recipe.to_str().unwrap(),
        "--dir",
        dir.to_str().unwrap(),
    ]
}

/// Losses on held-out dialogues before and after fine-tuning.
fn held_out_losses(run: &Path) -> [f64; 2] {
    let metrics = manifest(run, "03-sft")["metrics"].clone();
    let all = metrics["validations"].as_array().unwrap();
    [&all[0], &all[all.len() - 1]].map(|v| v["loss"].as_f64().unwrap())
}

#[test]
fn a_model_raised_elsewhere_is_fine_tuned() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, run) = (recipe(dir.path(), SFT), dir.path().join("run"));
    let plan = ok(["plan", recipe.to_str().unwrap()]);
    assert!(plan.contains("base") && plan.contains("sft"), "{plan}");

    let told = ok(args("run", &recipe, &run));
    assert!(told.contains("chat with it"), "{told}");
    let weights = |stage| outputs(&run, stage)["model/model.safetensors"]["sha256"].clone();
    let base = outputs(shared_run(), "13-distill")["model/model.safetensors"]["sha256"].clone();
    assert_eq!(weights("02-base"), base, "it begins with the very weights");
    assert_ne!(weights("03-sft"), base);
    let [before, after] = held_out_losses(&run);
    assert!(after < before - 0.05, "{before} {after}");
    let provenance = fs::read_to_string(run.join("02-base/model/puna.json")).unwrap();
    assert!(provenance.contains(base.as_str().unwrap()), "{provenance}");

    let tuned = fs::read_to_string(run.join("03-sft/model/puna.json")).unwrap();
    assert!(
        tuned.contains("\"synthetic\": true"),
        "raised on the world: {tuned}"
    );

    let own = format!("base.path={}", run.join("latest").display());
    let said = fails([&args("run", &recipe, &run)[..], &["--set", &own]].concat());
    assert!(
        said.contains("this very run") && said.contains("--dir"),
        "{said}"
    );

    let again = ok([&args("run", &recipe, &run)[..], &["--json"]].concat());
    let done = again.matches("\"status\":\"up to date\"").count();
    assert_eq!(done, 3, "{again}");
    ok(["verify", run.to_str().unwrap()]);
}

#[test]
fn a_model_raised_elsewhere_is_pretrained_further() {
    let dir = tempfile::tempdir().unwrap();
    let text = shared_run().join("01-world/documents.jsonl");
    let sections = format!(
        "[corpus]\nheld_out = 0.1\n[[corpus.sources]]\npath = \"{}\"\nmax_documents = 200\n\
         [pretrain]\nsteps = 8\nbatch_tokens = 512\npeak_lr = 1e-3\nwarmup_steps = 1\n",
        text.display()
    );
    let (recipe, run) = (recipe(dir.path(), &sections), dir.path().join("run"));
    ok(args("run", &recipe, &run));
    let losses = manifest(&run, "05-pretrain")["metrics"].clone();
    let first = losses["first_loss"].as_f64().unwrap();
    // Random weights would begin at the logarithm of the vocabulary.
    let pieces = manifest(&run, "02-tokenizer")["metrics"]["pieces"]
        .as_f64()
        .unwrap();
    assert!(first < 0.9 * pieces.ln(), "{losses}");
    assert!(losses["last_loss"].as_f64().unwrap() < first, "{losses}");
}

/// Of a chat model, preferences can be learnt at once.
#[test]
fn preferences_are_learnt_from_a_model_raised_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let preferences = shared_run().join("01-world/preferences.train.jsonl");
    let sections = format!(
        "[feedback]\n[[feedback.preferences]]\npath = \"{}\"\n[reward]\n[dpo]\nbatch_pairs = 16\n",
        preferences.display()
    );
    let (recipe, run) = (recipe(dir.path(), &sections), dir.path().join("run"));
    ok(args("run", &recipe, &run));
    let base = &outputs(&run, "02-base")["model/model.safetensors"]["sha256"];
    assert_ne!(
        &outputs(&run, "05-dpo")["model/model.safetensors"]["sha256"],
        base
    );
    let reward = manifest(&run, "03-reward-helpfulness");
    assert!(
        reward["inputs"]["02-base/model/model.safetensors"].is_string(),
        "{reward}"
    );
}

/// The paper's whole way with a model, preferences and prompts of one's own, and no world: Ghost Attention
/// takes its dialogues from those of fine-tuning, and its instructions from the recipe.
#[test]
fn the_whole_way_without_a_world() {
    let dir = tempfile::tempdir().unwrap();
    let preferences = shared_run().join("01-world/preferences.train.jsonl");
    let prompt = |i: usize, safety: bool| {
        format!(
            r#"{{"id": "p{i}", "messages": [{{"role": "user", "content": "Who bakes bread {i}?"}}], "safety": {safety}}}"#
        )
    };
    let prompts: Vec<String> = (0..24).map(|i| prompt(i, i % 3 == 0)).collect();
    fs::write(dir.path().join("prompts.jsonl"), prompts.join("\n")).unwrap();
    let sections = format!(
        "{SFT}[feedback]\nprompts = [\"prompts.jsonl\"]\n[[feedback.preferences]]\npath = \"{}\"\n[reward]\n\
         [align]\nrounds = 1\nghost_after = 0\nghost_dialogues = 6\n\
         [[align.ghost_instructions]]\nkind = \"Hobby\"\nwording = \"You enjoy {{}}.\"\nvalues = [\"chess\"]\n\
         [align.rejection]\nk = 2\ntemperatures = [1.0]\nmax_tokens = 12\n\
         [align.ghost]\nmax_tokens = 8\nshort_share = 0.0\n\
         [align.ppo]\niterations = 1\nleast_iterations = 1\nbatch = 8\nmini_batch = 4\nmax_tokens = 12\nseq_len = 128\n\
         [distill]\npeak_lr = 1e-4\nsampling.max_tokens = 12\n",
        preferences.display()
    );
    let (recipe, run) = (recipe(dir.path(), &sections), dir.path().join("run"));
    let output = puna(args("run", &recipe, &run));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let dialogues = fs::read_to_string(run.join("06-v1/dialogues.jsonl")).unwrap();
    let dialogues: Vec<Value> = dialogues
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(dialogues.len(), 6);
    for dialogue in &dialogues {
        assert_eq!(dialogue["instruction"]["long"], "You enjoy chess.");
    }
    // Nobody can judge these answers but the reward models, and that is said.
    assert!(told.contains("no other judge looks"), "{told}");
    ok(["verify", run.to_str().unwrap()]);

    // Without prompts there is nothing to answer, and the recipe is refused before anything is done.
    let sections = sections.replace("prompts = [\"prompts.jsonl\"]", "");
    let error = fails(args(
        "run",
        &self::recipe(dir.path(), &sections),
        &dir.path().join("no"),
    ));
    assert!(
        error.contains("align: there is no prompt to answer"),
        "{error}"
    );
    assert!(!dir.path().join("no").exists());
}

#[test]
fn what_does_not_go_with_a_base_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |sections: &str, set: &[&str], expected: &[&str]| {
        let recipe = recipe(dir.path(), sections);
        let mut args = vec!["plan", recipe.to_str().unwrap()];
        set.iter().for_each(|set| args.extend(["--set", set]));
        let said = fails(&args);
        for word in expected {
            assert!(said.contains(word), "{word:?} is not in {said}");
        }
    };
    refused(
        SFT,
        &["tokenizer.vocab_size=512"],
        &["tokenizer", "brings its own"],
    );
    refused(
        SFT,
        &["base.path=nowhere"],
        &["base.path", "nowhere", "config.json"],
    );
    let reward = shared_run().join("08-reward-helpfulness/model");
    let reward = format!("base.path={}", reward.display());
    refused(SFT, &[&reward], &["base.path", "reward model"]);
    let corpus = format!("{SFT}[corpus]\n[[corpus.sources]]\npath = \"d.jsonl\"\n");
    refused(&corpus, &[], &["corpus", "nothing reads it", "[pretrain]"]);
    let align = "[feedback]\n[[feedback.preferences]]\npath = \"d.jsonl\"\n[reward]\n[align]\n";
    refused(align, &[], &["align", "[sft]"]);
}

/// Adapters are trained by a recipe, and what is written of them makes the same model of the base again.
#[test]
fn adapters_are_trained_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    let sections = format!("{SFT}[sft.lora]\nrank = 4\n");
    let (recipe, run) = (recipe(dir.path(), &sections), dir.path().join("run"));
    ok(args("run", &recipe, &run));

    let (base, adapter, out) = (
        run.join("02-base/model"),
        run.join("03-sft/adapter"),
        dir.path().join("out"),
    );
    let import = |adapter: &Path, out: &Path| {
        let paths = [&base, adapter, out].map(|path| path.to_str().unwrap().to_owned());
        let [base, adapter, out] = paths;
        [
            "import".into(),
            base,
            "--adapter".into(),
            adapter,
            "--out".into(),
            out,
        ]
    };
    ok(import(&adapter, &out));
    let weights = |model: &Path| fs::read(model.join("model.safetensors")).unwrap();
    assert!(weights(&out) == weights(&run.join("03-sft/model")));
    assert!(weights(&out) != weights(&base));
    let provenance = fs::read_to_string(out.join("puna.json")).unwrap();
    assert!(
        provenance.contains("\"synthetic\": true") && provenance.contains("\"adapter\""),
        "{provenance}"
    );

    let nowhere = dir.path().join("nowhere");
    let said = fails(import(&base, &nowhere));
    assert!(said.contains("adapter_config.json"), "{said}");
    assert!(!nowhere.exists());
    let said = fails([
        "plan",
        recipe.to_str().unwrap(),
        "--set",
        "sft.lora.targets=[\"x\"]",
    ]);
    assert!(said.contains("lora") && said.contains("q_proj"), "{said}");
    let said = fails(["plan", recipe.to_str().unwrap(), "--set", "sft.lora.rank=0"]);
    assert!(said.contains("sft: setting lora: LoRA rank is 0"), "{said}");
    let wide = [
        "plan",
        recipe.to_str().unwrap(),
        "--set",
        "sft.lora.rank=65",
    ];
    let said = fails(wide);
    assert!(
        said.contains("65") && said.contains("smallest side"),
        "{said}"
    );
}
