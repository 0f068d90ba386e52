//! The stages before training: world, corpus, tokenizer, token files.

use super::documents::{self, Split};
use super::{Metrics, Stand};
use crate::recipe::{CorpusPlan, TokenizerPlan, TokensPlan, WorldPlan};
use crate::report::Reporter;
use crate::run::manifest::Manifest;
use anyhow::{Context, Result, bail, ensure};
use puna_text::Tokenizer;
use puna_train::tokens::{
    BuildOptions, DocumentOptions, Documents, TokenFile, TokenSet, build_token_set,
};
use puna_world::World;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Directory of the token files to train on.
pub const TRAIN: &str = "train";
/// Directory of those to validate on.
pub const HELD_OUT: &str = "held-out";

fn metrics(value: Value) -> Metrics {
    value.as_object().cloned().unwrap_or_default()
}

/// Generates the world, and splits its documents.
pub fn world(stand: &Stand<'_>, plan: &WorldPlan) -> Result<Metrics> {
    let written = World::generate(&plan.options).write(stand.dir)?;
    let all = stand.dir.join(documents::TRAINING);
    let reading = || format!("cannot read {}", all.display());
    let lines = fs::read_to_string(&all).with_context(reading)?;
    let mut split = Split::create(stand.dir, plan.options.seed, plan.held_out)?;
    for line in lines.lines() {
        let record: Value = serde_json::from_str(line).with_context(reading)?;
        split.push(record["text"].as_str().with_context(reading)?, line)?;
    }
    let records = |name: &str| {
        written
            .files
            .iter()
            .find(|f| f.name == name)
            .map_or(0, |f| f.records)
    };
    let found = metrics(json!({
        "documents": split.train.0, "text_bytes": split.train.1,
        "held_out_documents": split.held.0, "held_out_bytes": split.held.1,
        "dialogues": records(documents::DIALOGUES), "questions": records(documents::QUESTIONS),
        "synthetic": true,
    }));
    split.commit()?;
    Ok(found)
}

/// Reads the sources, and splits their documents.
pub fn corpus(stand: &Stand<'_>, plan: &CorpusPlan) -> Result<Metrics> {
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
    let found = metrics(json!({
        "documents": split.train.0, "text_bytes": split.train.1,
        "held_out_documents": split.held.0, "held_out_bytes": split.held.1,
    }));
    split.commit()?;
    Ok(found)
}

/// Trains a tokenizer on the training documents, or takes an existing one.
pub fn tokenizer(stand: &Stand<'_>, plan: &TokenizerPlan) -> Result<Metrics> {
    let tokenizer = match &plan.path {
        Some(path) => Tokenizer::load(path)?,
        None => {
            let most = plan.max_training_bytes.unwrap_or(u64::MAX);
            let (mut texts, mut bytes) = (Vec::new(), 0);
            for text in documents::read(stand.data().join(documents::TRAINING)) {
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
            "the tokenizer has {} pieces, the recipe asks for {}; set tokenizer.vocab_size to its size",
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
    let counted = Manifest::read(&stand.data())?
        .map(|m| m.metrics)
        .unwrap_or_default();
    let mut build = |from: &str, to: &str, count: &str| -> Result<TokenSet> {
        report.begin(
            counted.get(count).and_then(Value::as_u64).unwrap_or(0),
            "bytes",
            None,
        );
        let mut progress = |_, bytes| report.progress(bytes, json!({}));
        let mut documents = documents::read(stand.data().join(from));
        let to = stand.dir.join(to);
        Ok(build_token_set(
            &mut documents,
            &tokenizer,
            &to,
            &options,
            &mut progress,
        )?)
    };
    let train = build(documents::TRAINING, TRAIN, "text_bytes")?.train;
    let held_out = build(documents::HELD_OUT, HELD_OUT, "held_out_bytes")?.train;
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
