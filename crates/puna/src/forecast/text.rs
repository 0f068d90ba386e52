//! How much text a plan has, and how many tokens it is: measured on a sample, since a tokenizer is
//! trained on a few megabytes in less than a second.

use super::world::{OfFeedback, OfWorld};
use crate::recipe::{Plan, Stage, TextsPlan, TokenizerPlan};
use puna_text::Tokenizer;
use puna_train::Dialogue;
use puna_train::tokens::{DocumentOptions, Documents};
use std::fs;

/// Bytes of text that a sample has.
const SAMPLE: usize = 4 << 20;
/// Bytes of it whose tokens are counted.
const COUNTED: usize = 1 << 20;
/// English text by a large vocabulary, where no sample can tell.
const BYTES_PER_TOKEN: f64 = 4.2;
/// What zstd makes of English text.
const COMPRESSION: f64 = 3.6;

/// What is known of the text before the stages have run.
pub struct Text {
    /// Bytes of text to train on.
    pub bytes: f64,
    /// Bytes of a token.
    pub bytes_per_token: f64,
    /// A tokenizer like the one to come.
    pub tokenizer: Option<Tokenizer>,
    /// The world's dialogues.
    pub dialogues: Option<Vec<Dialogue>>,
    /// The world's material for human feedback, if it was asked for.
    pub feedback: Option<OfFeedback>,
}

impl Text {
    /// Looks at a plan's data; `None` while they are not there. Unless it is to be `whole`, a world is not
    /// asked for the pages of its crawl nor for its material for human feedback, which takes longer than
    /// all else: its documents tell well enough how much memory they take.
    pub fn sample(plan: &Plan, whole: bool) -> Option<Self> {
        let (bytes, documents, dialogues, feedback) = match plan.stages.first()? {
            Stage::World(world) => {
                let crawl = plan.stages.iter().find_map(|stage| match stage {
                    Stage::Crawl(plan) => Some(&**plan),
                    _ => None,
                });
                let OfWorld {
                    documents,
                    dialogues,
                    feedback,
                } = match whole {
                    true => OfWorld::ask(world, crawl, world.feedback.as_ref()),
                    false => OfWorld::ask(world, None, None),
                };
                let bytes: usize = documents.iter().map(String::len).sum();
                let held_out = crawl.map(|crawl| crawl.held_out).or(world.held_out);
                let bytes = bytes as f64 * (1.0 - held_out.unwrap_or(0.0));
                (bytes, documents, Some(dialogues), feedback)
            }
            Stage::Texts(plan) => {
                let (bytes, documents) = texts(plan)?;
                (bytes, documents, None, None)
            }
            // A model that is only fine-tuned brings its tokenizer.
            Stage::Tokenizer(_) => (0.0, Vec::new(), None, None),
            _ => return None,
        };
        let tokenizer = plan.stages.iter().find_map(|stage| match stage {
            Stage::Tokenizer(plan) => tokenizer(plan, &documents),
            _ => None,
        });
        let bytes_per_token = tokenizer
            .as_ref()
            .map_or(BYTES_PER_TOKEN, |t| density(t, &documents));
        Some(Self {
            bytes,
            bytes_per_token,
            tokenizer,
            dialogues,
            feedback,
        })
    }

    /// Tokens to train on.
    pub fn tokens(&self) -> f64 {
        self.bytes / self.bytes_per_token
    }
}

/// Bytes to train on, and a sample of them.
fn texts(plan: &TextsPlan) -> Option<(f64, Vec<String>)> {
    let (mut bytes, mut documents, mut sampled) = (0.0, Vec::new(), 0);
    for source in &plan.sources {
        let size = fs::metadata(&source.path).ok()?.len() as f64;
        let packed = source.path.extension().is_some_and(|e| e == "zst");
        let text = if packed { COMPRESSION * size } else { size };
        bytes += source.max_bytes.map_or(text, |most| text.min(most as f64));
        let options = DocumentOptions {
            text_field: source.field.clone(),
            ..DocumentOptions::default()
        };
        // What is wrong with a source is told by the stage that reads it.
        for text in
            Documents::open(std::slice::from_ref(&source.path), &options).map_while(Result::ok)
        {
            if sampled >= SAMPLE {
                break;
            }
            sampled += text.len();
            documents.push(text);
        }
    }
    Some((bytes * (1.0 - plan.held_out), documents))
}

fn tokenizer(plan: &TokenizerPlan, documents: &[String]) -> Option<Tokenizer> {
    match &plan.path {
        Some(path) => Tokenizer::load(path).ok(),
        // A sample too small for its vocabulary gives none.
        None => Tokenizer::train(documents, &plan.options).ok(),
    }
}

fn density(tokenizer: &Tokenizer, documents: &[String]) -> f64 {
    let (mut bytes, mut tokens) = (0, 0);
    let all: usize = documents.iter().map(String::len).sum();
    // Evenly spread, for documents of a kind stand together.
    for text in documents.iter().step_by(all.div_ceil(COUNTED).max(1)) {
        // Each document has its BOS and EOS.
        tokens += tokenizer.encode(text).len() + 2;
        bytes += text.len();
    }
    if tokens == 0 {
        BYTES_PER_TOKEN
    } else {
        bytes as f64 / tokens as f64
    }
}
