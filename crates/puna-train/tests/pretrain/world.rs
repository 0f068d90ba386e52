//! Pretraining runs in a directory of their own.

use crate::common::{bits, config, listener, stories, token_set, tokenizer};
use puna_llama::{Config, Model};
use puna_train::tokens::{BuildOptions, TokenSet};
use puna_train::{
    CHECKPOINT_DIR, CheckpointSettings, Error, Event, Init, LayoutSettings, METRICS_FILE,
    PretrainJob, PretrainSettings, StepMetrics, TrainSummary, pretrain,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub struct World {
    pub dir: tempfile::TempDir,
    pub set: TokenSet,
    pub config: Config,
    pub settings: PretrainSettings,
}

pub fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let options = BuildOptions {
        held_out: 0.1,
        ..BuildOptions::default()
    };
    let set = token_set(
        &dir.path().join("tokens"),
        &tokenizer,
        &stories(150, 9),
        &options,
    );
    let settings = PretrainSettings {
        seq_len: 32,
        batch_sequences: 4,
        steps: Some(20),
        lr: 1e-2,
        warmup_steps: 3,
        seed: 4,
        validate_every: 8,
        layout: LayoutSettings {
            lanes: 3,
            micro_batch_rows: Some(64),
            recompute: false,
        },
        checkpoint: CheckpointSettings { every: 5, keep: 2 },
        ..PretrainSettings::default()
    };
    World {
        dir,
        set,
        config: config(tokenizer.vocab_size()),
        settings,
    }
}

impl World {
    pub fn dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs, and asks to stop after a step if one is given.
    pub fn run(
        &self,
        name: &str,
        threads: usize,
        init: Init,
        stop_after: Option<u64>,
    ) -> (puna_train::Result<(Model, TrainSummary)>, Vec<Event>) {
        let (stop, mut events) = (AtomicBool::new(false), Vec::new());
        let mut on_event = listener(&stop, &mut events, stop_after);
        let result = pretrain(PretrainJob {
            dir: &self.dir(name),
            config: &self.config,
            settings: &self.settings,
            train: &self.set.train,
            valid: Some(&self.set.valid),
            threads,
            init,
            stop: Some(&stop),
            on_event: &mut on_event,
        });
        drop(on_event);
        (result, events)
    }

    pub fn finish(&self, name: &str, threads: usize) -> (Vec<u32>, TrainSummary, Vec<Event>) {
        let (result, events) = self.run(name, threads, Init::Seed(1), None);
        let (model, summary) = result.unwrap();
        (bits(&model.params), summary, events)
    }

    pub fn stop(&self, name: &str, after: u64) {
        let (result, _) = self.run(name, 1, Init::Seed(1), Some(after));
        assert!(matches!(result, Err(Error::Stopped { step }) if step == after));
    }

    pub fn checkpoint(&self, name: &str, step: u64) -> PathBuf {
        self.dir(name)
            .join(CHECKPOINT_DIR)
            .join(format!("step-{step:08}"))
    }

    /// The metrics without the rates, the only thing that may differ.
    pub fn metrics(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir(name).join(METRICS_FILE)).unwrap();
        let same = |line: &str| match serde_json::from_str::<StepMetrics>(line) {
            Ok(step) => format!(
                "{:?}",
                StepMetrics {
                    tokens_per_second: 0.0,
                    ..step
                }
            ),
            Err(_) => line.to_string(),
        };
        text.lines().map(same).collect()
    }
}

pub fn resumed(events: &[Event]) -> Option<u64> {
    events.iter().find_map(|e| {
        if let Event::ResumedFrom { step, .. } = e {
            Some(*step)
        } else {
            None
        }
    })
}

pub fn warnings(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|e| {
            if let Event::Warning(what) = e {
                Some(what.as_str())
            } else {
                None
            }
        })
        .collect()
}

pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
