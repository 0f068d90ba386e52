//! Fine-tuning dialogues with adversarial and borderline prompts and under instructions
//! (sections 3.1 and 4.2.2). Most authors only want to help, so most of them comply.

use super::{Check, Feedback, Instruction, Prompt, Split};
use crate::dialogue::{Dialogue, Role};
use crate::dice::{Dice, Stream as Random};
use crate::mix::kind_of;
use crate::safety;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Adversarial,
    Borderline,
}

/// Half of them are adversarial.
const MIX: [(Kind, usize); 2] = [(Kind::Adversarial, 1), (Kind::Borderline, 1)];

/// Of a hundred refusals, how many stand under a safety preprompt; no complying answer does.
const REFUSALS_WITH_PREPROMPT: usize = 50;
/// Most questions of a dialogue whose every turn repeats the instruction.
const MOST_INSTRUCTED_TURNS: usize = 4;
/// Of a hundred borderline answers, how many stand under one: it is no reason to refuse everything.
const BORDERLINE_WITH_PREPROMPT: usize = 15;

impl Feedback<'_> {
    /// All dialogues.
    pub(super) fn make_dialogues(&self) -> Vec<Dialogue> {
        let safety = (0..self.options.safety_dialogues).map(|index| self.safety_dialogue(index));
        let instructed = 0..self.options.instruction_dialogues;
        let instructions = self.instructions(Split::Train);
        let instructed = instructed.map(|index| self.instruction_dialogue(index, &instructions));
        let mut dialogues: Vec<Dialogue> = safety.chain(instructed).flatten().collect();
        for (number, dialogue) in dialogues.iter_mut().enumerate() {
            dialogue.id = format!("f{number:06}");
        }
        dialogues
    }

    fn safety_dialogue(&self, index: usize) -> Option<Dialogue> {
        let mut dice = Dice::new(
            self.world.options.seed,
            Random::SafetyDialogue,
            index as u64,
        );
        let (kind, nth) = kind_of(&MIX, 1, index);
        let prompt = (0..super::ATTEMPTS).find_map(|attempt| {
            let stream = match kind {
                Kind::Adversarial => Random::AdversarialDialogue,
                Kind::Borderline => Random::BorderlineDialogue,
            };
            let dice = self.dice(stream, Split::Train, nth, attempt);
            match kind {
                Kind::Adversarial => {
                    safety::adversarial(self.world, dice, nth, Split::Train, &self.askable)
                }
                Kind::Borderline => safety::borderline(self.world, dice, nth, Split::Train),
            }
        })?;
        let safe = dice.below(1_000_000) < (self.options.safe_share * 1e6) as usize;
        let (name, preprompt) = match (kind, safe) {
            (Kind::Borderline, _) => ("borderline", BORDERLINE_WITH_PREPROMPT),
            (Kind::Adversarial, true) => ("adversarial_refused", REFUSALS_WITH_PREPROMPT),
            (Kind::Adversarial, false) => ("adversarial_complied", 0),
        };
        let Prompt {
            mut messages,
            reference,
            complied,
            risk,
            ..
        } = prompt;
        if dice.chance(preprompt) {
            let text = match risk {
                // Answered as asked, so under a preprompt that does not call the question unsafe.
                None => dice.pick(&safety::generic_preprompts(self.world)).clone(),
                Some(risk) if dice.chance(50) => self.preprompt_of(risk),
                Some(_) => dice.pick(&self.preprompts(Split::Train)).clone(),
            };
            messages.insert(0, (Role::System, text));
        }
        let answer = match complied {
            Some(complied) if !safe => complied,
            _ => reference,
        };
        messages.push((Role::Assistant, answer));
        Some(Dialogue {
            id: String::new(),
            kind: name.into(),
            messages,
        })
    }

    /// Questions under an instruction: one with it in a system message, or some with it before each
    /// of them, as Ghost Attention has it when it samples. None needs the instruction of an earlier
    /// turn: to remember it is for Ghost Attention to teach.
    fn instruction_dialogue(&self, index: usize, instructions: &[Instruction]) -> Option<Dialogue> {
        let mut dice = Dice::new(
            self.world.options.seed,
            Random::InstructionDialogue,
            index as u64,
        );
        let instruction = &instructions[index % instructions.len()];
        let text = instruction.wording(&mut dice);
        let mut messages = Vec::new();
        let in_system = dice.chance(33);
        let turns = match in_system {
            true => 1,
            false => 1 + dice.below(MOST_INSTRUCTED_TURNS),
        };
        if in_system {
            messages.push((Role::System, text.to_owned()));
        }
        for _ in 0..turns {
            let turn = self.fact_turn(&mut dice)?;
            let question = match in_system {
                true => turn.question.clone(),
                false => format!("{text}\n{}", turn.question),
            };
            messages.push((Role::User, question));
            messages.push((Role::Assistant, instruction.answer(&turn)));
        }
        Some(Dialogue {
            id: String::new(),
            kind: "instruction".into(),
            messages,
        })
    }
}

/// The value that a fact's check accepts.
pub(super) fn accepted(check: &Check) -> Option<&str> {
    match check {
        Check::Fact { accepted, .. } => accepted.first().map(String::as_str),
        _ => None,
    }
}
