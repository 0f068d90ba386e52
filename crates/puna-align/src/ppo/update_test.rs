//! The gradient steps of PPO against PyTorch (scripts/fixtures/ppo_step.py): loss, every gradient, the
//! clip of its norm, and the weights after the step.

#![allow(clippy::unwrap_used)]

use super::episode::Episode;
use super::settings::PpoSettings;
use super::update::{Learner, Stepped, critic_step, policy_step};
use crate::answer_rows::answer_rows;
use crate::error::Result;
use puna_compute::HostBuf;
use puna_llama::safetensors::SafeTensors;
use puna_llama::{Config, Model, Params};
use puna_train::{FleetOptions, Sequence};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/ppo_step")
        .join(name)
}

struct Expected(SafeTensors);

impl Expected {
    fn f32s(&mut self, name: &str) -> Vec<f32> {
        let mut out = vec![0.0; self.0.entries()[name].len()];
        self.0.read(name, &mut out).unwrap();
        out
    }

    fn f64s(&mut self, name: &str) -> Vec<f64> {
        self.f32s(name).into_iter().map(f64::from).collect()
    }

    fn u32s(&mut self, name: &str) -> Vec<u32> {
        let bytes = self.0.read_bytes(name).unwrap();
        let values = bytes.chunks_exact(4);
        values
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }

    /// The mini-batch. What was sampled and what is aimed at go into the places of policy and critic alike.
    fn mini_batch(&mut self) -> (Vec<Sequence>, Vec<Episode>) {
        let (prompts, answers) = (self.u32s("prompts"), self.u32s("answers"));
        let (sampled, aims) = (self.f64s("sampled"), self.f64s("aims"));
        let tokens = self.u32s("tokens");
        let (mut at, mut done) = (0, 0);
        let each = prompts.iter().zip(&answers).map(|(&prompt, &answer)| {
            let (prompt, answer) = (prompt as usize, answer as usize);
            let (own, figures) = (&tokens[at..][..prompt + answer], done..done + answer);
            (at, done) = (at + prompt + answer, done + answer);
            let episode = Episode {
                lead: prompt - 1,
                sampled: sampled[figures.clone()].to_vec(),
                values: sampled[figures.clone()].to_vec(),
                advantages: aims[figures.clone()].to_vec(),
                returns: aims[figures].to_vec(),
                ..Episode::default()
            };
            (answer_rows(&own[..prompt], &own[prompt..]), episode)
        });
        each.unzip()
    }

    /// Every tensor of a model within a hundred-thousandth of its length.
    fn assert_all(&mut self, what: &str, config: &Config, params: &Params<HostBuf>) {
        for (spec, values) in config.param_specs().iter().zip(&params.tensors) {
            let mut at = 0;
            for (name, rows) in &spec.parts {
                let found = &values[at..at + rows * spec.n_in];
                at += found.len();
                let expected = self.f32s(&format!("{what}.{name}"));
                assert_eq!(found.len(), expected.len(), "{name}");
                let square = |v: f64| v * v;
                let pairs = found.iter().zip(&expected);
                let off: f64 = pairs.map(|(&a, &b)| square(f64::from(a - b))).sum();
                let length: f64 = expected.iter().map(|&b| square(f64::from(b))).sum();
                let off = (off / length).sqrt();
                // What is not a number is far from everything.
                assert!(
                    off.is_finite() && off < 1e-5,
                    "{what}.{name} is off by {off}"
                );
            }
        }
    }
}

type Step = fn(&mut Learner, &[Sequence], &[Episode], &PpoSettings) -> Result<Stepped>;

fn against_pytorch(name: &str, step: Step) {
    let settings = PpoSettings {
        lr: 1e-2,
        critic_lr: 1e-2,
        ..PpoSettings::default()
    };
    // Both answers in a lane and a micro-batch, each in its own lane, each in its own micro-batch.
    for (lanes, rows) in [(1, 32), (2, 32), (1, 13)] {
        let dir = fixture(name);
        let file = dir.join("expected.safetensors");
        let mut expected = Expected(SafeTensors::open(&file).unwrap());
        let (sequences, episodes) = expected.mini_batch();
        let options = FleetOptions {
            lanes,
            threads: 2,
            micro_batch_rows: rows,
            recompute: false,
        };
        let mut learner = Learner::new(Model::load(&dir).unwrap(), options).unwrap();
        let stepped = step(&mut learner, &sequences, &episodes, &settings).unwrap();

        let near = |found: f64, expected: f32| {
            let expected = f64::from(expected);
            assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
        };
        near(stepped.totals.mean_loss(), expected.f32s("loss")[0]);
        near(stepped.grad_norm, expected.f32s("grad_norm")[0]);
        let clipped = stepped.totals.clipped as u32;
        assert_eq!(
            (stepped.totals.tokens, vec![clipped]),
            (12, expected.u32s("clipped"))
        );
        let config = &learner.model.config;
        expected.assert_all("grad", config, learner.fleet.gradient().unwrap());
        expected.assert_all("step", config, &learner.model.params);
    }
}

#[test]
fn a_step_of_the_policy() {
    against_pytorch("policy", policy_step);
}

#[test]
fn a_step_of_the_critic() {
    against_pytorch("critic", critic_step);
}
