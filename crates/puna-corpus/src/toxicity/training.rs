//! Training: logistic regression by stochastic gradient descent with AdaGrad's step sizes, in an
//! order that a seed fixes. One thread, so that the same seed gives the same bits.

use super::calibration::{Calibration, sigmoid};
use super::classifier::Classifier;
use super::features::Features;
use super::labels::Example;
use super::measures::{HeldOut, area_under_curve};
use crate::error::{Error, Result};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How a classifier is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Features are hashed into 2 to this power of buckets: 20. At most 24.
    pub bucket_bits: u32,
    /// Whether pairs of words that follow each other are features: yes.
    pub word_pairs: bool,
    /// Fewest letters in a row, the word's boundaries counted as letters, that are a feature: 3.
    pub shortest_letters: usize,
    /// Most letters in a row that are a feature; 0 for none: 6.
    pub longest_letters: usize,
    /// Whether disguised words ("sh1t", "d.u.m.b", "soooo") are undone first: yes.
    pub undo_disguises: bool,
    /// How far the sources, and the two classes within each, weigh the same however many texts they
    /// have: 0 not at all, 1 altogether; 0.5.
    pub balance: f32,
    /// How often each text is looked at: 8.
    pub epochs: u32,
    /// AdaGrad's step size: 0.3.
    pub learning_rate: f32,
    /// Strength of the pull of weights towards 0: 1e-6.
    pub decay: f32,
    /// The share of a text's features that are left out each time it is looked at, so that no single
    /// word decides alone: 0.5.
    pub dropout: f32,
    /// The share of toxic texts that probabilities are calibrated for: 0.5, so that a score says
    /// how much the text itself speaks for toxicity.
    pub prevalence: f64,
    /// Order of the texts, and which tenth of them is held out.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bucket_bits: 20,
            word_pairs: true,
            shortest_letters: 3,
            longest_letters: 6,
            undo_disguises: true,
            balance: 0.5,
            epochs: 8,
            learning_rate: 0.3,
            decay: 1e-6,
            dropout: 0.5,
            prevalence: 0.5,
            seed: 0,
        }
    }
}

impl Settings {
    /// Refuses settings out of range.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, what: &str| {
            Err(Error::Setting {
                name,
                what: what.to_owned(),
            })
        };
        if !(8..=24).contains(&self.bucket_bits) {
            return refuse("bucket_bits", "must be 8 to 24");
        }
        if self.longest_letters > 16 {
            return refuse("longest_letters", "must be at most 16");
        }
        if self.longest_letters > 0 && !(1..=self.longest_letters).contains(&self.shortest_letters)
        {
            return refuse("shortest_letters", "must be 1 to longest_letters");
        }
        if !(0.0..=1.0).contains(&self.balance) {
            return refuse("balance", "must be 0 to 1");
        }
        if !(1..=1000).contains(&self.epochs) {
            return refuse("epochs", "must be 1 to 1000");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 10.0) {
            return refuse("learning_rate", "must be more than 0 and at most 10");
        }
        if !(0.0..=0.1).contains(&self.decay) {
            return refuse("decay", "must be 0 to 0.1");
        }
        if !(0.0..=0.9).contains(&self.dropout) {
            return refuse("dropout", "must be 0 to 0.9");
        }
        if !(self.prevalence > 0.0 && self.prevalence < 1.0) {
            return refuse("prevalence", "must be between 0 and 1");
        }
        Ok(())
    }
}

/// One text of ten, of each class, is held out to calibrate on.
const HELD_OUT_OF: usize = 10;

impl Classifier {
    /// Trains on texts that are toxic or not, from one or more sources. A tenth of each class of each
    /// source is held out, to calibrate on and to measure by.
    pub fn train(sources: &[&[Example]], settings: &Settings) -> Result<Self> {
        settings.check()?;
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        let (mut train, held_out) = split(sources, settings.balance, &mut random)?;
        let mut features = Features::new(settings);
        let mut state = Descent::new(settings);
        let mut buckets = Vec::new();
        let least = (f64::from(settings.dropout) * f64::from(u32::MAX)) as u32;
        for _ in 0..settings.epochs {
            shuffle(&mut train, &mut random);
            for text in &train {
                buckets.clear();
                features.each(&text.example.0, |bucket| {
                    // Nothing is drawn where nothing is left out: the order stays the seed's.
                    if least == 0 || random.next_u32() >= least {
                        buckets.push(bucket);
                    }
                });
                state.step(&buckets, text.example.1, text.weight);
            }
        }

        let mut classifier = Self::new(settings.clone(), state.weights, state.bias);
        let mut scorer = classifier.scorer();
        let scored: Vec<(f32, bool)> = held_out
            .iter()
            .map(|example| (scorer.raw(&example.0), example.1))
            .collect();
        classifier.calibrate(
            Calibration::fit(&scored, settings.prevalence),
            HeldOut {
                texts: scored.len() as u64,
                toxic: scored.iter().filter(|(_, toxic)| *toxic).count() as u64,
                area_under_curve: rounded(area_under_curve(&scored).unwrap_or(0.5)),
            },
        );
        Ok(classifier)
    }
}

/// To six places, which JSON gives back exactly.
fn rounded(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// A text to train on.
struct Weighted<'a> {
    example: &'a Example,
    weight: f32,
}

