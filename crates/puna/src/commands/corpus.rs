//! `puna corpus`: from crawled pages to documents, ledger and report.

use crate::cli::CorpusArgs;
use crate::out;
use crate::recipe::with_overrides;
use crate::report::{Reporter, bytes};
use anyhow::{Context, Result};
use puna_corpus::pipeline::{Listener, Pipeline, Step};
use puna_corpus::report::Report;
use puna_corpus::settings::Settings;
use puna_corpus::shard::Shard;
use serde_json::{Map, json};
use std::fs;

/// Damaged records that are named on standard error; the report has the others.
const NAMED: u64 = 20;

/// Does the command.
pub fn corpus(args: &CorpusArgs) -> Result<()> {
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
        out: args.out.clone(),
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
        Some(report) => tell(args, &report),
        None => Ok(()),
    }
}

fn tell(args: &CorpusArgs, report: &Report) -> Result<()> {
    let head = &report.headline;
    if args.work.json {
        return out::json(&json!({
            "event": "done", "out": args.out, "documents_in": head.documents_in,
            "documents_kept": head.documents_kept, "bytes_kept": head.bytes_kept,
            "words_kept": head.words_kept, "damaged": head.damaged,
        }));
    }
    out::line(&format!(
        "{} of {} documents kept, {}: {}",
        head.documents_kept,
        head.documents_in,
        bytes(head.bytes_kept),
        args.out.join("documents").display()
    ))?;
    for step in report.left_out.iter().filter(|step| step.documents > 0) {
        out::line(&format!(
            "  {:>8} left out: {}",
            step.documents,
            step.reason.label()
        ))?;
    }
    out::line(&format!(
        "report: {}",
        args.out.join("report.html").display()
    ))
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
