//! The classifier and its scores.

use super::calibration::Calibration;
use super::features::Features;
use super::measures::HeldOut;
use super::training::{Settings, scale};

/// Scores text by how toxic it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    pub(super) settings: Settings,
    pub(super) weights: Vec<f32>,
    pub(super) bias: f32,
    pub(super) calibration: Calibration,
    pub(super) held_out: HeldOut,
}

impl Classifier {
    pub(super) fn new(settings: Settings, weights: Vec<f32>, bias: f32) -> Self {
        Self {
            settings,
            weights,
            bias,
            calibration: Calibration {
                slope: 1.0,
                offset: 0.0,
            },
            held_out: HeldOut {
                texts: 0,
                toxic: 0,
                area_under_curve: 0.5,
            },
        }
    }

    pub(super) fn calibrate(&mut self, calibration: Calibration, held_out: HeldOut) {
        self.calibration = calibration;
        self.held_out = held_out;
    }

    /// How it was trained.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it did on the texts that were held out from training.
    pub fn held_out(&self) -> HeldOut {
        self.held_out
    }

    /// The probability that a line is toxic, 0 to 1.
    pub fn score_line(&self, line: &str) -> f32 {
        self.scorer().line(line)
    }

    /// The mean of the scores of a document's lines, empty ones left out; 0 for an empty document.
    pub fn score_document(&self, text: &str) -> f32 {
        self.scorer().document(text)
    }

    /// What scores many texts in a row, remembering words.
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer {
            classifier: self,
            features: Features::new(&self.settings),
            known: vec![Known::default(); KNOWN],
        }
    }
}

/// How many words a scorer remembers: few enough that making one costs little.
const KNOWN: usize = 1 << 11;

/// What a word adds to the score of any line.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    key: u64,
    sum: f32,
    /// Features; 0 where no word is remembered.
    count: u32,
}

/// Scores many texts with the same memory. The scores are those of a new scorer, whatever it scored
/// before.
pub struct Scorer<'a> {
    classifier: &'a Classifier,
    features: Features,
    known: Vec<Known>,
}

impl Scorer<'_> {
    /// As [`Classifier::score_line`].
    pub fn line(&mut self, line: &str) -> f32 {
        let raw = self.raw(line);
        self.classifier.calibration.probability(raw)
    }

    /// As [`Classifier::score_document`].
    pub fn document(&mut self, text: &str) -> f32 {
        let (mut sum, mut lines) = (0.0, 0u64);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            sum += f64::from(self.line(line));
            lines += 1;
        }
        if lines == 0 {
            0.0
        } else {
            (sum / lines as f64) as f32
        }
    }

    /// The score before calibration.
    pub(super) fn raw(&mut self, line: &str) -> f32 {
        let weights = &self.classifier.weights;
        let known = &mut self.known;
        let (mut sum, mut count) = (0.0f32, 0);
        self.features.each_word(line, |word, hash, pair, features| {
            if let Some(bucket) = pair {
                sum += weights[bucket];
                count += 1;
            }
            // The length and a second hash make a mistaken word next to impossible.
            let key = word.bytes().fold(u64::from(hash), |key, byte| {
                (key.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95)
            });
            let place = &mut known[hash as usize % KNOWN];
            if place.count == 0 || place.key != key {
                *place = Known {
                    key,
                    ..Known::default()
                };
                features.each(word, hash, &mut |bucket| {
                    place.sum += weights[bucket];
                    place.count += 1;
                });
            }
            sum += place.sum;
            count += place.count;
        });
        if count == 0 {
            return self.classifier.bias;
        }
        sum * scale(count as usize) + self.classifier.bias
    }
}