/// Texts to train on and to hold out, with both classes in each.
fn split<'a>(
    sources: &[&'a [Example]],
    balance: f32,
    random: &mut ChaCha8Rng,
) -> Result<(Vec<Weighted<'a>>, Vec<&'a Example>)> {
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for source in sources {
        for class in [false, true] {
            let mut members: Vec<&Example> = source.iter().filter(|e| e.1 == class).collect();
            shuffle(&mut members, random);
            let cut = members.len().div_ceil(HELD_OUT_OF);
            let weight = ((members.len() - cut).max(1) as f32).powf(-balance);
            held_out.extend_from_slice(&members[..cut]);
            train.extend(
                members[cut..]
                    .iter()
                    .map(|&example| Weighted { example, weight }),
            );
        }
    }
    let toxic = train.iter().filter(|text| text.example.1).count();
    if toxic == 0 || toxic == train.len() {
        return Err(Error::Setting {
            name: "labels",
            what: format!(
                "{toxic} toxic and {} other texts to train on; give some of each",
                train.len() - toxic
            ),
        });
    }
    let mean = train.iter().map(|text| text.weight).sum::<f32>() / train.len() as f32;
    for text in &mut train {
        text.weight /= mean;
    }
    Ok((train, held_out))
}

/// Fisher and Yates's shuffle.
fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        // The bias of a remainder of 64 random bits is far below what any list could show.
        items.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
}

struct Descent {
    weights: Vec<f32>,
    squares: Vec<f32>,
    bias: f32,
    bias_squares: f32,
    rate: f32,
    decay: f32,
}

impl Descent {
    fn new(settings: &Settings) -> Self {
        let buckets = 1 << settings.bucket_bits;
        Self {
            weights: vec![0.0; buckets],
            squares: vec![0.0; buckets],
            bias: 0.0,
            bias_squares: 0.0,
            rate: settings.learning_rate,
            decay: settings.decay,
        }
    }

    fn step(&mut self, buckets: &[usize], is_toxic: bool, weight: f32) {
        if buckets.is_empty() {
            return;
        }
        let value = scale(buckets.len());
        let sum: f32 = buckets.iter().map(|&b| self.weights[b]).sum();
        let target = f64::from(u8::from(is_toxic));
        let error = sigmoid(f64::from(sum * value + self.bias)) - target;
        let slope = error as f32 * weight;
        let gradient = slope * value;
        for &bucket in buckets {
            let gradient = gradient + self.decay * self.weights[bucket];
            self.squares[bucket] += gradient * gradient;
            self.weights[bucket] -= self.rate * gradient / (self.squares[bucket].sqrt() + 1e-8);
        }
        self.bias_squares += slope * slope;
        self.bias -= self.rate * slope / (self.bias_squares.sqrt() + 1e-8);
    }
}

/// What each feature of a line counts. The square root lets a line of one insult and one of an
/// insult among other words stay comparable.
pub(super) fn scale(features: usize) -> f32 {
    1.0 / (features as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Example> {
        let subjects = [
            "the ferry",
            "your neighbour",
            "this bread",
            "that song",
            "the old mill",
        ];
        let kind = [
            "is lovely today",
            "makes me happy",
            "was good to see",
            "deserves thanks",
        ];
        let unkind = [
            "is wretched filth",
            "makes me puke",
            "was vile scum",
            "deserves to rot",
        ];
        let mut examples = Vec::new();
        for number in 0..200 {
            let subject = subjects[number % 5];
            examples.push((format!("{subject} {} {number}", kind[number % 4]), false));
            examples.push((format!("{subject} {} {number}", unkind[number % 4]), true));
        }
        examples
    }

    fn settings() -> Settings {
        Settings {
            bucket_bits: 12,
            ..Settings::default()
        }
    }

    #[test]
    fn it_learns_what_is_toxic() {
        let classifier = Classifier::train(&[&examples()], &settings()).unwrap();
        assert!(classifier.held_out().area_under_curve > 0.999);
        assert_eq!(classifier.held_out().texts, 40);
        assert!(classifier.score_line("the weather makes me puke") > 0.8);
        assert!(classifier.score_line("the weather makes me happy") < 0.2);
        // Letters tell of words that were never seen.
        assert!(classifier.score_line("wretchedness and vileness") > 0.5);
        let both = classifier.score_document("it makes me puke\n\n  \nit makes me happy\n");
        let lines = ["it makes me puke", "it makes me happy"].map(|l| classifier.score_line(l));
        assert!((both - (lines[0] + lines[1]) / 2.0).abs() < 1e-6);
        assert_eq!(classifier.score_document("\n"), 0.0);
    }

    #[test]
    fn a_seed_fixes_every_bit() {
        let train = |seed| {
            let settings = Settings { seed, ..settings() };
            Classifier::train(&[&examples()], &settings).unwrap()
        };
        assert_eq!(train(3), train(3));
        assert_ne!(train(3).weights, train(4).weights);
    }

    #[test]
    fn a_scorer_that_has_seen_much_scores_the_same() {
        let classifier = Classifier::train(&[&examples()], &settings()).unwrap();
        let mut scorer = classifier.scorer();
        for number in 0..20_000 {
            let line = format!(
                "word{number} makes {} happy w{}",
                number % 7,
                number * 31 % 977
            );
            assert_eq!(
                scorer.line(&line).to_bits(),
                classifier.scorer().line(&line).to_bits()
            );
        }
    }

    #[test]
    fn one_class_alone_is_refused() {
        let kind: Vec<Example> = examples().into_iter().filter(|e| !e.1).collect();
        for sources in [&[][..], &[&[][..]], &[&kind[..]]] {
            assert!(matches!(
                Classifier::train(sources, &settings()),
                Err(Error::Setting { name: "labels", .. })
            ));
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for bad in [
            Settings {
                bucket_bits: 40,
                ..settings()
            },
            Settings {
                shortest_letters: 0,
                ..settings()
            },
            Settings {
                learning_rate: f32::NAN,
                ..settings()
            },
            Settings {
                prevalence: 1.0,
                ..settings()
            },
            Settings {
                dropout: 1.0,
                ..settings()
            },
        ] {
            assert!(Classifier::train(&[&examples()], &bad).is_err());
        }
    }
}
