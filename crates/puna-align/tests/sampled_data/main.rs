//! Training data that a policy samples itself: rejection sampling, Ghost Attention, context
//! distillation, with judges whose rules are known.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod context_distillation;
mod ghost_attention;
mod rejection_sampling;

use puna_align::candidates::Policy;
use puna_align::judge::{Judge, Scores};
use puna_align::prompt::Prompt;
use puna_align::rollout::{RolloutOptions, Rollouts};
use puna_llama::Model;
use puna_text::Tokenizer;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the tests sample with.
struct Setting {
    tokenizer: Tokenizer,
    model: Model,
}

impl Setting {
    fn new() -> Self {
        let tokenizer = common::tokenizer();
        let model = common::ending_policy(&tokenizer);
        Self { tokenizer, model }
    }

    fn rollouts(&self, threads: usize) -> Rollouts<'_> {
        let options = RolloutOptions {
            threads,
            slots: 8,
            capacity: 512,
        };
        Rollouts::new(&self.model.config, &self.tokenizer, options).unwrap()
    }

    fn policy<'a, 't>(
        &'a self,
        rollouts: &'a mut Rollouts<'t>,
        judge: &'a mut dyn Judge,
    ) -> Policy<'a, 't> {
        Policy {
            model: &self.model,
            rollouts,
            judge,
            judge_name: "rule",
        }
    }
}

/// Sets `stop` when so many blocks are done.
fn stopping(stop: &AtomicBool, after: Option<usize>) -> impl FnMut(&str, usize, usize) {
    let mut blocks = 0;
    move |_, _, _| {
        blocks += 1;
        stop.store(Some(blocks) == after, Ordering::Relaxed);
    }
}

/// A number in `[0, 1)` that depends on a text and nothing else.
fn number(text: &str, salt: u64) -> f64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, mix);
    (hash >> 11) as f64 * (-53f64).exp2()
}

/// Two scores that no one can guess.
fn rule(_: &Prompt, answer: &str) -> Scores {
    Scores {
        helpfulness: number(answer, 1),
        safety: number(answer, 2),
    }
}

/// Every file under a directory with its bytes, of no temporary one.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut left = vec![dir.to_path_buf()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path
                    .strip_prefix(dir)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                out.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    out
}
