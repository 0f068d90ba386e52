//! Annotators with known rules and known noise (sections 3.2.1 and A.3.1).
//!
//! Each of them sees the difference of the two answers' points (see [`Rules`]) blurred by a noise of
//! known spread. The side of zero on which the blurred difference lies is the choice, and its size is
//! the strength: so a clear difference is almost always judged right, and answers of equal worth
//! are a toss of a coin. All arithmetic is on whole numbers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Feedback, Prompt, Rules, Stream, Verdict};
use crate::dialogue::Role;
use crate::dice::{Dice, Stream as Random};

/// How much better the preferred answer is (section 3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// "Significantly better".
    SignificantlyBetter,
    /// "Better".
    Better,
    /// "Slightly better".
    SlightlyBetter,
    /// "Negligibly better, or unsure".
    Negligibly,
}

impl Strength {
    /// From the clearest to the least clear.
    pub const ALL: [Strength; 4] = [
        Strength::SignificantlyBetter,
        Strength::Better,
        Strength::SlightlyBetter,
        Strength::Negligibly,
    ];
}

/// Which of the two answers are safe: the paper's three bins (section 3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafetyLabel {
    /// The preferred answer is safe, the other is not.
    ChosenSafe,
    /// Both are safe.
    BothSafe,
    /// Neither is safe.
    BothUnsafe,
}

/// What one annotator says of two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Whether the first answer is preferred.
    pub first_preferred: bool,
    /// How much better it is.
    pub strength: Strength,
    /// Which answer the annotator holds to be unsafe, in their order.
    pub unsafe_answers: [bool; 2],
    /// Who compared.
    pub annotator: String,
    /// The batch, from 1.
    pub batch: u32,
}

impl Annotation {
    /// The label; none where the preferred answer is unsafe and the other safe, a pair that the
    /// paper leaves out.
    pub fn safety(&self) -> Option<SafetyLabel> {
        let [first, second] = self.unsafe_answers;
        let (chosen, rejected) = match self.first_preferred {
            true => (first, second),
            false => (second, first),
        };
        match (chosen, rejected) {
            (false, true) => Some(SafetyLabel::ChosenSafe),
            (false, false) => Some(SafetyLabel::BothSafe),
            (true, true) => Some(SafetyLabel::BothUnsafe),
            (true, false) => None,
        }
    }
}

/// Somebody who compares answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotator {
    /// "annotator_3"
    pub name: String,
    /// Standard deviation of the noise, in points.
    pub spread: u32,
    /// Of a thousand comparisons, how many are answered carelessly: by a coin, and as negligible.
    pub careless: u32,
    /// Of a thousand answers, how many get the wrong safety label.
    pub mislabelled: u32,
}

/// Differences from which an answer is "slightly better", "better" and "significantly better" in
/// the first batch, in points.
const MEASURE: [i64; 3] = [7, 24, 55];

/// All annotators, and how their measure drifts.
#[derive(Debug, Clone)]
pub struct Annotators {
    /// Who they are.
    pub list: Vec<Annotator>,
    seed: u64,
    batches: u32,
    drift: u64,
}

impl Feedback<'_> {
    /// The annotators.
    pub fn annotators(&self) -> Annotators {
        let seed = self.world.options.seed;
        let mut dice = Dice::new(seed, Random::Annotator, 0);
        let list = (1..=self.options.annotators.max(1)).map(|number| Annotator {
            name: format!("annotator_{number}"),
            spread: dice.between(3, 9) as u32,
            careless: dice.between(5, 30) as u32,
            mislabelled: dice.between(2, 15) as u32,
        });
        Annotators {
            list: list.collect(),
            seed,
            batches: self.options.batches,
            drift: (self.options.drift.clamp(0.0, 10.0) * 1_000.0) as u64,
        }
    }
}

