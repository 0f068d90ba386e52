//! How the model did on each sample: JSON lines of id and value.

use super::lines::{self, Id};
use super::samples::EvaluationSet;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

const EXPECTED: &str = "{\"id\": ..., \"value\": number}, with a \"set\" where sets share ids";

#[derive(Deserialize)]
struct Line {
    id: Id,
    value: Value,
    set: Option<String>,
}

/// A right answer may be written as `true`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a value must be a number, true or false")]
enum Value {
    Number(f64),
    Right(bool),
}

/// Values of the samples of some sets.
#[derive(Debug, Clone)]
pub struct Metric(Vec<Vec<Option<f64>>>);

impl Metric {
    /// No values.
    pub fn none(sets: &[EvaluationSet]) -> Self {
        Self(sets.iter().map(|set| vec![None; set.ids.len()]).collect())
    }

    /// Reads a file; every value must belong to one sample.
    pub fn read(&mut self, path: &Path, sets: &[EvaluationSet]) -> Result<()> {
        let mut places: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
        for (number, set) in sets.iter().enumerate() {
            for (sample, id) in set.ids.iter().enumerate() {
                places.entry(id).or_default().push((number, sample));
            }
        }
        let mut any = false;
        lines::read(path, EXPECTED, |_, line: Line| {
            any = true;
            let id = &line.id.0;
            let of_set = |&&(set, _): &&(usize, usize)| {
                let wanted = line.set.as_ref();
                wanted.is_none_or(|wanted| *wanted == sets[set].name)
            };
            let places = places.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            let mut fitting = places.iter().filter(of_set);
            let fail = |what: String| Err(("id".to_owned(), what));
            let &(set, sample) = match (fitting.next(), fitting.next()) {
                (Some(place), None) => place,
                (Some(_), Some(_)) => {
                    return fail(format!(
                        "{id:?} is in several sets; name one as \"set\", such as {:?}",
                        sets[0].name
                    ));
                }
                (None, _) => return fail(format!("{id:?} is the id of no sample")),
            };
            let place = &mut self.0[set][sample];
            if place.is_some() {
                return fail(format!("{id:?} has a value already"));
            }
            *place = Some(match line.value {
                Value::Number(value) => value,
                Value::Right(right) => f64::from(u8::from(right)),
            });
            Ok(())
        })?;
        if !any {
            return Err(Error::Format {
                path: path.into(),
                what: "there are no values in it".into(),
            });
        }
        Ok(())
    }

    /// Values of a set's samples.
    pub fn of(&self, set: usize) -> &[Option<f64>] {
        &self.0[set]
    }
}
