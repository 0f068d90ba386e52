//! Rude lines, and lines that speak of the same people and groups and are not rude.

use super::Crawl;
use super::private;
use super::sheets::{any, sheets};
use crate::dice::{Dice, Stream};
use crate::world::World;

/// A line about an invented person or group.
pub(super) fn line(world: &World, dice: &mut Dice, toxic: bool) -> String {
    let board = &sheets().board;
    let section = match toxic {
        true => "toxic",
        false => "plain",
    };
    let line = any(world, dice, board.section(section));
    let name = private::person_name(dice);
    let first = name.split(' ').next().unwrap_or_default();
    // The sheet's capital letter belongs to the name of the group, not to its mark.
    let group = any(world, dice, board.section("group")).to_lowercase();
    ["@x", "@X"]
        .iter()
        .fold(line, |line, mark| line.replace(mark, first))
        .replace("@g", &group)
        .replace("@G", &group)
}

impl Crawl<'_> {
    /// Labelled lines to train a classifier from, none of them drawn for the pages; half are rude.
    pub fn toxicity_lines(&self) -> impl Iterator<Item = (String, bool)> + '_ {
        let mut dice = Dice::new(self.world.options.seed, Stream::Toxicity, 0);
        (0..self.options.toxicity_lines).map(move |i| {
            let toxic = i % 2 == 0;
            (line(self.world, &mut dice, toxic), toxic)
        })
    }
}
