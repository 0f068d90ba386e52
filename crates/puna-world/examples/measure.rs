//! Measures the text of a world: `cargo run --release -p puna-world --example measure -- [seed]`.

use std::collections::{BTreeMap, BTreeSet};

use puna_world::{Fact, World, WorldOptions};

fn main() {
    let seed = std::env::args()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    let world = World::generate(&WorldOptions {
        seed,
        ..WorldOptions::default()
    });

    let mut words = BTreeSet::new();
    let mut mentions: BTreeMap<Fact, usize> = world.facts().map(|fact| (fact, 0)).collect();
    let mut bytes = 0;
    let mut lengths = Vec::new();
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for index in 0..world.options.documents {
        let (document, facts) = world.document(index);
        bytes += document.text.len();
        let count = document.text.split_whitespace().count();
        lengths.push(count);
        let kind = kinds.entry(document.kind).or_default();
        *kind = (kind.0 + 1, kind.1 + count);
        words.extend(
            document
                .text
                .split(|c: char| !c.is_alphanumeric())
                .map(str::to_lowercase),
        );
        for fact in facts {
            *mentions.entry(fact).or_default() += 1;
        }
    }
    println!("synthetic world, seed {seed}");
    println!(
        "documents: {} with {bytes} bytes, {} distinct words",
        lengths.len(),
        words.len()
    );
    println!("words a document: {}", spread(lengths));
    for (kind, (count, total)) in kinds {
        println!(
            "  {kind}: {count} documents of {} words on average",
            total / count
        );
    }
    println!(
        "mentions a fact: {}",
        spread(mentions.values().copied().collect())
    );
    let mut by_attribute: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (fact, count) in mentions {
        by_attribute
            .entry(fact.attribute.name())
            .or_default()
            .push(count);
    }
    for (attribute, counts) in by_attribute {
        println!("  {attribute}: {}", spread(counts));
    }

    let dialogues = world.dialogues();
    let length = |d: &puna_world::Dialogue| {
        d.messages
            .iter()
            .map(|(_, text)| text.split_whitespace().count())
            .sum::<usize>()
    };
    println!(
        "dialogues: {}; words a dialogue: {}",
        dialogues.len(),
        spread(dialogues.iter().map(length).collect())
    );
    let questions = world.questions();
    let new = questions.iter().filter(|q| q.new_phrasing).count();
    println!(
        "questions: {}, {new} of them in a new phrasing",
        questions.len()
    );
}

fn spread(mut counts: Vec<usize>) -> String {
    counts.sort_unstable();
    let mean = counts.iter().sum::<usize>() / counts.len().max(1);
    let at = |percent: usize| {
        counts
            .get((counts.len().max(1) - 1) * percent / 100)
            .copied()
            .unwrap_or(0)
    };
    format!(
        "min {}, median {}, mean {mean}, max {}",
        at(0),
        at(50),
        at(100)
    )
}
