//! Training a reward model (paper section 3.2.2), and what it is worth on held-out comparisons.

use super::super::training::{FEW_STEPS, listener, write_stage};
use super::super::{Metrics, Stand};
use super::material::{compared, fits};
use crate::recipe::RewardPlan;
use crate::report::Reporter;
use anyhow::{Result, ensure};
use puna_align::preferences::{Preference, Stream, Strength};
use puna_align::reward::{
    Pools, RewardJob, RewardReport, SOURCES, helpfulness_mix, safety_mix, sigmoid, train_reward,
};
use puna_align::scoreboard::Rate;
use puna_align::write_json_lines;
use puna_llama::Model;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The stages' names.
pub const STAGES: [&str; 2] = ["reward-helpfulness", "reward-safety"];
/// The streams, in the stages' order.
const STREAMS: [Stream; 2] = [Stream::Helpfulness, Stream::Safety];

/// Name of the held-out comparisons with their scores, in the stage's directory.
const HELD_OUT: &str = "held_out.jsonl";

/// A held-out comparison, and what the model says of its answers.
#[derive(Serialize)]
struct Compared<'a> {
    #[serde(flatten)]
    preference: &'a Preference,
    /// Of the chosen and the rejected answer, from 0 to 1.
    scores: [f64; 2],
}

/// What is wrong where no comparison of a stream is there.
pub fn none_of(stream: Stream) -> String {
    format!(
        "there is no preference of the {} stream; name a file of it in [[feedback.preferences]], or set its \
         read.stream",
        stream.name()
    )
}

/// Trains and measures.
pub fn reward(stand: &Stand<'_>, plan: &RewardPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let data = compared(stand, &plan.material, report)?;
    let of = |list: &[Preference], stream| -> Vec<Preference> {
        list.iter()
            .filter(|p| p.stream == stream)
            .cloned()
            .collect()
    };
    let [helpfulness, safety] = STREAMS.map(|stream| of(&data.train, stream));
    let [open_helpfulness, open_safety] = STREAMS.map(|stream| of(&data.open, stream));
    let pools = Pools {
        helpfulness: &helpfulness,
        safety: &safety,
        open_helpfulness: &open_helpfulness,
        open_safety: &open_safety,
    };
    let mix = match plan.stream {
        Stream::Helpfulness => {
            helpfulness_mix(pools, plan.others.unwrap_or(1.0), plan.settings.seed)
        }
        Stream::Safety => safety_mix(pools, plan.settings.seed),
    };
    ensure!(!mix.pairs.is_empty(), none_of(plan.stream));
    if mix.missing > 0 {
        report.line(&format!(
            "  {} comparisons fewer of other sources than the paper's proportions ask for: there are no more",
            mix.missing
        ));
    }
    let s = &plan.settings;
    let steps = s.epochs * mix.pairs.len().div_ceil(s.batch_pairs) as u64;
    if steps < FEW_STEPS {
        report.warning(&format!(
            "{} comparisons in batches of {} make {steps} steps, too few to learn much; lower \
             reward.{}.batch_pairs, and raise its lr for a small model",
            mix.pairs.len(),
            s.batch_pairs,
            plan.stream.name()
        ));
    }
    let held_out = of(&data.held_out, plan.stream);
    let new_facts = of(&data.new_facts, plan.stream);
    let fit = |preference: &&Preference| {
        let both = [preference.chosen_messages(), preference.rejected_messages()];
        both.iter()
            .all(|m| fits(&tokenizer, m, plan.settings.max_tokens))
    };
    let [valid, new_facts_fit] =
        [&held_out, &new_facts].map(|list| list.iter().filter(fit).collect::<Vec<_>>());
    let n = held_out.len() + new_facts.len() - valid.len() - new_facts_fit.len();
    if n > 0 {
        report.warning(&format!(
            "{n} held-out comparisons are longer than max_tokens"
        ));
    }
    if valid.is_empty() {
        report.warning(
            "so few comparisons that none fell to the held-out tenth: there is no accuracy",
        );
    }
    let (mut model, summary) = train_reward(RewardJob {
        dir: stand.dir,
        model: Model::load(&stand.of_fine_tuned()?.join("model"))?,
        tokenizer: tokenizer.clone(),
        settings: &plan.settings,
        train: &mix.pairs,
        valid: &valid,
        threads: stand.threads,
        stop: None,
        on_event: &mut listener(report, (plan.settings.batch_pairs as f64, "pairs")),
    })?;
    let scored = model.score_pairs(&valid, stand.threads)?;
    let on_new_facts = model.score_pairs(&new_facts_fit, stand.threads)?;
    let found = RewardReport::of(&scored, &on_new_facts);
    // What it gets wrong, for whoever wants to look.
    let each = valid
        .iter()
        .zip(&scored)
        .map(|(preference, pair)| Compared {
            preference,
            scores: [pair.chosen, pair.rejected].map(sigmoid),
        });
    write_json_lines(&stand.dir.join(HELD_OUT), &each.collect::<Vec<_>>())?;
    let title = format!(
        "{}: the reward model of {}",
        stand.plan.name,
        plan.stream.name()
    );
    found.write(stand.dir, &title, plan.material.of_world)?;
    let mut metrics = write_stage(stand, model.model(), &tokenizer, summary.tokens)?;
    metrics.insert("pairs".into(), json!(mix.pairs.len()));
    let counts: BTreeMap<&str, usize> = SOURCES.into_iter().zip(mix.counts).collect();
    metrics.insert("mix".into(), json!(counts));
    let mut rate = |name: &str, rate: Rate| {
        if let Some(value) = rate.value {
            metrics.insert(name.into(), json!(value));
        }
    };
    let accuracy = &found.accuracy;
    if accuracy.all.n > 0 && accuracy.all.low <= 0.5 {
        let (n, right) = (accuracy.all.n, accuracy.all.value.unwrap_or(0.0));
        let right = (right * n as f64).round();
        report.warning(&format!(
            "this model agrees with {right} of {n} held-out comparisons, which a coin could do too: what is \
             trained by it follows chance. It needs more comparisons, or more steps"
        ));
    }
    rate("accuracy", accuracy.all);
    for (strength, of) in [
        (
            Strength::SignificantlyBetter,
            "accuracy_significantly_better",
        ),
        (Strength::Negligibly, "accuracy_negligibly"),
    ] {
        rate(of, accuracy.by_strength[strength as usize]);
    }
    if let Some(on_new_facts) = &found.accuracy_on_new_facts {
        let clear = on_new_facts.by_strength[Strength::SignificantlyBetter as usize];
        rate("accuracy_significantly_better_new_facts", clear);
    }
    if plan.stream == Stream::Safety {
        rate("unsafe_recall", accuracy.unsafe_recall);
    }
    Ok(metrics)
}
