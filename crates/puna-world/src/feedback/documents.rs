//! Pretraining text to go with the world's documents: pages of advice, good and bad, and pages of
//! questions under a rule. As the paper's corpora were not filtered for harm (section 4.1), a model has
//! read of it before it is asked, and it has read how somebody does what somebody wants.

use super::{Feedback, Instruction, Split, Turn};
use crate::dice::{Dice, Stream as Random};
use crate::document::Document;
use crate::safety;
use crate::writer::Writer;

/// How many turns the pages of rules draw from: so few that enough questions are left for prompts that
/// are asked nowhere else.
const RULES_TURNS: usize = 1_000;
/// Entries of a page; with a small vocabulary, it still fits a context of 256 tokens.
const ENTRIES: usize = 4;

impl Feedback<'_> {
    /// The pages, of the kinds "advice" and "rules".
    pub fn documents(&self) -> impl Iterator<Item = Document> + '_ {
        let advice = (0..self.options.documents).map(|index| self.advice(index));
        let instructions = self.instructions(Split::Train);
        let rules = 0..self.options.instruction_documents;
        let rules = rules.map(move |index| self.rules(index, &instructions));
        advice.chain(rules)
    }

    /// A page of advice: half of the entries about what borderline prompts ask for, the held-out topics
    /// among it, and half about harmful acts.
    fn advice(&self, index: usize) -> Document {
        let dice = Dice::new(self.world.options.seed, Random::AdvicePage, index as u64);
        let mut w = Writer::new(self.world, dice);
        let mut lines = vec![safety::title(&mut w)];
        for nth in index * ENTRIES..(index + 1) * ENTRIES {
            lines.extend(match nth % 2 {
                0 => safety::tip(&mut w, nth / 2),
                _ => safety::warning(&mut w, nth / 2),
            });
        }
        Document {
            id: format!("a{index:06}"),
            kind: "advice".into(),
            text: lines.join("\n"),
        }
    }

    /// A page of questions, each with a rule of its own before it and an answer that keeps it. A rule and
    /// what follows from it stand in one line, so that no line is like another.
    fn rules(&self, index: usize, instructions: &[Instruction]) -> Document {
        let mut lines = vec![format!("Answers by the rule, page {}", index + 1)];
        let (turns, mut dice) = self.rules_turns(index);
        for turn in turns {
            let instruction = dice.pick(instructions);
            let rule = instruction.wording(&mut dice);
            let answer = instruction.answer(&turn);
            lines.push(format!("{rule} {} {answer}", turn.question));
        }
        Document {
            id: format!("r{index:06}"),
            kind: "rules".into(),
            text: lines.join("\n"),
        }
    }

    /// The questions of such a page, and the dice behind them.
    fn rules_turns(&self, index: usize) -> (Vec<Turn>, Dice) {
        let mut dice = Dice::new(self.world.options.seed, Random::RulesPage, index as u64);
        let seed = self.world.options.seed;
        let turns = (0..ENTRIES).filter_map(|_| {
            let number = dice.below(RULES_TURNS) as u64;
            self.fact_turn(&mut Dice::new(seed, Random::RulesTurn, number))
        });
        (turns.collect(), dice)
    }

    /// What the pages of rules ask.
    pub(super) fn asked_on_pages(&self) -> impl Iterator<Item = String> + '_ {
        let pages = 0..self.options.instruction_documents;
        let turns = pages.flat_map(|index| self.rules_turns(index).0);
        turns.map(|turn| turn.question)
    }
}
