//! Signs that a policy games its reward (paper section 3.2.2 names Goodhart's law and guards with a
//! second reward model; what is watched, and from where on, the paper does not say).

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Length of the runs of tokens that count as repeated.
const RUN: usize = 4;

/// Share of answers without a score from which on the rewards say little of the policy. No setting: so
/// many are a fault, whatever is trained.
const UNSCORABLE: f64 = 0.1;

/// When to cry out; the paper gives none of these. An alarm is told and logged and stops nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlarmSettings {
    /// How much the held-out judge's mean score may fall below its best while the reward is higher
    /// than it was then.
    pub judge_fall: f64,
    /// How many times longer or shorter than in the first iteration the mean answer may become.
    pub length_ratio: f64,
    /// Share of an answer's runs of four tokens that may have stood in it before, on average.
    pub repetition: f64,
    /// Divergence from the reference, nats an answer, by the estimator k1.
    pub kl: f64,
    /// Difference between a token's log-probability in sampling and in training, which is 0 on the
    /// CPU.
    pub sampling_difference: f64,
}

impl Default for AlarmSettings {
    fn default() -> Self {
        Self {
            judge_fall: 0.05,
            length_ratio: 2.0,
            repetition: 0.2,
            kl: 50.0,
            sampling_difference: 0.0,
        }
    }
}

impl AlarmSettings {
    /// Refuses values out of range.
    pub fn validate(&self) -> Result<()> {
        if self.length_ratio.is_nan() || self.length_ratio <= 1.0 {
            let what = format!("{} is not above 1", self.length_ratio);
            return Err(Error::setting("length_ratio", what));
        }
        let others = [
            ("judge_fall", self.judge_fall),
            ("repetition", self.repetition),
            ("kl", self.kl),
            ("sampling_difference", self.sampling_difference),
        ];
        for (name, value) in others {
            if value.is_nan() || value < 0.0 {
                let what = format!("{value} is not a number from 0 up");
                return Err(Error::setting(name, what));
            }
        }
        Ok(())
    }

    /// Alarms of an iteration's figures.
    pub fn of_iteration(&self, first: &Figures, now: &Figures) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        let ratio = now.length / first.length;
        if ratio > self.length_ratio || ratio < 1.0 / self.length_ratio {
            alarms.push(Alarm::LengthDrift {
                first: first.length,
                now: now.length,
            });
        }
        if now.repetition > self.repetition {
            alarms.push(Alarm::Repetition {
                share: now.repetition,
            });
        }
        if now.kl > self.kl {
            alarms.push(Alarm::KlTooHigh { kl: now.kl });
        }
        if now.unscorable > UNSCORABLE {
            alarms.push(Alarm::Unscorable {
                share: now.unscorable,
            });
        }
        alarms
    }

    /// Whether sampling and training disagree on the policy.
    pub fn of_sampling(&self, difference: f64) -> Option<Alarm> {
        (difference > self.sampling_difference).then_some(Alarm::SamplingDiffers { difference })
    }

    /// Whether the reward on held-out prompts rose while another judge's score of the same answers
    /// fell. Looks are `(reward, judge)`, the last one last.
    pub fn of_looks(&self, looks: &[(f64, f64)]) -> Option<Alarm> {
        let (&(reward, judge), earlier) = looks.split_last()?;
        let best = earlier.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (judge < best.1 - self.judge_fall && reward > best.0).then_some(Alarm::RewardHacking {
            reward: [best.0, reward],
            judge: [best.1, judge],
        })
    }
}

/// The figures of an iteration that alarms look at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Mean tokens of an answer.
    pub length: f64,
    /// Mean [`repetition`] of an answer.
    pub repetition: f64,
    /// Mean divergence of an answer, nats.
    pub kl: f64,
    /// Share of the answers that could not be scored.
    pub unscorable: f64,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
pub enum Alarm {
    /// The reward rose, a judge that was not optimised fell.
    RewardHacking {
        /// Mean reward of the held-out answers when the judge was best, and now.
        reward: [f64; 2],
        /// The judge's mean score then, and now.
        judge: [f64; 2],
    },
    /// Answers became much longer or shorter.
    LengthDrift {
        /// Mean tokens in the first iteration.
        first: f64,
        /// Mean tokens now.
        now: f64,
    },
    /// Answers repeat themselves.
    Repetition {
        /// Mean share of repeated runs.
        share: f64,
    },
    /// The policy has gone far from the reference.
    KlTooHigh {
        /// Nats an answer.
        kl: f64,
    },
    /// Many answers cannot be scored.
    Unscorable {
        /// Share of them.
        share: f64,
    },
    /// Sampling and training disagree on what the policy is.
    SamplingDiffers {
        /// Largest difference of a token's log-probability.
        difference: f64,
    },
}

