//! What the steps of a run change: a model's weights, or low-rank adapters on them.

use crate::checkpoint::{Part, Saved, State};
use crate::error::{Error, Result};
use crate::fleet::Fleet;
use crate::optimizer::{Moments, OptimizerSettings, adamw_tensors};
use puna_compute::{Cpu, HostBuf, Ops};
use puna_llama::{Config, Dtype, Lora, LoraOptions, LoraTarget, Model, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Low-rank adapters (Hu et al. 2021), trained in place of the weights: a matrix `W` becomes
/// `W + (alpha / rank) B A`. The paper trains the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoraSettings {
    /// Inner width of an adapter.
    pub rank: usize,
    /// An adapter's product is scaled by `alpha / rank`.
    pub alpha: f32,
    /// The matrices that get one, in every layer: of `q_proj`, `k_proj`, `v_proj`, `o_proj`,
    /// `gate_proj`, `up_proj` and `down_proj`; all unless set.
    #[schemars(with = "Vec<String>")]
    pub targets: Vec<LoraTarget>,
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            targets: LoraTarget::ALL.to_vec(),
        }
    }
}

impl LoraSettings {
    /// As the adapters of a model know them, if they are in range.
    pub fn options(&self, config: &Config) -> Result<LoraOptions> {
        let options = LoraOptions {
            rank: self.rank,
            alpha: self.alpha,
            targets: self.targets.clone(),
        };
        let problem = options.problem().or_else(|| {
            let highest = options.highest_rank(config);
            let what = "is more than the smallest side of the model's matrices that get an adapter";
            (self.rank > highest).then(|| format!("LoRA rank {} {what}, {highest}", self.rank))
        });
        match problem {
            Some(what) => Err(Error::setting("lora", what)),
            None => Ok(options),
        }
    }
}

/// What is learned, with the optimizer's memory of it.
pub(crate) struct Learned {
    moments: Moments,
    adapters: Option<Adapters>,
}

struct Adapters {
    lora: Lora<HostBuf>,
    gradient: Params<HostBuf>,
    /// The weights that they are added to.
    base: Params<HostBuf>,
}

/// Names of what is learned, and of its moments, in a checkpoint.
const WEIGHTS: [&str; 3] = ["params", "m", "v"];
const ADAPTERS: [&str; 3] = ["lora", "lora.m", "lora.v"];

impl Learned {
    /// Before the first step: the model's weights, or adapters that change nothing yet, by seed.
    pub fn new(model: &Model, lora: Option<(&LoraSettings, u64)>) -> Result<Self> {
        let config = &model.config;
        let Some((settings, seed)) = lora else {
            return Ok(Self {
                moments: Moments::zeros(config)?,
                adapters: None,
            });
        };
        let (ops, options) = (Cpu::new(1), settings.options(config)?);
        let zeros = || Ok::<_, Error>(Lora::zeros(&ops, config, &options)?.tensors);
        Ok(Self {
            moments: Moments {
                m: zeros()?,
                v: zeros()?,
                step: 0,
            },
            adapters: Some(Adapters {
                lora: Lora::init(&ops, config, &options, seed)?,
                gradient: zeros()?,
                base: model.params.try_clone()?,
            }),
        })
    }

    /// What goes into a checkpoint of a model with these weights.
    pub fn parts<'a>(&'a self, config: &Config, params: &'a Params<HostBuf>) -> Vec<Part<'a>> {
        let (names, learned, shapes) = match &self.adapters {
            None => (WEIGHTS, params, Part::shapes_of(config)),
            Some(a) => (ADAPTERS, &a.lora.tensors, a.lora.shapes()),
        };
        let tensors = [learned, &self.moments.m, &self.moments.v];
        let each = names.into_iter().zip(tensors);
        each.map(|(name, tensors)| Part {
            name,
            shapes: shapes.clone(),
            tensors,
        })
        .collect()
    }

    /// Goes back to where a checkpoint was written; `params` are the weights to go on with.
    pub fn restore(
        &mut self,
        saved: &mut Saved<State>,
        config: &Config,
        params: &mut Params<HostBuf>,
    ) -> Result<()> {
        let (names, learned, shapes) = match &mut self.adapters {
            None => (WEIGHTS, &mut *params, Part::shapes_of(config)),
            Some(a) => {
                let shapes = a.lora.shapes();
                (ADAPTERS, &mut a.lora.tensors, shapes)
            }
        };
        let tensors = [learned, &mut self.moments.m, &mut self.moments.v];
        for (name, tensors) in names.into_iter().zip(tensors) {
            saved.read(name, &shapes, tensors)?;
        }
        self.moments.step = saved.state.step;
        if let Some(a) = &self.adapters {
            a.lora.apply(&mut Cpu::new(1), config, &a.base, params)?;
        }
        Ok(())
    }

    /// The global norm of the gradient that the fleet holds, by what is learned.
    pub fn grad_norm(&mut self, fleet: &mut Fleet) -> Result<f64> {
        let Some(a) = &mut self.adapters else {
            return Ok(fleet.grad_norm());
        };
        let config = fleet.config().clone();
        let Some((full, cpu)) = fleet.gradient_and_cpu() else {
            return Ok(0.0);
        };
        let lengths = a.lora.lengths();
        for (tensor, &len) in a.gradient.tensors.iter_mut().zip(&lengths) {
            cpu.clear(tensor, len);
        }
        a.lora.gradient(cpu, &config, full, &mut a.gradient)?;
        let each = a.gradient.tensors.iter().zip(lengths);
        let squares = each.map(|(tensor, len)| cpu.sum_squares(tensor, len));
        Ok(squares.sum::<f64>().sqrt())
    }

    /// A step of AdamW with the gradient of [`Learned::grad_norm`], multiplied by `grad_scale`.
    pub fn step(
        &mut self,
        fleet: &mut Fleet,
        params: &mut Params<HostBuf>,
        lr: f64,
        settings: &OptimizerSettings,
        grad_scale: f64,
    ) -> Result<()> {
        let Some(a) = &mut self.adapters else {
            fleet.adamw_step(params, &mut self.moments, lr, settings, grad_scale);
            return Ok(());
        };
        let config = fleet.config().clone();
        let Some((_, cpu)) = fleet.gradient_and_cpu() else {
            return Ok(());
        };
        let lengths = a.lora.lengths().into_iter();
        let decaying: Vec<(usize, bool)> = lengths.map(|len| (len, true)).collect();
        let learned = (&mut a.lora.tensors, &mut self.moments, &a.gradient);
        adamw_tensors(cpu, &decaying, learned, lr, settings, grad_scale);
        Ok(a.lora.apply(cpu, &config, &a.base, params)?)
    }

    /// Writes the adapters, if that is what was learned, as the PEFT library reads them.
    pub fn save_adapters(&self, dir: &Path) -> Result<()> {
        match &self.adapters {
            None => Ok(()),
            Some(a) => Ok(a.lora.save(dir, None, Dtype::F32)?),
        }
    }
}
