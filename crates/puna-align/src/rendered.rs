//! Comparisons as tokens, for whatever is learned from pairs: reward models (paper section 3.2.2) and
//! direct preference optimization.

use crate::error::{Error, Result};
use crate::preferences::{Action, Preference};
use puna_llama::Model;
use puna_text::Tokenizer;
use puna_text::chat::{Message, contains_special_tags, render_training};
use puna_text::hash::hex;
use puna_train::{Event, Identity, Sequence, identity};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Most rows of a micro-batch where the settings do not say and no pair is longer.
pub const PAIR_ROWS: usize = 512;

/// A comparison, rendered.
pub(crate) trait Pair: Sync {
    /// The rows of the chosen answer's dialogue, then those of the rejected one's.
    fn sequence(&self) -> &Sequence;
    /// Hashes all that training sees of the pair.
    fn hash_into(&self, hasher: &mut Sha256);
}

/// How long an answered dialogue may be, and what happens to a comparison with a longer one.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub max_tokens: usize,
    pub over_long: Action,
}

/// Comparisons to train on and to look at.
pub(crate) struct Sides<P> {
    pub train: Vec<P>,
    pub valid: Vec<P>,
}

impl<P: Pair> Sides<P> {
    /// Renders both sides and warns of what is left out; what cannot be rendered is an error that
    /// names the record. `pair` gives the pair and the tokens of its longer dialogue.
    pub fn render(
        train: &[&Preference],
        valid: &[&Preference],
        limit: Limit,
        on_event: &mut dyn FnMut(Event),
        pair: impl Fn(&Preference) -> Result<(P, usize)>,
    ) -> Result<Self> {
        let side = |name, preferences: &[&Preference]| {
            let (pairs, left_out) = within(preferences, limit, &pair)?;
            Ok::<_, Error>((name, preferences.len(), pairs, left_out))
        };
        let sides = [side("training", train)?, side("validation", valid)?];
        let [train, valid] = sides.map(|(name, of, pairs, left_out)| {
            if let LeftOut {
                n,
                first: Some(first),
            } = left_out
            {
                let what = format!("{n} of {of} {name} pairs are left out, the first: {first}");
                on_event(Event::Warning(what));
            }
            pairs
        });
        if train.is_empty() {
            return Err(Error::Data("there is no pair to train on".into()));
        }
        Ok(Self { train, valid })
    }

    /// Rows of a micro-batch that holds every pair.
    pub fn rows(&self) -> usize {
        let all = self.train.iter().chain(&self.valid);
        let longest = all.map(|pair| pair.sequence().rows()).max();
        longest.unwrap_or(0).max(PAIR_ROWS)
    }

    /// Everything that decides the run's numbers: `settings` without those of the checkpoints.
    pub fn identity(&self, settings: &impl Serialize, model: &Model) -> Identity {
        let mut out = identity::of("settings", settings);
        out.insert("model".into(), format!("{:?}", model.config).into());
        out.insert("training pairs".into(), hash(&self.train).into());
        out.insert("validation pairs".into(), hash(&self.valid).into());
        out.insert("initial weights".into(), identity::of_model(model).into());
        out
    }
}

/// Comparisons that are too long: how many, and what is said of the first.
#[derive(Default)]
struct LeftOut {
    n: usize,
    first: Option<String>,
}

/// The pairs within the limit.
fn within<P>(
    preferences: &[&Preference],
    limit: Limit,
    pair: impl Fn(&Preference) -> Result<(P, usize)>,
) -> Result<(Vec<P>, LeftOut)> {
    let (mut pairs, mut left_out) = (Vec::new(), LeftOut::default());
    for &preference in preferences {
        let (pair, longest) = pair(preference)?;
        if longest <= limit.max_tokens {
            pairs.push(pair);
            continue;
        }
        let what = format!("{longest} tokens, over the limit of {}", limit.max_tokens);
        let error = at(preference, "dialogue", what);
        if limit.over_long == Action::Refuse {
            return Err(error);
        }
        left_out.n += 1;
        left_out.first.get_or_insert_with(|| error.to_string());
    }
    Ok((pairs, left_out))
}

fn hash<P: Pair>(pairs: &[P]) -> String {
    let mut hasher = Sha256::new();
    pairs.iter().for_each(|pair| pair.hash_into(&mut hasher));
    hex(hasher.finalize())
}

/// An error about a field of a preference.
pub(crate) fn at(preference: &Preference, field: &str, what: String) -> Error {
    let (path, line) = preference.origin.clone();
    let field = field.into();
    Error::Record {
        path,
        line,
        field,
        what,
    }
}

/// Tokens of a dialogue that ends with an answer.
pub(crate) fn render(tokenizer: &Tokenizer, dialogue: &[Message]) -> Result<Vec<u32>> {
    if let Some((message, tag)) = contains_special_tags(dialogue) {
        return Err(Error::Data(format!(
            "message {message} contains {tag}, which the chat format means something by; leave it out"
        )));
    }
    Ok(render_training(tokenizer, dialogue)?.ids)
}

/// Tokens of a preference's dialogue with the chosen and with the rejected answer.
pub(crate) fn answered(tokenizer: &Tokenizer, preference: &Preference) -> Result<[Vec<u32>; 2]> {
    let side = |field, messages: Vec<Message>| {
        render(tokenizer, &messages).map_err(|e| at(preference, field, e.to_string()))
    };
    Ok([
        side("chosen", preference.chosen_messages())?,
        side("rejected", preference.rejected_messages())?,
    ])
}

/// Hashes numbers as little-endian bytes.
pub(crate) fn hash_numbers(hasher: &mut Sha256, numbers: impl Iterator<Item = u32>) {
    hasher.update(numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
}
