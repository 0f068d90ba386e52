//! Supervised models of fastText (Joulin et al. 2016), read from its own files, plain or quantized.

mod dictionary;
mod loss;
mod matrix;
mod reader;

use crate::error::Result;
use dictionary::{Dictionary, Features};
use loss::{Loss, Tree};
use matrix::Matrix;
use reader::Reader;
use std::io::Read;
use std::path::Path;

const MAGIC: i32 = 793_712_314;
const VERSIONS: std::ops::RangeInclusive<i32> = 11..=12;
const SUPERVISED: i32 = 3;

/// A supervised fastText model.
#[derive(Debug)]
pub struct FastText {
    dictionary: Dictionary,
    input: Matrix,
    output: Matrix,
    loss: Loss,
}

impl FastText {
    /// Reads a model from a `.bin` or `.ftz` file.
    pub fn load(path: &Path) -> Result<Self> {
        Self::read(&mut Reader::open(path)?)
    }

    /// Reads a model from memory; `name` is what errors call it.
    pub fn from_bytes(name: &Path, bytes: &[u8]) -> Result<Self> {
        Self::read(&mut Reader::new(name, bytes, bytes.len() as u64))
    }

    fn read(reader: &mut Reader<impl Read>) -> Result<Self> {
        if reader.i32()? != MAGIC {
            return Err(reader.refuse("it does not begin as fastText's files do"));
        }
        let version = reader.i32()?;
        if !VERSIONS.contains(&version) {
            return Err(reader.refuse(format_args!(
                "version {version} of the format, where 11 and 12 are known"
            )));
        }
        let dimension = reader.size32("the dimension", 1..=1 << 16)?;
        for _window_epochs_counts_negatives in 0..4 {
            reader.i32()?;
        }
        let word_ngrams = reader.size32("the length of word n-grams", 0..=64)?;
        let loss = reader.i32()?;
        let model = reader.i32()?;
        if model != SUPERVISED {
            return Err(reader.refuse("it holds word vectors and no classifier"));
        }
        let buckets = reader.size32("the number of buckets", 0..=i32::MAX)?;
        let shortest = reader.size32("the shortest n-gram", 0..=64)?;
        let longest = reader.size32("the longest n-gram", 0..=64)?;
        reader.i32()?; // how often the learning rate was updated
        reader.f64()?; // sampling threshold
        let features = Features {
            word_ngrams,
            buckets,
            shortest,
            // Version 11 had no character n-grams in classifiers, whatever the file says.
            longest: if version == 11 { 0 } else { longest },
        };
        let dictionary = Dictionary::read(reader, features)?;
        let quantized = reader.flag("the flag for a quantized input")?;
        if dictionary.is_pruned() && !quantized {
            return Err(reader.refuse("it is pruned and not quantized"));
        }
        let input = Matrix::read(reader, quantized)?;
        let quantized_output = reader.flag("the flag for a quantized output")?;
        let output = Matrix::read(reader, quantized && quantized_output)?;
        let labels = dictionary.labels().len();
        if labels == 0 {
            return Err(reader.refuse("it has no labels"));
        }
        if input.rows() < dictionary.rows_needed() || output.rows() != labels {
            return Err(reader.refuse(format_args!(
                "{} input rows where {} are needed, {} output rows for {labels} labels",
                input.rows(),
                dictionary.rows_needed(),
                output.rows()
            )));
        }
        if input.columns() != dimension || output.columns() != dimension {
            return Err(reader.refuse(format_args!(
                "matrices of {} and {} columns in a model of dimension {dimension}",
                input.columns(),
                output.columns()
            )));
        }
        let loss = match loss {
            1 => {
                let tree = Tree::new(dictionary.label_counts())
                    .ok_or_else(|| reader.refuse("a label's count is out of range"))?;
                Loss::Hierarchical(tree)
            }
            2 | 4 => Loss::Logistic,
            3 => Loss::Softmax,
            other => return Err(reader.refuse(format_args!("loss {other} is not known"))),
        };
        Ok(Self {
            dictionary,
            input,
            output,
            loss,
        })
    }

    /// The labels, as the model writes them.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.dictionary.labels().iter().map(String::as_str)
    }

    /// The `count` most probable labels of one line of text, best first, with fastText's own
    /// probabilities (which can exceed 1 by 1e-5).
    pub fn predict(&self, line: &str, count: usize) -> Vec<(&str, f32)> {
        let mut rows = Vec::new();
        self.dictionary.line(line, &mut rows);
        if rows.is_empty() || count == 0 {
            return Vec::new();
        }
        let mut hidden = vec![0.0; self.input.columns()];
        for &row in &rows {
            self.input.add_row(row, &mut hidden);
        }
        let scale = 1.0 / rows.len() as f32;
        for x in &mut hidden {
            *x *= scale;
        }
        self.loss
            .best(&self.output, &hidden, count)
            .into_iter()
            .filter_map(|(score, label)| {
                Some((self.dictionary.labels().get(label)?.as_str(), score.exp()))
            })
            .collect()
    }
}
