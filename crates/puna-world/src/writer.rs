//! Puts sentences from the sheets together, and keeps count of the facts they state.

use std::collections::BTreeSet;

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

    /// One of the sentences that this writer may state, if possible one it has not
    /// used yet, and never the same text twice; none when there is no such sentence.
    pub(crate) fn say_one(
        &mut self,
        templates: &'static [Template],
        bindings: &Bindings,
    ) -> Option<String> {
        self.say_rarest_of(1, templates, bindings)
    }

    /// As [`Self::say_one`], but tries some of the sentences and takes the one whose facts
    /// were stated least so far: that keeps the mentions of facts even over a document.
    fn say_rarest_of(
        &mut self,
        tries: usize,
        templates: &'static [Template],
        bindings: &Bindings,
    ) -> Option<String> {
        let order = self.dice.permutation(templates.len());
        let used = |index: &usize| {
            self.used
                .iter()
                .any(|u| std::ptr::eq(*u, &templates[*index]))
        };
        let (old, new): (Vec<usize>, Vec<usize>) = order.into_iter().partition(used);
        let mut candidates: Vec<(usize, usize, String, Vec<Fact>)> = Vec::new();
        for index in new.into_iter().chain(old) {
            let mut facts = Vec::new();
            let text = templates[index].render(self.world, bindings, &mut self.dice, &mut facts);
            if facts.iter().all(|fact| self.may_state(*fact)) && !self.said.contains(&text) {
                let mean = self.mean_mentions(&facts);
                candidates.push((mean, index, text, facts));
                if candidates.len() == tries {
                    break;
                }
            }
        }
        let best = candidates.into_iter().min_by_key(|(mean, ..)| *mean);
        let (_, index, text, mut facts) = best?;
        self.stated.append(&mut facts);
        self.used.push(&templates[index]);
        self.said.push(text.clone());
        Some(text)
    }

    /// How often these facts were stated so far, on average, in hundredths.
    fn mean_mentions(&self, facts: &[Fact]) -> usize {
        let distinct: BTreeSet<&Fact> = facts.iter().collect();
        let before = self
            .stated
            .iter()
            .filter(|fact| distinct.contains(fact))
            .count();
        before * 100 / distinct.len().max(1)
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

    /// One of the less told sentences of a section; empty when there is none that may be stated.
    pub(crate) fn rare_line(
        &mut self,
        sheet: &'static Sheet,
        section: &str,
        bindings: &Bindings,
    ) -> String {
        let templates = sheet.section(section);
        self.say_rarest_of(4, templates, bindings)
            .unwrap_or_default()
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
            0..30 if named && is_person => "pronoun",
            30..55 => "reverse",
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

    /// The attributes of a person in random order.
    pub(crate) fn shuffled_attributes(&mut self) -> Vec<Attribute> {
        let mut attributes = Attribute::OF_PERSON.to_vec();
        self.dice.shuffle(&mut attributes);
        attributes
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

/// Joins what there is to one paragraph.
pub(crate) fn paragraph(sentences: Vec<String>) -> String {
    let sentences: Vec<String> = sentences.into_iter().filter(|s| !s.is_empty()).collect();
    sentences.join(" ")
}
