//! The loop that pretraining, supervised fine-tuning and reward modelling share: batch, gradient,
//! clip, AdamW, metrics, validation, checkpoint. What differs between them is where the batches come
//! from and, for reward models, the loss.

use crate::checkpoint::{Checkpoints, Identity, Saved, State};
use crate::error::{Error, Result};
use crate::fleet::{Fleet, FleetOptions, StepLoss};
use crate::learned::{Learned, LoraSettings};
use crate::loader::Cursor;
use crate::metrics::{MetricsLog, StepMetrics};
use crate::optimizer::OptimizerSettings;
use crate::schedule::Schedule;
use crate::sequence::Sequence;
use crate::settings::CheckpointSettings;
use puna_compute::HostBuf;
use puna_llama::{Model, Params};
use puna_text::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The loss on held-out data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Steps done before it.
    pub step: u64,
    /// Mean loss, nats a predicted token.
    pub loss: f64,
    /// Predicted tokens; for a reward model, pairs.
    pub tokens: u64,
    /// Loss in bits by the bytes of text predicted; none for dialogues and pairs.
    pub bits_per_byte: Option<f64>,
    /// Share of the pairs whose chosen answer scores higher; for reward models only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// What a run tells while it goes on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step is done.
    Step {
        /// Steps in all.
        steps: u64,
        /// Its figures.
        metrics: StepMetrics,
    },
    /// Held-out data were looked at.
    Validation(Validation),
    /// A checkpoint is safe on disk.
    CheckpointSaved {
        /// Steps done.
        step: u64,
        /// Its directory.
        path: PathBuf,
    },
    /// The run goes on from a checkpoint.
    ResumedFrom {
        /// Steps done.
        step: u64,
        /// Its directory.
        path: PathBuf,
    },
    /// Something to look at; the run goes on.
    Warning(String),
}

/// What came out, the same for equal runs however often they were interrupted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSummary {
    /// Steps taken.
    pub steps: u64,
    /// Rows trained on.
    pub tokens: u64,
    /// Loss of the first step.
    pub first_loss: f64,
    /// Loss of the last step.
    pub last_loss: f64,
    /// Every validation.
    pub validations: Vec<Validation>,
}

/// Where a run's batches come from, and what is minimised over them.
pub trait Source {
    /// The sequences of the next step, whose number, counted from 1, is `step`.
    fn next_batch(&mut self, step: u64) -> Result<Vec<Sequence>>;
    /// The loss of the batch that [`Source::next_batch`] gave last, its gradient left in the fleet:
    /// next-token prediction, unless a source says otherwise.
    fn loss_and_grad(
        &mut self,
        fleet: &mut Fleet,
        params: &Params<HostBuf>,
        batch: &[Sequence],
    ) -> Result<StepLoss> {
        fleet.loss_and_grad(params, batch)
    }
    /// Where the next batch begins.
    fn cursor(&self) -> Cursor;
    /// Goes back there.
    fn seek(&mut self, cursor: Cursor) -> Result<()>;
    /// Looks at held-out data if it is time to, `step` steps done and the batch after them next.
    fn validate(
        &mut self,
        fleet: &mut Fleet,
        params: &Params<HostBuf>,
        step: u64,
    ) -> Result<Option<Validation>>;
}

/// What the loop needs beside the model and the data.
pub struct Run<'a> {
    /// Directory of the checkpoints and metrics.
    pub dir: &'a Path,
    /// Learning rates, and with them the number of steps.
    pub schedule: Schedule,
    /// AdamW.
    pub optimizer: &'a OptimizerSettings,
    /// When the run saves itself.
    pub checkpoints: &'a CheckpointSettings,
    /// How a step is spread over the machine.
    pub fleet: FleetOptions,
    /// Adapters to train in place of the weights, and the seed they are drawn by. They are left in
    /// [`ADAPTER_DIR`] as well as merged into the model.
    pub lora: Option<(&'a LoraSettings, u64)>,
    /// What must be the same for the run to go on from a checkpoint.
    pub identity: Identity,
    /// Set it, and the run ends after the current step with a checkpoint and [`Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears what goes on.
    pub on_event: &'a mut dyn FnMut(Event),
}

