//! A round of rejection sampling, with Ghost Attention where the recipe has it, and the model that
//! is trained on it from the base model (paper sections 3.2.3 and 3.3).

use super::super::documents;
use super::super::training::{fine_tune, write_stage};
use super::super::{Metrics, Stand};
use super::judges::rewards;
use super::material::{blocks, newest, prompts, rollouts, with_world};
use crate::recipe::{ROUNDS, RejectionPlan};
use crate::report::Reporter;
use crate::world::messages;
use anyhow::Result;
use puna_align::candidates::Policy;
use puna_align::ghost_attention::{
    Constraint, GhostJob, GhostSeed, GhostSettings, InstructionList, ghost_dialogues,
};
use puna_align::rejection_sampling::{POOL_FILE, RoundJob, read_pool, round, training_set};
use puna_llama::Model;
use puna_train::{Dialogue, read_dialogues};
use puna_world::{Feedback, Split};
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
            let (seeds, lists) = conversations(stand)?;
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
            dialogues.extend(with_world(stand, harmless)?);
        }
    }
    let base = Model::load(&stand.of("pretrain")?.join("model"))?;
    let data = (&dialogues[..], &[][..]);
    let (trained, summary) = fine_tune(stand, base, &tokenizer, &plan.sft, data, report)?;
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

/// The fine-tuning dialogues that are about no adversarial prompt: those, rejection sampling answers.
fn harmless(feedback: &Feedback<'_>) -> Result<Vec<Dialogue>> {
    let all = feedback.dialogues().iter();
    let harmless = all.filter(|dialogue| !dialogue.kind.starts_with("adversarial"));
    Ok(harmless
        .map(|dialogue| Dialogue::new(messages(&dialogue.messages)))
        .collect())
}

/// Samples the dialogues, as training takes them.
fn ghost(job: GhostJob<'_, '_>, settings: &GhostSettings) -> Result<Vec<Dialogue>> {
    let sampled = ghost_dialogues(job)?;
    Ok(sampled
        .iter()
        .flat_map(|dialogue| dialogue.training(settings))
        .collect())
}

/// What the world's users say, and what it can instruct: each instruction of its training split is
/// one constraint, for it already joins several.
fn conversations(stand: &Stand<'_>) -> Result<(Vec<GhostSeed>, Vec<InstructionList>)> {
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
        let constraints = feedback.instructions(Split::Train).into_iter();
        let constraints = constraints.map(|instruction| Constraint {
            value: instruction.id,
            long: instruction.long,
            short: instruction.short,
        });
        let list = InstructionList {
            kind: "instruction".into(),
            constraints: constraints.collect(),
        };
        Ok((seeds.collect(), vec![list]))
    })
}
