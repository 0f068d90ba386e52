//! What each stage reads and does. A stage reads only files of stages before it and what its recipe
//! names, and writes only into its own directory.

mod documents;
mod evaluate;
mod text;
mod training;

pub use evaluate::{Answer, Evaluation};

use super::manifest::Manifest;
use super::provenance::remove;
use crate::recipe::{Plan, Stage};
use crate::report::{Reporter, si};
use anyhow::{Context, Result};
use puna_text::Tokenizer;
use puna_text::hash;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Numbers that a stage came to.
pub type Metrics = Map<String, Value>;

/// Where a stage stands.
pub struct Stand<'a> {
    /// The plan it belongs to.
    pub plan: &'a Plan,
    /// Directory of the run.
    pub root: &'a Path,
    /// Directory of the stage.
    pub dir: &'a Path,
    /// Threads.
    pub threads: usize,
}

impl Stand<'_> {
    /// Directory of another stage.
    pub fn of(&self, name: &str) -> Result<PathBuf> {
        let index = self
            .plan
            .position(name)
            .with_context(|| format!("the plan has no stage {name}"))?;
        Ok(self.root.join(self.plan.directory(index)))
    }

    /// Directory of the data: the first stage.
    pub fn data(&self) -> PathBuf {
        self.root.join(self.plan.directory(0))
    }

    /// The run's tokenizer.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(Tokenizer::load(&self.of("tokenizer")?)?)
    }

    /// Adds to the inputs the recorded outputs of a stage that `wanted` picks.
    fn add_outputs(
        &self,
        inputs: &mut BTreeMap<String, String>,
        dir: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let manifest = Manifest::read(dir)?
            .with_context(|| format!("{} has no record; do that stage first", dir.display()))?;
        let place = dir.strip_prefix(self.root).unwrap_or(dir);
        for (name, output) in manifest.outputs.iter().filter(|(name, _)| wanted(name)) {
            inputs.insert(
                place.join(name).to_string_lossy().into_owned(),
                output.sha256.clone(),
            );
        }
        Ok(())
    }
}

/// SHA-256 of everything a stage reads.
pub fn inputs(stand: &Stand<'_>, stage: &Stage) -> Result<BTreeMap<String, String>> {
    let mut inputs = BTreeMap::new();
    match stage {
        Stage::World(_) => {}
        Stage::Corpus(plan) => {
            for (number, source) in plan.sources.iter().enumerate() {
                // By number, so that a file may move.
                let key = format!("source {}", number + 1);
                inputs.insert(
                    key,
                    hash::of_file(&source.path).context("a source of the corpus")?,
                );
            }
        }
        Stage::Tokenizer(plan) => match &plan.path {
            Some(path) => {
                drop(inputs.insert("tokenizer".into(), Tokenizer::load(path)?.hash_hex()))
            }
            None => stand.add_outputs(&mut inputs, &stand.data(), |name| {
                name == documents::TRAINING
            })?,
        },
        Stage::Tokens(_) => {
            let wanted = |name: &str| name == documents::TRAINING || name == documents::HELD_OUT;
            stand.add_outputs(&mut inputs, &stand.data(), wanted)?;
            stand.add_outputs(&mut inputs, &stand.of("tokenizer")?, |_| true)?;
        }
        Stage::Pretrain(_) => {
            stand.add_outputs(&mut inputs, &stand.of("tokens")?, |_| true)?;
            stand.add_outputs(&mut inputs, &stand.of("tokenizer")?, |_| true)?;
        }
        Stage::Sft(plan) => {
            stand.add_outputs(&mut inputs, &stand.of("pretrain")?, in_model)?;
            match &plan.dialogues {
                Some(path) => {
                    drop(inputs.insert(
                        "dialogues".into(),
                        hash::of_file(path).context("the dialogues")?,
                    ));
                }
                None => stand.add_outputs(&mut inputs, &stand.data(), |name| {
                    name == documents::DIALOGUES
                })?,
            }
        }
        Stage::Evaluate(plan) => {
            let model = stand.of(if plan.chat { "sft" } else { "pretrain" })?;
            stand.add_outputs(&mut inputs, &model, in_model)?;
            if plan.questions {
                stand.add_outputs(&mut inputs, &stand.data(), |name| {
                    name == documents::QUESTIONS
                })?;
            }
        }
    }
    Ok(inputs)
}

fn in_model(name: &str) -> bool {
    // The provenance beside the weights tells of the stage, and does not change what it is.
    name.starts_with("model/") && name != "model/puna.json"
}

/// Does a stage.
pub fn execute(stand: &Stand<'_>, stage: &Stage, report: &mut Reporter) -> Result<Metrics> {
    match stage {
        Stage::World(plan) => text::world(stand, plan),
        Stage::Corpus(plan) => text::corpus(stand, plan),
        Stage::Tokenizer(plan) => text::tokenizer(stand, plan),
        Stage::Tokens(plan) => text::tokens(stand, plan, report),
        Stage::Pretrain(plan) => training::pretrain(stand, plan, report),
        Stage::Sft(plan) => training::sft(stand, plan, report),
        Stage::Evaluate(plan) => evaluate::evaluate(stand, plan, report),
    }
}

/// Whether an interrupted stage goes on where it stood, instead of beginning afresh.
pub fn can_go_on(stage: &Stage) -> bool {
    matches!(stage, Stage::Pretrain(_) | Stage::Sft(_))
}

/// What a stage is about to do, for people.
pub fn describe(stage: &Stage) -> String {
    match stage {
        Stage::World(plan) => format!("a synthetic world from seed {}", plan.options.seed),
        Stage::Corpus(plan) => format!("text from {} sources", plan.sources.len()),
        Stage::Tokenizer(plan) => format!("{} pieces", plan.options.vocab_size),
        Stage::Tokens(_) => "text to token files".into(),
        Stage::Pretrain(plan) => format!("{} parameters", si(plan.model.n_params() as f64)),
        Stage::Sft(plan) => format!("{} epochs over the dialogues", plan.settings.epochs),
        Stage::Evaluate(_) => "asking the model".into(),
    }
}

/// Whether a directory holds files that somebody may want: a run that was killed may leave temporary
/// ones before it has written its record.
pub fn holds_files(dir: &Path) -> bool {
    let temporary = |name: &str| name.starts_with('.');
    fs::read_dir(dir).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|e| !temporary(&e.file_name().to_string_lossy())))
    })
}

/// Removes what only served to go on, and what a killed run left unfinished.
pub fn clean(dir: &Path) -> Result<()> {
    let cleaning = || format!("cannot tidy up {}", dir.display());
    remove(&dir.join(training::CHECKPOINTS)).with_context(cleaning)?;
    for entry in fs::read_dir(dir).with_context(cleaning)? {
        let path = entry.with_context(cleaning)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with('.') && (name.ends_with(".tmp") || name.ends_with(".partial"))) {
            continue;
        }
        if path.is_dir() {
            remove(&path)
        } else {
            fs::remove_file(&path)
        }
        .with_context(cleaning)?;
    }
    Ok(())
}