/// Name of the metrics in a run's directory.
pub const METRICS_FILE: &str = "metrics.jsonl";
/// Name of the adapters' directory in a run's directory, if it trained adapters.
pub const ADAPTER_DIR: &str = "adapter";
/// Name of the checkpoints' directory in a run's directory.
pub const CHECKPOINT_DIR: &str = "checkpoints";

/// Trains to the schedule's end, from the last checkpoint if there is one.
pub fn train(
    run: Run<'_>,
    mut model: Model,
    source: &mut dyn Source,
) -> Result<(Model, TrainSummary)> {
    run.schedule.validate()?;
    run.optimizer.validate()?;
    std::fs::create_dir_all(run.dir).map_err(Error::io("create", run.dir))?;
    let checkpoints = Checkpoints::new(&run.dir.join(CHECKPOINT_DIR), run.checkpoints.keep);
    let mut learned = Learned::new(&model, run.lora)?;
    let (config, params) = (&model.config, &mut model.params);
    let mut warnings = Vec::new();
    let latest = checkpoints.latest::<State>(&run.identity, &mut |w| warnings.push(w));
    warnings
        .into_iter()
        .for_each(|w| (run.on_event)(Event::Warning(w)));
    let mut state = match latest? {
        Some(mut saved) => {
            learned.restore(&mut saved, config, params)?;
            let Saved { path, state, .. } = saved;
            source.seek(state.cursor)?;
            if state.code != env!("CARGO_PKG_VERSION") {
                let version = &state.code;
                let what = format!("{} was written by version {version}", path.display());
                (run.on_event)(Event::Warning(what));
            }
            (run.on_event)(Event::ResumedFrom {
                step: state.step,
                path,
            });
            state
        }
        None => State::new(run.identity),
    };
    let mut fleet = Fleet::new(config, run.fleet)?;
    let mut metrics = MetricsLog::open(&run.dir.join(METRICS_FILE), state.step)?;
    if state.step == 0
        && !validate(
            source,
            &mut fleet,
            params,
            &mut state,
            &mut metrics,
            run.on_event,
        )?
    {
        return Err(non_finite(HELD_OUT, run.dir, 0, &mut fleet, params, &[]));
    }

    while state.step < run.schedule.total {
        let began = Instant::now();
        let step = state.step + 1;
        let batch = source.next_batch(step)?;
        let outcome = source.loss_and_grad(&mut fleet, params, &batch)?;
        let grad_norm = learned.grad_norm(&mut fleet)?;
        let culprit = match (outcome.loss.is_finite(), run.optimizer.can_step(grad_norm)) {
            (true, true) => None,
            (false, _) => Some("loss"),
            (true, false) => Some("gradient"),
        };
        if let Some(what) = culprit {
            return Err(non_finite(what, run.dir, step, &mut fleet, params, &batch));
        }
        let lr = run.schedule.lr(step);
        let scale = run.optimizer.grad_scale(grad_norm);
        learned.step(&mut fleet, params, lr, run.optimizer, scale)?;

        state.step = step;
        state.tokens += outcome.rows as u64;
        state.cursor = source.cursor();
        state.last_loss = outcome.loss;
        if step == 1 {
            state.first_loss = outcome.loss;
        }
        let line = StepMetrics {
            step,
            tokens: state.tokens,
            loss: outcome.loss,
            lr,
            grad_norm,
            tokens_per_second: outcome.rows as f64 / began.elapsed().as_secs_f64().max(1e-9),
        };
        metrics.step(&line)?;
        (run.on_event)(Event::Step {
            steps: run.schedule.total,
            metrics: line,
        });
        let sound = validate(
            source,
            &mut fleet,
            params,
            &mut state,
            &mut metrics,
            run.on_event,
        )?;
        if !sound {
            return Err(non_finite(
                HELD_OUT, run.dir, step, &mut fleet, params, &batch,
            ));
        }

        let last = step == run.schedule.total;
        let stop = run.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) && !last;
        let due = run.checkpoints.every > 0 && step.is_multiple_of(run.checkpoints.every);
        if last || stop || due {
            // A step can overflow the weights themselves; what is saved must be able to go on.
            if params
                .tensors
                .iter()
                .any(|t| t.iter().any(|w| !w.is_finite()))
            {
                return Err(non_finite(
                    "updated model",
                    run.dir,
                    step,
                    &mut fleet,
                    params,
                    &batch,
                ));
            }
            let path = checkpoints.save(&learned.parts(config, params), &state)?;
            (run.on_event)(Event::CheckpointSaved { step, path });
        }
        if stop {
            return Err(Error::Stopped { step });
        }
    }
    learned.save_adapters(&run.dir.join(ADAPTER_DIR))?;
    let summary = TrainSummary {
        steps: state.step,
        tokens: state.tokens,
        first_loss: state.first_loss,
        last_loss: state.last_loss,
        validations: state.validations,
    };
    Ok((model, summary))
}

