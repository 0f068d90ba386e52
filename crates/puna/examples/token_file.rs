//! A large token file from text, for measuring `puna contamination`:
//! `cargo run --release -p puna --example token_file -- TOKENIZER TEXT.jsonl.zst MILLIONS OUT.tokens`
//! tokenises the text's documents and writes them again and again until there are so many tokens.

use anyhow::{Context, Result, ensure};
use puna_text::Tokenizer;
use puna_train::tokens::{DocumentOptions, Documents, TokenWriter, Vocabulary};
use std::path::PathBuf;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [tokenizer, text, millions, out] = &words[..] else {
        anyhow::bail!("usage: token_file TOKENIZER TEXT MILLIONS OUT.tokens");
    };
    let tokenizer = Tokenizer::load(tokenizer.as_ref())?;
    let wanted = millions.parse::<u64>().context("MILLIONS of tokens")? * 1_000_000;
    let documents = Documents::open(&[PathBuf::from(text)], &DocumentOptions::default());
    let documents = documents
        .map(|text| Ok((tokenizer.encode(&text?), 0)))
        .collect::<Result<Vec<(Vec<u32>, u64)>>>()?;
    ensure!(!documents.is_empty(), "{text} has no documents");
    let mut writer = TokenWriter::create(out.as_ref(), Vocabulary::of(&tokenizer))?;
    for (tokens, bytes) in documents.iter().cycle() {
        if writer.tokens() >= wanted {
            break;
        }
        writer.push(tokens, *bytes)?;
    }
    println!("{} tokens", writer.tokens());
    Ok(writer.finish()?)
}
