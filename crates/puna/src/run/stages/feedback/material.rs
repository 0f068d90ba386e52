//! What the stages of human feedback share: the world, prompts, preferences, models, progress.

use super::super::documents::is_dialogue_held_out;
use super::super::{Stand, in_model};
use crate::recipe::{Material, Stage};
use crate::report::Reporter;
use crate::world::messages;
use anyhow::{Context, Result, bail};
use puna_align::preferences::{Preference, Problem, Read, ReadPolicy, read_preferences};
use puna_align::prompt::{Prompt, read_prompts};
use puna_align::rollout::{RolloutOptions, Rollouts, SLOTS};
use puna_align::write_json_lines;
use puna_llama::{Config, Model};
use puna_text::Tokenizer;
use puna_text::chat::{Message, render_training};
use puna_text::hash;
use puna_world::{Feedback, PromptKind, Split, World};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The world's comparisons of its own answers, in its stage.
const OF_WORLD: &str = "preferences.train.jsonl";
/// Those about facts and phrasings that no training comparison has.
const NEW_FACTS: &str = "preferences.held_out.jsonl";
/// Name of the list of what was skipped, in the stage's directory.
const SKIPPED: &str = "skipped.jsonl";
/// How much of a file's the log names.
const NAMED: usize = 3;
/// Share of the dialogues whose comparisons are held out.
pub const HELD_OUT_SHARE: f64 = 0.1;

/// Calls `work` with the world's feedback material.
pub fn with_world<T>(
    stand: &Stand<'_>,
    work: impl FnOnce(&Feedback<'_>) -> Result<T>,
) -> Result<T> {
    let Some(Stage::World(plan)) = stand.plan.stages.first() else {
        bail!("the recipe has no [world]");
    };
    let options = plan
        .feedback
        .as_ref()
        .context("the recipe has no [feedback]")?;
    let world = World::generate(&plan.options);
    work(&world.feedback(options))
}

/// A prompt of the world as the trainers take it.
pub fn plain(prompt: &puna_world::Prompt) -> Prompt {
    Prompt {
        messages: messages(&prompt.messages),
        safety: prompt.kind == PromptKind::Adversarial,
        category: prompt.risk.map(|risk| risk.name().into()),
        id: prompt.id.clone(),
    }
}

/// The prompts to answer.
pub fn prompts(stand: &Stand<'_>, material: &Material) -> Result<Vec<Prompt>> {
    let mut prompts: Vec<Prompt> = match material.of_world {
        true => with_world(stand, |feedback| {
            Ok(feedback.prompts(Split::Train).iter().map(plain).collect())
        })?,
        false => Vec::new(),
    };
    for path in &material.prompts {
        prompts.extend(read_prompts(path)?);
    }
    Ok(prompts)
}

/// Preferences to train on and to measure on, of both streams.
#[derive(Default)]
pub struct Compared {
    /// To train on, one's own.
    pub train: Vec<Preference>,
    /// To train on, open data of others.
    pub open: Vec<Preference>,
    /// To measure on: about other dialogues, drawn from all of them, as the paper's test sets are.
    pub held_out: Vec<Preference>,
    /// To measure on: the world's, about facts and phrasings that no training comparison has.
    pub new_facts: Vec<Preference>,
}

/// Reads the preferences of the material. What was skipped is told, and listed in the stage's directory.
pub fn compared(stand: &Stand<'_>, material: &Material, report: &mut Reporter) -> Result<Compared> {
    let mut compared = Compared::default();
    let mut skipped = Vec::new();
    let mut read = |path: &Path, policy: &ReadPolicy| -> Result<Vec<Preference>> {
        let read = read_preferences(path, policy)?;
        if !read.problems.is_empty() {
            report.warning(&warning(path, &read));
            skipped.extend(read.problems.into_iter().map(|p| placed(p, stand.root)));
            write_json_lines(&stand.dir.join(SKIPPED), &skipped)?;
        }
        Ok(read.preferences)
    };
    // By the dialogue, so that all comparisons of one stay on a side.
    let mut split = |preferences: Vec<Preference>, open: bool| {
        for preference in preferences {
            if is_dialogue_held_out(0, &preference.dialogue, HELD_OUT_SHARE) {
                compared.held_out.push(preference);
            } else if open {
                compared.open.push(preference);
            } else {
                compared.train.push(preference);
            }
        }
    };
    if material.of_world {
        // A recipe may want none of the world's, and a model that has hardly learnt gives the same answer twice
        // or none, so that there is nothing to compare.
        let mut read_if_any = |path: &Path| match std::fs::metadata(path) {
            Ok(file) if file.len() == 0 => Ok(Vec::new()),
            _ => read(path, &ReadPolicy::default()),
        };
        let world = stand.of("world")?;
        let of_world = read_if_any(&world.join(OF_WORLD))?;
        let sampled = read_if_any(&stand.of("feedback")?.join(super::COMPARISONS))?;
        compared.new_facts = read_if_any(&world.join(NEW_FACTS))?;
        split(of_world, false);
        split(sampled, false);
    }
    for file in &material.preferences {
        split(read(&file.path, &file.read)?, file.open);
    }
    Ok(compared)
}

/// What is told of a file of which something was skipped.
fn warning(path: &Path, read: &Read) -> String {
    let first = read.problems.iter().take(NAMED);
    let first: Vec<String> = first
        .map(|p| format!("line {}, {}: {}", p.line, p.field, p.what))
        .collect();
    format!(
        "{}: {}: {}; each is in {SKIPPED}",
        path.display(),
        read.summary(),
        first.join("; ")
    )
}

/// A problem with its file as seen from the run, or by name alone: what a stage leaves does not tell
/// where on a machine things are.
fn placed(problem: Problem, root: &Path) -> Problem {
    let path = match problem.path.strip_prefix(root) {
        Ok(path) => path.to_path_buf(),
        Err(_) => problem.path.file_name().unwrap_or_default().into(),
    };
    Problem { path, ..problem }
}

/// The newest model before a stage.
pub fn newest(stand: &Stand<'_>) -> Result<Model> {
    Ok(Model::load(&newest_dir(stand)?)?)
}

/// Its directory.
pub fn newest_dir(stand: &Stand<'_>) -> Result<PathBuf> {
    let stage = stand.plan.model_before(stand.index);
    let stage = stage.context("there is no model before this stage")?;
    Ok(stand.of(stage.name())?.join("model"))
}

/// Tokens of prompts.
pub fn tokens(
    tokenizer: &Tokenizer,
    prompts: impl IntoIterator<Item = Prompt>,
) -> Result<Vec<Vec<u32>>> {
    let rendered = prompts.into_iter().map(|prompt| prompt.render(tokenizer));
    Ok(rendered.collect::<puna_align::Result<_>>()?)
}

/// Whether a dialogue, as training takes it, has at most so many tokens.
pub fn fits(tokenizer: &Tokenizer, messages: &[Message], longest: usize) -> bool {
    render_training(tokenizer, messages).is_ok_and(|rendered| rendered.ids.len() <= longest)
}

/// A sampler for a run's models, for dialogues of at most so many tokens: the model's context, or what
/// the training that follows has room for, where that is less.
pub fn rollouts<'t>(
    stand: &Stand<'_>,
    config: &Config,
    tokenizer: &'t Tokenizer,
    longest: usize,
) -> Result<Rollouts<'t>> {
    let options = RolloutOptions {
        threads: stand.threads,
        slots: SLOTS,
        capacity: longest.min(config.context),
    };
    Ok(Rollouts::new(config, tokenizer, options)?)
}

