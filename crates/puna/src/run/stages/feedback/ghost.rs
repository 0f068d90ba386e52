//! The dialogues of Ghost Attention (paper section 3.3): what its users say, what it can instruct, and who
//! can tell whether an answer keeps an instruction.

use super::super::{Stand, documents};
use super::material::with_world;
use crate::recipe::{GhostPlan, RejectionPlan};
use anyhow::{Result, ensure};
use puna_align::ghost_attention::{Constraint, GhostSeed, Instruction, InstructionList};
use puna_text::chat::Role;
use puna_train::{Dialogue, read_dialogues};
use puna_world::Split;
use std::collections::BTreeMap;

/// What the dialogues are made of.
pub struct GhostMaterial {
    /// What their users say.
    pub seeds: Vec<GhostSeed>,
    /// What they can instruct.
    pub lists: Vec<InstructionList>,
    /// The world's instructions by id, with how to tell whether an answer keeps one; nobody else can.
    rules: Option<BTreeMap<String, puna_world::Instruction>>,
}

impl GhostMaterial {
    /// The world's, or that of the dialogues of fine-tuning.
    pub fn of(stand: &Stand<'_>, round: &RejectionPlan, plan: &GhostPlan) -> Result<Self> {
        match round.material.of_world {
            true => of_world(stand),
            false => of_dialogues(stand, round, plan),
        }
    }

    /// Whether anybody can tell that an answer keeps its instruction.
    pub fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether the answer keeps the instruction.
    pub fn keeps(&self, instruction: &Instruction, answer: &str) -> bool {
        let rule = |id: &String| self.rules.as_ref()?.get(id);
        let mut ids = instruction.asks.iter().map(|(_, id)| id);
        ids.all(|id| rule(id).is_some_and(|i| i.holds(answer)))
    }
}

/// The world's conversations. Each instruction of its training split is one constraint, for it already
/// joins several.
fn of_world(stand: &Stand<'_>) -> Result<GhostMaterial> {
    with_world(stand, |feedback| {
        let seeds = feedback.conversations(Split::Train).into_iter();
        let seeds = seeds.map(|conversation| GhostSeed {
            id: conversation.id,
            turns: conversation
                .turns
                .into_iter()
                .map(|turn| turn.question)
                .collect(),
        });
        let instructions = feedback.instructions(Split::Train);
        let constraints = instructions.iter().map(|instruction| Constraint {
            value: instruction.id.clone(),
            long: instruction.long.clone(),
            short: instruction.short.clone(),
        });
        let list = InstructionList {
            kind: "instruction".into(),
            constraints: constraints.collect(),
        };
        let by_id = instructions.into_iter().map(|i| (i.id.clone(), i));
        Ok(GhostMaterial {
            seeds: seeds.collect(),
            lists: vec![list],
            rules: Some(by_id.collect()),
        })
    })
}

/// What the users say in the dialogues of fine-tuning that have no system message, and the recipe's
/// instructions.
fn of_dialogues(
    stand: &Stand<'_>,
    round: &RejectionPlan,
    plan: &GhostPlan,
) -> Result<GhostMaterial> {
    let path = documents::dialogues(stand, round.dialogues.as_ref())?;
    let dialogues = read_dialogues(&path)?;
    let plain = |dialogue: &&Dialogue| dialogue.messages.iter().all(|m| m.role != Role::System);
    let seed = |(number, dialogue): (usize, &Dialogue)| {
        let users = dialogue.messages.iter().filter(|m| m.role == Role::User);
        GhostSeed {
            id: format!("dialogue {}", number + 1),
            turns: users.map(|message| message.content.clone()).collect(),
        }
    };
    let plain = dialogues.iter().filter(plain).enumerate().map(seed);
    let seeds: Vec<GhostSeed> = plain.take(plan.dialogues).collect();
    ensure!(
        !seeds.is_empty(),
        "Ghost Attention puts its instructions before dialogues that have none, and {} has a system message \
         in each",
        path.display()
    );
    Ok(GhostMaterial {
        seeds,
        lists: plan.instructions.clone(),
        rules: None,
    })
}
