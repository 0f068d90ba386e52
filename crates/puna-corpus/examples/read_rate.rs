//! Reads inputs and prints what is in them and how fast that went:
//! `cargo run --release --example read_rate -- INPUT... [--times N] [--each]`.

use puna_corpus::read;
use std::collections::BTreeMap;
use std::time::Instant;

fn main() -> puna_corpus::Result<()> {
    let (mut inputs, mut times, mut each) = (Vec::new(), 1u32, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--times" => times = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            "--each" => each = true,
            _ => inputs.push(argument),
        }
    }
    let inputs = read::expand(&inputs)?;
    let start = Instant::now();
    let (mut pages, mut characters, mut stored, mut damaged) = (0u64, 0u64, 0u64, 0u64);
    let mut skipped: BTreeMap<&'static str, u64> = BTreeMap::new();
    for input in std::iter::repeat_n(&inputs, times as usize).flatten() {
        let mut opened = match read::open(input) {
            Ok(opened) => opened,
            Err(refusal) => {
                println!("refused: {refusal}");
                continue;
            }
        };
        stored += input.bytes();
        let (mut kept, mut damage) = (0u64, Vec::new());
        for page in opened.by_ref() {
            match page {
                Ok(page) => {
                    let (puna_corpus::Body::Html(text) | puna_corpus::Body::Text(text)) =
                        &page.body;
                    characters += text.len() as u64;
                    kept += 1;
                }
                Err(d) => damage.push(d),
            }
        }
        pages += kept;
        damaged += damage.len() as u64;
        if each {
            println!("{} {kept} {:?}", input.name(), opened.skipped());
            for d in damage.iter().take(20) {
                println!("    at {}: {}", d.offset, d.what);
            }
        }
        for (reason, count) in opened.skipped() {
            *skipped.entry(reason).or_default() += count;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} inputs, {pages} pages, {damaged} damaged, skipped {skipped:?}\n\
         {seconds:.2} s, {:.0} pages/s, {:.1} MB/s stored, {:.1} MB/s text",
        inputs.len() * times as usize,
        pages as f64 / seconds,
        stored as f64 / seconds / 1e6,
        characters as f64 / seconds / 1e6,
    );
    Ok(())
}
