//! What a reward model is worth on held-out comparisons, as a file for programs and a page for people (paper
//! Tables 7, 8, 28 and 29, Figures 27 and 29).

use super::plots::{calibration, distribution};
use super::{AccuracyReport, Reliability, ScoredPair, histogram, pair_reliability};
use crate::error::{Error, Result};
use crate::page::frame::number;
use crate::page::{interval, page, share};
use crate::preferences::{SafetyLabel, Strength};
use crate::rate::Rate;
use maud::{Markup, html};
use puna_text::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The figures, for programs.
pub const REPORT_FILE: &str = "accuracy.json";
/// The page, for people.
pub const PAGE_FILE: &str = "accuracy.html";
/// Bins of the calibration and of the distribution of scores.
const BINS: usize = 10;

/// What a reward model is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardReport {
    /// On comparisons of dialogues that none of the training comparisons has.
    pub accuracy: AccuracyReport,
    /// On comparisons about other facts and phrasings, a harder measure; none where there are none.
    pub accuracy_on_new_facts: Option<AccuracyReport>,
    /// How sure the model is against how often it is right, on the former.
    pub calibration: Reliability,
    /// Its scores of the former.
    pub scores: ScoreBins,
}

/// How many answers have which score, in bins of equal width from 0 to 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreBins {
    /// Of the chosen answers.
    pub chosen: Vec<u64>,
    /// Of the rejected ones.
    pub rejected: Vec<u64>,
}

impl RewardReport {
    /// Counts held-out comparisons, and those about new facts.
    pub fn of(held_out: &[ScoredPair], new_facts: &[ScoredPair]) -> Self {
        let scores = |of: fn(&ScoredPair) -> f32| {
            histogram(&held_out.iter().map(of).collect::<Vec<_>>(), BINS)
        };
        Self {
            accuracy: AccuracyReport::of(held_out),
            accuracy_on_new_facts: (!new_facts.is_empty()).then(|| AccuracyReport::of(new_facts)),
            calibration: pair_reliability(held_out, BINS),
            scores: ScoreBins {
                chosen: scores(|pair| pair.chosen),
                rejected: scores(|pair| pair.rejected),
            },
        }
    }

    /// Writes [`REPORT_FILE`] and [`PAGE_FILE`] into a directory.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn write(&self, dir: &Path, title: &str, synthetic: bool) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::Data(format!("the report cannot be written: {e}")))?;
        json.push(b'\n');
        write_atomically(&dir.join(REPORT_FILE), &json)?;
        write_atomically(&dir.join(PAGE_FILE), self.html(title, synthetic).as_bytes())?;
        Ok(())
    }

    /// The page by itself: no network, no scripts, all text escaped.
    pub fn html(&self, title: &str, synthetic: bool) -> String {
        let header = html! {
            h1 {
                (title)
                @if synthetic { " " span class="badge" { "synthetic" } }
            }
            p class="sub" { "How often this reward model agrees with the annotators, on comparisons that it was not trained on." }
            @if synthetic {
                p class="caution" { "The comparisons are a program’s, by rules that are known. They say nothing about what people prefer." }
            }
        };
        let main = html! {
            section {
                h2 { "Accuracy" }
                (self.accuracies())
            }
            section {
                h2 { "Calibration and scores" }
                div class="pair" {
                    figure class="by-world" {
                        h3 { "Calibration" }
                        (calibration("How often the model is right, by how sure it is", &self.calibration))
                        figcaption {
                            "Mean distance from the dashed line: " (number(self.calibration.expected_calibration_error))
                            ". Bars are intervals of 95%."
                        }
                    }
                    figure {
                        h3 { "Scores" }
                        (distribution("How many chosen and rejected answers have which score", &self.scores))
                        p class="legend note" {
                            span { i class="world" {} "chosen" }
                            span { i class="reward" {} "rejected" }
                        }
                    }
                }
            }
            section {
                h2 { "How to read this page" }
                p { "Of two answers the annotators chose one, and most of them said at one of four levels how much better it is; the model agrees where it scores that one higher. The model is sure to the degree that its scores differ: it takes the better one for the chosen one with probability 1 / (1 + exp(−difference))." }
                p { "Where annotators toss a coin, nobody can agree with them in more than half of the cases; on the clearest level a good model agrees almost always." }
                @if self.accuracy_on_new_facts.is_some() {
                    p { "“On new facts” are comparisons about facts and phrasings of which no training comparison speaks: a harder measure." }
                }
                p { "Intervals are Wilson’s, of 95%. An answer counts as called unsafe where its score is below 0.5." }
            }
        };
        let footer = html! { p { "The numbers are in " code { (REPORT_FILE) } "." } };
        page(title, &header, &main, &footer)
    }

    fn accuracies(&self) -> Markup {
        let measures: Vec<(&str, &AccuracyReport)> = [
            ("held out", Some(&self.accuracy)),
            ("on new facts", self.accuracy_on_new_facts.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, report)| Some((name, report?)))
        .collect();
        type Row = (String, Box<dyn Fn(&AccuracyReport) -> Rate>);
        let mut rows: Vec<Row> = vec![("all comparisons".into(), Box::new(|r| r.all))];
        for (i, strength) in Strength::ALL.into_iter().enumerate() {
            let name = strength.name().replace('_', " ");
            rows.push((name, Box::new(move |r| r.by_strength[i])));
        }
        let ungraded = "nobody said how much better".into();
        rows.push((ungraded, Box::new(|r| r.ungraded)));
        for (i, label) in SafetyLabel::ALL.into_iter().enumerate() {
            let name = label.name().replace('_', " ");
            rows.push((name, Box::new(move |r| r.by_safety[i])));
        }
        rows.push((
            "unsafe answers called unsafe".into(),
            Box::new(|r| r.unsafe_recall),
        ));
        rows.push((
            "safe answers called unsafe".into(),
            Box::new(|r| r.safe_below),
        ));
        let measured = |row: &Row| measures.iter().any(|(_, report)| row.1(report).n > 0);
        html! {
            div class="scroll" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Comparisons" }
                            @for (name, _) in &measures { th scope="col" { (name) } }
                        }
                    }
                    tbody {
                        @for row in rows.iter().filter(|row| measured(row)) {
                            tr {
                                th scope="row" { (row.0) }
                                @for (_, report) in &measures {
                                    @let rate = row.1(report);
                                    td { (share(rate)) small { (interval(rate)) " of " (rate.n) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
