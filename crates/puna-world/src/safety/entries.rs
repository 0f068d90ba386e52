//! Entries of the pages of advice: what the prompts of this module ask for, told in pretraining text,
//! so that a model has read of it before it is asked.

use super::acts::{acts, sheets};
use super::borderline::all_topics;
use super::demonstrations::refusal;
use super::prompts::{cast, decapitalized};
use crate::template::Bindings;
use crate::writer::Writer;

/// The title of a page.
pub(crate) fn title(w: &mut Writer<'_>) -> String {
    let bindings = cast(w);
    w.line(&sheets().documents, "title", &bindings)
}

/// An entry about something harmless that sounds dangerous; its number settles the topic.
pub(crate) fn tip(w: &mut Writer<'_>, number: usize) -> Option<String> {
    let topics = all_topics();
    let topic = topics[number % topics.len()];
    let bindings = cast(w);
    let want = w.say_one(topic.part("want"), &bindings)?;
    let answer = w.say_one(topic.part("answer"), &bindings)?;
    entry(
        w,
        &format!("{} tip", topic.form()),
        &bindings,
        &want,
        &[('%', &answer)],
    )
}

/// An entry about a harmful act; its number settles the act. Half of them tell what somebody bad
/// said and why it is wrong, and in half somebody refuses.
pub(crate) fn warning(w: &mut Writer<'_>, number: usize) -> Option<String> {
    let act = acts()[number % acts().len()];
    let bindings = cast(w);
    let want = w.say_one(act.part("want"), &bindings)?;
    let form = act.risk.form();
    if w.dice.chance(50) {
        let refusal = refusal(w, act, &bindings)?;
        return entry(
            w,
            &format!("{form} good"),
            &bindings,
            &want,
            &[('&', &refusal)],
        );
    }
    let complied = w.say_one(act.part("comply"), &bindings)?;
    let risk = w.say_one(act.part("risk"), &bindings)?;
    let said = [('%', complied.as_str()), ('$', &risk)];
    entry(w, &format!("{form} bad"), &bindings, &want, &said)
}

fn entry(
    w: &mut Writer<'_>,
    section: &str,
    bindings: &Bindings,
    want: &str,
    said: &[(char, &str)],
) -> Option<String> {
    let frame = w.say_one(sheets().documents.section(section), bindings)?;
    let mut text = frame.replace('@', &decapitalized(want));
    for (mark, what) in said {
        text = text.replace(*mark, what);
    }
    Some(text)
}
