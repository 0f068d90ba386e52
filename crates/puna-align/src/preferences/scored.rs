//! Several answers with a score each: UltraFeedback's completions, and transcripts with scores. Of every two
//! answers the one of higher score is chosen (the paper's sets of Table 6 with more than two answers are
//! compared in pairs; it does not say how the pairs were drawn, here they are all of them).

use super::collect::{Candidate, Collector, Fault};
use super::format::Object;
use super::hh;
use super::messages::{compare, list, missing, need, optional, prompt, text};
use super::policy::ProblemKind;
use crate::error::Result;
use puna_text::chat::{Message, Role};
use serde_json::Value;

/// More answers than this to one prompt are a mistake of the file.
pub(super) const MOST_ANSWERS: usize = 256;

/// The fields that may hold a completion's score, the first that is there.
const SCORES: [&str; 3] = ["overall_score", "score", "fine-grained_score"];

/// An answer to the record's prompt.
struct Answer {
    /// In the record.
    field: String,
    /// The whole dialogue with the answer.
    dialogue: Vec<Message>,
    score: f64,
    model: Option<String>,
}

/// A record of UltraFeedback: a prompt and `completions`.
pub(super) fn completions(record: &Object, to: &mut Collector<'_>) -> Result<()> {
    let asked = prompt(record)
        .and_then(|p| p.ok_or_else(|| missing("instruction", "it is missing")))
        .and_then(|p| {
            Ok((
                p,
                list(need(record, "completions", "completions")?, "completions")?,
            ))
        });
    let (prompt, completions) = match asked {
        Ok(asked) => asked,
        Err(fault) => return to.fault(fault),
    };
    let mut answers = Vec::new();
    for (i, value) in completions.iter().enumerate().take(MOST_ANSWERS + 1) {
        match completion(value, format!("completions[{i}]"), &prompt) {
            Ok(answer) => answers.push(answer),
            Err(fault) => to.fault(fault)?,
        }
    }
    pairs(&answers, to)
}

fn completion(value: &Value, field: String, prompt: &[Message]) -> Result<Answer, Fault> {
    let Some(object) = value.as_object() else {
        return Err(missing(field, "it is not an object"));
    };
    let Some(name) = SCORES.into_iter().find(|name| object.contains_key(*name)) else {
        let what = format!("it has none of the scores {}", SCORES.join(", "));
        return Err(missing(field, what));
    };
    let at = format!("{field}.{name}");
    let score = number(&object[name], &at)?;
    let response = text(object, "response", &format!("{field}.response"))?;
    let mut dialogue = prompt.to_vec();
    dialogue.push(Message::new(Role::Assistant, response));
    Ok(Answer {
        field,
        dialogue,
        score,
        model: optional(object, "model")?,
    })
}

/// A record of transcripts: `text` and `score`, lists of the same length.
pub(super) fn transcripts(record: &Object, to: &mut Collector<'_>) -> Result<()> {
    let lists = list_of(record, "text").and_then(|t| Ok((t, list_of(record, "score")?)));
    let (texts, scores) = match lists {
        Ok((texts, scores)) if texts.len() == scores.len() => (texts, scores),
        Ok((texts, scores)) => {
            let what = format!("{} scores for {} texts", scores.len(), texts.len());
            return to.fault(missing("score", what));
        }
        Err(fault) => return to.fault(fault),
    };
    let mut answers = Vec::new();
    for (i, (text, score)) in texts.iter().zip(scores).enumerate().take(MOST_ANSWERS + 1) {
        match scored_transcript(text, score, i) {
            Ok(answer) => answers.push(answer),
            Err(fault) => to.fault(fault)?,
        }
    }
    pairs(&answers, to)
}

fn list_of<'a>(record: &'a Object, key: &str) -> Result<&'a [Value], Fault> {
    list(need(record, key, key)?, key)
}

fn scored_transcript(text: &Value, score: &Value, i: usize) -> Result<Answer, Fault> {
    let field = format!("text[{i}]");
    let Some(text) = text.as_str() else {
        return Err(missing(field, "it is not a string"));
    };
    Ok(Answer {
        dialogue: hh::transcript(text, &field)?,
        score: number(score, &format!("score[{i}]"))?,
        field,
        model: None,
    })
}

/// A number, or a text that is one.
fn number(value: &Value, field: &str) -> Result<f64, Fault> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    (number.filter(|n: &f64| n.is_finite())).ok_or_else(|| missing(field, "it is not a number"))
}

/// Every two answers of different scores.
fn pairs(answers: &[Answer], to: &mut Collector<'_>) -> Result<()> {
    if answers.len() > MOST_ANSWERS {
        let what = format!("there are more than {MOST_ANSWERS} answers");
        return to.fault(missing("record", what));
    }
    for (i, a) in answers.iter().enumerate() {
        for b in &answers[i + 1..] {
            to.take(better(a, b))?;
        }
    }
    Ok(())
}

fn better(a: &Answer, b: &Answer) -> Result<Candidate, Fault> {
    let (chosen, rejected) = if a.score > b.score {
        (a, b)
    } else if b.score > a.score {
        (b, a)
    } else {
        let what = format!("its score is that of {}", a.field);
        return Err(Fault::new(ProblemKind::Tie, b.field.as_str(), what));
    };
    let models = (chosen.model.clone().zip(rejected.model.clone())).map(|(c, r)| [c, r]);
    let compared = compare(
        chosen.dialogue.clone(),
        rejected.dialogue.clone(),
        [&chosen.field, &rejected.field],
    )?;
    Ok(Candidate { models, ..compared })
}
