//! `kitoken-bench TOKENIZER.model FILE [IDS_OUT]`: seconds to encode each line of a file, after one pass to warm up.

use std::error::Error;
use std::time::Instant;
use std::{env, fs};

use kitoken::Kitoken;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (Some(model), Some(file)) = (args.first(), args.get(1)) else {
        return Err("usage: kitoken-bench TOKENIZER.model FILE [IDS_OUT]".into());
    };
    let tokenizer = Kitoken::from_sentencepiece_file(model)?;
    let text = fs::read_to_string(file)?;
    let lines: Vec<&str> = text.split('\n').collect();
    let mut seconds = 0.0;
    let mut ids: Vec<u32> = Vec::new();
    for _ in 0..2 {
        ids.clear();
        let start = Instant::now();
        for line in &lines {
            ids.extend(tokenizer.encode(line, false)?);
        }
        seconds = start.elapsed().as_secs_f64();
    }
    println!("{{\"seconds\": {seconds:.6}, \"tokens\": {}}}", ids.len());
    if let Some(out) = args.get(2) {
        fs::write(out, ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    Ok(())
}
