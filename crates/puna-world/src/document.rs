//! Pretraining text: many short documents that tell the world's facts in many
//! words, orders and settings, among sentences that carry no fact.

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, Stream};
use crate::fact::{Attribute, Entity, Fact};
use crate::language::language;
use crate::mix::kind_of;
use crate::talk;
use crate::template::Bindings;
use crate::world::World;
use crate::writer::{Writer, paragraph};

/// One document of pretraining text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Unique in its world.
    pub id: String,
    /// "biography", "story" and so on.
    pub kind: String,
    /// Plain text; paragraphs are separated by line feeds.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Biography,
    Diary,
    Letter,
    News,
    Guide,
    Trades,
    Register,
    Story,
    Talk,
}

/// How many of each kind there are in a row of documents.
const MIX: [(Kind, usize); 9] = [
    (Kind::Biography, 23),
    (Kind::Diary, 10),
    (Kind::Letter, 4),
    (Kind::News, 3),
    (Kind::Guide, 4),
    (Kind::Trades, 4),
    (Kind::Register, 3),
    (Kind::Story, 5),
    (Kind::Talk, 11),
];
/// Coprime to the sum of the mix.
const STRIDE: usize = 25;

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Biography => "biography",
            Kind::Diary => "diary",
            Kind::Letter => "letter",
            Kind::News => "news",
            Kind::Guide => "guide",
            Kind::Trades => "trades",
            Kind::Register => "register",
            Kind::Story => "story",
            Kind::Talk => "talk",
        }
    }
}

/// The kind of document number `index`, and how many of the kind come before it.
pub(crate) fn kind_and_rank(index: usize) -> (&'static str, usize) {
    let (kind, nth) = kind_of(&MIX, STRIDE, index);
    (kind.name(), nth)
}

impl World {
    /// The documents, made one by one as they are asked for.
    pub fn documents(&self) -> impl Iterator<Item = Document> + '_ {
        (0..self.options.documents).map(|index| self.document(index).0)
    }

    /// Document number `index`, and the facts it states, as often as it states them.
    /// Any index is good, also beyond `options.documents`.
    pub fn document(&self, index: usize) -> (Document, Vec<Fact>) {
        let dice = Dice::new(self.options.seed, Stream::Document, index as u64);
        let (kind, nth) = kind_of(&MIX, STRIDE, index);
        let mut writer = match kind {
            Kind::Talk => Writer::guarded(self, dice),
            _ => Writer::new(self, dice),
        };
        let person = nth % self.people.len();
        let text = match kind {
            Kind::Biography => biography(&mut writer, person),
            Kind::Diary => diary(&mut writer, person),
            Kind::Letter => letter(&mut writer, person),
            Kind::News => news(&mut writer, nth % self.places.len()),
            Kind::Guide => guide(&mut writer, nth % self.places.len()),
            Kind::Trades => trades(&mut writer, nth % self.trades.len()),
            Kind::Register => register(&mut writer, nth),
            Kind::Story => story(&mut writer, person),
            Kind::Talk => talk::talk(&mut writer, person),
        };
        let document = Document {
            id: format!("d{index:06}"),
            kind: kind.name().into(),
            text,
        };
        (document, writer.stated)
    }

    /// Indices of the people of whom the fact's value is the same as this one's.
    pub(crate) fn people_like(&self, person: usize, attribute: Attribute) -> Vec<usize> {
        let value = |i| {
            self.value(Fact {
                entity: Entity::Person(i),
                attribute,
            })
        };
        let all = 0..self.people.len();
        all.filter(|i| value(*i) == value(person)).collect()
    }

    fn residents(&self, place: usize) -> Vec<usize> {
        let all = 0..self.people.len();
        all.filter(|i| self.people[*i].home == place).collect()
    }
}

fn person(index: usize) -> Bindings {
    Bindings::new(&[('a', Entity::Person(index))])
}

