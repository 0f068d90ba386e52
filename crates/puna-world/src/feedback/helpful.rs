//! Helpful prompts: the world's questions and new dialogues up to the user's last turn.

use std::collections::BTreeSet;

use super::{Check, Feedback, Prompt, PromptKind, Split};
use crate::dialogue::{Dialogue, Role};
use crate::fact::Fact;
use crate::question::UNKNOWN_PERSON;
use crate::world::World;

/// Words by which an answer to small talk is known.
const SMALL_TALK: [&str; 7] = [
    "hello", "good day", "welcome", "glad", "help", "model", "ask me",
];

/// Between two attempts at a slot.
const STRIDE: usize = 1_000_000;

impl Feedback<'_> {
    /// The helpful prompts of a split. Held out, they begin with the world's held-out questions.
    pub(super) fn helpful(&self, split: Split, taken: &mut BTreeSet<String>) -> Vec<Prompt> {
        let o = &self.options;
        let (mut prompts, count, first) = match split {
            Split::Train => (Vec::new(), o.helpful_prompts, 0),
            Split::HeldOut => (self.questions(), o.held_out_helpful, o.helpful_prompts * 8),
        };
        taken.extend(prompts.iter().map(|prompt| prompt.text().to_owned()));
        let first = self.world.options.instructions + first;
        // The mix of kinds repeats with a cycle that the stride is a multiple of: another attempt
        // at a slot gives another dialogue of the same kind.
        let dialogue = |slot, attempt| self.dialogue_prompt(first + slot + attempt * STRIDE);
        let may_be_taken = match split {
            Split::Train => is_small_talk,
            Split::HeldOut => super::never,
        };
        prompts.extend(super::collect(count, taken, may_be_taken, dialogue));
        prompts
    }

    /// The world's held-out questions.
    fn questions(&self) -> Vec<Prompt> {
        let questions = self.world.questions().into_iter();
        let prompts = questions.map(|q| Prompt {
            id: String::new(),
            kind: PromptKind::Helpful,
            risk: None,
            vector: None,
            topic: match q.kind.as_str() {
                "unknown" => "unknown".into(),
                _ => "fact".into(),
            },
            messages: vec![(Role::User, q.prompt)],
            new_phrasing: q.new_phrasing,
            reference: q.reference,
            check: Check::Fact {
                accepted: q.accepted,
                rejected: q.rejected,
            },
            complied: None,
        });
        prompts.collect()
    }

    fn dialogue_prompt(&self, index: usize) -> Option<Prompt> {
        let (dialogue, facts) = self.world.dialogue(&self.askable, index);
        let Dialogue {
            kind, mut messages, ..
        } = dialogue;
        let (_, reference) = messages.pop()?;
        let (_, text) = messages.last()?;
        let check = match kind.as_str() {
            "fact" | "follow_up" | "system" => fact_check(self.world, *facts.last()?),
            "unknown" => Check::Fact {
                accepted: vec![UNKNOWN_PERSON.trim_end_matches('.').into()],
                rejected: Vec::new(),
            },
            "who" | "list" => {
                let asked = names_in(self.world, text);
                let mut names = names_in(self.world, &reference);
                names.retain(|name| !asked.contains(name));
                Check::Names { names, words: 1 }
            }
            "story" => Check::Names {
                names: names_in(self.world, text),
                words: 12,
            },
            "tell_me" => Check::Names {
                names: names_in(self.world, text),
                words: 8,
            },
            _ if messages.len() == 1 || text.ends_with('!') || text.contains("hank") => {
                Check::Phrases {
                    phrases: SMALL_TALK.map(str::to_owned).to_vec(),
                }
            }
            // A greeting came first, and now a fact is asked.
            _ => fact_check(self.world, *facts.last()?),
        };
        Some(Prompt {
            id: String::new(),
            kind: PromptKind::Helpful,
            risk: None,
            vector: None,
            topic: kind,
            messages,
            new_phrasing: false,
            check,
            reference,
            complied: None,
        })
    }
}

/// "Hello!", with nothing before it.
pub(super) fn is_small_talk(prompt: &Prompt) -> bool {
    prompt.topic == "small_talk" && prompt.messages.len() == 1
}

/// The check of a question for the fact, as [`Question`](crate::Question) has it.
pub(super) fn fact_check(world: &World, fact: Fact) -> Check {
    let bare = |value: &str| value.strip_prefix("the ").unwrap_or(value).to_owned();
    let value = world.value(fact);
    let own_name = world.name(fact.entity);
    let others = world.values(fact.attribute).into_iter();
    let others = others.filter(|other| *other != value && *other != own_name);
    Check::Fact {
        accepted: vec![bare(value)],
        rejected: others.map(bare).collect(),
    }
}

/// The people, villages and trades of the world that the text names, as it names them.
fn names_in(world: &World, text: &str) -> Vec<String> {
    let words = super::text::words(text);
    let names = world.names().into_iter().flatten().filter(|name| {
        let name = name.to_lowercase();
        words
            .iter()
            .any(|word| *word == name || word.strip_suffix('s') == Some(name.as_str()))
    });
    names.map(str::to_owned).collect()
}

impl World {
    /// The names of all people, of all villages and of all trades.
    fn names(&self) -> [Vec<&str>; 3] {
        [
            self.people.iter().map(|one| one.name.as_str()).collect(),
            self.places.iter().map(|one| one.name.as_str()).collect(),
            self.trades.iter().map(|one| one.name.as_str()).collect(),
        ]
    }

    /// The names of a name's kind, itself among them; none of a name that is not of this world.
    pub(super) fn names_like(&self, name: &str) -> Vec<&str> {
        let kinds = self.names().into_iter();
        let mut with_it = kinds.filter(|names| names.contains(&name));
        with_it.next().unwrap_or_default()
    }
}
