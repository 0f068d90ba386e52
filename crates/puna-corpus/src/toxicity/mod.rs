//! Toxicity of a text by a linear classifier over hashed words and letters, trained from labelled
//! text (paper section 4.1: a classifier scores each line, a document has the mean of its lines).

mod calibration;
mod classifier;
mod features;
mod file;
pub mod labels;
mod measures;
mod normalise;
mod training;

pub use classifier::{Classifier, Scorer};
pub use measures::{HeldOut, area_under_curve};
pub use training::Settings;
