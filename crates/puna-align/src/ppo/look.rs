//! A look at the held-out prompts in a run of PPO (paper section 3.2.3): reward, held-out judge, and
//! whether the run is over.

use super::alarms::Alarm;
use super::held_out::{Look, best};
use super::job::PpoEvent;
use super::metrics::Seconds;
use super::run::{Run, Sampled, texts};
use crate::error::Result;
use crate::judge::{Scores, ask_where_possible};
use puna_train::MetricsLog;
use serde::Serialize;

impl Run<'_> {
    /// Looks at the held-out prompts if it is time to, and decides whether the run is over.
    pub(super) fn look(&mut self, curves: &mut MetricsLog) -> Result<()> {
        let (iteration, last) = (self.state.iteration, self.settings.iterations);
        if self.held_out.list.is_empty() || !self.settings.held_out.due(iteration, last) {
            return Ok(());
        }
        let prompts = self.held_out.list.clone();
        let tokens = self.held_out.tokens.clone();
        let sampled = self.sample(prompts, &tokens, 0, &mut Seconds::default())?;
        let judged = match &mut self.held_out_judge {
            Some(judge) => {
                let texts = texts(&sampled.answers);
                let scores = ask_where_possible(*judge, &sampled.prompts, &texts)?;
                judged(&sampled, &scores, self.settings.safety_threshold)
            }
            None => Vec::new(),
        };
        let mean = |of: fn(&(f64, f64)) -> f64| match judged.len() {
            0 => None,
            n => Some(judged.iter().map(of).sum::<f64>() / n as f64),
        };
        let figures = sampled.figures();
        let look = Look {
            iteration,
            unscorable: figures.unscorable,
            reward: figures.reward,
            worth: figures.worth,
            helpfulness: figures.helpfulness,
            safety: figures.safety,
            judged: judged.len() as u64,
            judge: mean(|&(_, judge)| judge),
            judged_reward: mean(|&(reward, _)| reward),
            kl: figures.kl,
            length: figures.length,
        };
        self.state.looks.push(look.clone());
        let since = best(&self.state.looks).map_or(0, |(_, since)| since);
        if since == 0
            && let Some(best) = &mut self.best
        {
            *best = self.policy.model.params.try_clone()?;
        }
        let judged: Vec<(f64, f64)> = self
            .state
            .looks
            .iter()
            .filter_map(|l| Some((l.judged_reward?, l.judge?)))
            .collect();
        let alarm = self.settings.alarms.of_looks(&judged);
        curves.line(&LookLine {
            step: iteration,
            held_out: &look,
            alarm: alarm.as_ref(),
        })?;
        (self.on_event)(PpoEvent::Look(look));
        if let Some(alarm) = alarm {
            self.alarm(alarm);
        }
        self.state.stopped_early = iteration < last
            && self
                .settings
                .held_out
                .stops(&self.state.looks, self.settings.least_iterations);
        Ok(())
    }
}

/// Reward and held-out score, by the same rule, of the answers that have both.
fn judged(sampled: &Sampled<'_>, scores: &[Option<Scores>], threshold: f64) -> Vec<(f64, f64)> {
    let rewarded = sampled.scores.iter().zip(&sampled.rewards);
    let rewards = rewarded.map(|(scores, &reward)| scores.map(|_| reward));
    let scores = sampled.prompts.iter().zip(scores);
    let judged = scores.map(|(p, scores)| Some(scores.as_ref()?.combined(p.safety, threshold)));
    rewards
        .zip(judged)
        .filter_map(|(reward, score)| reward.zip(score))
        .collect()
}

/// A look's line among the curves.
#[derive(Serialize)]
struct LookLine<'a> {
    step: u64,
    held_out: &'a Look,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<&'a Alarm>,
}
