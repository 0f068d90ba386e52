//! Exact and near duplicates over generated documents, with planted copies: documents a second and
//! core, what was found of what was planted, and peak memory.
//!
//!     cargo run --release -p puna-corpus --example duplicates_benchmark -- DOCUMENTS [DIRECTORY [MEMORY]] [--write FILE]
//!
//! Documents have 100 to 300 words of a vocabulary of 50,000; one in twenty is an earlier one again in
//! other typesetting, one in ten an earlier one with one or two words changed. One thread; files go to
//! DIRECTORY, or where temporary files go. MEMORY is the sort's, in MiB. `--write` writes the documents
//! as JSON lines for others, and does nothing else. Run one size in a process: the peak of memory is
//! the process's.

mod measure;

use measure::{peak_memory_mb, thread_seconds};
use puna_corpus::duplicates::{
    Decisions, DuplicateSettings, MinHasher, Notes, Reason, ShardWriter, exact_key, resolve,
};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Documents generated before they are noted, so that the one is not timed with the other.
const CHUNK: u64 = 2000;
const VOCABULARY: u64 = 50_000;

/// A document is new, or a copy of an earlier new one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    New,
    Exact(u64),
    Near(u64),
}

/// Random numbers below a bound, from a seed (SplitMix64).
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0xd134_2543_de82_ef95);
    move |bound| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// What document `index` is; the plan of any is known without those before it.
fn plan(index: u64) -> Plan {
    let mut draw = numbers(index * 2 + 1);
    let kind = draw(20);
    if index < 100 || kind > 2 {
        return Plan::New;
    }
    // The nearest new one at or before a random place.
    let mut of = draw(index);
    while plan(of) != Plan::New {
        of -= 1;
    }
    if kind == 0 {
        Plan::Exact(of)
    } else {
        Plan::Near(of)
    }
}

fn words(index: u64) -> Vec<u64> {
    let mut draw = numbers(index * 2);
    let length = 100 + draw(201);
    // The lower of two draws: some words are more frequent than others.
    (0..length)
        .map(|_| draw(VOCABULARY).min(draw(VOCABULARY)))
        .collect()
}

fn document(index: u64) -> String {
    let mut draw = numbers(!index);
    let plan = plan(index);
    let mut words = match plan {
        Plan::New => words(index),
        Plan::Exact(of) | Plan::Near(of) => words(of),
    };
    if matches!(plan, Plan::Near(_)) {
        for _ in 0..1 + draw(2) {
            let at = draw(words.len() as u64) as usize;
            words[at] = draw(VOCABULARY);
        }
    }
    let mut text = String::with_capacity(8 * words.len());
    for (place, word) in words.iter().enumerate() {
        let end = if place % 12 == 11 { ".\n" } else { " " };
        let end = if matches!(plan, Plan::Exact(_)) && place % 30 == 29 {
            ", "
        } else {
            end
        };
        // Letters, as words have.
        let mut rest = *word;
        for _ in 0..4 {
            text.push(char::from(b'a' + (rest % 16) as u8));
            rest /= 16;
        }
        text.push_str(end);
    }
    text
}

fn write(documents: u64, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for index in 0..documents {
        let line = serde_json::json!({"id": index.to_string(), "text": document(index)});
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag = arguments.iter().position(|a| a == "--write");
    let file = flag.map(|at| arguments.drain(at..).nth(1).map(PathBuf::from));
    let documents = arguments.first().map_or(Ok(10_000), |a| a.parse::<u64>())?;
    if let Some(file) = file {
        return write(documents, &file.ok_or("--write needs a file")?);
    }
    let scratch = match arguments.get(1) {
        Some(directory) => tempfile::tempdir_in(directory)?,
        None => tempfile::tempdir()?,
    };
    let notes = scratch.path().join("notes");
    std::fs::create_dir(&notes)?;

    let mut settings = DuplicateSettings::default();
    if let Some(mib) = arguments.get(2) {
        settings.memory = mib.parse::<usize>()?.saturating_mul(1 << 20);
    }
    let hasher = MinHasher::new(&settings.near)?;
    let mut writer = ShardWriter::new(&notes, "generated", &settings)?;
    let start = Instant::now();
    let (mut exact_seconds, mut note_seconds, mut folded) = (0.0, 0.0, 0u8);
    let mut from = 0;
    while from < documents {
        let to = documents.min(from + CHUNK);
        let texts: Vec<String> = (from..to).map(document).collect();
        let began = thread_seconds(start);
        for text in &texts {
            folded ^= exact_key(text)[0];
        }
        let between = thread_seconds(start);
        for (index, text) in (from..to).zip(&texts) {
            let site = format!("{}.example", index % 1000);
            writer.add(index, &Notes::new(&hasher, &site, text))?;
        }
        let ended = thread_seconds(start);
        exact_seconds += between - began;
        note_seconds += ended - between;
        from = to;
    }
    std::hint::black_box(folded);
    writer.finish()?;
    let noted_peak = peak_memory_mb();
    let before = thread_seconds(start);
    let began = Instant::now();
    let summary = resolve(&[notes], &settings, scratch.path())?;
    let resolve_seconds = thread_seconds(start) - before;
    let resolve_wall = began.elapsed().as_secs_f64();
    let decided_peak = peak_memory_mb();

    let decisions = Decisions::open(scratch.path())?;
    // Planted and found, found but not planted.
    let (mut exact, mut near, mut exact_found, mut near_found, mut wrong) = (0u64, 0u64, 0, 0, 0);
    for index in 0..documents {
        let found = decisions.duplicate_of(index).map(|d| d.1);
        match plan(index) {
            Plan::New => wrong += u64::from(found.is_some()),
            Plan::Exact(_) => {
                exact += 1;
                exact_found += u64::from(found == Some(Reason::Exact));
            }
            Plan::Near(_) => {
                near += 1;
                near_found += u64::from(found.is_some());
            }
        }
    }
    let count = documents as f64;
    println!("{documents} documents, one thread, seconds of its processor time:");
    println!(
        "  exact keys alone {exact_seconds:.2} s, {:.0} documents/s",
        count / exact_seconds
    );
    println!(
        "  notes (exact keys, signatures, lines) {note_seconds:.2} s, {:.0} documents/s",
        count / note_seconds
    );
    println!(
        "  decision (exact, near, lines) {resolve_seconds:.2} s ({resolve_wall:.2} s on the clock), {:.0} documents/s",
        count / resolve_seconds
    );
    println!(
        "  both {:.0} documents/s/core",
        count / (note_seconds + resolve_seconds)
    );
    // The last holds the mapped file of duplicates too, all of which was looked at.
    println!(
        "  peak memory {noted_peak:.0} MB with the notes, {decided_peak:.0} with the decision, {:.0} with \
         the look-ups; the sort's memory {:.0} MB",
        peak_memory_mb(),
        settings.memory as f64 / 1e6
    );
    println!(
        "  found {exact_found} of {exact} exact copies, {near_found} of {near} near ones; {wrong} wrongly; {} clusters",
        summary.clusters.values().sum::<u64>()
    );
    Ok(())
}
