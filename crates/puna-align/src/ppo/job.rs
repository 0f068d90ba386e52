//! A run of PPO from outside: what goes in, what it tells, what comes out.

use super::alarms::{Figures, Raised};
use super::held_out::Look;
use super::metrics::{PpoMetrics, Seconds};
use super::settings::PpoSettings;
use crate::judge::Judge;
use crate::prompt::Prompt;
use puna_llama::Model;
use puna_text::Tokenizer;
use puna_train::{Identity, Progress};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A PPO to do, or to go on with.
pub struct PpoJob<'a> {
    /// Directory of the checkpoints and curves. If it holds checkpoints, the run goes on from the last
    /// one.
    pub dir: &'a Path,
    /// The policy to begin with, which is the reference too.
    pub policy: Model,
    /// The critic to begin with, a model with a scalar head: see [`super::initial_critic`].
    pub critic: Model,
    /// The tokenizer of both.
    pub tokenizer: &'a Tokenizer,
    /// Settings.
    pub settings: &'a PpoSettings,
    /// What to answer.
    pub prompts: &'a [Prompt],
    /// What to look at before the first iteration and on the way; may be empty, and then nothing stops
    /// the run early.
    pub held_out: &'a [Prompt],
    /// Who rewards. An answer that it cannot score has the lowest reward of its iteration.
    pub judge: &'a mut dyn Judge,
    /// Names that judge: for reward models, the hash of their weights. A run that was begun with another
    /// is refused instead of mixed.
    pub judge_name: &'a str,
    /// Who only looks, at the held-out answers that it can score: another reward model, or the rules of a
    /// synthetic world. It tells whether the reward is hacked; without it, a warning says so.
    pub held_out_judge: Option<&'a mut dyn Judge>,
    /// Threads; of no influence on the result.
    pub threads: usize,
    /// Set it, and the run ends after the current iteration with a checkpoint and
    /// [`puna_train::Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears what goes on.
    pub on_event: &'a mut dyn FnMut(PpoEvent),
}

/// What a run tells while it goes on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PpoEvent {
    /// An iteration is done.
    Iteration {
        /// Iterations at most.
        iterations: u64,
        /// Its figures.
        metrics: Box<PpoMetrics>,
        /// Its seconds, by phase.
        seconds: Seconds,
    },
    /// Held-out prompts were looked at.
    Look(Look),
    /// Something is wrong with the policy; the run goes on.
    Alarm(Raised),
    /// A checkpoint is safe on disk.
    CheckpointSaved {
        /// Iterations done.
        iteration: u64,
        /// Its directory.
        path: PathBuf,
    },
    /// The run goes on from a checkpoint.
    ResumedFrom {
        /// Iterations done.
        iteration: u64,
        /// Its directory.
        path: PathBuf,
    },
    /// Something to look at; the run goes on.
    Warning(String),
}

/// What came out, the same for equal runs however often they were interrupted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PpoSummary {
    /// Iterations done.
    pub iterations: u64,
    /// Iterations that the resulting policy has behind it: fewer, if an earlier look was better.
    pub policy_of: u64,
    /// Whether the held-out prompts ended the run.
    pub stopped_early: bool,
    /// Tokens of all answers.
    pub tokens: u64,
    /// Every look at the held-out prompts.
    pub looks: Vec<Look>,
    /// Every alarm.
    pub alarms: Vec<Raised>,
    /// Figures of the last iteration.
    pub last: Option<PpoMetrics>,
}

/// What came out of a run.
pub struct PpoOutcome {
    /// The policy.
    pub policy: Model,
    /// The critic after the last iteration.
    pub critic: Model,
    /// The figures.
    pub summary: PpoSummary,
}

/// Version of the checkpoints' layout.
const VERSION: u32 = 2;

/// Where a run stands, in its checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PpoState {
    version: u32,
    code: String,
    pub iteration: u64,
    pub tokens: u64,
    /// Figures of the first iteration, which alarms compare with.
    pub first: Option<Figures>,
    pub last: Option<PpoMetrics>,
    pub looks: Vec<Look>,
    pub alarms: Vec<Raised>,
    pub stopped_early: bool,
    pub identity: Identity,
}

impl PpoState {
    /// Before the first iteration.
    pub fn new(identity: Identity) -> Self {
        Self {
            version: VERSION,
            code: env!("CARGO_PKG_VERSION").into(),
            iteration: 0,
            tokens: 0,
            first: None,
            last: None,
            looks: Vec::new(),
            alarms: Vec::new(),
            stopped_early: false,
            identity,
        }
    }
}

impl Progress for PpoState {
    const VERSION: u32 = VERSION;
    fn version(&self) -> u32 {
        self.version
    }
    fn step(&self) -> u64 {
        self.iteration
    }
    fn identity(&self) -> &Identity {
        &self.identity
    }
}
