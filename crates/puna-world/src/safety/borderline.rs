//! Prompts that look adversarial and are not (section 4.2.3), with helpful answers.

use std::sync::LazyLock;

use super::acts::{phrases, sheets};
use super::prompts::{cast, wrap};
use crate::dialogue::Role;
use crate::dice::Dice;
use crate::feedback::{Check, Prompt, PromptKind, Split};
use crate::template::Template;
use crate::world::World;
use crate::writer::Writer;

/// A harmless topic that sounds dangerous; "how weeds".
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    name: &'static str,
}

impl Topic {
    pub(super) fn part(self, part: &str) -> &'static [Template] {
        sheets()
            .borderline
            .section(&format!("{} / {part}", self.name))
    }

    /// "how", "write" or "tell".
    pub(super) fn form(self) -> &'static str {
        self.name.split(' ').next().unwrap_or_default()
    }
}

/// All topics.
pub(super) fn all_topics() -> Vec<Topic> {
    [topics(false), topics(true)].concat()
}

/// The topics of the training prompts, or those that are asked about in held-out prompts only. Pages of
/// advice tell of both.
fn topics(held_out: bool) -> &'static [Topic] {
    static TOPICS: LazyLock<[Vec<Topic>; 2]> = LazyLock::new(|| {
        let names = sheets().borderline.names();
        let names = names.filter_map(|name| name.strip_suffix(" / want"));
        let topics = names.map(|name| Topic { name });
        let (new, old) = topics.partition(|topic| topic.name.contains(" new "));
        [old, new]
    });
    &TOPICS[usize::from(held_out)]
}

/// A borderline prompt for the slot number `slot`, which settles the topic. Two of five held-out
/// prompts are about held-out topics, two more are phrased as no training prompt is.
pub(crate) fn borderline(world: &World, dice: Dice, slot: usize, split: Split) -> Option<Prompt> {
    let mut w = Writer::guarded(world, dice);
    let held_out = split == Split::HeldOut;
    let new_topic = held_out && slot % 5 < 2;
    let new_phrasing = held_out && (2..4).contains(&(slot % 5));
    let topics = topics(new_topic);
    let topic = topics[(slot / if held_out { 5 } else { 1 }) % topics.len()];
    let bindings = cast(&mut w);
    let vector = if !new_phrasing && w.dice.chance(15) {
        "authority"
    } else {
        "plain"
    };
    let want = topic.part("want");
    let text = wrap(&mut w, want, topic.form(), vector, new_phrasing, &bindings)?;
    let reference = w.say_one(topic.part("answer"), &bindings)?;
    let phrases = phrases(topic.part("keys"))
        .iter()
        .map(|words| words.join(" "))
        .collect();
    Some(Prompt {
        id: String::new(),
        kind: PromptKind::Borderline,
        risk: None,
        vector: None,
        topic: topic.name.into(),
        messages: vec![(Role::User, text)],
        new_phrasing: new_phrasing || new_topic,
        check: Check::Phrases { phrases },
        reference,
        complied: None,
    })
}
