//! Direct preference optimization of the fine-tuned model (Rafailov et al. 2023), on the preferences
//! that the reward models are trained on: the baseline beside the paper's way.

use super::super::training::{listener, write_stage};
use super::super::{Metrics, Stand};
use super::material::compared;
use crate::recipe::DpoPlan;
use crate::report::Reporter;
use anyhow::{Result, ensure};
use puna_align::dpo::{DpoJob, dpo as train};
use puna_align::preferences::Preference;
use puna_llama::Model;
use serde_json::json;

/// Trains on the comparisons of both streams.
pub fn dpo(stand: &Stand<'_>, plan: &DpoPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let data = compared(stand, &plan.material, report)?;
    let pairs: Vec<&Preference> = data.train.iter().chain(&data.open).collect();
    ensure!(
        !pairs.is_empty(),
        "there is no preference to train on: all were skipped or held out; see `read` of \
         [[feedback.preferences]]"
    );
    let valid: Vec<&Preference> = data.held_out.iter().collect();
    let (model, summary) = train(DpoJob {
        dir: stand.dir,
        model: Model::load(&stand.of_fine_tuned()?.join("model"))?,
        tokenizer: &tokenizer,
        settings: &plan.settings,
        train: &pairs,
        valid: &valid,
        threads: stand.threads,
        stop: None,
        on_event: &mut listener(report, (plan.settings.batch_pairs as f64, "pairs")),
    })?;
    let mut metrics = write_stage(stand, &model, &tokenizer, summary.tokens)?;
    metrics.insert("pairs".into(), json!(pairs.len()));
    if let Some(last) = summary.validations.last() {
        metrics.insert("held_out_loss".into(), json!(last.loss));
        metrics.insert("accuracy".into(), json!(last.accuracy));
    }
    Ok(metrics)
}