/// Shows how many of what are done.
pub fn blocks(report: &mut Reporter) -> impl FnMut(&str, usize, usize) {
    let mut named = String::new();
    move |what, done, of| {
        if named != what {
            named = what.to_owned();
            report.begin(of as u64, what.to_owned(), None);
        }
        report.progress(done as u64, json!({}));
    }
}

/// What the stages read of the world without a file: everything follows from its options.
fn world_input(stand: &Stand<'_>, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    if let Some(Stage::World(plan)) = stand.plan.stages.first() {
        inputs.insert("world".into(), serde_json::to_string(plan)?);
    }
    Ok(())
}

/// SHA-256 of what a stage reads that trains the fine-tuned model on the preferences of the material.
pub fn preference_inputs(
    stand: &Stand<'_>,
    material: &Material,
    inputs: &mut BTreeMap<String, String>,
) -> Result<()> {
    stand.add_outputs(inputs, &stand.of_fine_tuned()?, in_model)?;
    if material.of_world {
        stand.add_outputs(inputs, &stand.of("world")?, |name| {
            name.starts_with("preferences.")
        })?;
        stand.add_outputs(inputs, &stand.of("feedback")?, |name| {
            name == super::COMPARISONS
        })?;
    }
    let rule = format!("{HELD_OUT_SHARE} of the dialogues, the world's too");
    inputs.insert("held out".into(), rule);
    let files = material.preferences.iter().map(|file| &file.path);
    file_inputs("preferences", files, inputs)
}