/// What a validation can find to be not finite.
const HELD_OUT: &str = "held-out loss";

/// Looks at held-out data if it is time to. False, and nothing recorded, if the loss is not finite: JSON has no
/// such number, and a checkpoint whose record held it could not be read again.
fn validate(
    source: &mut dyn Source,
    fleet: &mut Fleet,
    params: &Params<HostBuf>,
    state: &mut State,
    metrics: &mut MetricsLog,
    on_event: &mut dyn FnMut(Event),
) -> Result<bool> {
    if let Some(validation) = source.validate(fleet, params, state.step)? {
        if !validation.loss.is_finite() {
            return Ok(false);
        }
        metrics.validation(&validation)?;
        state.validations.push(validation.clone());
        on_event(Event::Validation(validation));
    }
    Ok(true)
}

/// The error that ends a run, with the step's batch saved; or the one that kept it from being saved.
fn non_finite(
    what: &'static str,
    dir: &Path,
    step: u64,
    fleet: &mut Fleet,
    params: &Params<HostBuf>,
    batch: &[Sequence],
) -> Error {
    let tensor = fleet.find_non_finite(params, batch);
    let saved = (step > 0).then(|| dump(dir, step, batch)).transpose();
    saved.map_or_else(
        |error| error,
        |batch| Error::NonFinite {
            step,
            what,
            tensor,
            batch,
        },
    )
}

/// Saves the batch that broke the run.
fn dump(dir: &Path, step: u64, batch: &[Sequence]) -> Result<PathBuf> {
    #[derive(Serialize)]
    struct Dump<'a> {
        step: u64,
        sequences: &'a [Sequence],
    }
    let path = dir.join(format!("non-finite-step-{step:08}.json"));
    let json = serde_json::to_vec(&Dump {
        step,
        sequences: batch,
    })
    .map_err(|e| Error::format(&path, e.to_string()))?;
    write_atomically(&path, &json)?;
    Ok(path)
}

/// Sum of the weighted losses of sequences, and of the weights.
pub(crate) fn held_out_loss(
    fleet: &mut Fleet,
    params: &Params<HostBuf>,
    sequences: &[Sequence],
) -> Result<(f64, f64)> {
    let (mut nats, mut weight) = (0.0, 0.0);
    for (logprobs, sequence) in fleet.logprobs(params, sequences)?.iter().zip(sequences) {
        for (&logp, &w) in logprobs
            .iter()
            .zip(&sequence.weights)
            .filter(|&(_, &w)| w != 0.0)
        {
            nats -= f64::from(w) * f64::from(logp);
            weight += f64::from(w);
        }
    }
    Ok((nats, weight))
}