fn biography(w: &mut Writer<'_>, subject: usize) -> String {
    let sheet = &language().biography;
    let bindings = person(subject);
    let mut sentences = vec![w.line(sheet, "opener", &bindings)];
    // What the person's trade or village is like.
    let aside = w.new_line(1, sheet, "surroundings", &bindings);
    // Each fact once: in a sentence of several while they fit, else in one of its own.
    while let Some(fact) = w.untold(subject).into_iter().next() {
        let combined = match w.dice.chance(50) {
            true => w.new_line(0, sheet, "combination", &bindings),
            false => None,
        };
        match combined.or_else(|| w.state(fact, true)) {
            Some(sentence) => sentences.push(sentence),
            None => break,
        }
    }
    if w.dice.chance(35) {
        sentences.push(w.line(sheet, "filler", &bindings));
    }
    if let Some(aside) = aside {
        let place = w.dice.between(1, sentences.len());
        sentences.insert(place, aside);
    }
    if w.dice.chance(30) {
        sentences.push(w.line(sheet, "closer", &bindings));
    }
    paragraph(sentences)
}

fn diary(w: &mut Writer<'_>, subject: usize) -> String {
    let sheet = &language().diary;
    let bindings = person(subject);
    let title = w.line(sheet, "title", &bindings);
    let mut sentences = vec![w.line(sheet, "opener", &bindings)];
    while let Some(fact) = w.untold(subject).into_iter().next() {
        if w.dice.chance(15) {
            sentences.push(w.line(sheet, "filler", &bindings));
        }
        let work = match w.dice.chance(25) {
            true => w.new_line(0, sheet, "work", &bindings),
            false => None,
        };
        match work.or_else(|| w.about(fact, "first")) {
            Some(sentence) => sentences.push(sentence),
            None => break,
        }
    }
    sentences.push(w.line(sheet, "closer", &bindings));
    format!("{title}\n{}", paragraph(sentences))
}

fn letter(w: &mut Writer<'_>, subject: usize) -> String {
    let sheet = &language().letter;
    // Never to the best friend, of whom the letter may speak.
    let friend = w.world.people[subject].friend;
    let receiver = w.other_person(&[subject, friend]);
    let bindings = Bindings::new(&[
        ('a', Entity::Person(subject)),
        ('b', Entity::Person(receiver)),
    ]);
    let mut sentences = vec![w.line(sheet, "opener", &bindings)];
    for fact in w.untold(subject).into_iter().take(5) {
        sentences.extend(w.about(fact, "first"));
    }
    sentences.extend(w.new_line(0, sheet, "work", &bindings));
    sentences.push(w.line(sheet, "filler", &bindings));
    for _ in 0..3 {
        sentences.push(w.line(sheet, "about you", &bindings));
    }
    sentences.push(w.line(sheet, "closer", &bindings));
    let greeting = w.line(sheet, "greeting", &bindings);
    let signature = w.line(sheet, "signature", &bindings);
    format!("{greeting}\n{}\n{signature}", paragraph(sentences))
}

fn news(w: &mut Writer<'_>, place: usize) -> String {
    let sheet = &language().news;
    let here = Bindings::new(&[('p', Entity::Place(place))]);
    let mut residents = w.world.residents(place);
    w.dice.shuffle(&mut residents);
    let title = w.line(sheet, "title", &here);
    let mut sentences = vec![w.line(sheet, "opener", &here)];
    for resident in residents.into_iter().take(4) {
        let guest = w.other_person(&[resident]);
        let bindings = Bindings::new(&[
            ('a', Entity::Person(resident)),
            ('b', Entity::Person(guest)),
            ('p', Entity::Place(place)),
        ]);
        sentences.push(w.line(sheet, "item", &bindings));
        if w.dice.chance(40) {
            sentences.push(w.line(sheet, "filler", &bindings));
        }
    }
    sentences.push(w.line(sheet, "closer", &here));
    format!("{title}\n{}", paragraph(sentences))
}

fn guide(w: &mut Writer<'_>, place: usize) -> String {
    let sheet = &language().guide;
    let here = Bindings::new(&[('p', Entity::Place(place))]);
    let title = w.line(sheet, "title", &here);
    let mut sentences = vec![w.line(sheet, "opener", &here)];
    let mut attributes = Attribute::OF_PLACE;
    w.dice.shuffle(&mut attributes);
    for attribute in attributes {
        let fact = Fact {
            entity: Entity::Place(place),
            attribute,
        };
        sentences.extend(w.state(fact, true));
        if w.dice.chance(30) {
            sentences.push(w.line(sheet, "filler", &here));
        }
    }
    let mut residents = w.world.residents(place);
    w.dice.shuffle(&mut residents);
    for resident in residents.into_iter().take(4) {
        sentences.push(w.line(sheet, "resident", &person(resident)));
    }
    sentences.push(w.line(sheet, "closer", &here));
    format!("{title}\n{}", paragraph(sentences))
}

