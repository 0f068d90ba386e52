//! `puna corpus`: from crawled pages to documents, ledger and report.

use crate::cli::{CorpusArgs, CorpusTask, TrainClassifierArgs};
use crate::out;
use crate::recipe::with_overrides;
use crate::report::{Reporter, bytes};
use anyhow::{Context, Result, bail};
use puna_corpus::pipeline::{Listener, Pipeline, Step};
use puna_corpus::report::Report;
use puna_corpus::settings::Settings;
use puna_corpus::shard::Shard;
use puna_corpus::toxicity::{self, Classifier, labels};
use serde_json::{Map, json};
use std::fs;
use std::path::Path;

/// Damaged records that are named on standard error; the report has the others.
const NAMED: u64 = 20;

/// Does the command.
pub fn corpus(args: &CorpusArgs) -> Result<()> {
    match (&args.task, &args.out) {
        (Some(CorpusTask::TrainClassifier(args)), _) => train_classifier(args),
        (None, Some(out)) => make(args, out),
        (None, None) => bail!("--out DIR says where the corpus goes"),
    }
}

fn train_classifier(args: &TrainClassifierArgs) -> Result<()> {
    let sources = args.files.iter().map(|path| labels::read(path));
    let sources = sources.collect::<puna_corpus::Result<Vec<_>>>()?;
    let slices: Vec<_> = sources.iter().map(Vec::as_slice).collect();
    let settings = toxicity::Settings {
        seed: args.seed,
        ..toxicity::Settings::default()
    };
    let classifier = Classifier::train(&slices, &settings)?;
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
    };
    let mut teller = Teller {
        reporter: Reporter::new(args.work.json),
        total: None,
        named: 0,
    };
    let steps = args
        .step
        .map_or(Step::ALL.to_vec(), |step| vec![step.into()]);
    let mut report = None;
    for step in steps {
        let what = match step {
            Step::Label => "reading, extracting and labelling",
            Step::Decide => "deciding on sites, duplicates and repeated lines",
            Step::Write => "writing documents",
            Step::Report => "writing the report",
        };
        teller.total = None;
        teller.reporter.stage(step.name(), what, None);
        report = pipeline.run(step, &mut teller)?;
        teller.reporter.stage_done(&Map::new());
    }
    let unnamed = teller.named.saturating_sub(NAMED);
    if unnamed > 0 {
        teller
            .reporter
            .line(&format!("{unnamed} more damaged records"));
    }
    drop(teller);
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

/// Passes on what the pipeline tells.
struct Teller {
    reporter: Reporter,
    total: Option<u64>,
    named: u64,
}

impl Listener for Teller {
    fn progress(&mut self, step: Step, done: u64, total: u64, documents: u64) {
        if self.total != Some(total) {
            self.total = Some(total);
            let unit = if step == Step::Label {
                "bytes"
            } else {
                "inputs"
            };
            self.reporter.begin(total, unit, None);
        }
        let values = if step == Step::Label {
            json!({"documents": documents})
        } else {
            json!({})
        };
        self.reporter.progress(done, values);
    }

    fn damaged(&mut self, input: &str, offset: u64, what: &str) {
        self.named += 1;
        if self.named <= NAMED {
            self.reporter
                .line(&format!("damaged: {input}, at {offset}: {what}"));
        }
        self.reporter.event(
            "damaged",
            json!({"input": input, "offset": offset, "what": what}),
        );
    }
}
