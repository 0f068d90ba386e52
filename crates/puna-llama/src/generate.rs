//! Completing prompts (the reference's `generation.py`): any number of them over the decoder's
//! slots. A slot that finishes takes the next prompt; prompts are read in chunks between the others'
//! tokens; a beginning that some slot already holds is copied, not computed. None of it changes what
//! a prompt's completion is.

use crate::decoder::{Decoder, Feed, LogitRows};
use crate::error::{Error, Result};
use crate::model::check_tokenizer;
use crate::sampling::{Sampler, SamplingOptions};
use crate::text_stream::TextStream;
use puna_compute::Ops;
use puna_text::Tokenizer;
use std::collections::VecDeque;

/// A shared beginning shorter than this is computed again: copying has its price too.
const MIN_SHARED: usize = 16;

/// How completions are made.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// Most tokens of a completion.
    pub max_tokens: usize,
    /// How each is chosen.
    pub sampling: SamplingOptions,
    /// Texts that end a completion and are not part of it.
    pub stop: Vec<String>,
    /// Go on after the end-of-sequence token.
    pub ignore_eos: bool,
    /// Most rows of a call while prompts are read; slots that already write always go along.
    pub prefill_rows: usize,
    /// Random stream of each prompt; empty is stream `i` for prompt `i`. With streams of its own a
    /// prompt gets the same completion, whichever others it is completed with.
    pub streams: Vec<u64>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            max_tokens: 256,
            sampling: SamplingOptions::default(),
            stop: Vec::new(),
            ignore_eos: false,
            prefill_rows: 256,
            streams: Vec::new(),
        }
    }
}

impl GenerateOptions {
    /// Refuses what has no meaning, whatever the model and the prompts.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: &str| Err(Error::Input(what.into()));
        self.sampling.validate()?;
        if self.stop.iter().any(String::is_empty) {
            return fail("a stop string is empty; leave it out");
        }
        if self.prefill_rows == 0 {
            return fail("prefill_rows is 0; it must be at least 1");
        }
        Ok(())
    }
}

/// Why a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// A stop string was complete.
    Stop,
    /// `max_tokens` or the decoder's capacity was reached.
    Length,
    /// The model ended it.
    Eos,
}

/// A completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Every token chosen: with [`Finish::Eos`] the end-of-sequence token is the last, with
    /// [`Finish::Stop`] the stop string is in them.
    pub tokens: Vec<u32>,
    /// The text behind the prompt, without stop string or special tokens. A completion that begins
    /// a new word begins with its space.
    pub text: String,
    /// Log-probability of each token under the model, without temperature or cuts: bit for bit what
    /// [`crate::Worker::logprobs`] gives for it, on the CPU with weights as in training.
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
}

/// A prompt with the completion so far.
struct Sequence<'a> {
    index: usize,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    sampler: Sampler,
    text: TextStream<'a>,
}

/// Called with a prompt's number and the text that has become certain.
pub type OnToken<'a> = &'a mut dyn FnMut(usize, &str);

/// Completes every prompt; results are in the prompts' order. Prompts are token ids as the model
/// was trained on, so with the begin-of-sequence token.
pub fn generate<O: Ops>(
    decoder: &mut Decoder<O>,
    tokenizer: &Tokenizer,
    prompts: &[Vec<u32>],
    options: &GenerateOptions,
    mut on_token: Option<OnToken<'_>>,
) -> Result<Vec<Generated>> {
    check(decoder, tokenizer, prompts, options)?;
    let eos = tokenizer.eos();
    let (capacity, vocab) = (decoder.capacity(), decoder.config().vocab_size);
    let mut results: Vec<Option<Generated>> = prompts.iter().map(|_| None).collect();
    let mut waiting: VecDeque<usize> = (0..prompts.len()).collect();
    if options.max_tokens == 0 {
        waiting.clear();
    }
    let mut slots: Vec<Option<Sequence<'_>>> = (0..decoder.slots()).map(|_| None).collect();
    loop {
        for (slot, place) in slots.iter_mut().enumerate() {
            if place.is_none()
                && let Some(index) = waiting.pop_front()
            {
                let tokens = prompts[index].clone();
                let stream = options.streams.get(index).copied().unwrap_or(index as u64);
                decoder.truncate(slot, shared(decoder.tokens(slot), &tokens));
                *place = Some(Sequence {
                    index,
                    logprobs: Vec::new(),
                    sampler: Sampler::new(&options.sampling, stream),
                    text: TextStream::new(tokenizer, &tokens, &options.stop),
                    tokens,
                });
            }
        }
        let chosen = plan(decoder, &slots, options.prefill_rows);
        if chosen.is_empty() {
            break;
        }
        let feeds: Vec<Feed<'_>> = chosen
            .iter()
            .filter_map(|&(slot, n)| {
                let past = decoder.len(slot);
                slots[slot].as_ref().map(|s| Feed {
                    slot,
                    tokens: &s.tokens[past..past + n],
                })
            })
            .collect();
        let read: Vec<usize> = chosen
            .iter()
            .map(|&(slot, n)| decoder.len(slot) + n)
            .collect();
        let logits = decoder.feed(&feeds, LogitRows::Last)?;
        let mut tokens = Vec::with_capacity(chosen.len());
        for ((&(slot, _), &read), logits) in
            chosen.iter().zip(&read).zip(logits.chunks_exact(vocab))
        {
            tokens.push(match &mut slots[slot] {
                Some(s) if read == s.tokens.len() => s.sampler.sample(logits, &s.tokens)?,
                // In the middle of a prompt nothing is chosen: any token will do.
                _ => 0,
            });
        }
        let logprobs = decoder.logprobs(&tokens);
        let rows = chosen
            .iter()
            .zip(read)
            .zip(tokens.into_iter().zip(logprobs));
        for ((&(slot, _), read), (token, logprob)) in rows {
            let place = &mut slots[slot];
            let Some(sequence) = place else { continue };
            if read < sequence.tokens.len() {
                continue;
            }
            let prompt_len = prompts[sequence.index].len();
            let room = options.max_tokens.min(capacity - prompt_len);
            let eos = (!options.ignore_eos).then_some(eos);
            let finish = sequence.advance(token, logprob, room, eos);
            if let Some(on_token) = &mut on_token {
                let done = finish.is_some();
                let text = if done {
                    sequence.text.rest()
                } else {
                    sequence.text.certain()
                };
                if !text.is_empty() {
                    on_token(sequence.index, text);
                }
            }
            if let Some(finish) = finish
                && let Some(sequence) = place.take()
            {
                let index = sequence.index;
                results[index] = Some(sequence.into_generated(prompt_len, finish));
            }
        }
    }
    let empty = || Generated {
        tokens: vec![],
        text: String::new(),
        logprobs: vec![],
        finish: Finish::Length,
    };
    Ok(results
        .into_iter()
        .map(|r| r.unwrap_or_else(empty))
        .collect())
}

