//! The stages before training: world, text files, tokenizer, token files.

use super::documents::{self, Place, Side, Split};
use super::{Metrics, Stand};
use crate::recipe::{TextsPlan, TokenizerPlan, TokensPlan, WorldPlan};
use crate::report::Reporter;
use crate::run::manifest::Manifest;
use anyhow::{Context, Result, bail, ensure};
use puna_text::Tokenizer;
use puna_train::tokens::{
    BuildOptions, DocumentOptions, Documents, TokenFile, TokenSet, build_token_set,
};
use puna_world::{CrawlOptions, World};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Directory of the token files to train on.
pub const TRAIN: &str = "train";
/// Directory of those to validate on.
pub const HELD_OUT: &str = "held-out";
/// Directory of the world's crawl in its stage's.
pub const CRAWL: &str = "crawl";

pub(super) fn metrics(value: Value) -> Metrics {
    value.as_object().cloned().unwrap_or_default()
}

/// Generates the world, and splits its documents or writes them as a crawl.
pub fn world(stand: &Stand<'_>, plan: &WorldPlan) -> Result<Metrics> {
    let world = World::generate(&plan.options);
    let written = world.write(stand.dir)?;
    let records = |name: &str| {
        let named = written.files.iter().find(|f| f.name == name);
        named.map_or(0, |f| f.records)
    };
    let mut found = metrics(json!({
        "dialogues": records(documents::DIALOGUES), "questions": records(documents::QUESTIONS),
        "synthetic": true,
    }));
    if let Some(options) = &plan.feedback {
        world.feedback(options).write(stand.dir)?;
    }
    let Some(held_out) = plan.held_out else {
        let crawl = world
            .crawl(&CrawlOptions::default())
            .write(&stand.dir.join(CRAWL))?;
        found.insert("pages".into(), json!(crawl.pages));
        return Ok(found);
    };
    let mut lines = read(&stand.dir.join(documents::TRAINING))?;
    if plan.feedback.is_some() {
        lines += &read(&stand.dir.join(documents::FEEDBACK_DOCUMENTS))?;
    }
    let mut split = Split::create(stand.dir, plan.options.seed, held_out)?;
    for line in lines.lines() {
        let record: Value = serde_json::from_str(line)?;
        let text = record["text"].as_str().context("a document has no text")?;
        split.push(text, line)?;
    }
    found.append(&mut split.commit()?);
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads the sources, and splits their documents.
pub fn texts(stand: &Stand<'_>, plan: &TextsPlan) -> Result<Metrics> {
    let mut split = Split::create(stand.dir, plan.seed, plan.held_out)?;
    for source in &plan.sources {
        let options = DocumentOptions {
            text_field: source.field.clone(),
            ..DocumentOptions::default()
        };
        let (mut count, mut bytes) = (0, 0);
        for text in Documents::open(std::slice::from_ref(&source.path), &options) {
            let text = text?;
            count += 1;
            bytes += text.len() as u64;
            if source.max_documents.is_some_and(|most| count > most)
                || source.max_bytes.is_some_and(|most| bytes > most)
            {
                break;
            }
            if !text.trim().is_empty() {
                split.push(&text, &json!({"text": text}).to_string())?;
            }
        }
    }
    ensure!(
        split.train.0 > 0,
        "the sources hold no document to train on"
    );
    split.commit()
}

/// Trains a tokenizer on the training documents, or takes an existing one.
pub fn tokenizer(stand: &Stand<'_>, plan: &TokenizerPlan) -> Result<Metrics> {
    let tokenizer = match &plan.path {
        Some(path) => Tokenizer::load(path)?,
        None => {
            let most = plan.max_training_bytes.unwrap_or(u64::MAX);
            let (mut texts, mut bytes) = (Vec::new(), 0);
            for text in Place::of(stand)?.read(Side::Training)? {
                let text = text?;
                bytes += text.len() as u64;
                if bytes > most && !texts.is_empty() {
                    break;
                }
                texts.push(text);
            }
            Tokenizer::train(&texts, &plan.options)?
        }
    };
    if tokenizer.vocab_size() != plan.options.vocab_size {
        bail!(
            "the tokenizer has {} pieces, and {} are asked for; set tokenizer.vocab_size to its size; a \
             model of [base] needs a tokenizer with as many pieces as its table has rows",
            tokenizer.vocab_size(),
            plan.options.vocab_size
        );
    }
    tokenizer.save(stand.dir)?;
    Ok(metrics(json!({"pieces": tokenizer.vocab_size()})))
}

/// Writes both sides' token files.
pub fn tokens(stand: &Stand<'_>, plan: &TokensPlan, report: &mut Reporter) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let options = BuildOptions {
        file_tokens: plan.file_tokens,
        threads: stand.threads,
        ..BuildOptions::default()
    };
    let place = Place::of(stand)?;
    let counted = Manifest::read(place.dir())?
        .map(|m| m.metrics)
        .unwrap_or_default();
    let mut build = |side: Side, to: &str, count: &str| -> Result<TokenSet> {
        report.begin(
            counted.get(count).and_then(Value::as_u64).unwrap_or(0),
            "bytes",
            None,
        );
        let mut progress = |_, bytes| report.progress(bytes, json!({}));
        let mut documents = place.read(side)?;
        let to = stand.dir.join(to);
        Ok(build_token_set(
            &mut documents,
            &tokenizer,
            &to,
            &options,
            &mut progress,
        )?)
    };
    let train = build(Side::Training, TRAIN, "text_bytes")?.train;
    let held_out = build(Side::HeldOut, HELD_OUT, "held_out_bytes")?.train;
    let count = |files: &[TokenFile]| -> (usize, u64) {
        (
            files.iter().map(TokenFile::tokens).sum(),
            files.iter().map(TokenFile::text_bytes).sum(),
        )
    };
    let (tokens, bytes) = count(&train);
    ensure!(tokens > 0, "the documents hold no text");
    Ok(metrics(json!({
        "tokens": tokens, "documents": train.iter().map(TokenFile::documents).sum::<usize>(),
        "held_out_tokens": count(&held_out).0, "bytes_per_token": bytes as f64 / tokens as f64,
    })))
}

/// The token files of one side.
pub fn open_tokens(dir: &Path, side: &str, tokenizer: &Tokenizer) -> Result<Vec<TokenFile>> {
    Ok(TokenSet::open(&dir.join(side), tokenizer)?.train)
}
