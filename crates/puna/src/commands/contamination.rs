//! `puna contamination`: evaluation sets held against a training corpus.

mod tokens;

use crate::cli::ContaminationArgs;
use crate::model_file::load_tokenizer;
use crate::out;
use crate::report::Reporter;
use anyhow::{Context, Result};
use puna_corpus::contamination::{
    Analysis, EvaluationSet, InputPart, Listener, Metric, Minimum, Part, Report, Settings,
};
use puna_corpus::read;
use puna_corpus::shard::Shard;
use puna_text::Tokenizer;
use serde_json::{Map, json};
use std::path::Path;

/// Damaged records that are named on standard error; the report has the others.
const NAMED: u64 = 20;

/// Does the command.
pub fn contamination(args: &ContaminationArgs) -> Result<()> {
    let tokenizer = load_tokenizer(&args.tokenizer)?;
    let shard = args.shard.as_deref().map(Shard::parse).transpose()?;
    let sets = args
        .eval
        .iter()
        .map(|path| EvaluationSet::read(path, &tokenizer))
        .collect::<puna_corpus::Result<Vec<_>>>()
        .context("cannot read the evaluation sets")?;
    let mut metric = Metric::none(&sets);
    for path in &args.metric {
        metric.read(path, &sets).context("cannot read the metric")?;
    }
    let parts = parts(&args.corpus, &tokenizer)?;
    let analysis = Analysis {
        sets: &sets,
        metric: &metric,
        parts: &parts,
        tokenizer: &tokenizer,
        settings: Settings {
            lengths: args.lengths.clone(),
            minimum: if args.longer_than {
                Minimum::LongerThan
            } else {
                Minimum::AtLeast
            },
            skip_budget: args.skip_budget,
            higher_is_better: !args.lower_is_better,
            ..Settings::default()
        },
        out: args.out.clone(),
        threads: args.work.threads(),
    };
    let mut teller = Teller {
        reporter: Reporter::new(args.work.json),
        total: None,
        read: (0, 0),
        named: 0,
    };
    teller
        .reporter
        .stage("search", "looking for the samples in the corpus", None);
    analysis.scan(shard.unwrap_or(Shard::WHOLE), &mut teller)?;
    let (documents, tokens) = teller.read;
    let read = Map::from_iter([
        ("documents".to_owned(), documents.into()),
        ("tokens".to_owned(), tokens.into()),
    ]);
    teller.reporter.stage_done(&read);
    let unnamed = teller.named.saturating_sub(NAMED);
    if unnamed > 0 {
        teller
            .reporter
            .line(&format!("{unnamed} more damaged records"));
    }
    drop(teller);
    match shard {
        None => tell(args, &analysis.report()?),
        Some(_) if args.work.json => out::json(&json!({"event": "done", "shard": args.shard})),
        Some(shard) => out::line(&format!(
            "share {} of {} is done; once all are, the same command without --shard writes the report",
            shard.index + 1,
            shard.count
        )),
    }
}

/// The pieces of the corpus, in the order of the paths.
fn parts(paths: &[String], tokenizer: &Tokenizer) -> Result<Vec<Box<dyn Part>>> {
    let mut parts: Vec<Box<dyn Part>> = Vec::new();
    for name in paths {
        let path = Path::new(name);
        let documents = path.join("documents");
        if let Some(found) = tokens::parts(path, tokenizer)? {
            parts.extend(found);
        } else if documents.is_dir() {
            // The documents that stay, and not the notes beside them.
            parts.extend(texts(&documents.display().to_string())?);
        } else {
            parts.extend(texts(name)?);
        }
    }
    Ok(parts)
}

fn texts(input: &str) -> Result<impl Iterator<Item = Box<dyn Part>> + use<>> {
    let inputs = read::expand(&[input.to_owned()])?;
    Ok(inputs
        .into_iter()
        .map(|input| Box::new(InputPart(input)) as Box<dyn Part>))
}

fn tell(args: &ContaminationArgs, report: &Report) -> Result<()> {
    let page = args.out.join("contamination.html");
    if args.work.json {
        let sets = report.sets.iter().map(|set| {
            json!({
                "name": set.name, "samples": set.samples, "largest_affected": set.largest_affected,
                "average_share": set.lengths.iter().map(|row| row.average_share).collect::<Vec<_>>(),
            })
        });
        return out::json(&json!({
            "event": "done", "out": args.out, "documents": report.documents,
            "tokens": report.tokens, "damaged": report.damaged, "lengths": args.lengths,
            "sets": sets.collect::<Vec<_>>(),
        }));
    }
    out::line(&format!(
        "{} tokens in {} documents searched; contaminated tokens of the mean sample, by minimum match:",
        report.tokens, report.documents
    ))?;
    for set in &report.sets {
        let shares = set
            .lengths
            .iter()
            .map(|row| format!("{:.2}% at {}", row.average_share * 100.0, row.length));
        let verdict = match set.largest_affected {
            _ if set.measured == 0 => String::new(),
            Some(length) => format!("; the result is affected, up to {length}"),
            None => "; the result is not shown to be affected".to_owned(),
        };
        let shares = shares.collect::<Vec<_>>().join(", ");
        out::line(&format!("  {}: {shares}{verdict}", set.name))?;
    }
    out::line(&format!("report: {}", page.display()))
}

/// Passes on what the analysis tells.
struct Teller {
    reporter: Reporter,
    total: Option<u64>,
    /// Documents and tokens so far.
    read: (u64, u64),
    named: u64,
}

impl Listener for Teller {
    fn progress(&mut self, done: u64, total: u64, documents: u64, tokens: u64) {
        if self.total != Some(total) {
            self.total = Some(total);
            self.reporter.begin(total, "bytes", None);
        }
        self.read = (documents, tokens);
        let values = json!({"documents": documents, "tokens": tokens});
        self.reporter.progress(done, values);
    }

    fn damaged(&mut self, file: &str, offset: u64, what: &str) {
        self.named += 1;
        if self.named <= NAMED {
            self.reporter
                .line(&format!("damaged: {file}, at {offset}: {what}"));
        }
        self.reporter.event(
            "damaged",
            json!({"input": file, "offset": offset, "what": what}),
        );
    }
}
