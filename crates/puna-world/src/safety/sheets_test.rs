//! Tests of the sheets: complete, well-formed, and with harm only where harm belongs.

use std::collections::BTreeSet;

use super::acts::{acts, harmful_phrases, phrases, sheets};
use super::borderline::all_topics;
use super::prompts::{cast, wrap};
use super::{Risk, bare_refusal, generic_preprompts, preprompts};
use crate::dice::{Dice, Stream};
use crate::feedback::{Check, Prompt, PromptKind, Rules, Split};
use crate::template::{Bindings, Template};
use crate::world::{World, WorldOptions};
use crate::writer::Writer;

const PARTS: [(&str, usize); 9] = [
    ("want", 2),
    ("ask", 3),
    ("comply", 3),
    ("keys", 1),
    ("risk", 2),
    ("figure", 1),
    ("held out figure", 1),
    ("foreign", 2),
    ("held out foreign", 1),
];

fn default_world() -> World {
    World::generate(&WorldOptions::default())
}

/// Renders every template of the section with several casts.
fn render_all(world: &World, templates: &'static [Template]) -> Vec<String> {
    let mut out = Vec::new();
    for seed in 0..8 {
        let mut w = Writer::new(world, Dice::new(seed, Stream::Adversarial, 0));
        let bindings = cast(&mut w);
        out.extend(templates.iter().map(|t| w.say(t, &bindings)));
    }
    out
}

fn adversarial_prompt() -> Prompt {
    Prompt {
        id: String::new(),
        kind: PromptKind::Adversarial,
        risk: Some(Risk::Illicit),
        vector: None,
        topic: String::new(),
        messages: Vec::new(),
        new_phrasing: false,
        check: Check::Harm,
        reference: String::new(),
        complied: None,
    }
}

#[test]
fn every_act_has_every_part_and_every_category_enough_acts() {
    for act in acts() {
        for (part, fewest) in PARTS {
            assert!(act.part(part).len() >= fewest, "{} / {part}", act.name);
        }
    }
    for risk in Risk::ALL {
        assert!(acts().iter().filter(|act| act.risk == risk).count() >= 6);
        // No part is misnamed.
        for section in sheets().of(risk).names() {
            let part = section.split(" / ").nth(1);
            assert!(
                PARTS.iter().any(|(known, _)| Some(*known) == part),
                "{section}"
            );
        }
        for part in ["no", "offer"] {
            let section = format!("{} / {part}", risk.name());
            assert!(sheets().refusals.section(&section).len() >= 5, "{section}");
        }
    }
    let forms = ["how", "write", "tell"];
    for form in forms {
        for vector in ["plain", "authority", "premise", "role"] {
            let known = sheets().vectors.section(&format!("{form} {vector}"));
            let held_out = sheets()
                .vectors
                .section(&format!("{form} {vector} held out"));
            assert!(known.len() >= 5 && held_out.len() >= 2, "{form} {vector}");
        }
    }
    for section in sheets().borderline.names() {
        let (topic, part) = section.split_once(" / ").expect("topic / part");
        assert!(["want", "answer", "keys"].contains(&part), "{section}");
        assert!(
            topic
                .split(' ')
                .next()
                .is_some_and(|form| forms.contains(&form)),
            "{section}"
        );
    }
}

#[test]
fn what_complies_is_a_violation_and_nothing_else_is() {
    let world = default_world();
    let prompt = adversarial_prompt();
    let violates = |text: &str| Rules.judge(&prompt, text).violation;
    for act in acts() {
        for text in render_all(&world, act.part("comply")) {
            assert!(violates(&text), "{}: {text}", act.name);
            let own = phrases(act.part("keys"));
            assert!(own.iter().all(|phrase| harmful_phrases().contains(phrase)));
        }
        for text in render_all(&world, act.part("risk")) {
            assert!(!violates(&text), "{}: {text}", act.name);
        }
        // The prompt itself gives nothing away, so that to repeat it is no violation.
        for part in ["ask", "want", "figure", "held out figure"] {
            for text in render_all(&world, act.part(part)) {
                assert!(!violates(&text), "{}: {text}", act.name);
            }
        }
    }
    for section in sheets()
        .refusals
        .names()
        .filter(|name| !name.contains("preprompt"))
    {
        for text in render_all(&world, sheets().refusals.section(section)) {
            assert!(!violates(&text), "{section}: {text}");
        }
    }
    for section in sheets().borderline.names() {
        for text in render_all(&world, sheets().borderline.section(section)) {
            assert!(!violates(&text), "{section}: {text}");
        }
    }
    for dialogue in world.dialogues() {
        for (_, content) in &dialogue.messages {
            assert!(!violates(content), "{content}");
        }
    }
}

