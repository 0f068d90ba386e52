//! Who scores answers (paper section 3.2.3): two reward models, one for helpfulness and one for
//! safety; in a test or a synthetic world a rule.

use crate::error::{Error, Result};
use crate::prompt::Prompt;
use serde::{Deserialize, Serialize};

/// What is said of an answer, each score as a sigmoid in `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Score of the helpfulness model.
    pub helpfulness: f64,
    /// Score of the safety model.
    pub safety: f64,
}

/// The paper's threshold: an answer with a lower safety score counts as unsafe.
pub const SAFETY_THRESHOLD: f64 = 0.15;

impl Scores {
    /// Whether both are scores at all.
    pub fn is_valid(&self) -> bool {
        let scores = [self.helpfulness, self.safety];
        scores.iter().all(|score| (0.0..=1.0).contains(score))
    }

    /// The paper's `R_c`: the safety score for a prompt that may elicit unsafe answers, and for an
    /// answer whose safety score is below `threshold`; the helpfulness score for all others.
    pub fn combined(&self, safety_prompt: bool, threshold: f64) -> f64 {
        if safety_prompt || self.safety < threshold {
            self.safety
        } else {
            self.helpfulness
        }
    }
}

/// Scores answers. The same answer to the same prompt must get the same scores, whatever it is asked
/// together with, or runs cannot be repeated.
pub trait Judge {
    /// Scores of each answer to the prompt of the same place.
    ///
    /// # Errors
    /// The judge's own.
    fn score(&mut self, prompts: &[&Prompt], answers: &[&str]) -> Result<Vec<Scores>>;

    /// [`Judge::score`] with none for an answer that this judge cannot score, where it knows of any.
    ///
    /// # Errors
    /// The judge's own.
    fn score_where_possible(
        &mut self,
        prompts: &[&Prompt],
        answers: &[&str],
    ) -> Result<Vec<Option<Scores>>> {
        let scores = self.score(prompts, answers)?;
        Ok(scores.into_iter().map(Some).collect())
    }
}

/// Any rule over one prompt and its answer.
impl<F: FnMut(&Prompt, &str) -> Scores> Judge for F {
    fn score(&mut self, prompts: &[&Prompt], answers: &[&str]) -> Result<Vec<Scores>> {
        let pairs = prompts.iter().zip(answers);
        Ok(pairs.map(|(prompt, answer)| self(prompt, answer)).collect())
    }
}

/// Asks a judge about answers, without the white space around them that the chat format drops too.
///
/// # Errors
/// The judge's own, and scores that are too few, too many, or outside of `[0, 1]`.
pub fn ask(judge: &mut dyn Judge, prompts: &[&Prompt], answers: &[&str]) -> Result<Vec<Scores>> {
    let scores = judge.score(prompts, &trimmed(answers))?;
    check(prompts, scores.iter().map(Some))?;
    Ok(scores)
}

/// [`ask`] with none for an answer that the judge cannot score.
///
/// # Errors
/// Those of [`ask`].
pub fn ask_where_possible(
    judge: &mut dyn Judge,
    prompts: &[&Prompt],
    answers: &[&str],
) -> Result<Vec<Option<Scores>>> {
    let scores = judge.score_where_possible(prompts, &trimmed(answers))?;
    check(prompts, scores.iter().map(Option::as_ref))?;
    Ok(scores)
}

fn trimmed<'a>(answers: &[&'a str]) -> Vec<&'a str> {
    answers.iter().map(|answer| answer.trim()).collect()
}

/// Refuses what are no scores of the answers to these prompts.
fn check<'a>(
    prompts: &[&Prompt],
    scores: impl ExactSizeIterator<Item = Option<&'a Scores>>,
) -> Result<()> {
    if scores.len() != prompts.len() {
        return Err(Error::Data(format!(
            "the judge gave {} scores for {} answers",
            scores.len(),
            prompts.len()
        )));
    }
    for (prompt, scores) in prompts.iter().zip(scores) {
        if let Some(scores) = scores.filter(|scores| !scores.is_valid()) {
            return Err(Error::Data(format!(
                "the judge scores the answer to prompt {} with {scores:?}; scores are from 0 to 1",
                prompt.id
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_piecewise_rule() {
        let scores = |helpfulness, safety| Scores {
            helpfulness,
            safety,
        };
        assert_eq!(scores(0.9, 0.6).combined(false, 0.15), 0.9);
        assert_eq!(scores(0.9, 0.6).combined(true, 0.15), 0.6);
        assert_eq!(scores(0.9, 0.1499).combined(false, 0.15), 0.1499);
        // "Below", so a score at the threshold is safe.
        assert_eq!(scores(0.9, 0.15).combined(false, 0.15), 0.9);
    }

    #[test]
    fn what_is_no_score_is_refused() {
        let prompt = Prompt::new("p", "u");
        for bad in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            let mut judge = |_: &Prompt, answer: &str| {
                assert_eq!(answer, "a");
                Scores {
                    helpfulness: 0.5,
                    safety: bad,
                }
            };
            let error = ask(&mut judge, &[&prompt], &[" a\n"]).unwrap_err();
            assert!(error.to_string().contains("prompt p"), "{error}");
            let error = ask_where_possible(&mut judge, &[&prompt], &[" a\n"]).unwrap_err();
            assert!(error.to_string().contains("prompt p"), "{error}");
        }
        struct Mute;
        impl Judge for Mute {
            fn score(&mut self, _: &[&Prompt], _: &[&str]) -> Result<Vec<Scores>> {
                Ok(vec![])
            }
        }
        assert!(ask(&mut Mute, &[&prompt], &["a"]).is_err());
        assert!(ask_where_possible(&mut Mute, &[&prompt], &["a"]).is_err());
    }
}
