//! Walking the steps of a corpus, and telling of it.

use crate::report::Reporter;
use anyhow::Result;
use puna_corpus::pipeline::{Listener, Pipeline, Step};
use puna_corpus::read::NOT_DATA;
use puna_corpus::report::Report;
use puna_corpus::toxicity::{self, Classifier, labels};
use serde_json::json;
use std::path::PathBuf;

/// Damaged records that are named on standard error; the report has the others.
const NAMED: u64 = 20;

/// Trains a toxicity classifier on files of labelled texts.
pub fn train_classifier(files: &[PathBuf], seed: u64) -> Result<Classifier> {
    let sources = files.iter().map(|path| labels::read(path));
    let sources = sources.collect::<puna_corpus::Result<Vec<_>>>()?;
    let slices: Vec<_> = sources.iter().map(Vec::as_slice).collect();
    let settings = toxicity::Settings {
        seed,
        ..toxicity::Settings::default()
    };
    Ok(Classifier::train(&slices, &settings)?)
}

/// What a step does, for people.
pub fn describe(step: Step) -> &'static str {
    match step {
        Step::Label => "reading, extracting and labelling",
        Step::Decide => "deciding on sites, duplicates and repeated lines",
        Step::Write => "writing documents",
        Step::Report => "writing the report",
    }
}

/// Does the steps, with `around` called before (`true`) and after each; the report, if that was
/// among them.
pub fn walk(
    pipeline: &Pipeline,
    steps: &[Step],
    reporter: &mut Reporter,
    around: impl Fn(&mut Reporter, Step, bool),
) -> Result<Option<Report>> {
    let mut teller = Teller {
        reporter,
        total: None,
        named: 0,
    };
    let mut report = None;
    for &step in steps {
        teller.total = None;
        around(teller.reporter, step, true);
        report = pipeline.run(step, &mut teller)?;
        around(teller.reporter, step, false);
    }
    let unnamed = teller.named.saturating_sub(NAMED);
    if unnamed > 0 {
        teller.reporter.line(&format!(
            "{unnamed} more damaged records or files that are no data"
        ));
    }
    Ok(report)
}

/// Passes on what the pipeline tells.
struct Teller<'a> {
    reporter: &'a mut Reporter,
    total: Option<u64>,
    named: u64,
}

impl Listener for Teller<'_> {
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
            self.reporter.line(&format!(
                "damaged, and gone on behind it: {input}, at {offset}: {what}"
            ));
        }
        self.reporter.event(
            "damaged",
            json!({"input": input, "offset": offset, "what": what}),
        );
    }

    fn not_data(&mut self, input: &str) {
        self.named += 1;
        if self.named <= NAMED {
            self.reporter.line(&format!(
                "skipped: {input}: {NOT_DATA} (WARC, ARC, JSON lines, Parquet, HTML, plain text)"
            ));
        }
        self.reporter.event("not_data", json!({"input": input}));
    }
}
