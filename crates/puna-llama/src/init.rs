//! Initial parameters. The paper does not say how Llama 2 was initialised; this is the common
//! practice: normal with deviation 0.02, the matrices that write to the residual stream scaled by
//! `1 / sqrt(2 layers)` so that its variance does not grow with depth, gains of norms one.

use crate::config::{Config, HeadKind};
use crate::error::Result;
use crate::model::Model;
use crate::params::{ParamKind, ParamSpec, Params};
use crate::random::Random;
use puna_compute::HostBuf;

/// Deviation of the weights.
const DEVIATION: f64 = 0.02;

impl Model {
    /// A model to train from the beginning. Each tensor has its own random stream, so a seed gives
    /// the same layer whatever the layers around it are.
    pub fn init(config: &Config, seed: u64) -> Result<Self> {
        config.validate()?;
        let residual = DEVIATION / (2.0 * config.layers as f64).sqrt();
        let mut tensors = Vec::new();
        for (stream, spec) in config.param_specs().iter().enumerate() {
            let mut tensor = HostBuf::zeros(spec.len())?;
            let mut random = Random::new(seed, stream as u64);
            match spec.kind {
                ParamKind::AttentionNorm(_) | ParamKind::FfnNorm(_) | ParamKind::Norm => {
                    tensor.fill(1.0)
                }
                ParamKind::Output(_) | ParamKind::Down(_) => {
                    random.fill_normal(&mut tensor, residual)
                }
                _ => random.fill_normal(&mut tensor, DEVIATION),
            }
            tensors.push(tensor);
        }
        Ok(Self {
            config: config.clone(),
            params: Params { tensors },
        })
    }

    /// The same model with a fresh scalar head: what a reward model (paper section 3.2.2) or a
    /// critic begins as. The paper does not say how the head is initialised; here, as every matrix.
    pub fn with_scalar_head(self, seed: u64) -> Result<Self> {
        let before = Params::<HostBuf>::index(ParamKind::Head, &self.config);
        let mut tensors = self.params.tensors;
        if !self.config.tied {
            tensors.truncate(before);
        }
        let config = Config {
            tied: false,
            head: HeadKind::Scalar,
            ..self.config
        };
        let mut head = HostBuf::zeros(ParamSpec::of(&config, ParamKind::Head).len())?;
        Random::new(seed, tensors.len() as u64).fill_normal(&mut head, DEVIATION);
        tensors.push(head);
        Ok(Self {
            config,
            params: Params { tensors },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_and_seeds() {
        let config = Config {
            dim: 64,
            layers: 8,
            heads: 4,
            kv_heads: 2,
            head_dim: 16,
            hidden_dim: 160,
            vocab_size: 300,
            context: 64,
            norm_eps: 1e-5,
            rope_theta: 1e4,
            tied: false,
            head: HeadKind::LanguageModel,
        };
        let model = Model::init(&config, 7).unwrap();
        for (spec, tensor) in config.param_specs().iter().zip(&model.params.tensors) {
            let n = tensor.iter().len() as f64;
            let mean = tensor.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            let deviation = (tensor
                .iter()
                .map(|&v| (f64::from(v) - mean).powi(2))
                .sum::<f64>()
                / n)
                .sqrt();
            let expected = match spec.kind {
                ParamKind::Output(_) | ParamKind::Down(_) => 0.005,
                _ => 0.02,
            };
            if spec.decays() {
                assert!(
                    (deviation / expected - 1.0).abs() < 0.05,
                    "{}: {deviation}",
                    spec.name()
                );
                assert!(
                    mean.abs() < 5.0 * expected / n.sqrt(),
                    "{}: {mean}",
                    spec.name()
                );
            } else {
                assert!(tensor.iter().all(|&v| v == 1.0));
            }
        }
        let again = Model::init(&config, 7).unwrap();
        let other = Model::init(&config, 8).unwrap();
        assert_eq!(model.params.tensors[2][..], again.params.tensors[2][..]);
        assert_ne!(model.params.tensors[2][..], other.params.tensors[2][..]);
        assert_ne!(model.params.tensors[2][..], model.params.tensors[8][..]);
    }
}