/// An alarm, and when it was cried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// Iterations done.
    pub iteration: u64,
    /// What is wrong.
    pub alarm: Alarm,
}

impl std::fmt::Display for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RewardHacking { reward, judge } => write!(
                f,
                "the reward is hacked: it rose from {:.3} to {:.3} while the held-out judge fell from \
                 {:.3} to {:.3}; stop earlier, or raise kl_coefficient",
                reward[0], reward[1], judge[0], judge[1]
            ),
            Self::LengthDrift { first, now } => write!(
                f,
                "answers of {now:.1} tokens, where the first had {first:.1}; the reward may pay for length"
            ),
            Self::Repetition { share } => write!(
                f,
                "answers repeat themselves: {:.0}% of their runs of {RUN} tokens stood before",
                100.0 * share
            ),
            Self::KlTooHigh { kl } => write!(
                f,
                "{kl:.1} nats an answer from the reference; raise kl_coefficient or lower lr"
            ),
            Self::Unscorable { share } => write!(
                f,
                "{:.0}% of the answers cannot be scored, for a tag of the chat format in them or for their \
                 length; lower max_tokens or take reward models of a longer context, and see whether the answers of \
                 fine-tuning hold tags",
                100.0 * share
            ),
            Self::SamplingDiffers { difference } => write!(
                f,
                "a token's log-probability differs by {difference:e} between sampling and training, so what \
                 is learned from is not what was sampled; on the CPU both have the same bits, and this is \
                 a fault of the program to be reported"
            ),
        }
    }
}

/// Share of an answer's runs of four tokens that stood in it before.
pub fn repetition(tokens: &[u32]) -> f64 {
    let runs = tokens.len().saturating_sub(RUN - 1);
    if runs == 0 {
        return 0.0;
    }
    let distinct: BTreeSet<&[u32]> = tokens.windows(RUN).collect();
    (runs - distinct.len()) as f64 / runs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_counts_runs_that_stood_before() {
        assert_eq!(repetition(&[1, 2, 3]), 0.0);
        assert_eq!(repetition(&[1, 2, 3, 4, 5]), 0.0);
        // 7777, 7777, 7777: two of three stood before.
        assert!((repetition(&[7; 6]) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(repetition(&[1, 2, 3, 4, 1, 2, 3, 4]), 0.2);
    }

    #[test]
    fn each_alarm_by_its_name() {
        let settings = AlarmSettings::default();
        let first = Figures {
            length: 40.0,
            repetition: 0.0,
            kl: 0.0,
            unscorable: 0.0,
        };
        let of = |now| settings.of_iteration(&first, &now);
        assert!(of(first).is_empty());
        let long = Figures {
            length: 81.0,
            ..first
        };
        assert!(matches!(of(long)[..], [Alarm::LengthDrift { .. }]));
        let short = Figures {
            length: 19.0,
            ..first
        };
        assert!(matches!(of(short)[..], [Alarm::LengthDrift { .. }]));
        let stuck = Figures {
            repetition: 0.5,
            kl: 60.0,
            ..first
        };
        assert!(matches!(
            of(stuck)[..],
            [Alarm::Repetition { .. }, Alarm::KlTooHigh { .. }]
        ));
        let mute = Figures {
            unscorable: 0.11,
            ..first
        };
        assert!(matches!(of(mute)[..], [Alarm::Unscorable { share: 0.11 }]));
        assert_eq!(settings.of_sampling(0.0), None);
        let differs = settings.of_sampling(1e-7).unwrap();
        for (alarm, remedy) in [
            (&of(stuck)[1], "kl_coefficient"),
            (&of(mute)[0], "max_tokens"),
            (&differs, "fault of the program"),
        ] {
            let text = alarm.to_string();
            assert!(text.contains(remedy), "{text}");
        }
    }

    #[test]
    fn hacking_is_a_reward_that_rises_while_the_judge_falls() {
        let settings = AlarmSettings::default();
        assert_eq!(settings.of_looks(&[]), None);
        assert_eq!(settings.of_looks(&[(0.0, 0.5)]), None);
        assert_eq!(settings.of_looks(&[(0.0, 0.5), (1.0, 0.6)]), None);
        // Both fell: bad, but not hacked. A small fall is noise.
        assert_eq!(settings.of_looks(&[(0.0, 0.5), (-1.0, 0.3)]), None);
        assert_eq!(settings.of_looks(&[(0.0, 0.5), (1.0, 0.47)]), None);
        let alarm = settings.of_looks(&[(0.0, 0.5), (1.0, 0.6), (2.0, 0.4)]);
        let expected = Alarm::RewardHacking {
            reward: [1.0, 2.0],
            judge: [0.6, 0.4],
        };
        assert_eq!(alarm, Some(expected));
    }
}
