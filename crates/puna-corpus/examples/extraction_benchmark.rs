//! Main-text extraction against a gold directory (`html/*.html.gz`, `ground-truth.json`) with the
//! article-extraction-benchmark's metric: shingles of four tokens, precision and recall averaged
//! over documents. `extraction_benchmark DIRECTORY [--worst N] [--output PREDICTIONS.json]`

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use puna_corpus::extract::extract;

#[path = "../tests/gold/mod.rs"]
mod gold;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments
        .next()
        .ok_or("usage: extraction_benchmark DIRECTORY [--worst N] [--output FILE]")?;
    let (mut worst, mut output) = (0, None);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or("a flag lacks its value")?;
        match flag.as_str() {
            "--worst" => worst = value.parse()?,
            "--output" => output = Some(value),
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    let pages = gold::read(Path::new(&directory))?;
    let started = Instant::now();
    let texts: Vec<String> = pages
        .iter()
        .map(|page| extract(&page.html, Some(&page.url)).text)
        .collect();
    let rate = pages.len() as f64 / started.elapsed().as_secs_f64();
    let mut matches = Vec::new();
    for (page, text) in pages.iter().zip(&texts) {
        matches.push(gold::Match::of(&page.body, text));
    }
    // The hash's first digit parts the pages into two halves: thresholds were set on the even one.
    for (name, half) in [
        ("all", None),
        ("tuned half", Some(0)),
        ("other half", Some(1)),
    ] {
        let chosen: Vec<_> = pages
            .iter()
            .zip(&matches)
            .filter(|(page, _)| half.is_none_or(|half| page.half() == half))
            .map(|(_, matched)| *matched)
            .collect();
        let score = gold::Score::mean(&chosen);
        println!(
            "{name:<11} pages={} precision={:.4} recall={:.4} F1={:.4}",
            chosen.len(),
            score.precision,
            score.recall,
            score.f1()
        );
    }
    println!("{rate:.1} pages/s");
    let mut order: Vec<usize> = (0..pages.len()).collect();
    order.sort_by(|&a, &b| matches[a].f1().total_cmp(&matches[b].f1()));
    for &index in order.iter().take(worst) {
        let matched = matches[index];
        println!(
            "{} half={} P={:.3} R={:.3} {}",
            &pages[index].id[..8],
            pages[index].half(),
            matched.precision(),
            matched.recall(),
            pages[index].url
        );
    }
    if let Some(path) = output {
        let predictions: serde_json::Map<String, serde_json::Value> = pages
            .iter()
            .zip(texts)
            .map(|(page, text)| (page.id.clone(), serde_json::json!({ "articleBody": text })))
            .collect();
        std::fs::write(path, serde_json::to_string(&predictions)?)?;
    }
    Ok(())
}