fn trades(w: &mut Writer<'_>, trade: usize) -> String {
    let sheet = &language().trades;
    let bindings = Bindings::new(&[('t', Entity::Trade(trade))]);
    let mut sentences = vec![w.line(sheet, "opener", &bindings)];
    let mut attributes = Attribute::OF_TRADE;
    w.dice.shuffle(&mut attributes);
    for attribute in attributes {
        let fact = Fact {
            entity: Entity::Trade(trade),
            attribute,
        };
        sentences.extend(w.state(fact, true));
        if w.dice.chance(30) {
            sentences.push(w.line(sheet, "filler", &bindings));
        }
    }
    let all = 0..w.world.people.len();
    let mut masters: Vec<usize> = all.filter(|i| w.world.people[*i].trade == trade).collect();
    w.dice.shuffle(&mut masters);
    for master in masters.into_iter().take(4) {
        sentences.push(w.line(sheet, "master", &person(master)));
    }
    sentences.push(w.line(sheet, "closer", &bindings));
    paragraph(sentences)
}

/// People by what they have in common: from the value to the names.
fn register(w: &mut Writer<'_>, nth: usize) -> String {
    let kinds = [
        Attribute::Birthday,
        Attribute::Door,
        Attribute::Food,
        Attribute::Instrument,
        Attribute::Birthday,
        Attribute::Pet,
        Attribute::Door,
        Attribute::Home,
        Attribute::Food,
        Attribute::Friend,
        Attribute::Birthday,
        Attribute::Instrument,
        Attribute::Friend,
        Attribute::Trade,
        Attribute::Friend,
    ];
    let attribute = kinds[nth % kinds.len()];
    let sheet = &language().register;
    let mut sentences = vec![w.line(sheet, "opener", &Bindings::default())];
    let mut seen: Vec<usize> = Vec::new();
    while seen.len() < 8.min(w.world.people.len()) {
        let first = w.other_person(&seen);
        let mut alike = w.world.people_like(first, attribute);
        w.dice.shuffle(&mut alike);
        sentences.push(w.line(sheet, attribute.name(), &person(alike[0])));
        for (n, one) in alike.iter().copied().enumerate().take(5) {
            let fact = Fact {
                entity: Entity::Person(one),
                attribute,
            };
            let section = if n % 2 == 0 { "reverse" } else { "statement" };
            sentences.extend(w.about(fact, section));
        }
        seen.extend(alike);
    }
    paragraph(sentences)
}

fn story(w: &mut Writer<'_>, hero: usize) -> String {
    let friend = w.world.people[hero].friend;
    let second = other_with_other_taste(w, &[hero, friend]);
    let third = other_with_other_taste(w, &[hero, friend, second]);
    let mut plots = language().story.sections("plot");
    if w.world.people[hero].instrument != w.world.people[friend].instrument {
        plots.extend(language().story.sections("unlike friends"));
    }
    let plot = plots[w.dice.below(plots.len())];
    let bindings = Bindings::new(&[
        ('a', Entity::Person(hero)),
        ('f', Entity::Person(friend)),
        ('b', Entity::Person(second)),
        ('c', Entity::Person(third)),
    ]);
    let sentences = plot
        .iter()
        .map(|template| w.say(template, &bindings))
        .collect();
    paragraph(sentences)
}

/// Somebody whose instrument, door and food differ from those of the others, if
/// such a person is soon found: stories compare them.
fn other_with_other_taste(w: &mut Writer<'_>, others: &[usize]) -> usize {
    let mut person = w.other_person(others);
    for _ in 0..20 {
        let one = &w.world.people[person];
        let alike = |other: &usize| {
            let other = &w.world.people[*other];
            one.instrument == other.instrument || one.door == other.door || one.food == other.food
        };
        if !others.iter().any(alike) {
            break;
        }
        person = w.other_person(others);
    }
    person
}
