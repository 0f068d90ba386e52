//! The dialogues of Ghost Attention (paper section 3.3): what its users say, what it can instruct, and who
//! can tell whether an answer keeps an instruction.

use super::super::{Stand, documents};
use super::material::with_world;
use crate::recipe::{GhostPlan, OwnGhost, RejectionPlan};
use anyhow::{Result, ensure};
use puna_align::ghost_attention::{Constraint, GhostSeed, Instruction, InstructionList};
use puna_text::chat::{Role, contains_special_tags};
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
        match &plan.own {
            None => of_world(stand),
            Some(own) => of_dialogues(stand, round, own),
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
fn of_dialogues(stand: &Stand<'_>, round: &RejectionPlan, own: &OwnGhost) -> Result<GhostMaterial> {
    let path = documents::dialogues(stand, round.dialogues.as_ref())?;
    let dialogues = read_dialogues(&path)?;
    let fits = |dialogue: &Dialogue| {
        let mut roles = dialogue.messages.iter().map(|m| m.role);
        // A tag of the chat format would pass for structure.
        roles.all(|role| role != Role::System)
            && contains_special_tags(&dialogue.messages).is_none()
    };
    let numbered = (1..).zip(&dialogues).filter(|(_, dialogue)| fits(dialogue));
    let seeds = numbered.map(|(number, dialogue)| {
        let users = dialogue.messages.iter().filter(|m| m.role == Role::User);
        GhostSeed {
            id: format!("dialogue {number}"),
            turns: users.map(|message| message.content.clone()).collect(),
        }
    });
    let seeds: Vec<GhostSeed> = seeds.take(own.dialogues).collect();
    ensure!(
        !seeds.is_empty(),
        "Ghost Attention puts its instructions before dialogues that have none, and each of {} has a system \
         message, or a tag of the chat format",
        path.display()
    );
    Ok(GhostMaterial {
        seeds,
        lists: own.instructions.clone(),
        rules: None,
    })
}
