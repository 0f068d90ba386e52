//! Encoding and training speed on one thread, for comparison by `bench/peers/tokenizer.py`.
//!
//! `encode_bench encode TOKENIZER FILE lines|whole [REPEATS] [IDS_OUT]` prints the seconds of the best run, with
//! one call for each line or one over the whole file; `IDS_OUT` receives the ids as little-endian u32.
//! `encode_bench convert TOKENIZER OUT_DIR` writes the tokenizer's files.
//! `encode_bench train FILE VOCAB_SIZE [OUT_DIR]` prints the seconds of training on the file's text.

use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use puna_text::{Tokenizer, TrainOptions};

const USAGE: &str = "usage: encode_bench encode TOKENIZER FILE lines|whole [REPEATS] [IDS_OUT] | convert TOKENIZER OUT_DIR | \
     train FILE VOCAB_SIZE [OUT_DIR]";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [
            "encode",
            tokenizer,
            file,
            mode @ ("lines" | "whole"),
            ref rest @ ..,
        ] => encode(tokenizer, file, mode == "lines", rest),
        ["convert", tokenizer, dir] => {
            Tokenizer::load(Path::new(tokenizer))?.save(Path::new(dir))?;
            println!("{{}}");
            Ok(())
        }
        ["train", file, vocab_size, ref rest @ ..] => {
            train(file, vocab_size.parse()?, rest.first())
        }
        _ => Err(USAGE.into()),
    }
}

fn encode(tokenizer: &str, file: &str, by_line: bool, rest: &[&str]) -> Result<(), Box<dyn Error>> {
    let tokenizer = Tokenizer::load(Path::new(tokenizer))?;
    let text = fs::read_to_string(file)?;
    let parts: Vec<&str> = if by_line {
        text.split('\n').collect()
    } else {
        vec![&text]
    };
    let repeats: u32 = rest.first().map_or(Ok(5), |n| n.parse())?;
    let mut best = f64::INFINITY;
    let mut ids = Vec::new();
    for _ in 0..repeats.max(1) {
        ids.clear();
        let start = Instant::now();
        for part in &parts {
            tokenizer.encode_into(part, &mut ids);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let speed = text.len() as f64 / 1e6 / best;
    println!(
        "{{\"seconds\": {best:.6}, \"mb_per_s\": {speed:.2}, \"tokens\": {}}}",
        ids.len()
    );
    if let Some(out) = rest.get(1) {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        fs::write(out, bytes)?;
    }
    Ok(())
}

fn train(file: &str, vocab_size: usize, dir: Option<&&str>) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let options = TrainOptions {
        vocab_size,
        ..TrainOptions::default()
    };
    let start = Instant::now();
    let tokenizer = Tokenizer::train([&text], &options)?;
    println!(
        "{{\"seconds\": {:.4}, \"pieces\": {}}}",
        start.elapsed().as_secs_f64(),
        tokenizer.vocab_size()
    );
    if let Some(dir) = dir {
        tokenizer.save(Path::new(dir))?;
    }
    Ok(())
}
