//! Writes the feedback material of a world, or shows samples of it:
//! `cargo run --release -p puna-world --example feedback -- DIR [seed]`, or
//! `... --example feedback -- show [per kind] [seed]`. All of it is synthetic.

use std::collections::BTreeMap;
use std::path::Path;

use puna_world::{
    Feedback, FeedbackOptions, Rules, Split, Stream, World, WorldError, WorldOptions,
};

fn main() -> Result<(), WorldError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|s| s.parse().ok());
    let show = arguments.first().is_some_and(|first| first == "show");
    let seed = number(if show { 2 } else { 1 }).unwrap_or(1);
    let world = World::generate(&WorldOptions {
        seed,
        ..WorldOptions::default()
    });
    let feedback = world.feedback(&FeedbackOptions::default());
    if show {
        samples(&feedback, number(1).unwrap_or(3) as usize);
        return Ok(());
    }
    let dir = arguments.first().map_or("feedback", String::as_str);
    let manifest = feedback.write(Path::new(dir))?;
    for file in &manifest.files {
        println!(
            "{} {} records, {} bytes, sha256 {}",
            file.name, file.records, file.bytes, file.sha256
        );
    }
    for (what, count) in &manifest.counts {
        println!("  {what}: {count}");
    }
    Ok(())
}

fn samples(feedback: &Feedback<'_>, per_kind: usize) {
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    let mut room_for = |kind: String| {
        let count = shown.entry(kind).or_default();
        *count += 1;
        *count <= per_kind
    };
    for dialogue in feedback.dialogues() {
        if room_for(dialogue.kind.clone()) {
            println!("--- {} {}", dialogue.id, dialogue.kind);
            for (role, content) in &dialogue.messages {
                println!("{:>9}: {content}", role.as_str());
            }
        }
    }
    for split in [Split::Train, Split::HeldOut] {
        for prompt in feedback.prompts(split) {
            let vector = prompt.vector.map_or("", |vector| vector.name());
            if !room_for(format!("{} {} {vector}", split.name(), prompt.kind.name())) {
                continue;
            }
            let new = if prompt.new_phrasing { "*" } else { "" };
            println!("--- {}{new} {} {vector}", prompt.id, prompt.topic);
            for (role, content) in &prompt.messages {
                println!("{:>9}: {content}", role.as_str());
            }
            for answer in std::iter::once(&prompt.reference).chain(&prompt.complied) {
                let v = Rules.judge(prompt, answer);
                println!("          > {answer} [{} {}]", v.helpfulness, v.safety);
            }
        }
        for conversation in feedback.conversations(split) {
            if room_for(format!("{} conversation", split.name())) {
                let i = &conversation.instruction;
                println!("--- {} {} | {}", conversation.id, i.long, i.short);
                for turn in &conversation.turns {
                    println!("     user: {} > {}", turn.question, turn.reference);
                }
            }
        }
    }
    for stream in [Stream::Helpfulness, Stream::Safety] {
        for compared in feedback
            .preferences(stream, Split::Train)
            .into_iter()
            .flatten()
        {
            if room_for(format!("{} preference", stream.name())) {
                let (_, asked) = &compared.dialogue[compared.dialogue.len() - 1];
                println!(
                    "--- {} {:?} {:?} batch {:?}\n  {asked}\n  + {}\n  - {}",
                    stream.name(),
                    compared.strength,
                    compared.safety,
                    compared.batch,
                    compared.chosen,
                    compared.rejected
                );
            }
        }
    }
}
