//! A round of rejection sampling, with Ghost Attention where the recipe has it, and the model that
//! is trained on it from the base model (paper sections 3.2.3 and 3.3).

use super::super::documents;
use super::super::training::{fine_tune, write_stage};
use super::super::{Metrics, Stand};
use super::ghost::GhostMaterial;
use super::judges::{name_of, rewards};
use super::material::{blocks, newest, prompts, rollouts, with_world};
use crate::recipe::{ROUNDS, RejectionPlan};
use crate::report::Reporter;
use crate::world::without_complying;
use anyhow::Result;
use puna_align::candidates::Policy;
use puna_align::ghost_attention::{GhostJob, InstructionCheck, ghost_dialogues};
use puna_align::rejection_sampling::{POOL_FILE, RoundJob, read_pool, round, training_set};
use puna_llama::Model;
use puna_train::{Dialogue, read_dialogues};
use serde_json::json;

/// Does a round.
pub fn rejection(
    stand: &Stand<'_>,
    plan: &RejectionPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = newest(stand)?;
    let train = prompts(stand, &plan.material)?;
    let ghost = match &plan.ghost {
        Some(ghost) => Some((ghost, GhostMaterial::of(stand, plan, ghost)?)),
        None => None,
    };
    let mut judge = rewards(stand)?;
    let name = name_of(&judge);
    let mut sampler = rollouts(stand, &model.config, &tokenizer, plan.sft.seq_len)?;
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
    for told in figures.left_out(train.len()) {
        report.warning(&told);
    }
    let ghost = match &ghost {
        Some((ghost, material)) => {
            let keeps = |instruction: &_, answer: &str| material.keeps(instruction, answer);
            let check = InstructionCheck {
                name: "the world's rules",
                keeps: &keeps,
            };
            let sampled = ghost_dialogues(GhostJob {
                dir: stand.dir,
                policy: Policy {
                    model: &model,
                    rollouts: &mut sampler,
                    judge: &mut judge,
                    judge_name: &name,
                },
                seeds: &material.seeds,
                lists: &material.lists,
                settings: &ghost.settings,
                check: material.has_rules().then_some(check),
                stop: None,
                on_block: &mut blocks(report),
            })?;
            let trained = sampled.iter().filter_map(|d| d.training(&ghost.settings));
            trained.collect()
        }
        None => Vec::new(),
    };
    // What sampled and what judged is large, and training needs the room.
    drop((sampler, judge, model));
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
