//! Scores `puna_corpus::pii` on the labelled sentences of Presidio: precision, recall and F1 by
//! kind, by exact bounds and by overlap.
//!
//! Run it with the two JSON files, or with `--texts FILE...` to count hits in ordinary text.

use std::collections::BTreeMap;
use std::io::Read as _;

use puna_corpus::pii::{self, Kind, Span};
use serde::Deserialize;

#[derive(Deserialize)]
struct Sentence {
    full_text: String,
    spans: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    entity_type: String,
    start_position: usize,
    end_position: usize,
}

/// A label in bytes. `claimed` is false where a find is neither right nor wrong.
struct Gold {
    kind: Kind,
    start: usize,
    end: usize,
    claimed: bool,
}

#[derive(Default, Clone, Copy)]
struct Score {
    gold: u64,
    found: u64,
    exact: u64,
    overlap: u64,
}

impl Score {
    fn line(&self, right: u64) -> (f64, f64, f64) {
        let ratio = |n: u64, of: u64| if of == 0 { 0.0 } else { n as f64 / of as f64 };
        let (precision, recall) = (ratio(right, self.found), ratio(right, self.gold));
        let sum = precision + recall;
        let f1 = if sum > 0.0 {
            2.0 * precision * recall / sum
        } else {
            0.0
        };
        (precision, recall, f1)
    }

    fn add(&mut self, other: &Self) {
        self.gold += other.gold;
        self.found += other.found;
        self.exact += other.exact;
        self.overlap += other.overlap;
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let show = take(&mut files, "--show");
    if take(&mut files, "--texts") {
        return texts(&files, show);
    }
    if files.is_empty() {
        let data = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/data/pii/presidio/"
        );
        files = [
            "data/synth_dataset_v2.json",
            "tests/data/generated_large.json",
        ]
        .iter()
        .map(|name| format!("{data}{name}"))
        .collect();
    }
    let mut halves = [BTreeMap::new(), BTreeMap::new()];
    for file in &files {
        let sentences: Vec<Sentence> = serde_json::from_slice(&std::fs::read(file)?)?;
        for sentence in &sentences {
            let half = usize::from(hash(&sentence.full_text) % 2 == 1);
            score(sentence, &mut halves[half], show && half == 0);
        }
    }
    for (name, half) in ["tuned half (even hash)", "held-out half (odd hash)"]
        .iter()
        .zip(&halves)
    {
        print_table(name, half);
    }
    let [first, second] = &halves;
    let mut both = first.clone();
    for (kind, score) in second {
        both.entry(*kind).or_insert_with(Score::default).add(score);
    }
    print_table("both halves", &both);
    Ok(())
}

fn take(arguments: &mut Vec<String>, flag: &str) -> bool {
    let before = arguments.len();
    arguments.retain(|a| a != flag);
    arguments.len() < before
}

fn print_table(name: &str, scores: &BTreeMap<Kind, Score>) {
    println!("{name}");
    println!(
        "  {:<16}{:>6}{:>7}   exact: P      R     F1   overlap: P      R     F1",
        "kind", "gold", "found"
    );
    let mut all = Score::default();
    let line = |name: &str, score: &Score| {
        let (p, r, f) = score.line(score.exact);
        let (op, or, of) = score.line(score.overlap);
        println!(
            "  {name:<16}{:>6}{:>7}     {p:>6.3} {r:>6.3} {f:>6.3}     {op:>6.3} {or:>6.3} {of:>6.3}",
            score.gold, score.found
        );
    };
    for (kind, score) in scores {
        line(kind.name(), score);
        all.add(score);
    }
    line("all", &all);
}

/// FNV-1a, to halve the sentences the same way everywhere.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The labels in our kinds and in bytes. Pieces of one address are one.
fn gold(sentence: &Sentence) -> Vec<Gold> {
    let text = &sentence.full_text;
    let offsets: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let mut labels: Vec<(&str, usize, usize)> = sentence
        .spans
        .iter()
        .map(|l| {
            (
                l.entity_type.as_str(),
                offsets[l.start_position],
                offsets[l.end_position],
            )
        })
        .collect();
    labels.sort_by_key(|l| l.1);
    let mut gold: Vec<Gold> = Vec::new();
    let mut address: Option<(usize, usize, bool)> = None;
    for &(name, start, end) in &labels {
        if !matches!(
            name,
            "STREET_ADDRESS" | "GPE" | "ZIP_CODE" | "LOCATION" | "ADDRESS"
        ) {
            continue;
        }
        let street = matches!(name, "STREET_ADDRESS" | "ADDRESS");
        address = Some(match address {
            Some((from, to, known)) if joined(&text[to..start]) => (from, end, known || street),
            other => {
                push_address(&mut gold, text, other);
                (start, end, street)
            }
        });
    }
    push_address(&mut gold, text, address);
    for &(name, start, end) in &labels {
        let before = text[..start].to_lowercase();
        let tail: String = before.chars().rev().take(40).collect();
        let kind = match name {
            "EMAIL_ADDRESS" => Kind::Email,
            "PHONE_NUMBER" => Kind::Phone,
            "IBAN_CODE" | "IBAN" => Kind::Iban,
            "CREDIT_CARD" => Kind::CardNumber,
            "US_SSN" => Kind::NationalId,
            "IP_ADDRESS" => Kind::IpAddress,
            "DATE_TIME" if tail.contains("nrob") || tail.contains("htrib") => Kind::DateOfBirth,
            _ => continue,
        };
        gold.push(Gold {
            kind,
            start,
            end,
            claimed: true,
        });
    }
    // A name is claimed where a line of contact data is near: at most 24 other characters, or
    // one line, between the two.
    let contact: Vec<(usize, usize)> = gold
        .iter()
        .filter(|g| matches!(g.kind, Kind::Email | Kind::Phone | Kind::StreetAddress) && g.claimed)
        .map(|g| (g.start, g.end))
        .collect();
    for &(name, start, end) in &labels {
        if name != "PERSON" {
            continue;
        }
        let near = contact.iter().any(|&(from, _)| {
            end <= from
                && text[end..from]
                    .lines()
                    .filter(|l| !l.trim().is_empty())
                    .count()
                    <= 2
                && !text[end..from].contains(". ")
                && (text[end..from].contains('\n') || text[end..from].len() <= 24)
        });
        let full = text[start..end]
            .split(' ')
            .filter(|w| w.chars().count() > 1 && w.starts_with(char::is_uppercase))
            .count()
            >= 2;
        gold.push(Gold {
            kind: Kind::PersonName,
            start,
            end,
            claimed: near && full,
        });
    }
    gold
}

