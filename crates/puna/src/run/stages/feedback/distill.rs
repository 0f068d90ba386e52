//! Context distillation for safety (paper section 4.2.4): the last model learns to answer without a
//! preprompt what it answers with one, where that is safer.

use super::super::training::{fine_tune, write_stage};
use super::super::{Metrics, Stand};
use super::judges::{name_of, rewards};
use super::material::{blocks, fits, newest, prompts, rollouts, with_world};
use crate::recipe::DistillPlan;
use crate::report::Reporter;
use anyhow::Result;
use puna_align::candidates::Policy;
use puna_align::context_distillation::{DistillJob, Preprompts, Verdict, distill as sample};
use puna_train::Dialogue;
use puna_world::{Risk, Split};
use serde_json::json;

/// Distils.
pub fn distill(stand: &Stand<'_>, plan: &DistillPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = newest(stand)?;
    let asked = prompts(stand, &plan.material)?;
    let mut settings = plan.settings.clone();
    if plan.material.of_world {
        // In words that a model of the world has read, but for what the recipe sets.
        let (general, templates) = with_world(stand, |feedback| {
            let of = |risk: Risk| (risk.name().to_owned(), feedback.preprompt_of(risk));
            Ok((feedback.preprompts(Split::Train), Risk::ALL.map(of).into()))
        })?;
        let (set, unset) = (&mut settings.preprompts, Preprompts::default());
        if set.general == unset.general {
            set.general = general;
        }
        if set.answers.is_empty() && set.templates.is_empty() {
            set.templates = templates;
        }
    }
    let mut judge = rewards(stand)?;
    let name = name_of(&judge);
    let mut sampler = rollouts(stand, &model.config, &tokenizer, model.config.context)?;
    let distilled = sample(DistillJob {
        dir: stand.dir,
        policy: Policy {
            model: &model,
            rollouts: &mut sampler,
            judge: &mut judge,
            judge_name: &name,
        },
        prompts: &asked,
        settings: &settings,
        stop: None,
        on_block: &mut blocks(report),
    })?;
    // What sampled and what judged is large, and training needs the room.
    drop((sampler, judge));
    let decisions = &distilled.decisions;
    let mut dialogues: Vec<Dialogue> = decisions.iter().filter_map(|d| d.training()).collect();
    let kept = dialogues.len();
    // They were sampled with the model's whole context, which training need not have room for.
    dialogues.retain(|dialogue| fits(&tokenizer, &dialogue.messages, plan.sft.seq_len));
    let long = kept - dialogues.len();
    if long > 0 {
        let room = plan.sft.seq_len;
        report.warning(&format!(
            "{long} of {kept} safer answers are longer with their prompts than the {room} tokens of \
             sft.sequence_length, and are left out"
        ));
    }
    let mut tokens = 0;
    let trained = if dialogues.is_empty() {
        let why = match (
            decisions.is_empty(),
            decisions.iter().all(|d| is_unusable(d.verdict)),
        ) {
            (true, _) => "no prompt is marked as one that may elicit an unsafe answer",
            (_, true) => {
                "no answer given with a preprompt could be used: they reach sampling.max_tokens unfinished, are \
                 empty, or leave no room"
            }
            _ => "no answer was safer with a preprompt",
        };
        report.line(&format!("  {why}; the model stays as it is"));
        model
    } else {
        let data = (&dialogues[..], &[][..]);
        let (trained, summary) =
            fine_tune(stand, stand.dir, model, &tokenizer, &plan.sft, data, report)?;
        tokens = summary.tokens;
        trained
    };
    let mut metrics = write_stage(stand, &trained, &tokenizer, tokens)?;
    let count = |verdict| decisions.iter().filter(|d| d.verdict == verdict).count();
    metrics.insert("prompts".into(), json!(decisions.len()));
    metrics.insert("kept".into(), json!(count(Verdict::Kept)));
    metrics.insert("not_safer".into(), json!(count(Verdict::NotSafer)));
    metrics.insert("unusable".into(), json!(count(Verdict::Unusable)));
    metrics.insert("too_long".into(), json!(count(Verdict::TooLong)));
    Ok(metrics)
}

/// Whether there was nothing to compare.
fn is_unusable(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Unusable | Verdict::TooLong)
}
