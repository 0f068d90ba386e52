//! `puna tokenizer train|encode|decode`.

use crate::cli::{TokenizerCommand, TokenizerDecodeArgs, TokenizerEncodeArgs, TokenizerTrainArgs};
use crate::model_file::load_tokenizer;
use crate::out;
use anyhow::{Context, Result};
use puna_text::{Tokenizer, TrainOptions};
use puna_train::tokens::{DocumentOptions, Documents};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufWriter, Write};

/// Does the subcommand.
pub fn tokenizer(command: &TokenizerCommand) -> Result<()> {
    match command {
        TokenizerCommand::Train(args) => train(args),
        TokenizerCommand::Encode(args) => encode(args),
        TokenizerCommand::Decode(args) => decode(args),
    }
}

fn train(args: &TokenizerTrainArgs) -> Result<()> {
    let options = DocumentOptions {
        text_field: args.field.clone(),
        ..DocumentOptions::default()
    };
    let texts: Vec<String> = Documents::open(&args.inputs, &options)
        .collect::<Result<_, _>>()
        .context("cannot read the text to train on")?;
    let options = TrainOptions {
        vocab_size: args.vocab_size,
        ..TrainOptions::default()
    };
    let tokenizer = Tokenizer::train(&texts, &options)?;
    tokenizer.save(&args.out)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    if args.json {
        return out::json(&json!({
            "vocab_size": tokenizer.vocab_size(), "sha256": tokenizer.hash_hex(),
            "documents": texts.len(), "text_bytes": bytes, "out": args.out,
        }));
    }
    out::line(&format!(
        "trained {} pieces on {} documents ({}): {}",
        tokenizer.vocab_size(),
        texts.len(),
        crate::report::bytes(bytes as u64),
        args.out.display()
    ))
}

fn encode(args: &TokenizerEncodeArgs) -> Result<()> {
    let tokenizer = load_tokenizer(&args.tokenizer)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut ids, mut text) = (Vec::new(), String::new());
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let line =
            line.with_context(|| format!("cannot read line {} of standard input", number + 1))?;
        ids.clear();
        if !args.no_bos {
            ids.push(tokenizer.bos());
        }
        tokenizer.encode_into(&line, &mut ids);
        text.clear();
        if args.json {
            text += &serde_json::to_string(&ids)?;
        } else {
            for (i, id) in ids.iter().enumerate() {
                let space = if i == 0 { "" } else { " " };
                write!(text, "{space}{id}")?;
            }
        }
        text.push('\n');
        out.write_all(text.as_bytes())?;
    }
    Ok(out.flush()?)
}

fn decode(args: &TokenizerDecodeArgs) -> Result<()> {
    let tokenizer = load_tokenizer(&args.tokenizer)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let reading = || format!("line {} of standard input", number + 1);
        let line = line.with_context(reading)?;
        let mut ids = Vec::new();
        for word in line.split_whitespace() {
            let id: u32 = word
                .parse()
                .with_context(|| format!("{word:?} is not a token id"))
                .with_context(reading)?;
            anyhow::ensure!(
                (id as usize) < tokenizer.vocab_size(),
                "{}: there is no token {id} in a vocabulary of {}",
                reading(),
                tokenizer.vocab_size()
            );
            ids.push(id);
        }
        let text = tokenizer.decode(&ids);
        let text = if args.json {
            serde_json::to_string(&text)?
        } else {
            text
        };
        writeln!(out, "{text}")?;
    }
    Ok(out.flush()?)
}
