//! The loop of PPO (paper section 3.2.3): sample answers, reward them, learn from them in
//! mini-batches, look at held-out prompts.

use super::draw::of_iteration;
use super::episode::{Episode, set_advantages};
use super::exact_kl::mean_exact_kl;
use super::held_out::best;
use super::job::{PpoEvent, PpoJob, PpoOutcome, PpoState, PpoSummary};
use super::metrics::{PpoMetrics, Seconds, UpdateFigures, explained_variance, timed};
use super::run::Run;
use super::update::{Learner, critic_step, policy_step};
use crate::error::{Error, Result};
use crate::prompt::Prompt;
use crate::prompts::Prompts;
use crate::rollout::{RolloutOptions, Rollouts};
use puna_llama::{HeadKind, Model, check_tokenizer};
use puna_train::{CheckpointSettings, Identity, METRICS_FILE, Sequence, identity};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

/// Name of the seconds' file in a run's directory: what differs between equal runs.
pub const SECONDS_FILE: &str = "seconds.jsonl";

/// What a run is told that nobody but the rewarding judge looks at.
const BLIND: &str = "no other judge looks at held-out answers, so a reward that is hacked shows only in \
                     their length and repetition";

/// Trains a policy, from the last checkpoint if there is one.
pub fn ppo(job: PpoJob<'_>) -> Result<PpoOutcome> {
    let settings = job.settings;
    check(&job)?;
    let context = job.policy.config.context.min(job.critic.config.context);
    let seq_len = settings.seq_len.min(context);
    if settings.max_tokens >= seq_len {
        let what = format!(
            "answers of {} tokens leave no room for a prompt in the models' context of {context}",
            settings.max_tokens
        );
        return Err(Error::setting("max_tokens", what));
    }
    let room = seq_len - settings.max_tokens;
    let prompts = Prompts::render(job.tokenizer, job.prompts, room)?;
    let held_out = Prompts::render(job.tokenizer, job.held_out, room)?;
    let warnings = prompts.left_out("prompts", job.prompts.len());
    let held_out_warnings = held_out.left_out("held-out prompts", job.held_out.len());
    for warning in warnings.into_iter().chain(held_out_warnings) {
        (job.on_event)(PpoEvent::Warning(warning));
    }
    if prompts.list.is_empty() {
        return Err(Error::Data("there is no prompt to answer".into()));
    }
    if job.held_out_judge.is_none() || held_out.list.is_empty() {
        (job.on_event)(PpoEvent::Warning(BLIND.into()));
    }
    std::fs::create_dir_all(job.dir).map_err(Error::io("create", job.dir))?;
    let state = PpoState::new(identity_of(&job));
    let reference = Model {
        config: job.policy.config.clone(),
        params: job.policy.params.try_clone()?,
    };
    let keep_best = settings.held_out.keep_best && !held_out.list.is_empty();
    let best = keep_best
        .then(|| reference.params.try_clone())
        .transpose()?;
    let fleet = settings.layout.fleet(seq_len, job.threads);
    let longest = prompts.longest().max(held_out.longest());
    let rollout = RolloutOptions {
        threads: job.threads,
        slots: settings
            .slots
            .min(settings.batch.div_ceil(job.threads.max(1))),
        capacity: longest + settings.max_tokens,
    };
    let mut run = Run {
        dir: job.dir,
        rollouts: Rollouts::new(&reference.config, job.tokenizer, rollout)?,
        settings,
        prompts,
        held_out,
        judge: job.judge,
        held_out_judge: job.held_out_judge,
        threads: job.threads,
        stop: job.stop,
        on_event: job.on_event,
        policy: Learner::new(job.policy, fleet)?,
        critic: Learner::new(job.critic, fleet)?,
        reference,
        best,
        state,
    };
    run.resume()?;
    run.iterate()
}

fn check(job: &PpoJob<'_>) -> Result<()> {
    job.settings.validate()?;
    check_tokenizer(&job.policy.config, job.tokenizer)?;
    check_tokenizer(&job.critic.config, job.tokenizer)?;
    if job.policy.config.head != HeadKind::LanguageModel {
        return Err(Error::Data(
            "the policy has a scalar head; give a language model".into(),
        ));
    }
    if job.critic.config.head != HeadKind::Scalar {
        return Err(Error::Data(
            "the critic has no scalar head; make it with initial_critic".into(),
        ));
    }
    Ok(())
}

/// Everything that decides the run's numbers. How often it saves itself does not.
fn identity_of(job: &PpoJob<'_>) -> Identity {
    let mut settings = job.settings.clone();
    settings.checkpoint = CheckpointSettings::default();
    settings.slots = 0;
    let mut out = identity::of("settings", &settings);
    let hash = |prompts: &[Prompt]| {
        let json = serde_json::to_vec(prompts).unwrap_or_default();
        puna_text::hash::hex(Sha256::digest(&json))
    };
    out.insert("prompts".into(), hash(job.prompts).into());
    out.insert("held-out prompts".into(), hash(job.held_out).into());
    out.insert("policy".into(), identity::of_model(&job.policy).into());
    out.insert("critic".into(), identity::of_model(&job.critic).into());
    out.insert("judge".into(), job.judge_name.into());
    out
}

