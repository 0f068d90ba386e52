//! Prints samples of a world: `cargo run --release -p puna-world --example show -- [seed] [per kind]`.
//! Everything printed is synthetic.

use std::collections::BTreeMap;

use puna_world::{World, WorldOptions};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(1);
    let samples = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(2);
    let world = World::generate(&WorldOptions {
        seed,
        ..WorldOptions::default()
    });

    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    let mut room_for = |kind: String| {
        let count = shown.entry(kind).or_default();
        *count += 1;
        *count <= samples
    };
    for document in world.documents() {
        if room_for(format!("document {}", document.kind)) {
            println!("--- {} {}\n{}\n", document.id, document.kind, document.text);
        }
    }
    for dialogue in world.dialogues() {
        if room_for(format!("dialogue {}", dialogue.kind)) {
            println!("--- {} {}", dialogue.id, dialogue.kind);
            for (role, content) in &dialogue.messages {
                println!("{:>9}: {content}", role.as_str());
            }
            println!();
        }
    }
    for question in world.questions() {
        if room_for(format!("question {}", question.kind)) {
            println!(
                "--- {} {}: {} [{}]",
                question.id,
                question.kind,
                question.prompt,
                question.accepted.join(", ")
            );
        }
    }
}
