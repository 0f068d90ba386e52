//! Sections on people: pronouns and identity terms.

use maud::{Markup, html};

use super::format::{count, percent, plural, times};
use super::meter;
use crate::report::pronouns::PronounSet;
use crate::report::summary::{AxisRow, Report, Subset};
use crate::report::terms::Axis;

/// Terms shown for each axis, as in the paper.
const TERMS: usize = 5;

pub(super) fn pronouns(report: &Report) -> Markup {
    let table = &report.pronouns;
    let documents = |set| {
        let row = table.gender.rows.iter().find(|row| row.name == set);
        row.map_or(0, |row| row.documents)
    };
    let (she, he) = (documents(PronounSet::She), documents(PronounSet::He));
    html! {
        p {
            "Whom the text talks about. If one pronoun is rarer, the model learns less about the people it stands for, and repeats the lopsidedness."
            @if she > 0 && he > 0 {
                " Here "
                @if he >= she {
                    strong { "He pronouns are in " (times(he as f64 / she as f64)) " as many documents as She pronouns" }
                } @else {
                    strong { "She pronouns are in " (times(she as f64 / he as f64)) " as many documents as He pronouns" }
                }
                " (Llama 2's corpus: 1.78×)."
            }
        }
        @if table.documents == 0 {
            p class="note" { "No English document was kept, so there is nothing to count." }
        } @else {
            (subset("By gender", PronounSet::AnyGender, &table.gender))
            (subset("By grammatical person", PronounSet::AnyPerson, &table.person))
            p class="note" {
                "Share of " (plural(table.documents, "English document", "English documents"))
                " with at least one of the words, whatever their case. Rows below a heading are shares of the heading's documents; a document can count in several."
            }
        }
    }
}

fn subset(title: &str, header: PronounSet, subset: &Subset<PronounSet>) -> Markup {
    html! {
        div class="scroll" { table class="short" {
            caption { (title) }
            thead { tr { th class="text" { "Pronouns" } th class="text" { "Words" } th { "Documents" } th { "Share" } th class="short" { "Llama 2" } th class="text" {} } }
            tbody {
                tr class="head" {
                    th scope="row" { (header.label()) } td class="text faint" { "of all English documents" }
                    td { (count(subset.documents)) } td { (percent(subset.share)) } td class="faint" { (paper(header)) } (meter(subset.share))
                }
                @for row in &subset.rows {
                    tr class="under" {
                        th scope="row" { (row.name.label()) } td class="text faint" { (row.name.words()) }
                        td { (count(row.documents)) } td { (percent(row.share)) } td class="faint" { (paper(row.name)) } (meter(row.share))
                    }
                }
            }
        } }
    }
}

/// What the paper's table 9a reports of its own corpus.
fn paper(set: PronounSet) -> &'static str {
    match set {
        PronounSet::AnyGender => "75.23%",
        PronounSet::She => "28.45%",
        PronounSet::He => "50.73%",
        PronounSet::Unspecified => "86.38%",
        PronounSet::AnyPerson => "94.47%",
        PronounSet::First => "70.71%",
        PronounSet::Second => "61.80%",
        PronounSet::Third => "93.07%",
    }
}

pub(super) fn identity(report: &Report) -> Markup {
    let axes = &report.identity.axes;
    html! {
        p {
            "How often the text names groups of people, on five axes. It shows whose world the corpus describes: the paper found its own skewed to the West (“american”, “european”, “christian” lead their axes)."
        }
        @if report.pronouns.documents == 0 {
            p class="note" { "No English document was kept, so there is nothing to count." }
        } @else {
            div class="columns" { @for axis in axes { (axis_table(axis)) } }
            p class="note" {
                "Shares beside an axis are of all English documents; shares of terms are of the documents that name any term of the axis. "
                "Terms that mostly mean something else are left out of both: "
                @for (i, term) in axes.iter().flat_map(|axis| &axis.ambiguous).take(16).enumerate() {
                    @if i > 0 { ", " }
                    (term.name) " (" (percent(term.share)) ")"
                }
                @if axes.iter().all(|axis| axis.ambiguous.is_empty()) { "none occurred" }
                ". Terms of two axes count in the later one. List: " (report.identity.list) "."
            }
        }
    }
}

/// What the paper's table 9b reports of its own corpus. Its terms shown make up so little of the
/// axis that the axis seems to count ambiguous terms too.
fn paper_axis(axis: Axis) -> &'static str {
    match axis {
        Axis::GenderAndSex => "5.91%",
        Axis::SexualOrientation => "6.67%",
        Axis::Nationality => "14.83%",
        Axis::RaceEthnicity => "19.51%",
        Axis::Religion => "7.93%",
    }
}

fn axis_table(axis: &AxisRow) -> Markup {
    let rest = axis.terms.rows.len().saturating_sub(TERMS);
    html! {
        div {
            table {
                caption { (axis.axis.label()) }
                tbody {
                    tr class="head" { th scope="row" { "any term" } td { (count(axis.terms.documents)) } td { (percent(axis.terms.share)) } (meter(axis.terms.share)) }
                    @for row in axis.terms.rows.iter().take(TERMS) {
                        tr class="under" { th scope="row" { (row.name) } td { (count(row.documents)) } td { (percent(row.share)) } (meter(row.share)) }
                    }
                }
            }
            p class="note" {
                @if axis.terms.rows.is_empty() { "None of its terms occurred. " }
                @if rest > 0 { (plural(rest as u64, "more term", "more terms")) " in report.json. " }
                "With ambiguous terms " (percent(axis.share_with_ambiguous)) "; Llama 2: " (paper_axis(axis.axis)) "."
            }
        }
    }
}
