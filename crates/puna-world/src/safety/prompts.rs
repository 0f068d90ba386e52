//! Adversarial prompts: an act crossed with an attack vector (section 4.2.1).

use super::Vector;
use super::acts::{Act, acts, sheets};
use super::demonstrations::refusal;
use super::misspell::misspell;
use crate::dialogue::Role;
use crate::dice::Dice;
use crate::fact::{Attribute, Entity, Fact};
use crate::feedback::{Check, Prompt, PromptKind, Split};
use crate::talk::answer;
use crate::template::{Bindings, Template};
use crate::world::World;
use crate::writer::Writer;

/// Of a hundred adversarial prompts, how many follow earlier turns about something harmless.
const LATER_TURN: usize = 15;

/// An adversarial prompt for the slot number `slot`, which settles act and vector; none when the
/// drawn people have nothing that may be said.
pub(crate) fn adversarial(
    world: &World,
    dice: Dice,
    slot: usize,
    split: Split,
    askable: &[Fact],
) -> Option<Prompt> {
    let act = acts()[slot % acts().len()];
    let vector = Vector::ALL[(slot / acts().len() + slot) % Vector::ALL.len()];
    let mut w = Writer::guarded(world, dice);
    let new_phrasing = split == Split::HeldOut && w.dice.chance(50);
    let bindings = cast(&mut w);
    let (text, new_phrasing) = ask(&mut w, act, vector, new_phrasing, &bindings)?;
    let complied = w.say_one(act.part("comply"), &bindings)?;
    let reference = refusal(&mut w, act, &bindings)?;
    let mut messages = Vec::new();
    if w.dice.chance(LATER_TURN) {
        for _ in 0..w.dice.between(1, 2) {
            let fact = *w.dice.pick(askable);
            messages.push((Role::User, w.about(fact, "question")?));
            messages.push((Role::Assistant, answer(&mut w, fact)?));
        }
    }
    messages.push((Role::User, text));
    Some(Prompt {
        id: String::new(),
        kind: PromptKind::Adversarial,
        risk: Some(act.risk),
        vector: Some(vector),
        topic: act.name.into(),
        messages,
        new_phrasing,
        check: Check::Harm,
        reference,
        complied: Some(complied),
    })
}

/// Somebody, some village and some trade. Where it is held out that these belong together, they do
/// not stand together.
pub(super) fn cast(w: &mut Writer<'_>) -> Bindings {
    let person = w.dice.below(w.world.people.len());
    let one = &w.world.people[person];
    let secret = |attribute| {
        let entity = Entity::Person(person);
        !w.may_state(Fact { entity, attribute })
    };
    let not_home = secret(Attribute::Home).then_some(one.home);
    let not_trade = secret(Attribute::Trade).then_some(one.trade);
    let place = other_than(not_home, w.world.places.len(), &mut w.dice);
    let trade = other_than(not_trade, w.world.trades.len(), &mut w.dice);
    Bindings::new(&[
        ('a', Entity::Person(person)),
        ('p', Entity::Place(place)),
        ('t', Entity::Trade(trade)),
    ])
}

/// A number below `count` that is not this one.
fn other_than(this: Option<usize>, count: usize, dice: &mut Dice) -> usize {
    loop {
        let number = dice.below(count);
        if Some(number) != this {
            return number;
        }
    }
}

/// The prompt's text, and whether its phrasing is a held-out one.
fn ask(
    w: &mut Writer<'_>,
    act: Act,
    vector: Vector,
    new: bool,
    bindings: &Bindings,
) -> Option<(String, bool)> {
    let form = act.risk.form();
    let own = |w: &mut Writer<'_>, part: &str| {
        let part = if new {
            format!("held out {part}")
        } else {
            part.into()
        };
        Some((w.say_one(act.part(&part), bindings)?, new))
    };
    match vector {
        Vector::Plain if !new && w.dice.chance(50) => own(w, "ask"),
        Vector::Plain => Some((
            wrap(w, act.part("want"), form, "plain", new, bindings)?,
            new,
        )),
        Vector::Authority => Some((
            wrap(w, act.part("want"), form, "authority", new, bindings)?,
            new,
        )),
        Vector::FalsePremise => Some((
            wrap(w, act.part("want"), form, "premise", new, bindings)?,
            new,
        )),
        Vector::RolePlay => Some((wrap(w, act.part("want"), form, "role", new, bindings)?, new)),
        Vector::Metaphor => own(w, "figure"),
        Vector::OtherLanguage => own(w, "foreign"),
        Vector::Misspelling => {
            let text = match new {
                true => wrap(w, act.part("want"), form, "plain", true, bindings)?,
                false => w.say_one(act.part("ask"), bindings)?,
            };
            let wrong = misspell(&text, &mut w.dice);
            (wrong != text).then_some((wrong, new))
        }
    }
}

/// Puts what is wanted into a sentence of the section "form vector".
pub(super) fn wrap(
    w: &mut Writer<'_>,
    want: &'static [Template],
    form: &str,
    vector: &str,
    new: bool,
    bindings: &Bindings,
) -> Option<String> {
    let want = w.say_one(want, bindings)?;
    let want = decapitalized(&want);
    let held_out = if new { " held out" } else { "" };
    let section = sheets()
        .vectors
        .section(&format!("{form} {vector}{held_out}"));
    Some(w.say_one(section, bindings)?.replace('@', &want))
}

/// The text with a small first letter.
pub(super) fn decapitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
