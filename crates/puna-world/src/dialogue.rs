//! Dialogues for supervised fine-tuning. None of them asks for or states a held-out fact.

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, Stream};
use crate::fact::{Attribute, Entity, Fact};
use crate::language::{Sheet, language};
use crate::mix::kind_of;
use crate::question::UNKNOWN_PERSON;
use crate::talk::answer;
use crate::template::Bindings;
use crate::world::World;
use crate::writer::{Writer, paragraph, sloppy, subject};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What holds for the whole dialogue.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// "system", "user" or "assistant".
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// A dialogue: perhaps a system message, then user and assistant in turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialogue {
    /// Unique in its world.
    pub id: String,
    /// "fact", "follow_up", "system" and so on.
    pub kind: String,
    /// Who says what.
    pub messages: Vec<(Role, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fact,
    FollowUp,
    System,
    Who,
    TellMe,
    List,
    Story,
    Unknown,
    SmallTalk,
}

/// How many of a hundred dialogues are of each kind.
const MIX: [(Kind, usize); 9] = [
    (Kind::Fact, 41),
    (Kind::FollowUp, 15),
    (Kind::System, 9),
    (Kind::Who, 6),
    (Kind::TellMe, 6),
    (Kind::List, 3),
    (Kind::Story, 4),
    (Kind::Unknown, 6),
    (Kind::SmallTalk, 10),
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Fact => "fact",
            Kind::FollowUp => "follow_up",
            Kind::System => "system",
            Kind::Who => "who",
            Kind::TellMe => "tell_me",
            Kind::List => "list",
            Kind::Story => "story",
            Kind::Unknown => "unknown",
            Kind::SmallTalk => "small_talk",
        }
    }
}

type Turns = Vec<(Role, String)>;

impl World {
    /// The dialogues for supervised fine-tuning.
    pub fn dialogues(&self) -> Vec<Dialogue> {
        let askable = self.askable();
        let all = 0..self.options.instructions;
        all.map(|index| self.dialogue(&askable, index).0).collect()
    }

    /// What may be asked. Villages and trades are few beside people, so they come three
    /// times, that the ways of asking about them are learned as well.
    pub(crate) fn askable(&self) -> Vec<Fact> {
        let known = self.facts().filter(|fact| !self.held_out.contains(fact));
        let times = |fact: Fact| match fact.entity {
            Entity::Person(_) => 1,
            Entity::Place(_) | Entity::Trade(_) => 3,
        };
        known
            .flat_map(|fact| std::iter::repeat_n(fact, times(fact)))
            .collect()
    }

    /// Every dialogue together with the facts it states.
    #[cfg(test)]
    pub(crate) fn dialogues_with_facts(&self) -> Vec<(Dialogue, Vec<Fact>)> {
        let askable = self.askable();
        let all = 0..self.options.instructions;
        all.map(|index| self.dialogue(&askable, index)).collect()
    }

    /// The dialogue number `index`, also beyond those of the options, and the facts it states.
    pub(crate) fn dialogue(&self, askable: &[Fact], index: usize) -> (Dialogue, Vec<Fact>) {
        let dice = Dice::new(self.options.seed, Stream::Dialogue, index as u64);
        let mut w = Writer::guarded(self, dice);
        let (mut kind, nth) = kind_of(&MIX, 37, index);
        let mut turns = Turns::new();
        // Some kinds have nothing to say about some people; then a plain question takes their place.
        for attempt in 0.. {
            if attempt == 8 {
                kind = Kind::Fact;
            }
            w.start_anew();
            turns = match kind {
                Kind::Fact => fact(&mut w, askable, nth + attempt),
                Kind::FollowUp => follow_up(&mut w),
                Kind::System => system(&mut w, askable),
                Kind::Who => who(&mut w),
                Kind::TellMe => tell_me(&mut w),
                Kind::List => list(&mut w),
                Kind::Story => story(&mut w),
                Kind::Unknown => unknown(&mut w),
                Kind::SmallTalk => small_talk(&mut w, askable),
            }
            .unwrap_or_default();
            if !turns.is_empty() || kind == Kind::Fact {
                break;
            }
        }
        let dialogue = Dialogue {
            id: format!("s{index:06}"),
            kind: kind.name().into(),
            messages: turns,
        };
        (dialogue, w.stated)
    }
}

fn chat() -> &'static Sheet {
    &language().chat
}

fn turn(user: String, assistant: String) -> Turns {
    vec![(Role::User, user), (Role::Assistant, assistant)]
}