impl Run<'_> {
    fn iterate(mut self) -> Result<PpoOutcome> {
        let mut curves = self.log(METRICS_FILE)?;
        let mut clock = self.log(SECONDS_FILE)?;
        if self.state.iteration == 0 {
            self.look(&mut curves)?;
        }
        while self.state.iteration < self.settings.iterations && !self.state.stopped_early {
            let mut seconds = Seconds {
                step: self.state.iteration + 1,
                ..Seconds::default()
            };
            let metrics = self.iteration(&mut seconds)?;
            self.state.iteration += 1;
            self.state.tokens += metrics.tokens;
            self.state.last = Some(metrics.clone());
            curves.line(&metrics)?;
            for alarm in &metrics.alarms {
                self.alarm(alarm.clone());
            }
            let mut other = 0.0;
            timed(&mut other, || self.look(&mut curves))?;
            let last = self.state.stopped_early || self.state.iteration == self.settings.iterations;
            let stop = self.stop.is_some_and(|s| s.load(Ordering::Relaxed)) && !last;
            let every = self.settings.checkpoint.every;
            let due = every > 0 && self.state.iteration.is_multiple_of(every);
            if last || stop || due {
                timed(&mut other, || self.save())?;
            }
            seconds.other += other;
            clock.line(&seconds)?;
            (self.on_event)(PpoEvent::Iteration {
                iterations: self.settings.iterations,
                metrics: Box::new(metrics),
                seconds,
            });
            if stop {
                let step = self.state.iteration;
                return Err(puna_train::Error::Stopped { step }.into());
            }
        }
        Ok(self.outcome())
    }

    fn outcome(self) -> PpoOutcome {
        let mut policy = self.policy.model;
        let mut policy_of = self.state.iteration;
        if let (Some(params), Some((look, _))) = (self.best, best(&self.state.looks)) {
            policy.params = params;
            policy_of = look.iteration;
        }
        PpoOutcome {
            policy,
            critic: self.critic.model,
            summary: PpoSummary {
                iterations: self.state.iteration,
                policy_of,
                stopped_early: self.state.stopped_early,
                tokens: self.state.tokens,
                looks: self.state.looks,
                alarms: self.state.alarms,
                last: self.state.last,
            },
        }
    }

    /// Samples, scores and learns.
    fn iteration(&mut self, seconds: &mut Seconds) -> Result<PpoMetrics> {
        let (settings, step) = (self.settings, self.state.iteration + 1);
        let among = self.prompts.list.len();
        let chosen = of_iteration(among, step, settings.batch, settings.seed);
        let prompts = chosen.iter().map(|&i| self.prompts.list[i]).collect();
        let tokens = chosen.iter().map(|&i| &self.prompts.tokens[i][..]);
        let tokens: Vec<Vec<u32>> = tokens.map(<[u32]>::to_vec).collect();
        let mut sampled = self.sample(prompts, &tokens, step, seconds)?;
        let fleet = &mut self.critic.fleet;
        let values = timed(&mut seconds.values, || {
            fleet.scalars(&self.critic.model.params, &sampled.sequences)
        })?;
        for (episode, values) in sampled.episodes.iter_mut().zip(values) {
            episode.set_values(&values);
        }
        set_advantages(
            &mut sampled.episodes,
            &sampled.answers,
            sampled.rewards.clone(),
            settings,
        );
        let kl_exact = match settings.exact_kl {
            true => Some(timed(&mut seconds.other, || {
                let (policy, reference) = (&self.policy.model, &self.reference);
                let (sequences, episodes) = (&sampled.sequences, &sampled.episodes);
                mean_exact_kl(policy, reference, sequences, episodes, self.threads)
            })?),
            false => None,
        };
        let updates = self.learn(&sampled.sequences, &sampled.episodes, seconds)?;
        let figures = sampled.figures();
        let first = *self.state.first.get_or_insert(figures.figures());
        let mut alarms = settings.alarms.of_iteration(&first, &figures.figures());
        alarms.extend(settings.alarms.of_sampling(updates.sampling_difference));
        let foreseen = explained_variance(&sampled.episodes);
        Ok(PpoMetrics::new(
            step, figures, updates, foreseen, kl_exact, alarms,
        ))
    }

    /// A gradient step of policy and critic for each mini-batch.
    fn learn(
        &mut self,
        sequences: &[Sequence],
        episodes: &[Episode],
        seconds: &mut Seconds,
    ) -> Result<UpdateFigures> {
        let (settings, size) = (self.settings, self.settings.mini_batch);
        let mut figures = UpdateFigures::default();
        let steps = settings.mini_batches() as f64;
        let cuts = sequences.chunks(size).zip(episodes.chunks(size));
        for (i, (sequences, episodes)) in cuts.enumerate() {
            let policy = timed(&mut seconds.policy, || {
                policy_step(&mut self.policy, sequences, episodes, settings)
            })?;
            let critic = timed(&mut seconds.critic, || {
                critic_step(&mut self.critic, sequences, episodes, settings)
            })?;
            // Only its weights are those that the answers were sampled with.
            if i == 0 {
                figures.sampling_difference = policy.sampling_difference;
                figures.sampling_compared = episodes.len() as u64;
            }
            figures.policy.merge(&policy.totals);
            figures.critic.merge(&critic.totals);
            figures.grad_norm += policy.grad_norm / steps;
            figures.critic_grad_norm += critic.grad_norm / steps;
        }
        Ok(figures)
    }
}
