//! Speed of the quality signals: `cargo run --release -p puna-corpus --example quality_benchmark --
//! TEXT...` measures each file as one document, whole and cut into documents of 4,000 characters.

use puna_corpus::quality::measure;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name)?;
        let characters: Vec<char> = text.chars().collect();
        let documents: Vec<String> = characters
            .chunks(4_000)
            .map(|c| c.iter().collect())
            .collect();
        let rate = |documents: &[String]| {
            let started = Instant::now();
            for document in documents {
                std::hint::black_box(measure(document));
            }
            let seconds = started.elapsed().as_secs_f64();
            (
                text.len() as f64 / seconds / 1e6,
                documents.len() as f64 / seconds,
            )
        };
        let (small, per_second) = rate(&documents);
        let (whole, _) = rate(std::slice::from_ref(&text));
        println!(
            "{name}: {small:.1} MB/s ({per_second:.0} documents/s), as one document {whole:.1} MB/s"
        );
    }
    Ok(())
}
