//! Mutates files at random and gives them to what reads them, to find panics and endless work:
//!
//!     cargo run --release -p puna-corpus --example fuzz_read -- SECONDS [SEED] [FIRST] [DIRECTORY]
//!
//! Execution N of a seed is the same in every run, so what is found can be made again from FIRST = N
//! and one second. An input that panics, or that takes longer than a second, is written to the
//! directory of temporary files and named.

#[path = "../measure/mod.rs"]
#[allow(dead_code)]
mod measure;
mod mutate;
#[path = "../../src/read/tests/samples.rs"]
#[allow(dead_code, missing_docs, clippy::unwrap_used)]
mod samples;
mod seeds;
mod targets;

use measure::thread_seconds;
use mutate::Random;
use seeds::Seeds;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use targets::{Case, Outcome, Target};

/// An input that takes more seconds of processor time is worth a look.
const SLOW: f64 = 1.0;

/// What the last panic said. Those of Parquet's decoder are caught where it is called and count as
/// damage; only what comes as far as here is told.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// What was counted of a target.
#[derive(Default, Clone, Copy)]
struct Count {
    executions: u64,
    bytes: u64,
    outcome: Outcome,
    panics: u64,
    spent: f64,
    slowest: (f64, u64),
}

fn save(target: Target, execution: u64, case: &Case) -> PathBuf {
    let extension = case.name.rsplit('/').next().unwrap_or_default();
    let extension = extension.split_once('.').map_or("bytes", |n| n.1);
    let name = format!("fuzz-{}-{execution}.{extension}", target.name());
    let path = std::env::temp_dir().join(name);
    if let Err(e) = std::fs::write(&path, &case.bytes) {
        println!("cannot write {}: {e}", path.display());
    }
    path
}

fn main() -> puna_corpus::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|a| a.parse::<u64>().ok());
    let (seconds, seed) = (number(0).unwrap_or(10), number(1).unwrap_or(1));
    let first = number(2).unwrap_or(0);
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/web");
    let directory = arguments.get(3).map_or(web, String::as_str);
    let mut seeds = Seeds::built_in();
    match seeds.add_directory(directory) {
        Ok(()) => {}
        // Without the shared files there are still the samples.
        Err(e) if arguments.len() < 4 => println!("without real files: {e}"),
        Err(e) => return Err(e),
    }

    std::panic::set_hook(Box::new(|info| {
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
    let mut counts = [Count::default(); Target::ALL.len()];
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let mut told = start;
    let mut execution = first;
    while start.elapsed() < limit {
        let at = (execution % Target::ALL.len() as u64) as usize;
        let (target, count) = (Target::ALL[at], &mut counts[at]);
        let mut random = Random(seed.wrapping_mul(1 << 40).wrapping_add(execution));
        let case = targets::make(target, &seeds, &mut random);
        let began = thread_seconds(start);
        let outcome = catch_unwind(AssertUnwindSafe(|| targets::run(target, &case)));
        let spent = thread_seconds(start) - began;
        count.executions += 1;
        count.bytes += case.bytes.len() as u64;
        count.spent += spent;
        if spent > count.slowest.0 {
            count.slowest = (spent, execution);
        }
        match outcome {
            Ok(outcome) => {
                count.outcome.pages += outcome.pages;
                count.outcome.damaged += outcome.damaged;
                count.outcome.refused += outcome.refused;
            }
            Err(_) => {
                count.panics += 1;
                let path = save(target, execution, &case);
                let said = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
                println!("panic in execution {execution}: {}: {said}", path.display());
            }
        }
        if spent > SLOW {
            let path = save(target, execution, &case);
            println!(
                "execution {execution} took {spent:.1} s: {}",
                path.display()
            );
        }
        execution += 1;
        // So that what aborts the process can be made again.
        if told.elapsed() > Duration::from_secs(60) {
            println!("at execution {execution} of seed {seed}");
            told = Instant::now();
        }
    }
    println!("target      executions  panics      MB      pages    damaged  refused  s  slowest");
    for (target, count) in Target::ALL.iter().zip(&counts) {
        println!(
            "{:<10} {:>11} {:>7} {:>7.0} {:>10} {:>10} {:>8} {:>4.0}  {:.0} ms (execution {})",
            target.name(),
            count.executions,
            count.panics,
            count.bytes as f64 / 1e6,
            count.outcome.pages,
            count.outcome.damaged,
            count.outcome.refused,
            count.spent,
            count.slowest.0 * 1e3,
            count.slowest.1,
        );
    }
    let panics: u64 = counts.iter().map(|c| c.panics).sum();
    println!(
        "{} executions of seed {seed} in {:.0} s, {panics} panics",
        execution - first,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
