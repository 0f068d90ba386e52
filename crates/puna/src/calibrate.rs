//! How fast this machine trains, measured in about a second on one block of the model.

use puna_compute::{Cpu, Write};
use puna_llama::{Batch, Config, Model, Params, Worker, WorkerOptions};
use std::time::{Duration, Instant};

/// Shapes above these run as fast as these, and would take long to measure.
const MOST_DIM: usize = 768;
const MOST_ROWS: usize = 256;
const MOST_VOCAB: usize = 4096;
/// The block that is measured has about a fifth of these values where heads and feed-forward network are
/// of a usual width. One of more would take memory before anybody knows whether it is there.
const MOST_VALUES: u64 = 1 << 26;

/// Floating-point operations a second of training this model on all threads, counted as
/// [`Config::train_flops_per_token`] counts, from passes that take at least so long. None if a block of
/// the model is too large to measure.
pub fn training_rate(
    config: &Config,
    seq: usize,
    threads: usize,
    least: Duration,
) -> puna_llama::Result<Option<f64>> {
    let scale = (MOST_DIM as f64 / config.dim as f64).min(1.0);
    let heads = ((config.heads as f64 * scale) as usize).max(1);
    let group = (config.heads / config.kv_heads).min(heads);
    let heads = heads / group * group;
    let small = Config {
        dim: heads * config.head_dim,
        layers: 1,
        heads,
        kv_heads: heads / group,
        hidden_dim: ((config.hidden_dim as f64 * scale) as usize).max(1),
        vocab_size: config.vocab_size.min(MOST_VOCAB),
        ..config.clone()
    };
    if small.n_params() > MOST_VALUES {
        return Ok(None);
    }
    let rows = seq.min(MOST_ROWS);
    let tokens: Vec<u32> = (0..rows as u32)
        .map(|i| i.wrapping_mul(7919) % small.vocab_size as u32)
        .collect();
    let mut batch = Batch::default();
    batch.push(&tokens, &tokens);
    let model = Model::init(&small, 1)?;
    let run = |_| -> puna_llama::Result<f64> {
        let options = WorkerOptions {
            max_rows: rows,
            recompute: false,
        };
        let mut worker = Worker::new(Cpu::new(1), &small, options)?;
        let mut gradients = Params::zeros(&Cpu::new(1), &small)?;
        let coefficients = vec![-1.0 / rows as f32; rows];
        let mut pass = || {
            drop(worker.backward(
                &model.params,
                &mut gradients,
                &batch,
                &coefficients,
                Write::Set,
            ))
        };
        pass();
        let (began, mut passes) = (Instant::now(), 0);
        while passes == 0 || began.elapsed() < least {
            pass();
            passes += 1;
        }
        let flops = small.train_flops_per_token(rows) * (passes * rows) as f64;
        Ok(flops / began.elapsed().as_secs_f64())
    };
    let rate: puna_llama::Result<f64> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|i| scope.spawn(move || run(i))).collect();
        handles
            .into_iter()
            .map(|handle| {
                handle
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .sum()
    });
    rate.map(Some)
}
