//! The sheets of sentences of the crawl.

use std::sync::LazyLock;

use crate::dice::Dice;
use crate::language::Sheet;
use crate::template::{Bindings, Template};
use crate::world::World;

/// The sheets of `src/templates/crawl_*.txt`.
pub(super) struct Sheets {
    pub(super) site: Sheet,
    pub(super) forum: Sheet,
    pub(super) board: Sheet,
    pub(super) school: Sheet,
    pub(super) languages: Sheet,
}

macro_rules! sheet {
    ($name:literal) => {
        Sheet::parse($name, include_str!(concat!("../templates/", $name, ".txt")))
    };
}

static SHEETS: LazyLock<Sheets> = LazyLock::new(|| Sheets {
    site: sheet!("crawl_site"),
    forum: sheet!("crawl_forum"),
    board: sheet!("crawl_board"),
    school: sheet!("crawl_school"),
    languages: sheet!("crawl_languages"),
});

pub(super) fn sheets() -> &'static Sheets {
    &SHEETS
}

/// A sentence that speaks of nobody in the world.
pub(super) fn say(world: &World, dice: &mut Dice, template: &Template) -> String {
    template.render(world, &Bindings::default(), dice, &mut Vec::new())
}

/// One sentence of the section.
pub(super) fn any(world: &World, dice: &mut Dice, section: &[Template]) -> String {
    let template = dice.pick(section);
    say(world, dice, template)
}

/// `count` sentences of the section, no template twice while there are enough.
pub(super) fn some(
    world: &World,
    dice: &mut Dice,
    section: &[Template],
    count: usize,
) -> Vec<String> {
    let order = dice.deal(section.len(), count);
    let sentences = order.into_iter().map(|i| say(world, dice, &section[i]));
    sentences.collect()
}
