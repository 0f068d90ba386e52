//! What the toxicity classifier is worth, on data it was not trained on.
//!
//! `cargo run --release -p puna-corpus --example toxicity_benchmark -- PROBES` trains variants on
//! `PROBES/davidson-hate` and `PROBES/surge-toxicity` and compares them by three measures that use
//! no test data, all areas under the ROC curve: on the tenth held out; on Surge's comments after
//! training on Davidson's tweets alone, which shows what a new source costs; and on fifths of Surge's
//! comments after training on the rest of them and on the tweets. The variant with
//! the best mean is trained on both and measured on ToxiGen's statements that people
//! scored (label "hate" is toxic) and on OpenAI's moderation set (hate, threatening hate or
//! harassment is toxic; also reported: any category), with false positives by the group spoken of.

use puna_corpus::toxicity::{Classifier, Settings, area_under_curve, labels};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;
type Labelled = Vec<(String, bool)>;

fn main() -> Result<(), Failure> {
    let root = std::env::args()
        .nth(1)
        .ok_or("which directory of probes?")?;
    let root = Path::new(&root);
    let davidson = labels::read(&root.join("davidson-hate/data/labeled_data.csv"))?;
    let surge = labels::read(&root.join("surge-toxicity/toxicity_en.csv"))?;
    println!("training texts: {} + {}", davidson.len(), surge.len());

    println!("\nvariant                         held out  new source  source in part    mean");
    let mut best: Option<(f64, &str, Settings)> = None;
    for (name, settings) in variants() {
        let held_out = Classifier::train(&[&davidson, &surge], &settings)?
            .held_out()
            .area_under_curve;
        let moved = area(&Classifier::train(&[&davidson], &settings)?, &surge);
        let folded = folds(&davidson, &surge, &settings)?;
        let mean = (held_out + moved + folded) / 3.0;
        println!("{name:30} {held_out:9.4} {moved:11.4} {folded:15.4} {mean:7.4}");
        if best.as_ref().is_none_or(|best| mean > best.0) {
            best = Some((mean, name, settings));
        }
    }
    let (_, name, settings) = best.ok_or("no variant")?;
    println!("\nchosen: {name}");

    let started = Instant::now();
    let classifier = Classifier::train(&[&davidson, &surge], &settings)?;
    println!("trained in {:.2} s", started.elapsed().as_secs_f64());
    let toxigen = toxigen(&root.join("toxigen-scored/data/toxiGen.json"))?;
    let implicit = toxigen_pairs(&self::toxigen(
        &root.join("toxigen-scored/data/implicitHate.json"),
    )?);
    let moderation = moderation(&root.join("openai-moderation/data/samples-1680.jsonl.gz"))?;
    println!("\ntest set                             texts  toxic     AUC");
    for (name, texts) in [
        ("ToxiGen, scored by people", &toxigen_pairs(&toxigen)),
        ("implicit hate, scored", &implicit),
        ("OpenAI moderation, hate/harassment", &moderation.0),
        ("OpenAI moderation, any category", &moderation.1),
    ] {
        let toxic = texts.iter().filter(|text| text.1).count();
        println!(
            "{name:35} {:6} {toxic:6}  {:.4}",
            texts.len(),
            area(&classifier, texts)
        );
    }
    groups(&classifier, &toxigen);
    speed(&classifier, &davidson);
    Ok(())
}

fn variants() -> Vec<(&'static str, Settings)> {
    let base = Settings::default;
    vec![
        (
            "words",
            Settings {
                word_pairs: false,
                longest_letters: 0,
                undo_disguises: false,
                ..base()
            },
        ),
        (
            "words and pairs",
            Settings {
                longest_letters: 0,
                undo_disguises: false,
                ..base()
            },
        ),
        (
            "+ disguises undone",
            Settings {
                longest_letters: 0,
                ..base()
            },
        ),
        (
            "default, disguises kept",
            Settings {
                undo_disguises: false,
                ..base()
            },
        ),
        ("default: letters 3 to 6", base()),
        (
            "letters 3 to 5",
            Settings {
                longest_letters: 5,
                ..base()
            },
        ),
        (
            "letters 3 to 8",
            Settings {
                longest_letters: 8,
                ..base()
            },
        ),
        (
            "letters 4 to 6",
            Settings {
                shortest_letters: 4,
                ..base()
            },
        ),
        (
            "no pairs",
            Settings {
                word_pairs: false,
                ..base()
            },
        ),
        (
            "balance 0",
            Settings {
                balance: 0.0,
                ..base()
            },
        ),
        (
            "balance 1",
            Settings {
                balance: 1.0,
                ..base()
            },
        ),
        (
            "dropout 0",
            Settings {
                dropout: 0.0,
                ..base()
            },
        ),
        (
            "dropout 0.3",
            Settings {
                dropout: 0.3,
                ..base()
            },
        ),
        (
            "dropout 0.8, 16 epochs",
            Settings {
                dropout: 0.8,
                epochs: 16,
                ..base()
            },
        ),
        (
            "4 epochs",
            Settings {
                epochs: 4,
                ..base()
            },
        ),
        (
            "16 epochs",
            Settings {
                epochs: 16,
                ..base()
            },
        ),
        (
            "step 0.1",
            Settings {
                learning_rate: 0.1,
                ..base()
            },
        ),
        (
            "step 0.5",
            Settings {
                learning_rate: 0.5,
                ..base()
            },
        ),
        (
            "decay 1e-4",
            Settings {
                decay: 1e-4,
                ..base()
            },
        ),
        (
            "2^18 buckets",
            Settings {
                bucket_bits: 18,
                ..base()
            },
        ),
    ]
}

