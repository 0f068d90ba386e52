//! `puna generate`: texts continued, or messages answered.

use crate::cli::{GenerateArgs, SamplingArgs};
use crate::model_file::load;
use crate::out;
use anyhow::{Context, Result, ensure};
use puna_llama::{Finish, GenerateOptions, SamplingOptions};
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, contains_special_tags, render_prompt};
use serde::Serialize;
use std::fs;

/// A completion for machines.
#[derive(Serialize)]
struct Completion<'a> {
    prompt: &'a str,
    completion: &'a str,
    prompt_tokens: usize,
    tokens: &'a [u32],
    logprobs: &'a [f32],
    finish: &'static str,
}

/// Does the command.
pub fn generate(args: &GenerateArgs) -> Result<()> {
    let options = options(&args.sampling)?;
    let mut prompts = args.prompt.clone();
    if let Some(path) = &args.prompts {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the prompts in {}", path.display()))?;
        prompts.extend(text.lines().map(str::to_owned));
    }
    ensure!(
        !prompts.is_empty(),
        "there is no prompt; give one with --prompt, or a file that has some"
    );
    let loaded = load(&args.model.model, args.model.tokenizer.as_deref())?;
    if args.chat {
        loaded.warn_if_base();
    }
    let context = loaded.model.config.context;
    let ids = prompts
        .iter()
        .enumerate()
        .map(|(i, prompt)| {
            ids(&loaded.tokenizer, prompt, args.chat).with_context(|| format!("prompt {}", i + 1))
        })
        .collect::<Result<Vec<_>>>()?;
    for (i, ids) in ids.iter().enumerate() {
        ensure!(
            ids.len() < context,
            "prompt {} has {} tokens and leaves no room in the model's context of {context}; shorten it",
            i + 1,
            ids.len()
        );
    }
    let longest = ids.iter().map(Vec::len).max().unwrap_or(1);
    let capacity = context.min(longest.saturating_add(args.sampling.max_tokens.max(1)));
    let slots = args.batch.min(prompts.len());
    let (mut decoder, tokenizer) = loaded.into_decoder(
        args.work.threads(),
        args.model.weights.into(),
        slots,
        capacity,
    )?;
    let stream = prompts.len() == 1 && !args.work.json;
    if stream && !args.chat {
        out::piece(&prompts[0])?;
    }
    let mut gone = None;
    let mut begun = false;
    let mut show = |_: usize, text: &str| {
        // An answer begins with the space that separates it from the prompt.
        let text = if args.chat && !begun {
            text.trim_start()
        } else {
            text
        };
        begun |= !text.is_empty();
        if gone.is_none() {
            gone = out::piece(text).err();
        }
    };
    let on_token: Option<puna_llama::generate::OnToken<'_>> =
        if stream { Some(&mut show) } else { None };
    let results = puna_llama::generate(&mut decoder, &tokenizer, &ids, &options, on_token)?;
    if let Some(error) = gone {
        return Err(error);
    }
    if stream {
        return out::line("");
    }
    for (i, (prompt, result)) in prompts.iter().zip(&results).enumerate() {
        let text = if args.chat {
            result.text.trim()
        } else {
            &result.text
        };
        if args.work.json {
            out::json(&Completion {
                prompt,
                completion: text,
                prompt_tokens: ids[i].len(),
                tokens: &result.tokens,
                logprobs: &result.logprobs,
                finish: finish(result.finish),
            })?;
        } else {
            let before = if args.chat { "" } else { prompt };
            out::line(&format!("{before}{text}"))?;
        }
    }
    Ok(())
}

/// Ids of a prompt: plain behind BOS, or as the chat format has it.
fn ids(tokenizer: &Tokenizer, prompt: &str, chat: bool) -> Result<Vec<u32>> {
    if !chat {
        let mut ids = vec![tokenizer.bos()];
        tokenizer.encode_into(prompt, &mut ids);
        return Ok(ids);
    }
    let dialogue = [Message::new(Role::User, prompt)];
    if let Some((_, tag)) = contains_special_tags(&dialogue) {
        anyhow::bail!("a message may not contain {tag}, which is part of the chat format");
    }
    Ok(render_prompt(tokenizer, &dialogue)?)
}

/// The engine's options for those of the command line; what has no meaning is refused before a model is
/// read and a prompt is printed.
pub fn options(args: &SamplingArgs) -> Result<GenerateOptions> {
    let options = GenerateOptions {
        max_tokens: args.max_tokens,
        sampling: SamplingOptions {
            temperature: args.temperature,
            top_k: args.top_k,
            top_p: args.top_p,
            repetition_penalty: args.repetition_penalty,
            seed: args.seed,
        },
        stop: args.stop.clone(),
        ..GenerateOptions::default()
    };
    options.validate()?;
    Ok(options)
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Eos => "eos",
    }
}
