//! The curves of PPO: a JSON line an iteration, the same for equal runs, and the seconds beside it.

use super::alarms::{Alarm, Figures, repetition};
use super::episode::Episode;
use super::kl::KlEstimator;
use super::loss::Totals;
use super::reward::logit;
use crate::judge::Scores;
use puna_llama::{Finish, Generated};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// An iteration's line. Everything but the losses, the clip fractions, the gradient norms and
/// `approximate_kl` is as it was when the answers were sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PpoMetrics {
    /// The iteration, from 1.
    pub step: u64,
    /// Tokens of its answers.
    pub tokens: u64,
    /// Answers that could not be scored, for a tag of the chat format in them or for their length. They
    /// have the lowest reward of the others and do not count in the next three means, which are those of
    /// the score 0 if there is no other.
    pub unscorable: u64,
    /// Mean score of the helpfulness model.
    pub helpfulness: f64,
    /// Mean score of the safety model.
    pub safety: f64,
    /// Mean reward, before whitening: the logit of the score that the piecewise rule takes.
    pub reward: f64,
    /// Mean divergence of an answer from the reference in nats, by the estimator k1.
    pub kl: f64,
    /// The same by the estimator k3.
    pub kl_k3: f64,
    /// The same exactly, summed over the answer's positions, if the settings ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl_exact: Option<f64>,
    /// Mean tokens of an answer.
    pub length: f64,
    /// Share of the answers that reached the length without an end.
    pub unfinished: f64,
    /// Mean share of an answer's runs of four tokens that stood in it before.
    pub repetition: f64,
    /// Entropy of the policy at a token in nats, estimated by the mean of what was sampled.
    pub entropy: f64,
    /// Mean loss of the policy over the iteration's mini-batches.
    pub policy_loss: f64,
    /// Share of tokens whose clipped side decided the policy's loss.
    pub clip_fraction: f64,
    /// Mean divergence at a token from the policy that sampled to the policy being updated, by k3.
    pub approximate_kl: f64,
    /// Mean loss of the critic.
    pub value_loss: f64,
    /// Share of tokens whose clipped side decided the critic's loss.
    pub value_clip_fraction: f64,
    /// Share of the returns' variance that the critic foresaw.
    pub explained_variance: f64,
    /// Mean norm of the policy's gradient before its clip.
    pub grad_norm: f64,
    /// Mean norm of the critic's gradient before its clip.
    pub critic_grad_norm: f64,
    /// Largest difference between a token's log-probability when it was sampled and in the first
    /// mini-batch's training pass, whose weights are the same: 0 on the CPU. The later mini-batches find
    /// other weights and are not compared.
    pub sampling_difference: f64,
    /// Answers that it compares: those of the first mini-batch.
    pub sampling_compared: u64,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
}

/// Seconds of an iteration, by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// The iteration.
    pub step: u64,
    /// Sampling the answers.
    pub sampling: f64,
    /// Log-probabilities under the reference.
    pub reference: f64,
    /// The critic's values.
    pub values: f64,
    /// The judge's scores.
    pub judging: f64,
    /// Gradient steps of the policy.
    pub policy: f64,
    /// Gradient steps of the critic.
    pub critic: f64,
    /// The exact divergence, held-out prompts and the checkpoint.
    pub other: f64,
}

impl Seconds {
    /// All phases.
    pub fn total(&self) -> f64 {
        let learning = self.policy + self.critic;
        self.sampling + self.reference + self.values + self.judging + learning + self.other
    }
}

/// Runs something and adds its seconds.
pub(crate) fn timed<T>(seconds: &mut f64, run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let out = run();
    *seconds += began.elapsed().as_secs_f64();
    out
}

/// What sampled answers show by themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AnswerFigures {
    pub answers: usize,
    pub tokens: u64,
    pub unscorable: u64,
    pub helpfulness: f64,
    pub safety: f64,
    pub reward: f64,
    pub worth: f64,
    pub kl: f64,
    pub kl_k3: f64,
    pub length: f64,
    pub unfinished: f64,
    pub repetition: f64,
    pub entropy: f64,
}

