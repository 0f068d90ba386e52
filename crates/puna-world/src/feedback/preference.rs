//! Preferences as files hold them, and those between the world's own answers (section 3.2.1).

use serde::{Deserialize, Serialize};

use super::prompt::messages;
use super::{Annotators, Feedback, Prompt, PromptKind, SafetyLabel, Split, Stream, Strength};
use crate::dialogue::Role;
use crate::dice::{Dice, Stream as Random};

/// One comparison. As a JSON line it is Puna's own form of a preference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    /// The dialogue up to the user's last turn; a message is `{"role": ..., "content": ...}`.
    #[serde(with = "messages")]
    pub dialogue: Vec<(Role, String)>,
    /// The answer that the annotator preferred.
    pub chosen: String,
    /// The other answer.
    pub rejected: String,
    /// How much better the chosen answer is.
    pub strength: Strength,
    /// Which answers are safe; in the safety stream only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetyLabel>,
    /// Under which guidelines the answers were compared.
    pub stream: Stream,
    /// Who compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// The batch, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Which models gave the chosen and the rejected answer; the caller knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<[String; 2]>,
    /// The temperatures that they were sampled at; the caller knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperatures: Option<[f32; 2]>,
}

/// Why a pair of answers gives no preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// The answers are the same.
    Equal,
    /// One of them is empty.
    Empty,
    /// The annotator prefers an answer that is labelled unsafe to one that is labelled safe; the
    /// paper leaves such pairs out.
    UnsafeChosen,
}

impl Annotators {
    /// Compares two answers, any model's, and writes the comparison down. `swapped` in the result
    /// says whether the second answer was chosen, so that the caller can name models and
    /// temperatures.
    pub fn compare(
        &self,
        prompt: &Prompt,
        answers: [&str; 2],
        stream: Stream,
        batch: u32,
    ) -> Result<(Preference, bool), Excluded> {
        if answers.iter().any(|answer| answer.trim().is_empty()) {
            return Err(Excluded::Empty);
        }
        if answers[0] == answers[1] {
            return Err(Excluded::Equal);
        }
        let annotation = self.annotate(prompt, answers, stream, batch);
        let safety = match stream {
            Stream::Safety => Some(annotation.safety().ok_or(Excluded::UnsafeChosen)?),
            Stream::Helpfulness => None,
        };
        let swapped = !annotation.first_preferred;
        let [chosen, rejected] = match swapped {
            true => [answers[1], answers[0]],
            false => answers,
        };
        let preference = Preference {
            dialogue: prompt.messages.clone(),
            chosen: chosen.into(),
            rejected: rejected.into(),
            strength: annotation.strength,
            safety,
            stream,
            annotator: Some(annotation.annotator),
            batch: Some(batch),
            models: None,
            temperatures: None,
        };
        Ok((preference, swapped))
    }
}

/// Of a hundred preferences of a stream, how many are about adversarial, borderline and helpful
/// prompts.
fn mix(stream: Stream) -> [usize; 3] {
    match stream {
        Stream::Helpfulness => [5, 20, 75],
        Stream::Safety => [80, 10, 10],
    }
}

impl Feedback<'_> {
    /// Preferences between answers that the world makes itself, as many as the options say of
    /// the training split and a quarter as many held out: of each comparison, what came of it.
    pub fn preferences(&self, stream: Stream, split: Split) -> Vec<Result<Preference, Excluded>> {
        let train = match stream {
            Stream::Helpfulness => self.options.preferences,
            Stream::Safety => self.options.safety_preferences,
        };
        let count = match split {
            Split::Train => train,
            Split::HeldOut => train / 4,
        };
        let of = |kind| -> Vec<&Prompt> {
            self.prompts(split)
                .iter()
                .filter(|prompt| prompt.kind == kind)
                .collect()
        };
        let prompts = [
            PromptKind::Adversarial,
            PromptKind::Borderline,
            PromptKind::Helpful,
        ]
        .map(of);
        let annotators = self.annotators();
        let batches = self.options.batches.max(1) as usize;
        let shares = mix(stream);
        let compare = |index: usize| {
            let side = u64::from(split == Split::HeldOut) << 48;
            let number = side | (stream as u64) << 40 | index as u64;
            let mut dice = Dice::new(self.world.options.seed, Random::Preference, number);
            let throw = dice.below(100);
            let kind = match throw {
                throw if throw < shares[0] => 0,
                throw if throw < shares[0] + shares[1] => 1,
                _ => 2,
            };
            // A kind without prompts gives its place to none.
            let prompt = *prompts[kind].get(dice.below(prompts[kind].len()))?;
            let [first, second] = self.two_answers(prompt, &mut dice);
            let batch = (index * batches / count) as u32 + 1;
            let answers = [first.1.as_str(), second.1.as_str()];
            let compared = annotators.compare(prompt, answers, stream, batch);
            Some(compared.map(|(mut preference, swapped)| {
                let mut models = [first.0.name().into(), second.0.name().into()];
                if swapped {
                    models.reverse();
                }
                preference.models = Some(models);
                preference
            }))
        };
        (0..count).filter_map(compare).collect()
    }
}
