//! FineGrainedRLHF's question answering: four predictions to a question about given passages, and for every
//! two of them which an annotator preferred (a set of many answers beside those of the paper's Table 6).

use super::collect::{Candidate, Collector, Fault};
use super::format::Object;
use super::messages::{list, missing, need, text};
use super::policy::ProblemKind;
use crate::error::Result;
use puna_text::chat::{Message, Role};
use serde_json::Value;

/// The predictions' fields.
pub(super) const PREDICTIONS: [&str; 4] = [
    "prediction 1",
    "prediction 2",
    "prediction 3",
    "prediction 4",
];

/// What the entries of `preference` compare. The set does not document it; of all orders of the pairs this one
/// makes the annotators contradict themselves least.
const PAIRS: [(usize, usize); 6] = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];

/// A record. In `preference` 0 is a tie, 1 the earlier and 2 the later prediction of a pair.
pub(super) fn read(record: &Object, to: &mut Collector<'_>) -> Result<()> {
    let (asked, choices) = match question(record).and_then(|q| Ok((q, choices(record)?))) {
        Ok(read) => read,
        Err(fault) => return to.fault(fault),
    };
    for (i, (pair, choice)) in PAIRS.into_iter().zip(choices).enumerate() {
        to.take(comparison(record, &asked, i, pair, choice))?;
    }
    Ok(())
}

fn comparison(
    record: &Object,
    asked: &str,
    i: usize,
    (earlier, later): (usize, usize),
    choice: &Value,
) -> Result<Candidate, Fault> {
    let field = format!("preference[{i}]");
    let (chosen, rejected) = match choice.as_u64() {
        Some(0) => {
            let what = format!(
                "{} and {} were found equally good",
                PREDICTIONS[earlier], PREDICTIONS[later]
            );
            return Err(Fault::new(ProblemKind::Tie, field, what));
        }
        Some(1) => (PREDICTIONS[earlier], PREDICTIONS[later]),
        Some(2) => (PREDICTIONS[later], PREDICTIONS[earlier]),
        _ => return Err(missing(field, "it is none of 0, 1 and 2")),
    };
    Ok(Candidate {
        dialogue: vec![Message::new(Role::User, asked)],
        chosen: text(record, chosen, chosen)?.to_owned(),
        rejected: text(record, rejected, rejected)?.to_owned(),
        ..Candidate::default()
    })
}

fn choices(record: &Object) -> Result<&[Value], Fault> {
    let choices = list(need(record, "preference", "preference")?, "preference")?;
    if choices.len() != PAIRS.len() {
        let what = format!(
            "{} entries, one for each of 6 pairs expected",
            choices.len()
        );
        return Err(missing("preference", what));
    }
    Ok(choices)
}

/// The question and the passages that it has to be answered from, a paragraph each.
fn question(record: &Object) -> Result<String, Fault> {
    let mut asked = text(record, "question", "question")?.to_owned();
    for (i, passage) in list(need(record, "passages", "passages")?, "passages")?
        .iter()
        .enumerate()
    {
        let field = format!("passages[{i}]");
        let mut sentences = list(passage, &field)?.iter().map(|sentence| {
            (sentence.as_str()).ok_or_else(|| missing(&*field, "it is not a list of strings"))
        });
        let Some(title) = sentences.next().transpose()? else {
            return Err(missing(field, "it is empty; a title is expected first"));
        };
        asked += "\n\n";
        asked += title;
        for (j, sentence) in sentences.enumerate() {
            let sentence = sentence?;
            // A first sentence repeats the title above it.
            let sentence = match j {
                0 => sentence
                    .strip_prefix(title)
                    .unwrap_or(sentence)
                    .trim_start(),
                _ => sentence,
            };
            asked += if j == 0 { ":\n" } else { " " };
            asked += sentence;
        }
    }
    Ok(asked)
}
