//! Mutates real files at random and reads them, to find panics and endless work:
//! `cargo run --release --example fuzz_read -- SECONDS [SEED] [DIRECTORY]`.
//!
//! Whatever is found is printed with its seed and written beside, to be read again.

use puna_corpus::read::{self, Limits};
use puna_corpus::{Body, Page};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Random numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// What parsers decide by.
const TOKENS: &[&[u8]] = &[
    b"\r\n\r\n",
    b"\n",
    b"WARC/1.0\r\n",
    b"Content-Length: 99999999999\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: br\r\n",
    b"Content-Encoding: deflate, zstd\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"ffffffff\r\n",
    b"0\r\n\r\n",
    b"charset=utf-16le",
    b"<meta charset=iso-2022-jp>",
    b"<?xml encoding='gb18030'?>",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x1b$B",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\x5d\x2a\x4d\x18\xff\xff\xff\x00",
    b"</",
    b"<!--",
    b"<table><tr><td>",
    b"&#x110000;",
    b"\0",
];

fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..1 + random.below(8) {
        if bytes.is_empty() {
            bytes.push(random.next() as u8);
        }
        let at = random.below(bytes.len());
        let end = bytes.len().min(at + 1 + random.below(200));
        match random.below(9) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            4 => {
                let from = random.below(other.len());
                let part = &other[from..other.len().min(from + 500)];
                bytes.splice(at..at, part.iter().copied());
            }
            5 if random.below(4) == 0 => bytes.truncate(at),
            6 => {
                let digit = bytes[at..].iter().position(u8::is_ascii_digit);
                if let Some(digit) = digit {
                    bytes[at + digit] = b'0' + random.below(10) as u8;
                }
            }
            _ => {
                let token = TOKENS[random.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
}

/// Files as they are, and what is inside those that are compressed as a whole or by records, so
/// that check sums do not keep mutations from what is behind them.
fn seeds(directory: &str) -> puna_corpus::Result<Vec<(String, Vec<u8>)>> {
    let mut seeds = Vec::new();
    for input in read::expand(&[directory.to_owned()])? {
        if input.bytes() > 300_000 {
            continue;
        }
        let Ok(bytes) = std::fs::read(input.name()) else {
            continue;
        };
        if let Some(name) = input.name().strip_suffix(".gz") {
            let mut inside = Vec::new();
            let mut decoder = flate2::read::MultiGzDecoder::new(&*bytes);
            let _ = std::io::Read::read_to_end(&mut decoder, &mut inside);
            seeds.push((name.to_owned(), inside));
        }
        seeds.push((input.name().to_owned(), bytes));
    }
    Ok(seeds)
}

/// What is done with a page that was read.
fn take(page: &Page) -> usize {
    let (Body::Html(text) | Body::Text(text)) = &page.body;
    text.len()
}

fn main() -> puna_corpus::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|a| a.parse::<u64>().ok());
    let seconds = number().unwrap_or(10);
    let seed = number().unwrap_or(1);
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/web");
    let directory = arguments.next().unwrap_or_else(|| web.to_owned());
    let seeds = seeds(&directory)?;
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let (mut runs, mut pages, mut damaged, mut refused, mut panics) =
        (0u64, 0u64, 0u64, 0u64, 0u64);
    let (mut read_bytes, mut slowest) = (0u64, (Duration::ZERO, 0u64));
    while start.elapsed() < limit {
        let run = seed.wrapping_mul(1 << 40).wrapping_add(runs);
        let mut random = Random(run);
        let (name, bytes) = &seeds[random.below(seeds.len())];
        let other = &seeds[random.below(seeds.len())].1;
        let mut bytes = bytes.clone();
        mutate(&mut bytes, other, &mut random);
        read_bytes += bytes.len() as u64;
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let opened = read::from_bytes(name, bytes.clone(), Limits { record: 1 << 20 });
            let Ok(opened) = opened else { return (0, 0, 1) };
            opened.fold((0, 0, 0), |(pages, damaged, refused), item| match item {
                Ok(page) => (pages + u64::from(take(&page) > 0), damaged, refused),
                Err(_) => (pages, damaged + 1, refused),
            })
        }));
        slowest = slowest.max((began.elapsed(), run));
        match outcome {
            Ok(counts) => {
                pages += counts.0;
                damaged += counts.1;
                refused += counts.2;
            }
            Err(_) => {
                panics += 1;
                let path = std::env::temp_dir().join(format!("fuzz_read-{run}"));
                let written = std::fs::write(&path, &bytes);
                println!(
                    "panic with seed {run} of {name}: {} {written:?}",
                    path.display()
                );
            }
        }
        runs += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{runs} executions from {} seeds in {seconds:.0} s ({:.0}/s, {:.0} MB/s): {panics} panics; \
         {pages} pages, {damaged} damaged records, {refused} files refused; slowest {:.0} ms (seed {})",
        seeds.len(),
        runs as f64 / seconds,
        read_bytes as f64 / seconds / 1e6,
        slowest.0.as_secs_f64() * 1e3,
        slowest.1,
    );
    Ok(())
}
