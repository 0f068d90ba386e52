//! `puna score`: log-probabilities of given texts.

use crate::cli::ScoreArgs;
use crate::model_file::load;
use anyhow::{Context, Result, bail, ensure};
use puna_compute::{Cpu, Isa};
use puna_llama::{Model, ScoreItem, Worker, WorkerOptions};
use puna_text::Tokenizer;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufWriter, Write};

/// A line of input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    text: Option<String>,
    prompt: Option<String>,
    completion: Option<String>,
}

/// A line of output.
#[derive(Serialize)]
struct Response<'a> {
    sum: f64,
    tokens: &'a [u32],
    logprobs: &'a [f32],
}

/// Does the command.
pub fn score(args: &ScoreArgs) -> Result<()> {
    let loaded = load(&args.model, args.tokenizer.as_deref())?;
    // On vectors, as `puna generate` multiplies in f32: a text scores just what it was generated with.
    let cpu = || Cpu::with_isa(args.work.threads(), Isa::best().vectors());
    let mut scorer = Scorer {
        worker: None,
        model: &loaded.model,
        cpu: &cpu,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut waiting = Vec::new();
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let reading = || format!("line {} of standard input", number + 1);
        let line = line.with_context(reading)?;
        if line.trim().is_empty() {
            continue;
        }
        let item =
            item(&line, &loaded.tokenizer, loaded.model.config.context).with_context(reading)?;
        waiting.push(item);
        if waiting.len() == args.batch {
            scorer.write(&mut out, &waiting)?;
            waiting.clear();
        }
    }
    scorer.write(&mut out, &waiting)?;
    Ok(out.flush()?)
}

/// What a line asks for, in ids.
fn item(line: &str, tokenizer: &Tokenizer, context: usize) -> Result<ScoreItem> {
    let request: Request = serde_json::from_str(line)
        .context("it must be {\"text\"} or {\"prompt\", \"completion\"}")?;
    let mut ids = vec![tokenizer.bos()];
    let item = match request {
        Request {
            text: Some(text),
            prompt: None,
            completion: None,
        } => ScoreItem {
            context: ids,
            continuation: tokenizer.encode(&text),
        },
        Request {
            text: None,
            prompt: Some(prompt),
            completion: Some(completion),
        } => {
            tokenizer.encode_into(&prompt, &mut ids);
            let mut continuation = Vec::new();
            // What follows a text has no dummy prefix; what stands at the front has one.
            if prompt.is_empty() {
                tokenizer.encode_into(&completion, &mut continuation);
            } else {
                tokenizer.encode_continuation_into(&completion, &mut continuation);
            }
            ScoreItem {
                context: ids,
                continuation,
            }
        }
        _ => bail!("it must have either \"text\" or both \"prompt\" and \"completion\""),
    };
    let tokens = item.context.len() + item.continuation.len();
    ensure!(
        tokens <= context + 1,
        "it has {tokens} tokens, more than the model's context of {context}; shorten it"
    );
    Ok(item)
}

/// A worker that grows with the longest pass.
struct Scorer<'a> {
    worker: Option<Worker<Cpu>>,
    model: &'a Model,
    cpu: &'a dyn Fn() -> Cpu,
}

/// Most rows of a pass, unless a single text is longer.
const MAX_ROWS: usize = 4096;

impl Scorer<'_> {
    fn write(&mut self, out: &mut impl Write, items: &[ScoreItem]) -> Result<()> {
        let rows = |item: &ScoreItem| item.context.len() + item.continuation.len();
        let longest = items.iter().map(rows).max().unwrap_or(0);
        let together = items
            .iter()
            .map(rows)
            .sum::<usize>()
            .min(MAX_ROWS)
            .max(longest);
        let worker = match &mut self.worker {
            Some(worker) if worker.max_rows() >= together => worker,
            place => {
                let options = WorkerOptions {
                    max_rows: together.next_multiple_of(64),
                    recompute: true,
                };
                place.insert(Worker::new((self.cpu)(), &self.model.config, options)?)
            }
        };
        for (item, scored) in
            items
                .iter()
                .zip(puna_llama::score(worker, &self.model.params, items)?)
        {
            let response = Response {
                sum: scored.sum,
                tokens: &item.continuation,
                logprobs: &scored.logprobs,
            };
            serde_json::to_writer(&mut *out, &response).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}
