//! What each stage reads and does. A stage reads only files of stages before it and what its recipe
//! names, and writes only into its own directory; the scoreboard, which is shown after every round, also into
//! the run's root and beside the models that it measures.

mod base;
mod crawl;
mod documents;
mod evaluate;
mod feedback;
mod preflight;
mod text;
mod training;

pub use crawl::WORK;
pub use evaluate::{Answer, Evaluation};
pub use feedback::HELD_OUT_SHARE;
pub use preflight::preflight;

use documents::{Place, Side};

use super::manifest::Manifest;
use super::provenance::remove;
use crate::recipe::{Plan, ROUNDS, Stage};
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
    /// Number of the stage in it.
    pub index: usize,
    /// Directory of the run.
    pub root: &'a Path,
    /// Directory of the stage.
    pub dir: &'a Path,
    /// Threads.
    pub threads: usize,
}

impl Stand<'_> {
    /// The stage.
    fn stage(&self) -> &Stage {
        &self.plan.stages[self.index]
    }

    /// Directory of another stage.
    pub fn of(&self, name: &str) -> Result<PathBuf> {
        let index = self
            .plan
            .position(name)
            .with_context(|| format!("the plan has no stage {name}"))?;
        Ok(self.root.join(self.plan.directory(index)))
    }

    /// The run's tokenizer.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(Tokenizer::load(&self.of("tokenizer")?)?)
    }

    /// Directory of the stage whose model fine-tuning begins from.
    pub fn of_base(&self) -> Result<PathBuf> {
        let stage = self.plan.base().context("the plan has no base model")?;
        self.of(stage.name())
    }

    /// Directory of the stage that leaves the fine-tuned model: the base model's, where it was fine-tuned
    /// elsewhere.
    pub fn of_fine_tuned(&self) -> Result<PathBuf> {
        self.of("sft").or_else(|_| self.of_base())
    }

    /// Adds to the inputs the documents of these sides.
    fn add_documents(&self, inputs: &mut BTreeMap<String, String>, sides: &[Side]) -> Result<()> {
        let place = Place::of(self)?;
        if let Place::Corpus {
            seed,
            held_out,
            titles,
            ..
        } = place
        {
            // Both sides are in the same files; this is what is read of them.
            let read = format!("held out {held_out} by seed {seed}, titles {titles}");
            inputs.insert("documents".into(), read);
        }
        self.add_outputs(inputs, place.dir(), |name| place.holds(name, sides))
    }

    /// Adds to the inputs the dialogues for fine-tuning: the given file or the world's, and with
    /// `of_feedback` those of the world with unsafe requests.
    fn add_dialogues(
        &self,
        inputs: &mut BTreeMap<String, String>,
        given: Option<&PathBuf>,
        of_feedback: bool,
    ) -> Result<()> {
        if let Some(path) = given {
            let contents = hash::of_file(path).context("the dialogues")?;
            inputs.insert("dialogues".into(), contents);
        }
        if given.is_none() || of_feedback {
            self.add_outputs(inputs, &self.of("world")?, |name| {
                (given.is_none() && name == documents::DIALOGUES)
                    || (of_feedback && name == documents::FEEDBACK_DIALOGUES)
            })?;
        }
        Ok(())
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
        Stage::Crawl(plan) => {
            if plan.of_world {
                // A missing record is told as such, before its pages are looked for.
                stand.add_outputs(&mut inputs, &stand.of("world")?, |_| false)?;
            }
            crawl::inputs(stand, plan, &mut inputs)?;
        }
        Stage::Texts(plan) => {
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
            None => stand.add_documents(&mut inputs, &[Side::Training])?,
        },
        Stage::Tokens(_) => {
            stand.add_documents(&mut inputs, &[Side::Training, Side::HeldOut])?;
            stand.add_outputs(&mut inputs, &stand.of("tokenizer")?, |_| true)?;
        }
        Stage::Base(plan) => {
            base::inputs(stand, plan, &mut inputs)?;
            stand.add_outputs(&mut inputs, &stand.of("tokenizer")?, |_| true)?;
        }
        Stage::Pretrain(plan) => {
            stand.add_outputs(&mut inputs, &stand.of("tokens")?, |_| true)?;
            stand.add_outputs(&mut inputs, &stand.of("tokenizer")?, |_| true)?;
            if plan.init_seed.is_none() {
                stand.add_outputs(&mut inputs, &stand.of("base")?, in_model)?;
            }
        }
        Stage::Sft(plan) => {
            stand.add_outputs(&mut inputs, &stand.of_base()?, in_model)?;
            stand.add_dialogues(&mut inputs, plan.dialogues.as_ref(), plan.of_feedback)?;
        }
        Stage::Feedback(_) => {
            feedback::newest_inputs(stand, &mut inputs)?;
            stand.add_outputs(&mut inputs, &stand.of("world")?, |name| {
                name.starts_with("prompts.train")
            })?;
        }
        Stage::Reward(plan) => feedback::preference_inputs(stand, &plan.material, &mut inputs)?,
        Stage::Dpo(plan) => feedback::preference_inputs(stand, &plan.material, &mut inputs)?,
        Stage::Rejection(plan) => {
            feedback::sampling_inputs(stand, &plan.material, &mut inputs)?;
            stand.add_outputs(&mut inputs, &stand.of_base()?, in_model)?;
            for earlier in &ROUNDS[..plan.round - 1] {
                stand.add_outputs(&mut inputs, &stand.of(earlier)?, |name| {
                    name == puna_align::rejection_sampling::POOL_FILE
                })?;
            }
            let own_ghost = plan.ghost.as_ref().is_some_and(|ghost| ghost.own.is_some());
            if plan.keep_dialogues || own_ghost {
                let of_feedback = plan.material.of_world;
                stand.add_dialogues(&mut inputs, plan.dialogues.as_ref(), of_feedback)?;
            }
        }
        Stage::Ppo(plan) => feedback::sampling_inputs(stand, &plan.material, &mut inputs)?,
        Stage::Distill(plan) => feedback::sampling_inputs(stand, &plan.material, &mut inputs)?,
        Stage::SafetyScaling(plan) => {
            stand.add_outputs(&mut inputs, &stand.of_base()?, in_model)?;
            stand.add_outputs(&mut inputs, &stand.of(&plan.pool)?, |name| {
                name == puna_align::rejection_sampling::POOL_FILE
            })?;
            stand.add_dialogues(&mut inputs, plan.dialogues.as_ref(), true)?;
            feedback::measuring_inputs(stand, &mut inputs)?;
        }
        Stage::Scoreboard(_) => {
            let models = stand.plan.stages[..stand.index].iter();
            for stage in models.filter(|stage| stage.is_model()) {
                stand.add_outputs(&mut inputs, &stand.of(stage.name())?, in_model)?;
            }
            feedback::newest_inputs(stand, &mut inputs)?;
            feedback::measuring_inputs(stand, &mut inputs)?;
            feedback::curve_inputs(stand, &mut inputs)?;
        }
        Stage::Evaluate(plan) => {
            feedback::newest_inputs(stand, &mut inputs)?;
            if plan.questions {
                stand.add_outputs(&mut inputs, &stand.of("world")?, |name| {
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
        Stage::Texts(plan) => text::texts(stand, plan),
        Stage::Crawl(plan) => crawl::crawl(stand, plan, report),
        Stage::Tokenizer(plan) => text::tokenizer(stand, plan),
        Stage::Tokens(plan) => text::tokens(stand, plan, report),
        Stage::Base(plan) => base::take(stand, plan),
        Stage::Pretrain(plan) => training::pretrain(stand, plan, report),
        Stage::Sft(plan) => training::sft(stand, plan, report),
        Stage::Feedback(plan) => feedback::comparisons(stand, plan, report),
        Stage::Reward(plan) => feedback::reward(stand, plan, report),
        Stage::Dpo(plan) => feedback::dpo(stand, plan, report),
        Stage::Rejection(plan) => feedback::rejection(stand, plan, report),
        Stage::Ppo(plan) => feedback::ppo(stand, plan, report),
        Stage::Distill(plan) => feedback::distill(stand, plan, report),
        Stage::SafetyScaling(plan) => feedback::safety_scaling(stand, plan, report),
        Stage::Scoreboard(plan) => feedback::scoreboard(stand, plan, report),
        Stage::Evaluate(plan) => evaluate::evaluate(stand, plan, report),
    }
}

/// Whether an interrupted stage goes on where it stood, instead of beginning afresh.
pub fn can_go_on(stage: &Stage) -> bool {
    matches!(
        stage,
        Stage::Crawl(_)
            | Stage::Pretrain(_)
            | Stage::Sft(_)
            | Stage::Reward(_)
            | Stage::Dpo(_)
            | Stage::Rejection(_)
            | Stage::Ppo(_)
            | Stage::Distill(_)
            | Stage::SafetyScaling(_)
            | Stage::Scoreboard(_)
    )
}

/// After a stage that left a chat model: shows how it stands beside those before it, where the recipe has a
/// scoreboard and its judges are trained.
pub fn show_standing(stand: &Stand<'_>, report: &mut Reporter) -> Result<()> {
    let plan = stand.plan;
    let trained = |name| plan.position(name).is_some_and(|at| at < stand.index);
    let judges = feedback::REWARD_STAGES.into_iter().all(trained);
    let later = plan.stages.iter().enumerate().skip(stand.index);
    let mut board = later.filter_map(|(index, stage)| match stage {
        Stage::Scoreboard(of) => Some((index, of)),
        _ => None,
    });
    match board.next() {
        Some((index, of)) if judges && stand.stage().is_chat_model() => {
            let board = Stand { index, ..*stand };
            feedback::standing(&board, of, stand.index, report)
        }
        _ => Ok(()),
    }
}

/// Of a stage that is up to date: sees to it that the scoreboard in the run's root still tells of it, where a
/// kill came before that or a stage was done again.
pub fn show_again(stand: &Stand<'_>, report: &mut Reporter) -> Result<()> {
    match stand.stage() {
        Stage::Scoreboard(_) => feedback::show_again(stand),
        stage if feedback::is_shown(stand.root, stage.name()) => Ok(()),
        _ => show_standing(stand, report),
    }
}

/// What a stage is about to do, for people.
pub fn describe(stage: &Stage) -> String {
    match stage {
        Stage::World(plan) => format!("a synthetic world from seed {}", plan.options.seed),
        Stage::Texts(plan) => format!("text from {} sources", plan.sources.len()),
        Stage::Crawl(_) => "from crawled pages to documents, ledger and report".into(),
        Stage::Tokenizer(plan) => format!("{} pieces", plan.options.vocab_size),
        Stage::Tokens(_) => "text to token files".into(),
        Stage::Base(plan) => format!("the model of {}", plan.path.display()),
        Stage::Pretrain(plan) => format!("{} parameters", si(plan.model.n_params() as f64)),
        Stage::Sft(plan) => format!("{} epochs over the dialogues", plan.settings.epochs),
        Stage::Feedback(plan) => format!("annotators compare {} pairs of answers", plan.sampled),
        Stage::Reward(plan) => format!("the reward model of {}", plan.stream.name()),
        Stage::Dpo(_) => "preferences without a reward model, a baseline".into(),
        Stage::Rejection(plan) => format!("the best of {} answers", plan.settings.k),
        Stage::Ppo(plan) => format!("up to {} iterations", plan.settings.iterations),
        Stage::Distill(_) => "answers given with a preprompt, learned without".into(),
        Stage::SafetyScaling(plan) => format!(
            "models of {} shares of the safety data",
            plan.percents.len()
        ),
        Stage::Scoreboard(_) => "every model answers the held-out prompts".into(),
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
    for working in [training::CHECKPOINTS, WORK] {
        remove(&dir.join(working)).with_context(cleaning)?;
    }
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
