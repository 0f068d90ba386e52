//! A round of rejection sampling, with Ghost Attention where the recipe has it, and the model that
//! is trained on it from the base model (paper sections 3.2.3 and 3.3).

use super::super::documents;
use super::super::training::{fine_tune, write_stage};
use super::super::{Metrics, Stand};
use super::judges::rewards;
use super::material::{blocks, newest, prompts, rollouts, with_world};
use crate::recipe::{ROUNDS, RejectionPlan};
use crate::report::Reporter;
use crate::world::without_complying;
use anyhow::Result;
use puna_align::candidates::Policy;
use puna_align::ghost_attention::{
    Constraint, GhostJob, GhostSeed, GhostSettings, Instruction, InstructionCheck, InstructionList,
    ghost_dialogues,
};
use puna_align::rejection_sampling::{POOL_FILE, RoundJob, read_pool, round, training_set};
use puna_llama::Model;
use puna_train::{Dialogue, read_dialogues};
use puna_world::Split;
use serde_json::json;
use std::collections::BTreeMap;

/// Does a round.
pub fn rejection(
    stand: &Stand<'_>,
    plan: &RejectionPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = newest(stand)?;
    let train = prompts(stand, &plan.material)?;
    let (mut judge, name) = rewards(stand)?;
    let mut sampler = rollouts(stand, &model.config, &tokenizer)?;
    let (pool, figures) = round(RoundJob {
        dir: stand.dir,
        round: plan.round as u64,
        policy: Policy {
            model: &model,
            rollouts: &mut sampler,
            judge: &mut judge,
            judge_name: &name,
        },
        prompts: &train,
        settings: &plan.settings,
        stop: None,
        on_block: &mut blocks(report),
    })?;
    let ghost = match &plan.ghost {
        Some(settings) => {
            let Conversations {
                seeds,
                lists,
                instructions,
            } = conversations(stand)?;
            let keeps = |instruction: &Instruction, answer: &str| {
                let mut ids = instruction.asks.iter().map(|(_, id)| id);
                ids.all(|id| instructions.get(id).is_some_and(|i| i.holds(answer)))
            };
            let job = GhostJob {
                dir: stand.dir,
                policy: Policy {
                    model: &model,
                    rollouts: &mut sampler,
                    judge: &mut judge,
                    judge_name: &name,
                },
                seeds: &seeds,
                lists: &lists,
                settings,
                check: Some(InstructionCheck {
                    name: "the world's rules",
                    keeps: &keeps,
                }),
                stop: None,
                on_block: &mut blocks(report),
            };
            ghost(job, settings)?
        }
        None => Vec::new(),
    };
    let mut pools = Vec::new();
    for earlier in &ROUNDS[..plan.round - 1] {
        pools.push(read_pool(&stand.of(earlier)?.join(POOL_FILE))?);
    }
    pools.push(pool);
    let best = training_set(&pools, plan.pools)?;
    let mut dialogues: Vec<Dialogue> = best.iter().map(|best| best.dialogue()).collect();
    let (answers, ghosts) = (dialogues.len(), ghost.len());
    dialogues.extend(ghost);
    if plan.keep_dialogues {
        let path = documents::dialogues(stand, plan.dialogues.as_ref())?;
        dialogues.extend(read_dialogues(&path)?);
        if plan.material.of_world {
            dialogues.extend(with_world(stand, |feedback| {
                Ok(without_complying(feedback))
            })?);
        }
    }
    let base = Model::load(&stand.of_base()?.join("model"))?;
    let data = (&dialogues[..], &[][..]);
    let (trained, summary) =
        fine_tune(stand, stand.dir, base, &tokenizer, &plan.sft, data, report)?;
    let mut metrics = write_stage(stand, &trained, &tokenizer, summary.tokens)?;
    for (name, value) in [
        ("temperature", json!(figures.temperature)),
        ("mean_best", json!(figures.mean_best)),
        ("without_answer", json!(figures.without_answer)),
        ("answers", json!(answers)),
        ("ghost_dialogues", json!(ghosts)),
    ] {
        metrics.insert(name.into(), value);
    }
    Ok(metrics)
}

/// Samples the dialogues, as training takes them.
fn ghost(job: GhostJob<'_, '_>, settings: &GhostSettings) -> Result<Vec<Dialogue>> {
    let sampled = ghost_dialogues(job)?;
    Ok(sampled
        .iter()
        .filter_map(|dialogue| dialogue.training(settings))
        .collect())
}

/// What Ghost Attention takes of the world.
struct Conversations {
    /// What its users say.
    seeds: Vec<GhostSeed>,
    /// What it can instruct.
    lists: Vec<InstructionList>,
    /// The same by id, with how to tell whether an answer keeps it.
    instructions: BTreeMap<String, puna_world::Instruction>,
}

/// Each instruction of the world's training split is one constraint, for it already joins several.
fn conversations(stand: &Stand<'_>) -> Result<Conversations> {
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
        Ok(Conversations {
            seeds: seeds.collect(),
            lists: vec![list],
            instructions: by_id.collect(),
        })
    })
}
