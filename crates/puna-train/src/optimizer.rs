//! AdamW with decoupled weight decay and clipping by the global norm (paper section 2.2).

use crate::error::{Error, Result};
use crate::fleet::Fleet;
use puna_compute::{AdamW, Cpu, HostBuf, Ops};
use puna_llama::{Config, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the optimizer; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerSettings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay of matrices; gains of norms do not decay.
    pub weight_decay: f64,
    /// Largest global norm of a gradient; 0 does not clip.
    pub clip: f64,
}

impl Default for OptimizerSettings {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-5,
            weight_decay: 0.1,
            clip: 1.0,
        }
    }
}

impl OptimizerSettings {
    /// Refuses values out of range.
    pub fn validate(&self) -> Result<()> {
        let fail = |name, value: f64, expected: &str| {
            Err(Error::setting(name, format!("{value} is not {expected}")))
        };
        for (name, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return fail(name, beta, "in 0..1");
            }
        }
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return fail("eps", self.eps, "a positive number");
        }
        for (name, value) in [("weight_decay", self.weight_decay), ("clip", self.clip)] {
            if !(value >= 0.0 && value.is_finite()) {
                return fail(name, value, "a number from 0 up");
            }
        }
        Ok(())
    }

    /// Whether a step can be taken with a gradient of this global norm: it is finite, and so are its squares
    /// as AdamW takes them.
    pub fn can_step(&self, norm: f64) -> bool {
        norm.is_finite() && (norm * self.grad_scale(norm)).powi(2) <= f64::from(f32::MAX)
    }

    /// What a gradient of this global norm is multiplied by: `clip / norm` where the norm is above `clip`, else 1.
    /// So clipping by the norm is defined (Pascanu et al., 2013), and so JAX's optax computes it. PyTorch and
    /// Megatron-LM divide by `norm + 1e-6`, against a division by 0 that cannot come up here, and so scale by a
    /// factor smaller by at most `1e-6 / clip`: at a clip of 1 that is about ten roundings of an f32, and
    /// AdamW's update, nearly free of the gradient's scale, feels less of it. Ten steps are held to PyTorch's by
    /// a test; changing this would change the bits of every run that clips.
    pub fn grad_scale(&self, norm: f64) -> f64 {
        if self.clip > 0.0 && norm > self.clip {
            self.clip / norm
        } else {
            1.0
        }
    }
}

/// The optimizer's memory.
pub struct Moments {
    /// First moments.
    pub m: Params<HostBuf>,
    /// Second moments.
    pub v: Params<HostBuf>,
    /// Steps taken.
    pub step: u64,
}

impl Moments {
    /// Before the first step.
    pub fn zeros(config: &Config) -> Result<Self> {
        let ops = Cpu::new(1);
        Ok(Self {
            m: Params::zeros(&ops, config)?,
            v: Params::zeros(&ops, config)?,
            step: 0,
        })
    }
}

impl Fleet {
    /// One AdamW step with the gradient of the last [`Fleet::loss_and_grad`], multiplied by
    /// `grad_scale` (see [`OptimizerSettings::grad_scale`]).
    pub fn adamw_step(
        &mut self,
        params: &mut Params<HostBuf>,
        moments: &mut Moments,
        lr: f64,
        settings: &OptimizerSettings,
        grad_scale: f64,
    ) {
        let specs = self.config().param_specs();
        let Some((gradient, cpu)) = self.gradient_and_cpu() else {
            return;
        };
        let each = specs.iter().map(|spec| (spec.len(), spec.decays()));
        let decaying: Vec<(usize, bool)> = each.collect();
        let learned = (params, moments, gradient);
        adamw_tensors(cpu, &decaying, learned, lr, settings, grad_scale);
    }
}

/// One AdamW step of tensors of these lengths, of which some decay, with their moments and gradient.
pub(crate) fn adamw_tensors(
    cpu: &mut Cpu,
    decaying: &[(usize, bool)],
    (tensors, moments, gradient): (&mut Params<HostBuf>, &mut Moments, &Params<HostBuf>),
    lr: f64,
    settings: &OptimizerSettings,
    grad_scale: f64,
) {
    moments.step += 1;
    for (i, &(len, decays)) in decaying.iter().enumerate() {
        let weight_decay = if decays { settings.weight_decay } else { 0.0 };
        cpu.adamw(
            &mut tensors.tensors[i],
            &mut moments.m.tensors[i],
            &mut moments.v.tensors[i],
            &gradient.tensors[i],
            len,
            AdamW {
                lr: lr as f32,
                beta1: settings.beta1 as f32,
                beta2: settings.beta2 as f32,
                eps: settings.eps as f32,
                weight_decay: weight_decay as f32,
                step: moments.step,
                grad_scale: grad_scale as f32,
            },
        );
    }
}