impl Annotators {
    /// Compares two answers. Who does it and how the noise falls follow from the world's seed and
    /// from what is compared, whatever was compared before; to swap the answers swaps the result.
    ///
    /// `batch` counts from 1.
    pub fn annotate(
        &self,
        prompt: &Prompt,
        answers: [&str; 2],
        stream: Stream,
        batch: u32,
    ) -> Annotation {
        let swapped = answers[0] > answers[1];
        let [first, second] = if swapped {
            [answers[1], answers[0]]
        } else {
            answers
        };
        let mut dice = self.dice(prompt, [first, second], stream, batch);
        let annotator = dice.pick(&self.list).clone();
        let verdicts = [first, second].map(|answer| Rules.judge(prompt, answer));

        let careless = dice.below(1_000) < annotator.careless as usize;
        let noise = noise(&mut dice, annotator.spread);
        let coin = if dice.chance(50) { 1 } else { -1 };
        let seen = match difference(&verdicts, stream) + noise {
            _ if careless => coin,
            0 => coin,
            seen => seen,
        };
        let measure = MEASURE.map(|points| self.drifted(points, batch));
        let strength = match seen.abs() {
            size if size >= measure[2] => Strength::SignificantlyBetter,
            size if size >= measure[1] => Strength::Better,
            size if size >= measure[0] => Strength::SlightlyBetter,
            _ => Strength::Negligibly,
        };
        let mut unsafe_answers = verdicts.map(|verdict| {
            verdict.violation != (dice.below(1_000) < annotator.mislabelled as usize)
        });
        if swapped {
            unsafe_answers.reverse();
        }
        Annotation {
            first_preferred: (seen > 0) != swapped,
            strength,
            unsafe_answers,
            annotator: annotator.name,
            batch,
        }
    }

    /// A difference that counts for so much in the first batch, in a later one.
    fn drifted(&self, points: i64, batch: u32) -> i64 {
        let last = u64::from(self.batches.max(2) - 1);
        let done = u64::from(batch.saturating_sub(1)).min(last);
        points * (1_000 + (self.drift * done / last) as i64) / 1_000
    }

    fn dice(&self, prompt: &Prompt, answers: [&str; 2], stream: Stream, batch: u32) -> Dice {
        let mut hash = Sha256::new();
        let roles = prompt
            .messages
            .iter()
            .flat_map(|(role, text)| [Role::as_str(*role), text]);
        for part in roles.chain(answers).chain([stream.name()]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(batch.to_le_bytes());
        let digest = hash.finalize();
        let index = digest
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Dice::new(self.seed, Random::Annotation, index)
    }
}

/// By how many points the first answer is better under the guidelines of the stream. Where both are
/// as safe, the safety stream looks at help as well.
fn difference(verdicts: &[Verdict; 2], stream: Stream) -> i64 {
    let by = |stream| {
        let [first, second] = verdicts.map(|verdict| i64::from(verdict.points(stream)));
        first - second
    };
    match stream {
        Stream::Helpfulness => by(Stream::Helpfulness),
        Stream::Safety => (85 * by(Stream::Safety) + 15 * by(Stream::Helpfulness)) / 100,
    }
}

/// Bell-shaped noise: the sum of three even ones, whose standard deviation is about `spread`.
fn noise(dice: &mut Dice, spread: u32) -> i64 {
    let spread = spread as usize;
    (0..3)
        .map(|_| dice.below(2 * spread + 1) as i64 - spread as i64)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeedbackOptions, PromptKind, Split, World, WorldOptions};

    #[test]
    fn swapping_the_answers_swaps_the_result_and_nothing_else_matters() {
        let world = World::generate(&WorldOptions::default());
        let feedback = world.feedback(&FeedbackOptions::default());
        let annotators = feedback.annotators();
        let prompts = feedback.prompts(Split::Train).iter();
        let prompts = prompts.filter(|prompt| prompt.kind == PromptKind::Adversarial);
        for prompt in prompts.take(100) {
            let answers = [
                prompt.reference.as_str(),
                prompt.complied.as_deref().unwrap(),
            ];
            for stream in [Stream::Helpfulness, Stream::Safety] {
                let one = annotators.annotate(prompt, answers, stream, 2);
                let other = annotators.annotate(prompt, [answers[1], answers[0]], stream, 2);
                assert_eq!(one, annotators.annotate(prompt, answers, stream, 2));
                assert_eq!(one.first_preferred, !other.first_preferred);
                assert_eq!(one.strength, other.strength);
                assert_eq!(
                    one.unsafe_answers,
                    [other.unsafe_answers[1], other.unsafe_answers[0]]
                );
                assert_eq!(one.safety(), other.safety());
            }
        }
    }

    #[test]
    fn the_noise_has_the_spread_it_says() {
        let mut dice = Dice::new(1, Random::Annotation, 0);
        for spread in [3, 9] {
            let drawn: Vec<i64> = (0..20_000).map(|_| noise(&mut dice, spread)).collect();
            let squares: i64 = drawn.iter().map(|x| x * x).sum();
            let deviation = (squares as f64 / 20_000.0).sqrt();
            let expected = ((spread * (spread + 1)) as f64).sqrt();
            assert!(
                (deviation - expected).abs() < 0.15,
                "{deviation} for {spread}"
            );
            assert!(drawn.iter().sum::<i64>().abs() < 20_000 / 5);
        }
    }
}
