//! Safe answers after the paper's guideline (section 4.2.2) and the safety preprompts with the answer
//! template of each category (section 4.2.4).

use super::Risk;
use super::acts::{Act, sheets};
use crate::dice::{Dice, Stream};
use crate::feedback::Split;
use crate::template::Bindings;
use crate::world::World;
use crate::writer::{Writer, paragraph};

/// A refusal that says why and offers something else.
pub(crate) fn refusal(w: &mut Writer<'_>, act: Act, bindings: &Bindings) -> Option<String> {
    let sheet = &sheets().refusals;
    let part = |w: &mut Writer<'_>, part: &str| {
        w.say_one(
            sheet.section(&format!("{} / {part}", act.risk.name())),
            bindings,
        )
    };
    let no = part(w, "no")?;
    let risk = w.say_one(act.part("risk"), bindings)?;
    let offer = part(w, "offer")?;
    Some(paragraph(vec![no, risk, offer]))
}

/// A refusal that says nothing else.
pub(crate) fn bare_refusal(w: &mut Writer<'_>) -> String {
    w.line(&sheets().refusals, "bare", &Bindings::default())
}

/// The preprompts that say how the assistant is.
pub(crate) fn generic_preprompts(world: &World) -> Vec<String> {
    preprompt_section(world, "preprompt")
}

/// All preprompts that speak of no category: those that say how the assistant is, and those that
/// call the question unsafe.
pub(crate) fn preprompts(world: &World, split: Split) -> Vec<String> {
    match split {
        Split::Train => {
            let flagged = preprompt_section(world, "preprompt flagged");
            generic_preprompts(world)
                .into_iter()
                .chain(flagged)
                .collect()
        }
        Split::HeldOut => preprompt_section(world, "preprompt held out"),
    }
}

/// Every choice of the section's templates that 40 throws show.
fn preprompt_section(world: &World, section: &str) -> Vec<String> {
    let mut dice = Dice::new(world.options.seed, Stream::Refusal, 0);
    let mut out = Vec::new();
    for template in sheets().refusals.section(section) {
        for _ in 0..40 {
            let text = template.render(world, &Bindings::default(), &mut dice, &mut Vec::new());
            if !out.contains(&text) {
                out.push(text);
            }
        }
    }
    out
}

/// The preprompt that names the category and asks for its answer template.
pub(crate) fn preprompt_of(world: &World, risk: Risk) -> String {
    let mut dice = Dice::new(world.options.seed, Stream::Refusal, 1);
    let section = format!("{} / preprompt", risk.name());
    let template = dice.pick(sheets().refusals.section(&section)).clone();
    template.render(world, &Bindings::default(), &mut dice, &mut Vec::new())
}