#[test]
fn sentences_are_well_formed_and_plain_ascii() {
    let world = default_world();
    let all = Risk::ALL.map(|risk| sheets().of(risk));
    let others = [&sheets().borderline, &sheets().vectors, &sheets().refusals];
    for sheet in all.into_iter().chain(others) {
        for section in sheet.names() {
            let templates = sheet.section(section);
            let different: BTreeSet<String> = templates.iter().map(|t| format!("{t:?}")).collect();
            assert_eq!(different.len(), templates.len(), "{section}");
            let whole = !section.ends_with("/ want") && !section.ends_with("/ keys");
            for text in render_all(&world, templates) {
                let place = format!("{section}: {text}");
                assert!(text.is_ascii(), "{place}");
                assert!(!whole || text.ends_with(['.', '?', '!']), "{place}");
                assert!(
                    text.starts_with(|c: char| c.is_uppercase() || c == '@'),
                    "{place}"
                );
                for bad in [
                    "  ", " .", " ,", "{", "}", "..", "the the", " a a ", " a a", " a o", " a i",
                    " a e",
                ] {
                    assert!(!text.contains(bad), "{place}");
                }
            }
        }
    }
    // A wrapped wish stays a sentence.
    for act in acts() {
        for vector in ["plain", "authority", "premise", "role"] {
            for new in [false, true] {
                let mut w = Writer::new(&world, Dice::new(3, Stream::Adversarial, 1));
                let bindings = cast(&mut w);
                let form = act.risk.form();
                let text = wrap(&mut w, act.part("want"), form, vector, new, &bindings);
                let text = text.expect("an unguarded writer says everything");
                assert!(
                    !text.contains('@') && text.ends_with(['.', '?', '!']),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn refusals_are_found_and_preprompts_are_split() {
    let world = default_world();
    let prompt = adversarial_prompt();
    for risk in Risk::ALL {
        let section = format!("{} / no", risk.name());
        for text in render_all(&world, sheets().refusals.section(&section)) {
            assert!(Rules.judge(&prompt, &text).refusal, "{text}");
        }
    }
    for n in 0..20 {
        let text = bare_refusal(&mut Writer::new(&world, Dice::new(n, Stream::Refusal, 0)));
        let verdict = Rules.judge(&prompt, &text);
        assert!(verdict.refusal && !verdict.helpful, "{text}");
    }
    let train = preprompts(&world, Split::Train);
    let held_out = preprompts(&world, Split::HeldOut);
    assert!(
        train.len() >= 15 && held_out.len() >= 4,
        "{train:?} {held_out:?}"
    );
    assert!(held_out.iter().all(|text| !train.contains(text)));
    assert!(
        generic_preprompts(&world)
            .iter()
            .all(|text| train.contains(text))
    );
    let nobody = Bindings::default();
    let bare = sheets().refusals.section("bare");
    let mut w = Writer::guarded(&world, Dice::new(0, Stream::Refusal, 0));
    assert!(w.say_one(bare, &nobody).is_some());
}

/// Or a model would be helpful that only repeats the request.
#[test]
fn no_request_holds_what_makes_an_answer_helpful() {
    let world = default_world();
    for topic in all_topics() {
        let phrases = phrases(topic.part("keys"));
        let phrases = phrases.iter().map(|words| words.join(" ")).collect();
        let mut prompt = adversarial_prompt();
        prompt.kind = PromptKind::Borderline;
        prompt.check = Check::Phrases { phrases };
        for want in render_all(&world, topic.part("want")) {
            assert!(!Rules.judge(&prompt, &want).helpful, "{want}");
        }
        for answer in render_all(&world, topic.part("answer")) {
            assert!(Rules.judge(&prompt, &answer).helpful, "{answer}");
        }
    }
}
