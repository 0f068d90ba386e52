//! The exact divergence from the reference over whole answers (paper section 3.2.3, equation 3), for
//! the log: at every position over the vocabulary, and not only at the token that was sampled.

use super::episode::Episode;
use super::kl::exact;
use crate::error::Result;
use puna_compute::{Cpu, WeightFormat};
use puna_llama::{Decoder, Feed, LogitRows, Model};
use puna_train::Sequence;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Most positions whose logits are held at once.
const CHUNK: usize = 128;

/// Mean over the answers of the divergence summed over an answer's positions, nats.
pub(crate) fn mean_exact_kl(
    policy: &Model,
    reference: &Model,
    sequences: &[Sequence],
    episodes: &[Episode],
    threads: usize,
) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let longest = sequences.iter().map(Sequence::rows).max().unwrap_or(1);
    let work = || -> Result<Vec<(usize, f64)>> {
        let decoder = |model: &Model| {
            let format = WeightFormat::Training;
            Decoder::new(
                Cpu::new(1),
                &model.config,
                &model.params,
                format,
                1,
                longest,
            )
        };
        let (mut p, mut q) = (decoder(policy)?, decoder(reference)?);
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(sequence) = sequences.get(index) else {
                return Ok(done);
            };
            done.push((
                index,
                of_answer(&mut p, &mut q, sequence, episodes[index].lead)?,
            ));
        }
    };
    let work = &work;
    let mut each = vec![0.0; sequences.len()];
    thread::scope(|scope| -> Result<()> {
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for handle in handles {
            let done = handle
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            done.into_iter().for_each(|(index, kl)| each[index] = kl);
        }
        Ok(())
    })?;
    Ok(each.iter().sum::<f64>() / each.len() as f64)
}

fn of_answer(
    policy: &mut Decoder<Cpu>,
    reference: &mut Decoder<Cpu>,
    sequence: &Sequence,
    lead: usize,
) -> Result<f64> {
    let vocab = policy.config().vocab_size;
    policy.truncate(0, 0);
    reference.truncate(0, 0);
    let mut sum = 0.0;
    let mut row = 0;
    for tokens in sequence.tokens.chunks(CHUNK) {
        let feed = [Feed { slot: 0, tokens }];
        let p = policy.feed(&feed, LogitRows::All)?;
        let q = reference.feed(&feed, LogitRows::All)?;
        for (p, q) in p.chunks_exact(vocab).zip(q.chunks_exact(vocab)) {
            if row >= lead {
                sum += exact(p, q);
            }
            row += 1;
        }
    }
    Ok(sum)
}
