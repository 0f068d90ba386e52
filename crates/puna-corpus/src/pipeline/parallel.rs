//! A map over a stream with several threads, its results in the stream's order, memory bounded.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Applies `work` to what `source` yields on `threads` threads and hands the results to `sink` in
/// order. No more than a few items for each thread are held; the first error of `sink` ends it.
pub(crate) fn ordered_map<T: Send, U: Send, E>(
    threads: usize,
    source: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> U + Sync,
    mut sink: impl FnMut(U) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.max(1);
    // Each item travels with the way back for its result; the ways back queue in order.
    type Task<T, U> = (T, SyncSender<U>);
    let (give, take) = sync_channel::<Task<T, U>>(threads);
    let (queue, results) = sync_channel::<Receiver<U>>(2 * threads);
    let take = Mutex::new(take);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for item in source {
                let (answer, result) = sync_channel(1);
                if queue.send(result).is_err() || give.send((item, answer)).is_err() {
                    break;
                }
            }
        });
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let task = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((item, answer)) = task else {
                        break;
                    };
                    // Nobody waits for it any more once the sink has failed.
                    let _ = answer.send(work(item));
                }
            });
        }
        // Moved in, so that it is gone at the end and the reader stops.
        let results = results;
        for result in results.iter() {
            if let Ok(value) = result.recv() {
                sink(value)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_errors_end_it() {
        for threads in [1, 2, 7] {
            let mut seen = Vec::new();
            let done: Result<(), ()> = ordered_map(
                threads,
                0..500u64,
                |i| i * i,
                |i| {
                    seen.push(i);
                    Ok(())
                },
            );
            assert_eq!(done, Ok(()));
            assert!(seen.iter().copied().eq((0..500u64).map(|i| i * i)));
            let stopped = ordered_map(
                threads,
                0..,
                |i: u64| i,
                |i| if i < 9 { Ok(()) } else { Err(i) },
            );
            assert_eq!(stopped, Err(9));
        }
    }
}
