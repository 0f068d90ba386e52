//! Numbers that no recipe can mean. The limits are far above any use, and so low that what is counted with
//! them does not overflow, and that a plan, which makes the world to count it, ends in minutes.

use super::error::{Error, Result};
use super::read::Recipe;
use toml::Value;

/// Most of what nothing below names.
const MOST: u64 = 1 << 31;
/// Most passes; a plan goes through each.
const PASSES: u64 = 10_000;
/// Most of the world's people and of its conversations of each length.
const FEW: u64 = 10_000;
/// Most of anything else in the world; memory holds it all.
const WORLD: u64 = 1_000_000;
/// Widest of a model.
const WIDTH: u64 = 1 << 20;
/// Most tokens of a sequence.
const ROWS: u64 = 1 << 24;
/// Most tokens, bytes or documents of a text; the paper has 2 trillion tokens.
const TEXT: u64 = 1 << 48;

/// Keys and the most that they or what stands below them may be; the first that fits counts.
const LIMITS: [(&str, u64); 22] = [
    ("world.people", FEW),
    ("feedback.world.conversations", FEW),
    ("feedback.world.held_out_conversations", FEW),
    ("world", WORLD),
    ("feedback.world", WORLD),
    ("model.context", ROWS),
    ("model.rope_theta", MOST),
    ("model", WIDTH),
    ("tokenizer.vocab_size", WIDTH),
    ("engine.micro_batch_rows", ROWS),
    ("pretrain.tokens", TEXT),
    ("pretrain.validate_tokens", TEXT),
    ("tokenizer.max_training_bytes", TEXT),
    ("corpus.sources", TEXT),
    ("feedback.preferences", TEXT),
    ("pretrain.epochs", PASSES),
    ("sft.epochs", PASSES),
    ("reward.helpfulness.epochs", PASSES),
    ("reward.safety.epochs", PASSES),
    ("dpo.epochs", PASSES),
    ("align.epochs", PASSES),
    ("distill.epochs", PASSES),
];

impl Recipe {
    /// Refuses numbers that are none or too large to be meant, by their keys.
    pub(super) fn check_limits(&self) -> Result<()> {
        let table = Value::try_from(&self.file)
            .map_err(|e| Error::value(&self.path, "recipe", e.to_string()))?;
        self.check(&mut Vec::new(), &table)
    }

    fn check(&self, key: &mut Vec<String>, value: &Value) -> Result<()> {
        let wrong = |what: String| Err(Error::value(&self.path, &key.join("."), what));
        let most = most(&key.join("."));
        match value {
            Value::Table(table) => {
                for (name, value) in table {
                    key.push(name.clone());
                    self.check(key, value)?;
                    key.pop();
                }
                Ok(())
            }
            Value::Array(values) => values.iter().try_for_each(|value| self.check(key, value)),
            Value::Integer(n) if most.is_some_and(|most| *n > most as i64) => wrong(format!(
                "{n} is too large; at most {} can be meant",
                most.unwrap_or_default()
            )),
            Value::Float(x) if !x.is_finite() => {
                wrong(format!("{x} is no number; give a finite one"))
            }
            Value::Float(x) if most.is_some_and(|most| x.abs() > most as f64) => wrong(format!(
                "{x:e} is out of range; at most {} can be meant",
                most.unwrap_or_default()
            )),
            _ => Ok(()),
        }
    }
}

/// The most that a key may be; a seed may be anything, and a corpus checks its own settings.
fn most(key: &str) -> Option<u64> {
    let below = |of: &str| {
        let rest = key.strip_prefix(of);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if key.rsplit('.').next() == Some("seed") || below("corpus.settings") {
        return None;
    }
    let named = LIMITS.into_iter().find(|(of, _)| below(of));
    Some(named.map_or(MOST, |(_, most)| most))
}