/// Whether only blanks, commas and marks of quoting stand between two pieces of an address.
fn joined(between: &str) -> bool {
    between
        .chars()
        .all(|c| c.is_whitespace() || ",>?".contains(c))
        || between.trim() == "nan"
}

fn push_address(gold: &mut Vec<Gold>, text: &str, address: Option<(usize, usize, bool)>) {
    let Some((start, end, street)) = address else {
        return;
    };
    // A street corner has no number of a house of its own: found or not, it does not count.
    let place = &text[start..end];
    let claimed =
        street && !place.contains("corner of") && place.contains(|c: char| c.is_ascii_digit());
    gold.push(Gold {
        kind: Kind::StreetAddress,
        start,
        end,
        claimed,
    });
}

fn score(sentence: &Sentence, scores: &mut BTreeMap<Kind, Score>, show: bool) {
    let text = &sentence.full_text;
    let found = pii::find(text);
    let gold = gold(sentence);
    let same = |s: &Span, g: &Gold| s.kind == g.kind && s.start < g.end && g.start < s.end;
    for g in gold.iter().filter(|g| g.claimed) {
        let score = scores.entry(g.kind).or_default();
        score.gold += 1;
        let best = found
            .iter()
            .filter(|s| same(s, g))
            .map(|s| overlap(s, g))
            .fold(0.0, f64::max);
        score.exact += u64::from(best >= 1.0);
        score.overlap += u64::from(best >= 0.5);
        if show && best < 0.5 {
            println!(
                "missed {} {:?} in {:?}",
                g.kind.name(),
                &text[g.start..g.end],
                text
            );
        }
    }
    for s in &found {
        let touches = |g: &&Gold| s.start < g.end && g.start < s.end;
        let own = gold
            .iter()
            .filter(touches)
            .find(|g| g.kind == s.kind && g.claimed);
        // Claimed nowhere in the labels, or a place that is no claim: neither right nor wrong.
        if own.is_none()
            && gold
                .iter()
                .filter(touches)
                .any(|g| g.kind == s.kind && !g.claimed)
        {
            continue;
        }
        scores.entry(s.kind).or_default().found += 1;
        if show && own.is_none_or(|g| overlap(s, g) < 0.5) {
            println!(
                "wrong {} {:?} in {:?}",
                s.kind.name(),
                &text[s.start..s.end],
                text
            );
        }
    }
}

/// Intersection over union, in bytes.
fn overlap(s: &Span, g: &Gold) -> f64 {
    let both = s.end.min(g.end).saturating_sub(s.start.max(g.start));
    let any = s.end.max(g.end) - s.start.min(g.start);
    both as f64 / any as f64
}

/// Hits per million words and the speed, over files with a `text` in each line.
fn texts(files: &[String], show: bool) -> Result<(), Box<dyn std::error::Error>> {
    for file in files {
        let raw = std::fs::read(file)?;
        let bytes = if file.ends_with(".zst") {
            let mut plain = Vec::new();
            zstd::stream::read::Decoder::new(raw.as_slice())?.read_to_end(&mut plain)?;
            plain
        } else {
            raw
        };
        #[derive(Deserialize)]
        struct Line {
            text: String,
        }
        let lines: Vec<Line> = bytes
            .split(|&b| b == b'\n')
            .filter(|l| !l.is_empty())
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()?;
        let start = std::time::Instant::now();
        let found: Vec<Vec<Span>> = lines.iter().map(|l| pii::find(&l.text)).collect();
        let seconds = start.elapsed().as_secs_f64();
        let words: usize = lines
            .iter()
            .map(|l| l.text.split_whitespace().count())
            .sum();
        let length: usize = lines.iter().map(|l| l.text.len()).sum();
        println!(
            "{file}: {words} words, {:.1} MB, {:.0} MB/s",
            length as f64 / 1e6,
            length as f64 / 1e6 / seconds
        );
        for kind in Kind::ALL {
            let count = found.iter().flatten().filter(|s| s.kind == kind).count();
            println!(
                "  {:<16}{count:>7}{:>10.2} per million words",
                kind.name(),
                count as f64 * 1e6 / words as f64
            );
        }
        if show {
            for (line, spans) in lines.iter().zip(&found) {
                for s in spans {
                    let text = &line.text;
                    let from = floor(text, s.start.saturating_sub(40));
                    let to = floor(text, (s.end + 25).min(text.len()));
                    println!(
                        "{}\t{:?}\t{:?}",
                        s.kind.name(),
                        &text[s.start..s.end],
                        &text[from..to]
                    );
                }
            }
        }
    }
    Ok(())
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
