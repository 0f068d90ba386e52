//! `puna chat`: a dialogue on the terminal or through a pipe, in the format the model was trained on
//! (paper section 3.3; the release's `generation.py`).

use super::generate::options;
use crate::cli::ChatArgs;
use crate::model_file::load;
use crate::out;
use anyhow::{Context, Result, bail};
use puna_compute::Cpu;
use puna_llama::{Decoder, GenerateOptions};
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, contains_special_tags, render_prompt};
use std::io::{self, BufRead, IsTerminal};

/// Does the command.
pub fn chat(args: &ChatArgs) -> Result<()> {
    if let Some(system) = &args.system
        && let Some((_, tag)) = contains_special_tags(&[Message::new(Role::System, system)])
    {
        bail!("--system may not contain {tag}, which is part of the chat format");
    }
    let options = options(&args.sampling)?;
    let loaded = load(&args.model.model, args.model.tokenizer.as_deref())?;
    loaded.warn_if_base();
    let context = loaded.model.config.context;
    let (decoder, tokenizer) =
        loaded.into_decoder(args.work.threads(), args.model.weights.into(), 1, context)?;
    let mut chat = Chat {
        decoder,
        tokenizer,
        options,
        system: args.system.clone(),
        turns: Vec::new(),
        json: args.work.json,
    };
    let terminal = io::stdin().is_terminal();
    if terminal && !args.work.json {
        eprintln!("/reset forgets the dialogue, /quit ends it");
    }
    let mut lines = io::stdin().lock().lines();
    loop {
        if terminal && !args.work.json {
            out::piece("> ")?;
        }
        let Some(line) = lines.next() else { break };
        let line = line.context("cannot read standard input")?;
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => break,
            "/reset" => {
                chat.turns.clear();
                eprintln!("(the dialogue is forgotten)");
            }
            command if command.starts_with('/') => {
                eprintln!("({command} is unknown; there are /reset and /quit)");
            }
            message => chat.answer(message)?,
        }
    }
    Ok(())
}

struct Chat {
    decoder: Decoder<Cpu>,
    tokenizer: Tokenizer,
    options: GenerateOptions,
    system: Option<String>,
    /// User and assistant in turn.
    turns: Vec<Message>,
    json: bool,
}

impl Chat {
    fn answer(&mut self, message: &str) -> Result<()> {
        let message = Message::new(Role::User, message);
        if let Some((_, tag)) = contains_special_tags(std::slice::from_ref(&message)) {
            eprintln!("(a message may not contain {tag}, which is part of the chat format)");
            return Ok(());
        }
        self.turns.push(message);
        let Some(ids) = self.fit()? else {
            self.turns.clear();
            eprintln!(
                "(the message is longer than the model's context of {} tokens; the dialogue is forgotten)",
                self.decoder.capacity()
            );
            return Ok(());
        };
        let (mut gone, mut begun) = (None, false);
        let json = self.json;
        let mut show = |_: usize, text: &str| {
            // An answer begins with the space behind [/INST].
            let text = if begun { text } else { text.trim_start() };
            begun |= !text.is_empty();
            if gone.is_none() && !json {
                gone = out::piece(text).err();
            }
        };
        let results = puna_llama::generate(
            &mut self.decoder,
            &self.tokenizer,
            std::slice::from_ref(&ids),
            &self.options,
            Some(&mut show),
        )?;
        if let Some(error) = gone {
            return Err(error);
        }
        let text = results.first().map_or("", |result| result.text.trim());
        if json {
            out::json(&serde_json::json!({"role": "assistant", "content": text}))?;
        } else {
            out::line("")?;
        }
        // What the model says goes back into its prompt, where a tag would pass for structure.
        let said = Message::new(Role::Assistant, text);
        if contains_special_tags(std::slice::from_ref(&said)).is_some() {
            self.turns.pop();
        } else {
            self.turns.push(said);
        }
        Ok(())
    }

    /// Ids of the dialogue, without its oldest turns if they do not leave room for an answer.
    fn fit(&mut self) -> Result<Option<Vec<u32>>> {
        let room = self
            .options
            .max_tokens
            .min(self.decoder.capacity() / 4)
            .max(1);
        let mut dropped = 0;
        loop {
            let system = self
                .system
                .iter()
                .map(|text| Message::new(Role::System, text));
            let dialogue: Vec<Message> = system.chain(self.turns.iter().cloned()).collect();
            let ids = render_prompt(&self.tokenizer, &dialogue)?;
            if ids.len() + room <= self.decoder.capacity() {
                if dropped > 0 {
                    eprintln!(
                        "(the context is full: the oldest {dropped} exchanges are forgotten)"
                    );
                }
                return Ok(Some(ids));
            }
            if self.turns.len() < 3 {
                return Ok(None);
            }
            self.turns.drain(..2);
            dropped += 1;
        }
    }
}
