//! Accuracy and speed of language identification on directories of sentences.
//!
//! `cargo run --release -p puna-corpus --example language_benchmark -- SENTENCES [MODEL [both]]`
//! reads
//! `SENTENCES/<code>/testdata/sentences.txt`, one sentence a line, and prints a table by language
//! with what each is taken for. Without a fastText model the built-in one answers; with
//! `both`, they answer together. Some settings of
//! the built-in model were chosen on every fifth sentence (counted through all languages in order), so
//! the others are reported apart.

use puna_corpus::language::Identifier;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

#[derive(Default)]
struct Row {
    sentences: usize,
    right: usize,
    unseen: usize,
    unseen_right: usize,
    taken_for: BTreeMap<String, usize>,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("which directory of sentences?")?;
    let started = Instant::now();
    let model = arguments.next();
    let identifier = match (&model, arguments.next().as_deref()) {
        (None, _) => Identifier::builtin(),
        (Some(model), None) => Identifier::load(Path::new(model))?,
        (Some(model), Some("both")) => Identifier::load_beside_builtin(Path::new(model))?,
        (Some(_), Some(other)) => return Err(format!("{other}: only \"both\" can follow").into()),
    };
    println!(
        "model ready in {:.1} ms",
        started.elapsed().as_secs_f64() * 1e3
    );

    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let (mut bytes, mut seconds) = (0, 0.0);
    let mut every_sentence = String::new();
    let mut calibration = [(0usize, 0usize, 0.0f64); 10];
    let mut names: Vec<String> = std::fs::read_dir(&directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, std::io::Error>>()?;
    names.sort_unstable();
    let mut number = 0;
    for name in names {
        let path = Path::new(&directory)
            .join(&name)
            .join("testdata/sentences.txt");
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        // Bokmål is one of the two written standards of Norwegian; models know it as that.
        let gold = if name == "nb" { "no" } else { name.as_str() };
        let row = rows.entry(name.clone()).or_default();
        for sentence in text.lines().filter(|line| !line.trim().is_empty()) {
            let started = Instant::now();
            let found = identifier.identify(sentence);
            seconds += started.elapsed().as_secs_f64();
            bytes += sentence.len();
            let code = found
                .as_ref()
                .map_or("?", |language| language.code.as_str());
            let right = code == gold;
            row.sentences += 1;
            row.right += usize::from(right);
            if number % 5 != 0 {
                row.unseen += 1;
                row.unseen_right += usize::from(right);
            }
            number += 1;
            if !right {
                *row.taken_for.entry(code.to_owned()).or_default() += 1;
            }
            if let Some(language) = &found {
                let bin = &mut calibration[((language.confidence * 10.0) as usize).min(9)];
                bin.0 += 1;
                bin.1 += usize::from(right);
                bin.2 += f64::from(language.confidence);
            }
        }
        every_sentence.push_str(&text);
    }

    println!("language  sentences  accuracy  unseen   taken for");
    let mut sum = Row::default();
    for (name, row) in &rows {
        let mut taken: Vec<_> = row.taken_for.iter().collect();
        taken.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), *code));
        let taken: Vec<String> = taken
            .iter()
            .take(5)
            .map(|(code, n)| format!("{code} {n}"))
            .collect();
        print_row(name, row, &taken.join(", "));
        sum.sentences += row.sentences;
        sum.right += row.right;
        sum.unseen += row.unseen;
        sum.unseen_right += row.unseen_right;
    }
    print_row("all", &sum, "");
    println!("confidence   answers  mean confidence  accuracy");
    for (at, (answers, right, confidence)) in calibration.iter().enumerate() {
        if *answers > 0 {
            let n = *answers as f64;
            println!(
                "{:.1} to {:.1} {answers:10}  {:15.3}  {:8.3}",
                at as f64 / 10.0,
                (at + 1) as f64 / 10.0,
                confidence / n,
                *right as f64 / n
            );
        }
    }
    println!(
        "sentences: {:.0} per second, {:.2} MB/s",
        sum.sentences as f64 / seconds,
        bytes as f64 / seconds / 1e6
    );
    documents(&identifier, &every_sentence);
    Ok(())
}

fn print_row(name: &str, row: &Row, taken_for: &str) {
    let share = |part: usize, whole: usize| part as f64 / (whole as f64).max(1.0);
    println!(
        "{name:8} {:10} {:9.4} {:7.4}   {taken_for}",
        row.sentences,
        share(row.right, row.sentences),
        share(row.unseen_right, row.unseen)
    );
}

/// Speed on documents of 4 and 40 thousand characters cut from all the sentences.
fn documents(identifier: &Identifier, text: &str) {
    for size in [4_000, 40_000] {
        let characters: Vec<char> = text.chars().collect();
        let documents: Vec<String> = characters
            .chunks(size)
            .map(|c| c.iter().collect())
            .collect();
        let started = Instant::now();
        for document in &documents {
            std::hint::black_box(identifier.identify(document));
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "documents of {size} characters: {:.0} per second, {:.1} MB/s",
            documents.len() as f64 / seconds,
            text.len() as f64 / seconds / 1e6
        );
    }
}
