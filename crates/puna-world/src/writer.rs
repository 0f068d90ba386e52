//! Puts sentences from the sheets together, and keeps count of the facts they state.

use crate::dice::Dice;
use crate::fact::{Attribute, Entity, Fact};
use crate::language::{Sheet, language};
use crate::template::{Bindings, Template};
use crate::world::World;

/// Writes one document or dialogue.
pub(crate) struct Writer<'w> {
    pub(crate) world: &'w World,
    pub(crate) dice: Dice,
    /// Every fact stated so far, in the order of the text, repetitions included.
    pub(crate) stated: Vec<Fact>,
    /// Whether held-out facts must not be stated.
    guarded: bool,
    used: Vec<&'static Template>,
    said: Vec<String>,
}

impl<'w> Writer<'w> {
    /// A writer that may state every fact.
    pub(crate) fn new(world: &'w World, dice: Dice) -> Self {
        Self {
            world,
            dice,
            stated: Vec::new(),
            guarded: false,
            used: Vec::new(),
            said: Vec::new(),
        }
    }

    /// A writer that never states a held-out fact.
    pub(crate) fn guarded(world: &'w World, dice: Dice) -> Self {
        Self {
            guarded: true,
            ..Self::new(world, dice)
        }
    }

    /// Forgets what was written so far.
    pub(crate) fn start_anew(&mut self) {
        self.stated.clear();
        self.used.clear();
        self.said.clear();
    }

    /// Whether this writer may state the fact.
    pub(crate) fn may_state(&self, fact: Fact) -> bool {
        !self.guarded || !self.world.held_out.contains(&fact)
    }

    /// One sentence, whatever it states.
    pub(crate) fn say(&mut self, template: &Template, bindings: &Bindings) -> String {
        template.render(self.world, bindings, &mut self.dice, &mut self.stated)
    }

    /// One of the sentences that this writer may state, if possible one it has not used
    /// yet, and never the same text twice; none when there is no such sentence.
    pub(crate) fn say_one(
        &mut self,
        templates: &'static [Template],
        bindings: &Bindings,
    ) -> Option<String> {
        self.say_repeating(usize::MAX, templates, bindings)
    }

    /// As [`Self::say_one`], but a sentence that repeats at most `most` of the facts stated
    /// before, and as few as possible. A fact that stands in the text already can be copied
    /// from there; one told for the first time must be remembered, and that is what
    /// pretraining is to learn.
    fn say_repeating(
        &mut self,
        most: usize,
        templates: &'static [Template],
        bindings: &Bindings,
    ) -> Option<String> {
        let mut best: Option<(usize, &'static Template, String, Vec<Fact>)> = None;
        for index in self.dice.permutation(templates.len()) {
            let template = &templates[index];
            let mut facts = Vec::new();
            let text = template.render(self.world, bindings, &mut self.dice, &mut facts);
            if !facts.iter().all(|fact| self.may_state(*fact)) || self.said.contains(&text) {
                continue;
            }
            let repeated = facts
                .iter()
                .filter(|fact| self.stated.contains(fact))
                .count();
            let used = self.used.iter().any(|u| std::ptr::eq(*u, template));
            let cost = 2 * repeated + usize::from(used);
            if repeated <= most && best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, template, text, facts));
                if cost == 0 {
                    break;
                }
            }
        }
        let (_, template, text, mut facts) = best?;
        self.stated.append(&mut facts);
        self.used.push(template);
        self.said.push(text.clone());
        Some(text)
    }

    /// One sentence of a section; empty when there is none that may be stated.
    pub(crate) fn line(
        &mut self,
        sheet: &'static Sheet,
        section: &str,
        bindings: &Bindings,
    ) -> String {
        self.say_one(sheet.section(section), bindings)
            .unwrap_or_default()
    }

    /// One sentence of a section that repeats no more than `most` facts; none when all repeat more.
    pub(crate) fn new_line(
        &mut self,
        most: usize,
        sheet: &'static Sheet,
        section: &str,
        bindings: &Bindings,
    ) -> Option<String> {
        self.say_repeating(most, sheet.section(section), bindings)
    }

    /// What of the person is not stated yet, in random order.
    pub(crate) fn untold(&mut self, person: usize) -> Vec<Fact> {
        let mut facts = Attribute::OF_PERSON.map(|attribute| Fact {
            entity: Entity::Person(person),
            attribute,
        });
        self.dice.shuffle(&mut facts);
        let untold = facts.into_iter().filter(|fact| !self.stated.contains(fact));
        untold.collect()
    }

    /// A sentence of the attribute's own sheet about the entity.
    pub(crate) fn about(&mut self, fact: Fact, section: &str) -> Option<String> {
        let sheet = language().of(fact.attribute);
        self.say_one(sheet.section(section), &subject(fact.entity))
    }

    /// A third-person sentence stating a fact. `named` says whether the
    /// entity's name stands in the text already, so that a pronoun is understood.
    pub(crate) fn state(&mut self, fact: Fact, named: bool) -> Option<String> {
        let is_person = matches!(fact.entity, Entity::Person(_));
        let section = match self.dice.below(100) {
            0..20 if named && is_person => "pronoun",
            20..45 => "reverse",
            _ => "statement",
        };
        self.about(fact, section)
    }

    /// Somebody else, never one of `besides`.
    pub(crate) fn other_person(&mut self, besides: &[usize]) -> usize {
        loop {
            let person = self.dice.below(self.world.people.len());
            if !besides.contains(&person) {
                return person;
            }
        }
    }
}

/// Binds the variable that attribute sheets use for an entity: a person is `a`, a place `p`, a trade `t`.
pub(crate) fn subject(entity: Entity) -> Bindings {
    let variable = match entity {
        Entity::Person(_) => 'a',
        Entity::Place(_) => 'p',
        Entity::Trade(_) => 't',
    };
    Bindings::new(&[(variable, entity)])
}

/// The text as somebody types it in haste: no capitals, and nothing that ends it.
pub(crate) fn sloppy(text: &str) -> String {
    text.trim_end_matches(['.', '!', '?']).to_lowercase()
}

/// Joins what there is to one paragraph.
pub(crate) fn paragraph(sentences: Vec<String>) -> String {
    let sentences: Vec<String> = sentences.into_iter().filter(|s| !s.is_empty()).collect();
    sentences.join(" ")
}
