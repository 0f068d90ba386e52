//! Conversations about facts for Ghost Attention (section 3.3): one instruction and many turns.

use serde::{Deserialize, Serialize};

use super::dialogues::accepted;
use super::helpful::fact_check;
use super::{Check, Feedback, Instruction, Split};
use crate::dice::{Dice, Stream as Random};
use crate::talk::answer;
use crate::writer::Writer;

/// The numbers of turns that the paper looks at.
pub(crate) const TURNS: [usize; 4] = [2, 4, 6, 20];

/// A question about a fact, and a plain answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// What the user asks.
    pub question: String,
    /// What a right answer holds.
    pub check: Check,
    /// A right answer that knows of no instruction.
    pub reference: String,
}

impl Turn {
    /// The value that is asked for.
    pub(crate) fn value(&self) -> &str {
        accepted(&self.check).unwrap_or(&self.reference)
    }
}

/// Turns under an instruction that is given once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Unique in its world.
    pub id: String,
    /// What every answer must do.
    pub instruction: Instruction,
    /// The questions, no two alike.
    pub turns: Vec<Turn>,
}

impl Feedback<'_> {
    /// Conversations of 2, 4, 6 and 20 turns in turn, with the instructions of the split. They ask
    /// only what is not held out.
    pub fn conversations(&self, split: Split) -> Vec<Conversation> {
        let of_each = match split {
            Split::Train => self.options.conversations,
            Split::HeldOut => self.options.held_out_conversations,
        };
        let instructions = self.instructions(split);
        let all = 0..of_each * TURNS.len();
        all.map(|index| {
            let mut dice = self.dice(Random::Conversation, split, index, 0);
            let wanted = TURNS[index % TURNS.len()];
            let mut turns: Vec<Turn> = Vec::with_capacity(wanted);
            // A small world may have fewer facts than turns; then it gives what it has.
            for _ in 0..wanted * 8 {
                if turns.len() == wanted {
                    break;
                }
                if let Some(turn) = self.fact_turn(&mut dice)
                    && turns.iter().all(|other| other.question != turn.question)
                {
                    turns.push(turn);
                }
            }
            Conversation {
                id: format!("{}_conversation_{index:04}", split.name()),
                instruction: instructions[(index * 7 + index / 4) % instructions.len()].clone(),
                turns,
            }
        })
        .collect()
    }

    /// A question about a fact that is not held out.
    pub(super) fn fact_turn(&self, dice: &mut Dice) -> Option<Turn> {
        let fact = *self.askable.get(dice.below(self.askable.len()))?;
        let mut w = Writer::guarded(self.world, dice.clone());
        let question = w.about(fact, "question")?;
        let reference = answer(&mut w, fact)?;
        *dice = w.dice;
        Some(Turn {
            question,
            check: fact_check(self.world, fact),
            reference,
        })
    }
}