impl Sequence<'_> {
    /// Takes the next token; what ends the completion, if it ends with it.
    fn advance(
        &mut self,
        token: u32,
        logprob: f32,
        room: usize,
        eos: Option<u32>,
    ) -> Option<Finish> {
        self.tokens.push(token);
        self.logprobs.push(logprob);
        let mut finish = None;
        if eos == Some(token) {
            finish = Some(Finish::Eos);
        } else if self.text.push(token) {
            return Some(Finish::Stop);
        } else if self.logprobs.len() >= room {
            finish = Some(Finish::Length);
        }
        if finish.is_some() && self.text.finish() {
            finish = Some(Finish::Stop);
        }
        finish
    }

    fn into_generated(mut self, prompt_len: usize, finish: Finish) -> Generated {
        let tokens = self.tokens.split_off(prompt_len);
        Generated {
            tokens,
            text: self.text.into_text(),
            logprobs: self.logprobs,
            finish,
        }
    }
}

/// Which slots go into the next call, each with how many tokens: all that write, and prompts as
/// far as `rows` reaches. Takes over shared beginnings on the way.
fn plan<O: Ops>(
    decoder: &mut Decoder<O>,
    slots: &[Option<Sequence<'_>>],
    rows: usize,
) -> Vec<(usize, usize)> {
    let mut chosen = Vec::new();
    let mut reading: Vec<(usize, &[u32])> = Vec::new();
    for (slot, sequence) in slots.iter().enumerate() {
        let Some(sequence) = sequence else { continue };
        if sequence.tokens.len() - decoder.len(slot) == 1 {
            chosen.push((slot, 1));
        } else {
            reading.push((slot, &sequence.tokens));
        }
    }
    let mut left = rows.saturating_sub(chosen.len()).max(1);
    let mut going: Vec<&[u32]> = Vec::new();
    for (slot, tokens) in reading {
        take_over(decoder, slot, tokens);
        let len = decoder.len(slot);
        // Another prompt that is being read begins alike: better to wait and copy.
        let wait = going
            .iter()
            .any(|other| shared(other, tokens) >= len + MIN_SHARED);
        if wait || left == 0 {
            continue;
        }
        let n = (tokens.len() - len).min(left);
        left -= n;
        chosen.push((slot, n));
        going.push(tokens);
    }
    chosen
}

/// Copies the longest beginning of `tokens` that another slot holds, if it is worth it.
fn take_over<O: Ops>(decoder: &mut Decoder<O>, slot: usize, tokens: &[u32]) {
    let others = (0..decoder.slots()).filter(|&other| other != slot);
    let best = others
        .map(|other| (shared(decoder.tokens(other), tokens), other))
        .max();
    if let Some((len, other)) = best
        && len >= decoder.len(slot) + MIN_SHARED
    {
        decoder.fork(slot, other);
        decoder.truncate(slot, len);
    }
}

/// How many tokens two sequences begin alike with; never all of `tokens`, whose last must be fed to
/// have its logits.
fn shared(held: &[u32], tokens: &[u32]) -> usize {
    let same = held.iter().zip(tokens).take_while(|(a, b)| a == b).count();
    same.min(tokens.len().saturating_sub(1))
}

fn check<O: Ops>(
    decoder: &Decoder<O>,
    tokenizer: &Tokenizer,
    prompts: &[Vec<u32>],
    options: &GenerateOptions,
) -> Result<()> {
    let fail = |what: String| Err(Error::Input(what));
    options.validate()?;
    decoder.config().require_language_model()?;
    check_tokenizer(decoder.config(), tokenizer)?;
    if !options.streams.is_empty() && options.streams.len() != prompts.len() {
        return fail(format!(
            "{} streams for {} prompts; give each one, or none",
            options.streams.len(),
            prompts.len()
        ));
    }
    if decoder.slots() == 0 {
        return fail("the decoder has no slots; make it with at least one".into());
    }
    let (capacity, vocab) = (decoder.capacity(), decoder.config().vocab_size);
    for (i, prompt) in prompts.iter().enumerate() {
        if prompt.is_empty() {
            return fail(format!(
                "prompt {i} has no tokens; it needs at least the begin-of-sequence token"
            ));
        }
        if prompt.len() >= capacity {
            return fail(format!(
                "prompt {i} has {} tokens and leaves no room in a context of {capacity}; shorten it",
                prompt.len()
            ));
        }
        if let Some(token) = prompt.iter().find(|&&t| t as usize >= vocab) {
            return fail(format!(
                "prompt {i} holds token {token}, but the model has {vocab}"
            ));
        }
    }
    Ok(())
}
