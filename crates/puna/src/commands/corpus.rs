//! `puna corpus`: from crawled pages to documents, ledger and report.

use crate::cli::{CorpusArgs, CorpusTask, TrainClassifierArgs};
use crate::corpus::{self, describe, walk};
use crate::out;
use crate::recipe::with_overrides;
use crate::report::{Reporter, bytes};
use anyhow::{Context, Result, bail};
use puna_corpus::pipeline::{Pipeline, Step};
use puna_corpus::report::Report;
use puna_corpus::settings::Settings;
use puna_corpus::shard::Shard;
use serde_json::{Map, json};
use std::fs;
use std::path::Path;

/// Does the command.
pub fn corpus(args: &CorpusArgs) -> Result<()> {
    match (&args.task, &args.out) {
        (Some(CorpusTask::TrainClassifier(args)), _) => train_classifier(args),
        (None, Some(out)) => make(args, out),
        (None, None) => bail!("--out DIR says where the corpus goes"),
    }
}

fn train_classifier(args: &TrainClassifierArgs) -> Result<()> {
    let classifier = corpus::train_classifier(&args.files, args.seed)?;
    classifier.save(&args.out)?;
    let held_out = classifier.held_out();
    if args.json {
        return out::json(&json!({"out": args.out, "held_out": held_out}));
    }
    out::line(&format!(
        "{}: area under the ROC curve {:.3} on {} held-out texts, {} of them toxic",
        args.out.display(),
        held_out.area_under_curve,
        held_out.texts,
        held_out.toxic
    ))
}

fn make(args: &CorpusArgs, out: &Path) -> Result<()> {
    let text = match &args.settings {
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings {}", path.display()))?,
        None => String::new(),
    };
    let settings: Settings =
        with_overrides(&text, &args.set).with_context(|| match &args.settings {
            Some(path) => format!("settings {}", path.display()),
            None => "settings".to_owned(),
        })?;
    let shard = match (&args.shard, args.step) {
        (Some(text), _) => Shard::parse(text)?,
        (None, Some(_)) => Shard::from_environment(|name| std::env::var(name).ok())?,
        // All steps in one process need all of the work.
        (None, None) => Shard::WHOLE,
    };
    let pipeline = Pipeline {
        inputs: puna_corpus::read::expand(&args.inputs)?,
        out: out.to_owned(),
        settings,
        shard,
        threads: args.work.threads(),
        manifest: true,
    };
    let steps = args
        .step
        .map_or(Step::ALL.to_vec(), |step| vec![step.into()]);
    let mut reporter = Reporter::new(args.work.json);
    let report = walk(
        &pipeline,
        &steps,
        &mut reporter,
        |reporter, step, begins| match begins {
            true => reporter.stage(step.name(), describe(step), None),
            false => reporter.stage_done(&Map::new()),
        },
    )?;
    drop(reporter);
    match report {
        Some(report) => tell(args, out, &report),
        None => Ok(()),
    }
}

fn tell(args: &CorpusArgs, dir: &Path, report: &Report) -> Result<()> {
    let head = &report.headline;
    if args.work.json {
        return out::json(&json!({
            "event": "done", "out": dir, "documents_in": head.documents_in,
            "documents_kept": head.documents_kept, "bytes_kept": head.bytes_kept,
            "words_kept": head.words_kept, "damaged": head.damaged,
        }));
    }
    out::line(&format!(
        "{} of {} documents kept, {}: {}",
        head.documents_kept,
        head.documents_in,
        bytes(head.bytes_kept),
        dir.join("documents").display()
    ))?;
    for step in report.left_out.iter().filter(|step| step.documents > 0) {
        out::line(&format!(
            "  {:>8} left out: {}",
            step.documents,
            step.reason.label()
        ))?;
    }
    out::line(&format!("report: {}", dir.join("report.html").display()))
}
