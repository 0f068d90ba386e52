//! A run of PPO under way (paper section 3.2.3): its models, where it stands, how it saves itself and
//! finds itself again, and how it samples.

use super::alarms::{Alarm, Raised};
use super::draw::sampling_seed;
use super::episode::{Episode, rewards};
use super::job::{PpoEvent, PpoState};
use super::metrics::{AnswerFigures, Seconds, timed};
use super::settings::PpoSettings;
use super::update::Learner;
use crate::answer_rows::answer_rows;
use crate::error::Result;
use crate::judge::{Judge, Scores, ask_where_possible};
use crate::prompt::Prompt;
use crate::prompts::Prompts;
use crate::rollout::{Rollouts, SampleOptions};
use puna_compute::HostBuf;
use puna_llama::{Generated, Model, Params};
use puna_text::atomic_file::write_atomically;
use puna_train::{CHECKPOINT_DIR, Checkpoints, MetricsLog, Part, Sequence};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A run under way.
pub(super) struct Run<'a> {
    pub dir: &'a Path,
    pub rollouts: Rollouts<'a>,
    pub settings: &'a PpoSettings,
    pub prompts: Prompts<'a>,
    pub held_out: Prompts<'a>,
    pub judge: &'a mut dyn Judge,
    pub held_out_judge: Option<&'a mut dyn Judge>,
    pub threads: usize,
    pub stop: Option<&'a AtomicBool>,
    pub on_event: &'a mut dyn FnMut(PpoEvent),
    pub reference: Model,
    pub policy: Learner,
    pub critic: Learner,
    /// The policy of the best look, if it is to be the result.
    pub best: Option<Params<HostBuf>>,
    pub state: PpoState,
}

/// Answers with everything known of them before the updates.
pub(super) struct Sampled<'p> {
    pub prompts: Vec<&'p Prompt>,
    pub answers: Vec<Generated>,
    pub sequences: Vec<Sequence>,
    pub episodes: Vec<Episode>,
    /// None of an answer that could not be scored.
    pub scores: Vec<Option<Scores>>,
    pub rewards: Vec<f64>,
}

impl Sampled<'_> {
    pub fn figures(&self) -> AnswerFigures {
        AnswerFigures::new(&self.answers, &self.episodes, &self.scores, &self.rewards)
    }
}

impl<'a> Run<'a> {
    pub(super) fn resume(&mut self) -> Result<()> {
        let mut warnings = Vec::new();
        let saved = self
            .checkpoints()
            .latest::<PpoState>(&self.state.identity, &mut |w| warnings.push(w));
        for warning in warnings {
            (self.on_event)(PpoEvent::Warning(warning));
        }
        let Some(mut saved) = saved? else {
            return Ok(());
        };
        for (name, learner) in [("policy", &mut self.policy), ("critic", &mut self.critic)] {
            let shapes = Part::shapes_of(&learner.model.config);
            saved.read(name, &shapes, &mut learner.model.params)?;
            saved.read(&format!("{name}.m"), &shapes, &mut learner.moments.m)?;
            saved.read(&format!("{name}.v"), &shapes, &mut learner.moments.v)?;
            learner.moments.step = saved.state.iteration * self.settings.mini_batches() as u64;
        }
        if let Some(best) = &mut self.best {
            saved.read("best", &Part::shapes_of(&self.reference.config), best)?;
        }
        (self.on_event)(PpoEvent::ResumedFrom {
            iteration: saved.state.iteration,
            path: saved.path.clone(),
        });
        self.state = saved.state;
        Ok(())
    }

    pub(super) fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(
            &self.dir.join(CHECKPOINT_DIR),
            self.settings.checkpoint.keep,
        )
    }

    pub(super) fn save(&mut self) -> Result<()> {
        for learner in [&self.policy, &self.critic] {
            learner.check_finite(self.state.iteration)?;
        }
        let mut parts = Vec::new();
        for (names, learner) in [
            (["policy", "policy.m", "policy.v"], &self.policy),
            (["critic", "critic.m", "critic.v"], &self.critic),
        ] {
            let moments = &learner.moments;
            let tensors = [&learner.model.params, &moments.m, &moments.v];
            parts.extend(names.into_iter().zip(tensors).map(|(name, tensors)| Part {
                name,
                shapes: Part::shapes_of(&learner.model.config),
                tensors,
            }));
        }
        parts.extend(self.best.as_ref().map(|tensors| Part {
            name: "best",
            shapes: Part::shapes_of(&self.reference.config),
            tensors,
        }));
        let path = self.checkpoints().save(&parts, &self.state)?;
        (self.on_event)(PpoEvent::CheckpointSaved {
            iteration: self.state.iteration,
            path,
        });
        Ok(())
    }

    /// Opens a file of lines where the run stands.
    pub(super) fn log(&self, name: &str) -> Result<MetricsLog> {
        let path = self.dir.join(name);
        if self.state.iteration == 0 {
            // The look before the first iteration is done again too.
            write_atomically(&path, b"")?;
        }
        Ok(MetricsLog::open(&path, self.state.iteration)?)
    }

    /// Cries out, and remembers it.
    pub(super) fn alarm(&mut self, alarm: Alarm) {
        let raised = Raised {
            iteration: self.state.iteration,
            alarm,
        };
        self.state.alarms.push(raised.clone());
        (self.on_event)(PpoEvent::Alarm(raised));
    }

    /// Answers to prompts with their divergence from the reference and their rewards.
    pub(super) fn sample<'p>(
        &mut self,
        prompts: Vec<&'p Prompt>,
        tokens: &[Vec<u32>],
        stream: u64,
        seconds: &mut Seconds,
    ) -> Result<Sampled<'p>> {
        let settings = self.settings;
        let options = SampleOptions {
            k: 1,
            max_tokens: settings.max_tokens,
            sampling: settings.sampling(sampling_seed(settings.seed, stream)),
            numbers: Vec::new(),
        };
        let answers = timed(&mut seconds.sampling, || {
            let params = &self.policy.model.params;
            self.rollouts.sample(params, tokens, &options)
        })?;
        let answers = answers.concat();
        let pairs = tokens.iter().zip(&answers);
        let sequences: Vec<Sequence> = pairs.map(|(p, a)| answer_rows(p, &a.tokens)).collect();
        let reference = timed(&mut seconds.reference, || {
            self.policy
                .fleet
                .logprobs(&self.reference.params, &sequences)
        })?;
        let scores = timed(&mut seconds.judging, || {
            ask_where_possible(self.judge, &prompts, &texts(&answers))
        })?;
        let each = tokens.iter().zip(&answers).zip(&reference);
        Ok(Sampled {
            rewards: rewards(&prompts, &scores, settings.safety_threshold),
            episodes: each
                .map(|((p, a), r)| Episode::new(p.len(), a, r))
                .collect(),
            prompts,
            answers,
            sequences,
            scores,
        })
    }
}

pub(super) fn texts(answers: &[Generated]) -> Vec<&str> {
    answers.iter().map(|answer| &answer.text[..]).collect()
}