/// SHA-256 of what a stage reads that samples from the newest model and asks the reward models:
/// these, and the prompts of the material.
pub fn sampling_inputs(
    stand: &Stand<'_>,
    material: &Material,
    inputs: &mut BTreeMap<String, String>,
) -> Result<()> {
    newest_inputs(stand, inputs)?;
    reward_inputs(stand, inputs)?;
    if material.of_world {
        stand.add_outputs(inputs, &stand.of("world")?, |name| {
            name.starts_with("prompts.") || name.starts_with("conversations.")
        })?;
    }
    file_inputs("prompts", material.prompts.iter(), inputs)
}

fn file_inputs<'a>(
    what: &str,
    files: impl Iterator<Item = &'a PathBuf>,
    inputs: &mut BTreeMap<String, String>,
) -> Result<()> {
    for (number, path) in files.enumerate() {
        let contents = hash::of_file(path).context("a file of [feedback]")?;
        inputs.insert(format!("{what} {}", number + 1), contents);
    }
    Ok(())
}

/// SHA-256 of the newest model before a stage, and what its world follows from.
pub fn newest_inputs(stand: &Stand<'_>, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    world_input(stand, inputs)?;
    let newest = stand.plan.model_before(stand.index);
    let newest = newest.context("there is no model before this stage")?;
    stand.add_outputs(inputs, &stand.of(newest.name())?, in_model)
}

/// SHA-256 of what a stage reads to measure a model: held-out prompts and the reward models.
pub fn measuring_inputs(stand: &Stand<'_>, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    world_input(stand, inputs)?;
    reward_inputs(stand, inputs)?;
    stand.add_outputs(inputs, &stand.of("world")?, |name| {
        name.ends_with("held_out.jsonl")
    })
}

/// SHA-256 of the reward models.
fn reward_inputs(stand: &Stand<'_>, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    for name in super::reward::STAGES {
        stand.add_outputs(inputs, &stand.of(name)?, in_model)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Plan, PreferenceFile};
    use serde_json::Value;
    use std::fs;

    #[test]
    fn what_is_skipped_is_named_and_listed() {
        let run = tempfile::tempdir().unwrap();
        let dir = run.path().join("07-reward");
        fs::create_dir(&dir).unwrap();
        let pair = |chosen: &str| {
            format!("{{\"prompt\":\"q\",\"chosen\":\"{chosen}\",\"rejected\":\"b\"}}\n")
        };
        let elsewhere = tempfile::tempdir().unwrap();
        let mut material = Material::default();
        for (place, answers) in [
            (run.path(), &["a", "b", "", "b", "b"][..]),
            (elsewhere.path(), &["b", "a"]),
            (elsewhere.path(), &["a"]),
        ] {
            let path = place.join(format!("of-{}.jsonl", answers.len()));
            fs::write(&path, answers.iter().map(|a| pair(a)).collect::<String>()).unwrap();
            let read = ReadPolicy::default();
            let open = true;
            let file = PreferenceFile { path, open, read };
            material.preferences.push(file);
        }
        let plan = Plan {
            name: String::new(),
            extends: Vec::new(),
            stages: Vec::new(),
        };
        let stand = Stand {
            plan: &plan,
            index: 0,
            root: run.path(),
            dir: &dir,
            threads: 1,
        };
        let log = run.path().join("log");
        let mut report = Reporter::new(false);
        report.stage("reward", "", fs::File::create(&log).ok());
        let list = dir.join(SKIPPED);
        let lines = |path: &Path| -> Vec<Value> {
            let text = fs::read_to_string(path).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };

        compared(&stand, &material, &mut report).unwrap();
        let listed: Vec<_> = lines(&list)
            .iter()
            .map(|p| json!([p["path"], p["line"], p["field"], p["kind"]]))
            .collect();
        assert_eq!(
            listed,
            [
                json!(["of-5.jsonl", 2, "rejected", "equal_answers"]),
                json!(["of-5.jsonl", 3, "chosen", "empty_answer"]),
                json!(["of-5.jsonl", 4, "rejected", "equal_answers"]),
                json!(["of-5.jsonl", 5, "rejected", "equal_answers"]),
                json!(["of-2.jsonl", 1, "rejected", "equal_answers"]),
            ]
        );
        let told: Vec<_> = lines(&log)
            .into_iter()
            .filter_map(|event| Some(event.get("what")?.as_str()?.to_owned()))
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        let expected = "of-5.jsonl: pairs: 5 records, 1 comparisons (1 ungraded); skipped 3 \
                        equal_answers, 1 empty_answer: line 2, rejected: it is the same text as \
                        chosen; line 3, chosen: the answer is empty; line 4, rejected: it is the \
                        same text as chosen; each is in skipped.jsonl";
        assert!(told[0].ends_with(expected), "{told:?}");

        fs::remove_file(&list).unwrap();
        material.preferences.drain(..2);
        compared(&stand, &material, &mut report).unwrap();
        assert!(!list.exists());
    }
}