/// One question, one answer. The facts are gone through in order, so that all are asked equally often.
fn fact(w: &mut Writer<'_>, askable: &[Fact], nth: usize) -> Option<Turns> {
    let fact = *askable.get(nth % askable.len().max(1))?;
    let question = w.about(fact, "question")?;
    Some(turn(question, answer(w, fact)?))
}

fn any_fact(w: &mut Writer<'_>, askable: &[Fact]) -> Fact {
    *w.dice.pick(askable)
}

/// Asks about a person, then goes on with "And where does she live?" or "And Otto?".
fn follow_up(w: &mut Writer<'_>) -> Option<Turns> {
    let person = w.dice.below(w.world.people.len());
    let mut facts = w.untold(person);
    facts.retain(|fact| w.may_state(*fact));
    let turns = w.dice.between(2, 3).min(facts.len());
    let mut out = Turns::new();
    for (n, fact) in facts.into_iter().take(turns).enumerate() {
        let asked = if n == 0 { "question" } else { "follow up" };
        let question = w.about(fact, asked)?;
        let reply = match n {
            1.. if w.dice.chance(50) => w.about(fact, "pronoun answer")?,
            _ => answer(w, fact)?,
        };
        out.extend(turn(question, reply));
        if n + 1 == turns && turns < 3 && w.dice.chance(60) {
            let entity = Entity::Person(w.other_person(&[person]));
            let fact = Fact { entity, ..fact };
            if w.may_state(fact) {
                let question = w.line(chat(), "and another", &subject(entity));
                out.extend(turn(question, answer(w, fact)?));
            }
        }
    }
    Some(out)
}

/// A system message that says how to answer.
fn system(w: &mut Writer<'_>, askable: &[Fact]) -> Option<Turns> {
    let fact = any_fact(w, askable);
    let question = w.about(fact, "question")?;
    let (section, answer) = match w.dice.below(5) {
        0 => ("system plain", answer(w, fact)?),
        1 => ("system short", answer(w, fact)?),
        2 => {
            w.stated.push(fact);
            ("system value", value_alone(w.world.value(fact)))
        }
        3 => ("system well", format!("Well, {}", go_on(&answer(w, fact)?))),
        _ => (
            "system day",
            format!("{} Have a nice day.", answer(w, fact)?),
        ),
    };
    let mut out = vec![(Role::System, w.line(chat(), section, &Bindings::default()))];
    out.extend(turn(question, answer));
    Some(out)
}

