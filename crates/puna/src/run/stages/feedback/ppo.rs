//! PPO from the last round's model (paper section 3.2.3).

use super::super::training::write_stage;
use super::super::{Metrics, Stand};
use super::judges::{WorldJudge, name_of, rewards};
use super::material::{newest, prompts, with_world};
use crate::recipe::PpoPlan;
use crate::report::Reporter;
use anyhow::Result;
use puna_align::judge::Judge;
use puna_align::ppo::alarms::Raised;
use puna_align::ppo::{PpoEvent, PpoJob, initial_critic, ppo as train};
use puna_train::permutation;
use puna_world::Split;
use serde_json::{Value, json};

/// Prompts that are only looked at on the way, at most.
const LOOKED_AT: usize = 128;

/// Trains the policy.
pub fn ppo(stand: &Stand<'_>, plan: &PpoPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let policy = newest(stand)?;
    // Those that the scoreboard asks choose no model: some of the others are put aside.
    let all = prompts(stand, &plan.material)?;
    let order = permutation(all.len() as u32, plan.settings.seed, 0);
    let aside = LOOKED_AT.min(all.len() / 10);
    let of = |numbers: &[u32]| {
        numbers
            .iter()
            .map(|&i| all[i as usize].clone())
            .collect::<Vec<_>>()
    };
    let (held_out, asked) = (of(&order[..aside]), of(&order[aside..]));
    let mut judge = rewards(stand)?;
    let judge_name = name_of(&judge);
    let critic = initial_critic(
        plan.settings.critic_start,
        &policy,
        judge.helpfulness.model(),
        judge.safety.model(),
        plan.settings.seed,
    )?;
    // Whatever the reward models are talked into, the rules are not; of prompts that are not the world's
    // they know nothing.
    let rules = match plan.material.of_world {
        true => Some(with_world(stand, |feedback| {
            Ok(WorldJudge::new(feedback.prompts(Split::Train)))
        })?),
        false => None,
    };
    let mut rules = rules.filter(|rules| held_out.iter().any(|p| rules.known(p).is_some()));
    let outcome = train(PpoJob {
        dir: stand.dir,
        policy,
        critic,
        tokenizer: &tokenizer,
        settings: &plan.settings,
        prompts: &asked,
        held_out: &held_out,
        judge: &mut judge,
        judge_name: &judge_name,
        held_out_judge: rules.as_mut().map(|rules| rules as &mut dyn Judge),
        threads: stand.threads,
        stop: None,
        on_event: &mut listener(report),
    })?;
    let summary = &outcome.summary;
    let mut metrics = write_stage(stand, &outcome.policy, &tokenizer, summary.tokens)?;
    metrics.insert("iterations".into(), json!(summary.iterations));
    metrics.insert("policy_of".into(), json!(summary.policy_of));
    if let Some(last) = &summary.last {
        metrics.insert("kl".into(), json!(last.kl));
        metrics.insert(
            "sampling_difference".into(),
            json!(last.sampling_difference),
        );
    }
    if !summary.looks.is_empty() {
        report.line(&match summary.policy_of {
            0 => "  no policy was better on held-out prompts than the one it began with; the model stays as it is"
                .to_owned(),
            kept => format!(
                "  kept: the policy of iteration {kept} of {}, the best on held-out prompts",
                summary.iterations
            ),
        });
    }
    metrics.insert("looks".into(), serde_json::to_value(&summary.looks)?);
    let alarms: Vec<Value> = summary.alarms.iter().map(told).collect();
    metrics.insert("alarms".into(), alarms.into());
    Ok(metrics)
}

/// An alarm with its name and figures, when it was, and what it means in words.
fn told(raised: &Raised) -> Value {
    let mut told = json!(raised.alarm);
    told["iteration"] = raised.iteration.into();
    told["text"] = raised.alarm.to_string().into();
    told
}

/// Tells the reporter what PPO tells.
fn listener(report: &mut Reporter) -> impl FnMut(PpoEvent) {
    let mut begun = false;
    move |event| match event {
        PpoEvent::Iteration {
            iterations,
            metrics,
            ..
        } => {
            if !begun {
                begun = true;
                report.begin(iterations, "iterations", None);
            }
            let values = json!({
                "helpfulness": metrics.helpfulness, "safety": metrics.safety, "kl": metrics.kl,
                "length": metrics.length,
            });
            report.progress(metrics.step, values);
        }
        PpoEvent::Look(look) => {
            report.event("look", serde_json::to_value(&look).unwrap_or_default());
            report.line(&format!(
                "  iteration {}: held-out helpfulness {:.3}, safety {:.3}, KL {:.3}{}{}",
                look.iteration,
                look.helpfulness,
                look.safety,
                look.kl,
                look.judge
                    .map_or(String::new(), |j| format!(", rules {j:.3}")),
                match look.unscorable {
                    0 => String::new(),
                    n => format!(", {n} without a score"),
                }
            ));
        }
        PpoEvent::Alarm(raised) => {
            let Raised { iteration, alarm } = &raised;
            report.line(&format!("  iteration {iteration}: alarm: {alarm}"));
            report.event("alarm", told(&raised));
        }
        PpoEvent::CheckpointSaved { iteration, path } => report.checkpoint(iteration, &path),
        PpoEvent::ResumedFrom { iteration, path } => {
            report.resumed("iteration", iteration, &path);
        }
        PpoEvent::Warning(what) => report.warning(&what),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use puna_align::ppo::alarms::Alarm;

    #[test]
    fn an_alarm_is_told_by_name_with_what_to_do() {
        let raised = Raised {
            iteration: 7,
            alarm: Alarm::KlTooHigh { kl: 60.5 },
        };
        let told = told(&raised);
        assert_eq!(
            (&told["alarm"], &told["iteration"], &told["kl"]),
            (&json!("kl_too_high"), &json!(7), &json!(60.5))
        );
        let text = told["text"].as_str().unwrap();
        assert!(
            text.contains("60.5 nats") && text.contains("kl_coefficient"),
            "{text}"
        );
    }
}