/// The area on each fifth of one source after training on the rest of it and on the other source.
fn folds(other: &Labelled, source: &Labelled, settings: &Settings) -> Result<f64, Failure> {
    const FOLDS: usize = 5;
    let part = |keep: &dyn Fn(usize) -> bool| -> Labelled {
        let kept = source.iter().enumerate().filter(|(at, _)| keep(at % FOLDS));
        kept.map(|(_, example)| example.clone()).collect()
    };
    let mut sum = 0.0;
    for fold in 0..FOLDS {
        let rest = part(&|at| at != fold);
        let classifier = Classifier::train(&[other, &rest], settings)?;
        sum += area(&classifier, &part(&|at| at == fold));
    }
    Ok(sum / FOLDS as f64)
}

fn area(classifier: &Classifier, texts: &[(String, bool)]) -> f64 {
    let scored: Vec<(f32, bool)> = texts
        .iter()
        .map(|(text, toxic)| (classifier.score_document(text), *toxic))
        .collect();
    area_under_curve(&scored).unwrap_or(f64::NAN)
}

struct Statement {
    text: String,
    toxic: bool,
    groups: Vec<String>,
}

fn toxigen(path: &Path) -> Result<Vec<Statement>, Failure> {
    let records: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(path)?)?;
    let mut statements = Vec::new();
    for record in &records {
        let groups = record["target_groups"]
            .as_array()
            .ok_or("no target_groups")?;
        statements.push(Statement {
            text: record["text"].as_str().ok_or("no text")?.to_owned(),
            toxic: record["label"] == "hate",
            groups: groups
                .iter()
                .filter_map(|group| group.as_str())
                .map(str::to_owned)
                .collect(),
        });
    }
    Ok(statements)
}

fn toxigen_pairs(statements: &[Statement]) -> Labelled {
    statements
        .iter()
        .map(|s| (s.text.clone(), s.toxic))
        .collect()
}

/// The set by hate and harassment, and by any category. A category that a record lacks is unknown
/// and counts as not there.
fn moderation(path: &Path) -> Result<(Labelled, Labelled), Failure> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    let (mut hate, mut any) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        let prompt = record["prompt"].as_str().ok_or("no prompt")?;
        let is = |names: &[&str]| names.iter().any(|name| record[name] == 1);
        hate.push((prompt.to_owned(), is(&["H", "H2", "HR"])));
        any.push((
            prompt.to_owned(),
            is(&["S", "H", "V", "HR", "SH", "S3", "H2", "V2"]),
        ));
    }
    Ok((hate, any))
}

/// False positives where one in ten of all other statements is taken for toxic, and at a half.
fn groups(classifier: &Classifier, statements: &[Statement]) {
    let scored: Vec<(f32, &Statement)> = statements
        .iter()
        .map(|statement| (classifier.score_document(&statement.text), statement))
        .collect();
    let mut others: Vec<f32> = scored.iter().filter(|s| !s.1.toxic).map(|s| s.0).collect();
    others.sort_by(|a, b| b.total_cmp(a));
    let threshold = others.get(others.len() / 10).copied().unwrap_or(0.5);
    let mut groups: BTreeMap<&str, Vec<(f32, bool)>> = BTreeMap::new();
    for (score, statement) in &scored {
        for group in &statement.groups {
            groups
                .entry(group)
                .or_default()
                .push((*score, statement.toxic));
        }
    }
    println!(
        "\nfalse positives on ToxiGen by group, above 0.5 and above {threshold:.3} (one in ten overall)"
    );
    println!("group              other  above 0.5  above {threshold:.3}   AUC");
    for (group, scored) in &groups {
        let others: Vec<f32> = scored.iter().filter(|s| !s.1).map(|s| s.0).collect();
        let above = |least: f32| {
            others.iter().filter(|&&score| score > least).count() as f64
                / others.len().max(1) as f64
        };
        println!(
            "{group:18} {:5} {:10.3} {:12.3} {:7.3}",
            others.len(),
            above(0.5),
            above(threshold),
            area_under_curve(scored).unwrap_or(f64::NAN)
        );
    }
}

fn speed(classifier: &Classifier, texts: &[(String, bool)]) {
    let lines: Vec<&str> = texts.iter().flat_map(|(text, _)| text.lines()).collect();
    let documents: Vec<String> = lines.chunks(40).map(|lines| lines.join("\n")).collect();
    let bytes: usize = documents.iter().map(String::len).sum();
    println!(
        "\n{} documents of 40 lines, scored on one core:",
        documents.len()
    );
    let started = Instant::now();
    let apart: f32 = documents.iter().map(|d| classifier.score_document(d)).sum();
    let rate = |started: Instant| bytes as f64 / started.elapsed().as_secs_f64() / 1e6;
    println!("  each by itself: {:.1} MB/s", rate(started));
    let started = Instant::now();
    let mut scorer = classifier.scorer();
    let together: f32 = documents.iter().map(|d| scorer.document(d)).sum();
    println!("  with one scorer: {:.1} MB/s", rate(started));
    assert_eq!(apart, together, "a scorer's memory must not change a score");
}