impl AnswerFigures {
    pub fn new(
        answers: &[Generated],
        episodes: &[Episode],
        scores: &[Option<Scores>],
        rewards: &[f64],
    ) -> Self {
        let n = answers.len() as f64;
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n;
        let rewarded = scores.iter().zip(rewards);
        let scored: Vec<(&Scores, f64)> = rewarded
            .filter_map(|(scores, &reward)| Some((scores.as_ref()?, reward)))
            .collect();
        let of_scored = |value: &dyn Fn(&Scores, f64) -> f64, without: f64| {
            let values = scored.iter().map(|&(scores, reward)| value(scores, reward));
            match scored.len() {
                0 => without,
                scored => values.sum::<f64>() / scored as f64,
            }
        };
        let tokens: usize = answers.iter().map(|a| a.tokens.len()).sum();
        let nats: f64 = episodes.iter().flat_map(|e| &e.sampled).sum();
        let kl = |estimator| mean(&mut episodes.iter().map(|e| e.kl(estimator)));
        Self {
            answers: answers.len(),
            tokens: tokens as u64,
            unscorable: (answers.len() - scored.len()) as u64,
            helpfulness: of_scored(&|scores, _| scores.helpfulness, 0.0),
            safety: of_scored(&|scores, _| scores.safety, 0.0),
            reward: of_scored(&|_, reward| reward, logit(0.0)),
            worth: mean(&mut rewards.iter().copied()),
            kl: kl(KlEstimator::K1),
            kl_k3: kl(KlEstimator::K3),
            length: tokens as f64 / n,
            unfinished: answers
                .iter()
                .filter(|a| a.finish == Finish::Length)
                .count() as f64
                / n,
            repetition: mean(&mut answers.iter().map(|a| repetition(&a.tokens))),
            entropy: -nats / tokens as f64,
        }
    }

    pub fn figures(&self) -> Figures {
        Figures {
            length: self.length,
            repetition: self.repetition,
            kl: self.kl,
            unscorable: self.unscorable as f64 / self.answers as f64,
        }
    }
}

/// What the gradient steps of an iteration showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpdateFigures {
    pub policy: Totals,
    pub critic: Totals,
    pub grad_norm: f64,
    pub critic_grad_norm: f64,
    pub sampling_difference: f64,
    pub sampling_compared: u64,
}

/// `1 - var(returns - values) / var(returns)`; 0 if the returns do not vary.
pub(crate) fn explained_variance(episodes: &[Episode]) -> f64 {
    let variance = |of: &dyn Fn(f64, f64) -> f64| {
        let each = || {
            let pairs = episodes
                .iter()
                .flat_map(|e| e.returns.iter().zip(&e.values));
            pairs.map(|(&r, &v)| of(r, v))
        };
        let n = each().count() as f64;
        let mean = each().sum::<f64>() / n;
        each().map(|x| (x - mean).powi(2)).sum::<f64>() / n
    };
    let all = variance(&|r, _| r);
    if all == 0.0 {
        return 0.0;
    }
    1.0 - variance(&|r, v| r - v) / all
}

impl PpoMetrics {
    pub(crate) fn new(
        step: u64,
        answers: AnswerFigures,
        updates: UpdateFigures,
        explained_variance: f64,
        kl_exact: Option<f64>,
        alarms: Vec<Alarm>,
    ) -> Self {
        Self {
            step,
            tokens: answers.tokens,
            unscorable: answers.unscorable,
            helpfulness: answers.helpfulness,
            safety: answers.safety,
            reward: answers.reward,
            kl: answers.kl,
            kl_k3: answers.kl_k3,
            kl_exact,
            length: answers.length,
            unfinished: answers.unfinished,
            repetition: answers.repetition,
            entropy: answers.entropy,
            policy_loss: updates.policy.mean_loss(),
            clip_fraction: updates.policy.clip_fraction(),
            approximate_kl: updates.policy.mean_approximate_kl(),
            value_loss: updates.critic.mean_loss(),
            value_clip_fraction: updates.critic.clip_fraction(),
            explained_variance,
            grad_norm: updates.grad_norm,
            critic_grad_norm: updates.critic_grad_norm,
            sampling_difference: updates.sampling_difference,
            sampling_compared: updates.sampling_compared,
            alarms,
        }
    }
}
