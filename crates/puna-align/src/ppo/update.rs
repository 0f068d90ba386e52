//! One gradient step on a mini-batch (paper section 3.2.3): of the policy by its clipped loss, of the
//! critic by its own.

use super::episode::Episode;
use super::loss::{self, Totals};
use super::settings::PpoSettings;
use crate::error::{Error, Result};
use puna_llama::Model;
use puna_train::{Fleet, Moments, OptimizerSettings, Sequence};

/// A model that learns, with its workers and its optimizer's memory.
pub(crate) struct Learner {
    pub model: Model,
    pub moments: Moments,
    pub fleet: Fleet,
}

impl Learner {
    /// Before the first step.
    pub fn new(model: Model, options: puna_train::FleetOptions) -> Result<Self> {
        Ok(Self {
            moments: Moments::zeros(&model.config)?,
            fleet: Fleet::new(&model.config, options)?,
            model,
        })
    }

    /// Refuses to go on with weights that are not finite: a step can overflow what it updates, and what
    /// is saved must be able to go on.
    pub fn check_finite(&self, iteration: u64) -> Result<()> {
        let specs = self.model.config.param_specs();
        let mut tensors = specs.iter().zip(&self.model.params.tensors);
        match tensors.find(|(_, t)| t.iter().any(|w| !w.is_finite())) {
            Some((spec, _)) => Err(Error::Data(format!(
                "iteration {iteration}: the weight {} is not finite; a lower learning rate usually \
                 helps, and the last checkpoint is intact",
                spec.name()
            ))),
            None => Ok(()),
        }
    }

    /// Clips the gradient that the fleet holds and steps; the norm before the clip.
    fn step(&mut self, what: &str, lr: f64, optimizer: &OptimizerSettings) -> Result<f64> {
        let norm = self.fleet.grad_norm();
        if !optimizer.can_step(norm) {
            return Err(Error::Data(format!(
                "gradient step {}: the gradient of the {what} is not finite; a lower learning rate \
                 usually helps, and the last checkpoint is intact",
                self.moments.step + 1
            )));
        }
        let scale = optimizer.grad_scale(norm);
        self.fleet.adamw_step(
            &mut self.model.params,
            &mut self.moments,
            lr,
            optimizer,
            scale,
        );
        Ok(norm)
    }
}

/// What a step tells.
pub(crate) struct Stepped {
    pub totals: Totals,
    pub grad_norm: f64,
    /// Largest difference between a token's log-probability when it was sampled and in this step.
    pub sampling_difference: f64,
}

/// A step of the policy. The loss is the mean over the mini-batch's tokens.
pub(crate) fn policy_step(
    policy: &mut Learner,
    sequences: &[Sequence],
    episodes: &[Episode],
    settings: &PpoSettings,
) -> Result<Stepped> {
    let term = |e: &Episode, t: usize, logprob: f32| {
        loss::policy(
            f64::from(logprob),
            e.sampled[t],
            e.advantages[t],
            settings.clip,
        )
    };
    let outputs = backward(policy, sequences, episodes, &term)?;
    let mut totals = Totals::default();
    let mut sampling_difference = 0.0f64;
    for (e, outputs) in episodes.iter().zip(&outputs) {
        for (t, &logprob) in outputs[e.lead..].iter().enumerate() {
            let (now, then) = (f64::from(logprob), e.sampled[t]);
            totals.add_policy(term(e, t, logprob), now, then);
            sampling_difference = sampling_difference.max((now - then).abs());
        }
    }
    let grad_norm = policy.step("policy", settings.lr, &settings.optimizer)?;
    Ok(Stepped {
        totals,
        grad_norm,
        sampling_difference,
    })
}

/// A step of the critic. The loss is the mean over the mini-batch's tokens.
pub(crate) fn critic_step(
    critic: &mut Learner,
    sequences: &[Sequence],
    episodes: &[Episode],
    settings: &PpoSettings,
) -> Result<Stepped> {
    let clip = (settings.value_clip > 0.0).then_some(settings.value_clip);
    let term = |e: &Episode, t: usize, value: f32| {
        loss::value(f64::from(value), e.values[t], e.returns[t], clip)
    };
    let outputs = backward(critic, sequences, episodes, &term)?;
    let mut totals = Totals::default();
    for (e, outputs) in episodes.iter().zip(&outputs) {
        let values = outputs[e.lead..].iter().enumerate();
        values.for_each(|(t, &value)| totals.add(term(e, t, value)));
    }
    let grad_norm = critic.step("critic", settings.critic_lr, &settings.optimizer)?;
    Ok(Stepped {
        totals,
        grad_norm,
        sampling_difference: 0.0,
    })
}

fn backward(
    learner: &mut Learner,
    sequences: &[Sequence],
    episodes: &[Episode],
    term: &(dyn Fn(&Episode, usize, f32) -> loss::Term + Sync),
) -> Result<Vec<Vec<f32>>> {
    let tokens: usize = episodes.iter().map(Episode::len).sum();
    let derivative = |index: usize, outputs: &[f32]| {
        let e = &episodes[index];
        e.rows(|t| term(e, t, outputs[e.lead + t]).derivative / tokens as f64)
    };
    Ok(learner
        .fleet
        .backward_by(&learner.model.params, sequences, &derivative)?)
}