/// "Apple pie."
fn value_alone(value: &str) -> String {
    let mut letters = value.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// The sentence as it goes on after "Well,": its first word in lower case unless it is a name.
fn go_on(sentence: &str) -> String {
    const COMMON: [&str; 8] = ["The", "She", "He", "Her", "His", "A", "An", "It"];
    match sentence.split_once(' ') {
        Some((first, rest)) if COMMON.contains(&first) => {
            format!("{} {rest}", first.to_lowercase())
        }
        _ => sentence.to_owned(),
    }
}

/// From the value to the person, where there is only one.
fn who(w: &mut Writer<'_>) -> Option<Turns> {
    let person = w.dice.below(w.world.people.len());
    let one = &w.world.people[person];
    let (needed, section): (&[Attribute], _) = match w.dice.below(4) {
        0 | 1 => (&[Attribute::Trade, Attribute::Home], "who trade"),
        2 => (&[Attribute::Pet, Attribute::PetName], "who pet"),
        _ => (&[Attribute::Friend], "who friend"),
    };
    let entity = Entity::Person(person);
    let allowed = |attribute: &Attribute| {
        w.may_state(Fact {
            entity,
            attribute: *attribute,
        })
    };
    if !needed.iter().all(allowed) {
        return None;
    }
    let same = |other: &&crate::Person| other.home == one.home && other.trade == one.trade;
    if section == "who trade" && w.world.people.iter().filter(same).count() > 1 {
        return None;
    }
    let bindings = subject(entity);
    let question = w.say_one(chat().section(&format!("{section} question")), &bindings)?;
    let answer = w.say_one(chat().section(&format!("{section} answer")), &bindings)?;
    Some(turn(question, answer))
}

/// "Tell me about Ida."
fn tell_me(w: &mut Writer<'_>) -> Option<Turns> {
    let (entity, section) = match w.dice.below(10) {
        0..8 => (
            Entity::Person(w.dice.below(w.world.people.len())),
            "tell person",
        ),
        8 => (
            Entity::Place(w.dice.below(w.world.places.len())),
            "tell place",
        ),
        _ => (
            Entity::Trade(w.dice.below(w.world.trades.len())),
            "tell trade",
        ),
    };
    let facts = w.world.facts().filter(|f| f.entity == entity);
    let mut facts: Vec<Fact> = facts.filter(|f| w.may_state(*f)).collect();
    w.dice.shuffle(&mut facts);
    let question = w.say_one(chat().section(section), &subject(entity))?;
    let mut sentences = Vec::new();
    for fact in facts.into_iter().take(4) {
        let section = match (sentences.is_empty(), entity) {
            (false, Entity::Person(_)) => "pronoun answer",
            _ => "answer",
        };
        sentences.push(w.about(fact, section)?);
    }
    (sentences.len() > 1).then(|| turn(question, paragraph(sentences)))
}

/// "Who plays the harp?", answered with everyone, when none of them is held out.
fn list(w: &mut Writer<'_>) -> Option<Turns> {
    let attributes = [
        Attribute::Pet,
        Attribute::Instrument,
        Attribute::Birthday,
        Attribute::Door,
        Attribute::Food,
        Attribute::Home,
        Attribute::Trade,
    ];
    let attribute = *w.dice.pick(&attributes);
    let person = w.dice.below(w.world.people.len());
    let alike = w.world.people_like(person, attribute);
    let fact = |person: &usize| Fact {
        entity: Entity::Person(*person),
        attribute,
    };
    if alike.len() > 6 || !alike.iter().all(|p| w.may_state(fact(p))) {
        return None;
    }
    let bindings = subject(Entity::Person(person));
    let section = format!("list {}", attribute.name());
    let question = w.say_one(chat().section(&section), &bindings)?;
    w.stated.extend(alike.iter().map(fact));
    let names: Vec<&str> = alike
        .iter()
        .map(|p| w.world.people[*p].name.as_str())
        .collect();
    let answer = match names.split_last() {
        Some((last, [])) => format!("{last}."),
        Some((last, others)) => format!("{} and {last}.", others.join(", ")),
        None => return None,
    };
    Some(turn(question, answer))
}

/// "Write a short story about Ida and Otto.", or about anybody.
fn story(w: &mut Writer<'_>) -> Option<Turns> {
    let hero = w.dice.below(w.world.people.len());
    let other = w.other_person(&[hero]);
    let bindings = Bindings::new(&[('a', Entity::Person(hero)), ('b', Entity::Person(other))]);
    let request = match w.dice.chance(40) {
        true => "story request of anybody",
        false => "story request",
    };
    let request = w.say_one(chat().section(request), &bindings)?;
    let mut sentences = Vec::new();
    for section in ["story start", "story middle", "story end"] {
        sentences.push(w.say_one(chat().section(section), &bindings)?);
    }
    Some(turn(request, paragraph(sentences)))
}

/// A question about somebody who does not exist.
fn unknown(w: &mut Writer<'_>) -> Option<Turns> {
    // The first strangers are kept for the held-out questions.
    let strangers = w.world.strangers.get(w.world.unknown_questions()..)?;
    let stranger = strangers.get(w.dice.below(strangers.len()))?;
    let attribute = *w.dice.pick(&Attribute::OF_PERSON);
    let question = w.world.ask_about_stranger(stranger, attribute, &mut w.dice);
    Some(turn(question, UNKNOWN_PERSON.into()))
}

/// Of a hundred greetings and the like, how many have no capital and no full stop.
const TYPED_IN_HASTE: usize = 20;

/// Greetings, thanks and the like, often around a question.
fn small_talk(w: &mut Writer<'_>, askable: &[Fact]) -> Option<Turns> {
    let nobody = Bindings::default();
    let section = match w.dice.below(3) {
        0 => "greeting",
        1 => "identity",
        _ => "thanks",
    };
    let mut out = Turns::new();
    if section == "thanks" {
        let fact = any_fact(w, askable);
        out.extend(turn(w.about(fact, "question")?, answer(w, fact)?));
    }
    let mut said = w.line(chat(), section, &nobody);
    if w.dice.chance(TYPED_IN_HASTE) {
        said = sloppy(&said);
    }
    let reply = w.line(chat(), &format!("{section} reply"), &nobody);
    out.extend(turn(said, reply));
    if section == "greeting" && w.dice.chance(50) {
        let fact = any_fact(w, askable);
        out.extend(turn(w.about(fact, "question")?, answer(w, fact)?));
    }
    Some(out)
}
