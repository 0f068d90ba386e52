//! The stages that change weights: pretraining and supervised fine-tuning (paper sections 2.2, 3.1).

use super::documents::{self, is_dialogue_held_out};
use super::text::{HELD_OUT, TRAIN, open_tokens};
use super::{Metrics, Stand, inputs};
use crate::recipe::{PretrainPlan, SftPlan, Stage};
use crate::report::Reporter;
use crate::run::manifest::VERSION;
use crate::run::provenance::{Provenance, write_model};
use anyhow::{Context, Result};
use puna_llama::{Model, SaveOptions};
use puna_text::Tokenizer;
use puna_train::{
    Dialogue, Event, Init, PretrainJob, SftJob, SftSettings, TrainSummary, Validation,
    pretrain as train_on_text, read_dialogues, sft as train_on_dialogues,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Loss on what is held out, in nats.
const LOSS: &str = "held_out_loss";
/// The same of text, in bits per byte.
const BITS_PER_BYTE: &str = "held_out_bits_per_byte";
/// Directory of the checkpoints in a stage's.
pub const CHECKPOINTS: &str = puna_train::CHECKPOINT_DIR;

/// Pretrains, from random weights or a model raised elsewhere.
pub fn pretrain(stand: &Stand<'_>, plan: &PretrainPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let dir = stand.of("tokens")?;
    let train = open_tokens(&dir, TRAIN, &tokenizer)?;
    let valid = open_tokens(&dir, HELD_OUT, &tokenizer)?;
    let rows = plan.settings.rows_per_step() as f64;
    let (model, summary) = train_on_text(PretrainJob {
        dir: stand.dir,
        config: &plan.model,
        settings: &plan.settings,
        train: &train,
        valid: Some(&valid),
        threads: stand.threads,
        init: match plan.init_seed {
            Some(seed) => Init::Seed(seed),
            None => Init::Model(Box::new(Model::load(&stand.of("base")?.join("model"))?)),
        },
        stop: None,
        on_event: &mut listener(report, (rows, "tokens")),
    })?;
    finish(stand, &model, &tokenizer, &summary)
}

/// Fine-tunes the base model.
pub fn sft(stand: &Stand<'_>, plan: &SftPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = Model::load(&stand.of_base()?.join("model"))?;
    let mut dialogues = read_dialogues(&documents::dialogues(stand, plan.dialogues.as_ref())?)?;
    if plan.of_feedback {
        let path = stand.of("world")?.join(documents::FEEDBACK_DIALOGUES);
        dialogues.extend(read_dialogues(&path)?);
    }
    let (valid, train): (Vec<Dialogue>, Vec<Dialogue>) =
        dialogues.into_iter().partition(|dialogue| {
            is_dialogue_held_out(plan.settings.seed, &dialogue.messages, plan.held_out)
        });
    let (model, summary) = fine_tune(
        stand,
        stand.dir,
        model,
        &tokenizer,
        &plan.settings,
        (&train, &valid),
        report,
    )?;
    if summary.steps < FEW_STEPS {
        report.warning(&format!(
            "the dialogues made {} steps, too few to learn much; lower sft.sequence_length or \
             sft.batch_sequences, or raise sft.epochs",
            summary.steps
        ));
    }
    finish(stand, &model, &tokenizer, &summary)
}

/// Fewer steps than this teach a model little.
pub const FEW_STEPS: u64 = 20;

/// Fine-tunes a model on dialogues, and looks at others; checkpoints and figures go to `dir`.
pub(super) fn fine_tune(
    stand: &Stand<'_>,
    dir: &Path,
    model: Model,
    tokenizer: &Tokenizer,
    settings: &SftSettings,
    (train, valid): (&[Dialogue], &[Dialogue]),
    report: &mut Reporter,
) -> Result<(Model, TrainSummary)> {
    let rows = (settings.seq_len * settings.batch_sequences) as f64;
    Ok(train_on_dialogues(SftJob {
        dir,
        model,
        tokenizer,
        settings,
        train,
        valid,
        threads: stand.threads,
        stop: None,
        on_event: &mut listener(report, (rows, "tokens")),
    })?)
}

/// Writes the model with its provenance, and tells how the training went.
fn finish(
    stand: &Stand<'_>,
    model: &Model,
    tokenizer: &Tokenizer,
    summary: &TrainSummary,
) -> Result<Metrics> {
    let mut metrics = write_stage(stand, model, tokenizer, summary.tokens)?;
    for (name, value) in [
        ("steps", json!(summary.steps)),
        ("first_loss", json!(summary.first_loss)),
        ("last_loss", json!(summary.last_loss)),
    ] {
        metrics.insert(name.into(), value);
    }
    if let Some(last) = summary.validations.last() {
        metrics.extend(validation(last));
        metrics.insert(
            "validations".into(),
            serde_json::to_value(&summary.validations)?,
        );
    }
    Ok(metrics)
}

/// Writes the model of a stage that took so many tokens, with its provenance.
pub(super) fn write_stage(
    stand: &Stand<'_>,
    model: &Model,
    tokenizer: &Tokenizer,
    tokens: u64,
) -> Result<Metrics> {
    let stage = stand.stage();
    let is_weights = |name: &str| name.ends_with(".safetensors");
    let (parents, data): (BTreeMap<_, _>, BTreeMap<_, _>) = inputs(stand, stage)?
        .into_iter()
        .partition(|(name, _)| is_weights(name));
    // A model raised elsewhere stays what it was there, and what is made of it is of its world too.
    let source = match stage {
        Stage::Base(plan) => Provenance::read(&plan.path)?,
        _ if stand.plan.position("base").is_some() => {
            Provenance::read(&stand.of("base")?.join("model"))?
        }
        _ => None,
    };
    let made_by = match (stage, &source) {
        (Stage::Base(_), Some(source)) => source.stage.clone(),
        _ => stage.name().into(),
    };
    let provenance = Provenance {
        schema_version: 1,
        code_version: VERSION.into(),
        recipe: Some(stand.plan.name.clone()),
        stage: made_by,
        synthetic: matches!(stand.plan.stages[0], Stage::World(_))
            || source.is_some_and(|source| source.synthetic),
        parents,
        data,
        tokens,
        tokenizer: tokenizer.hash_hex(),
        parameters: model.config.n_params(),
    };
    let options = SaveOptions {
        bos: tokenizer.bos(),
        eos: tokenizer.eos(),
        ..SaveOptions::default()
    };
    let path = stand.dir.join("model");
    let written = write_model(&path, model, tokenizer, &options, &provenance);
    // A stage that found nothing to train on has no checkpoint.
    match tokens {
        0 => written,
        _ => written.context("training is done and its last checkpoint is safe"),
    }?;
    let mut metrics = Metrics::new();
    metrics.insert("parameters".into(), json!(model.config.n_params()));
    metrics.insert("tokens".into(), json!(tokens));
    Ok(metrics)
}

fn validation(v: &Validation) -> Metrics {
    let mut out = Metrics::from_iter([(LOSS.to_owned(), json!(v.loss))]);
    if let Some(bits) = v.bits_per_byte {
        out.insert(BITS_PER_BYTE.into(), json!(bits));
    }
    out
}

/// Tells the reporter what the trainer tells; a step is so many of something.
pub(super) fn listener(report: &mut Reporter, step: (f64, &'static str)) -> impl FnMut(Event) {
    let mut begun = false;
    let mut held_out = Metrics::new();
    move |event| match event {
        Event::Step { steps, metrics } => {
            if !begun {
                begun = true;
                report.begin(steps, "steps", Some(step));
            }
            let mut values = json!({"loss": metrics.loss, "lr": metrics.lr});
            if let Value::Object(values) = &mut values {
                values.extend(held_out.clone());
            }
            report.progress(metrics.step, values);
        }
        Event::Validation(v) => {
            let (key, value) = match v.bits_per_byte {
                Some(bits) => (BITS_PER_BYTE, bits),
                None => (LOSS, v.loss),
            };
            held_out = Metrics::from_iter([(key.to_owned(), json!(value))]);
            let text = v
                .bits_per_byte
                .map_or(String::new(), |bits| format!(", {bits:.3} bits per byte"));
            report.event("validation", serde_json::to_value(&v).unwrap_or_default());
            report.line(&format!(
                "  step {}: held-out loss {:.3}{text}",
                v.step, v.loss
            ));
        }
        Event::CheckpointSaved { step, path } => report.checkpoint(step, &path),
        Event::ResumedFrom { step, path } => report.resumed("step", step, &path),
        Event::Warning(what) => report.warning(&what),
        _ => {}
    }
}
