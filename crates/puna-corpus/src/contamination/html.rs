//! The report as one HTML page: no network, no scripts, everything from outside escaped.

use super::settings::Minimum;
use super::statistics::{SUBSETS, SubsetRow};
use super::summary::{LengthRow, Passage, Report, SampleReport, SetReport};
use crate::report::html::format::{count, percent, plural};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Samples of a set of which the passages are seen at once.
const OPEN: usize = 3;
/// Beside the style of the corpus report.
const STYLE: &str = "blockquote{margin:.5rem 0;padding:.5rem .9rem;border-left:4px solid var(--line);background:var(--card);white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9rem}del{color:var(--less)}ins{color:var(--more);text-decoration:none;font-weight:650}details{margin:.4rem 0}summary{cursor:pointer}tr.first th,tr.first td{border-top:2px solid var(--line)}";

/// The page, whole: `contamination.html`.
#[must_use]
pub fn render_html(report: &Report) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Contamination report" }
                style { (PreEscaped(include_str!("../report/html/style.css"))) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Contamination" }
                    p class="sub" { "Which evaluation samples the training corpus holds, and whether that moved the results." }
                    (cards(report))
                    nav aria-label="Sections" {
                        ul {
                            li { a href="#sets" { "All sets" } }
                            @for (number, set) in report.sets.iter().enumerate() {
                                li { a href={ "#set-" (number) } { (set.name) } }
                            }
                            li { a href="#corpus" { "The corpus" } }
                            li { a href="#notes" { "How to read this report" } }
                        }
                    }
                }
                main {
                    section id="sets" { h2 { "All sets" } (overview(report)) }
                    @for (number, set) in report.sets.iter().enumerate() {
                        section id={ "set-" (number) } { h2 { (set.name) } (section(report, set)) }
                    }
                    section id="corpus" { h2 { "The corpus" } (corpus(report)) }
                    section id="notes" { h2 { "How to read this report" } (notes(report)) }
                }
                footer { p {
                    "Made by " (report.made_by) ". The same numbers are in " code { "contamination.json" }
                    "; every sample has a line in " code { "samples.jsonl" } "."
                } }
            }
        }
    }
    .into_string()
}

fn cards(report: &Report) -> Markup {
    let card = |name: &str, big: &str, small: &str| {
        html! { div class="card" { dt { (name) } dd class="big" { (big) } dd class="small" { (small) } } }
    };
    let samples: u64 = report.sets.iter().map(|set| set.samples).sum();
    let first = report.sets.iter().filter_map(|set| set.lengths.first());
    let touched: u64 = first.map(|row| row.touched).sum();
    let measured = report.sets.iter().filter(|set| set.measured > 0).count();
    let affected = report.sets.iter().filter_map(|set| set.largest_affected);
    let shortest = report.settings.lengths.first().copied().unwrap_or_default();
    html! {
        dl class="cards" {
            (card("Corpus", &count(report.tokens), &format!("tokens in {}", plural(report.documents, "document", "documents"))))
            (card("Samples looked for", &count(samples), &format!("in {}", plural(report.sets.len() as u64, "set", "sets"))))
            (card("Samples found in part", &count(touched), &format!("share a passage at L = {shortest}")))
            @if measured == 0 {
                (card("Results affected", "not judged", "no metric was given"))
            } @else {
                (card("Results affected", &affected.count().to_string(), &format!("of {} with a metric", plural(measured as u64, "set", "sets"))))
            }
            @if report.damaged > 0 {
                (card("Damaged records", &count(report.damaged), "of the corpus could not be searched"))
            }
        }
    }
}

fn overview(report: &Report) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th class="text" { "Set" } th { "Samples" } th { "Tokens" }
                @for length in &report.settings.lengths { th { "L = " (length) } }
                th class="text" { "Affected" }
            } }
            tbody { @for set in &report.sets { tr {
                th scope="row" { (set.name) } td { (count(set.samples)) } td { (count(set.tokens)) }
                @for row in &set.lengths { td { (percent(row.average_share)) } }
                td class="text" { (verdict(set)) }
            } } }
        } }
        p class="note" { "Under each minimum match length L: the mean over the samples of the share of a sample's tokens that lie in a match with the corpus." }
    }
}

fn verdict(set: &SetReport) -> String {
    match set.largest_affected {
        _ if set.measured == 0 => "not judged".to_owned(),
        Some(length) => format!("yes, up to L = {length}"),
        None => "no".to_owned(),
    }
}

fn section(report: &Report, set: &SetReport) -> Markup {
    html! {
        p {
            (plural(set.samples, "sample", "samples")) ", " (plural(set.tokens, "token", "tokens")) ". "
            @if set.measured > 0 {
                strong {
                    @match set.largest_affected {
                        Some(length) => { "Contamination has affected this result, up to a minimum match of " (length) " tokens." }
                        None => { "No effect of contamination on this result is shown at any match length." }
                    }
                }
                @if set.measured < set.samples {
                    " Only the " (plural(set.measured, "sample", "samples")) " with a value are counted below."
                }
            } @else {
                "Without the model's values, only how much was found can be said."
            }
        }
        @if set.too_short > 0 {
            p class="caution" {
                (plural(set.too_short, "sample is", "samples are")) " too short to hold a match at all; that they count as clean means nothing."
            }
        }
        @if set.measured > 0 { (judged(set)) } @else { (found(set)) }
        @if !set.most_contaminated.is_empty() {
            h3 { "Samples with the most contamination" }
            p class="note" { "Struck through is what the sample says where the document differs; what the document says follows it." }
            @for (number, sample) in set.most_contaminated.iter().enumerate() { (shown(report, sample, number < OPEN)) }
        }
    }
}

/// What was found, for a set without values.
fn found(set: &SetReport) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "L" } th { "Samples touched" } th { "Contaminated tokens" } th { "Average contaminated" }
                @for subset in SUBSETS { th { "n " (subset.label()) } }
            } }
            tbody { @for row in &set.lengths { tr {
                th scope="row" { (row.length) } td { (count(row.touched)) } td { (count(row.contaminated)) } td { (percent(row.average_share)) }
                @for subset in &row.subsets { td { (count(subset.samples)) } }
            } } }
        } }
    }
}

/// The table of subsets, for a set with values.
fn judged(set: &SetReport) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "L" } th class="text" { "Subset" } th { "Average contaminated" } th { "n" }
                th { "Mean X̄" } th { "Expected μ" sub { "n" } } th { "σ" sub { "n" } } th { "Z" sub { "n" } } th class="text" { "Affected" }
            } }
            tbody { @for row in &set.lengths { (rows(row)) } }
        } }
    }
}

fn rows(row: &LengthRow) -> Markup {
    let number = |value: Option<f64>, digits: usize| match value {
        Some(value) => format!("{value:.digits$}"),
        None => "–".to_owned(),
    };
    let line = |first: bool, subset: &SubsetRow| {
        html! {
            tr class=[first.then_some("first")] {
                @if first { th scope="rowgroup" rowspan="4" { (row.length) } }
                td class="text" { (subset.subset.label()) }
                td { @match subset.average_share { Some(share) => (percent(share)), None => "–" } }
                td { (count(subset.samples)) }
                td { (number(subset.mean, 4)) } td { (number(subset.expected, 4)) }
                td { (number(subset.deviation, 4)) } td { (number(subset.z, 2)) }
                @if first { td class="text" rowspan="4" { @if row.affected == Some(true) { strong { "yes" } } @else { "no" } } }
            }
        }
    };
    html! { @for (number, subset) in row.subsets.iter().enumerate() { (line(number == 0, subset)) } }
}

fn shown(report: &Report, sample: &SampleReport, open: bool) -> Markup {
    let shortest = report.settings.lengths.first().copied().unwrap_or_default();
    html! {
        details open[open] {
            summary {
                code { (sample.id) } ": " (percent(sample.shares.first().copied().unwrap_or_default()))
                " of " (plural(sample.tokens, "token", "tokens")) " at L = " (shortest)
                @if let Some(value) = sample.value { ", value " (value) }
            }
            @for passage in &sample.passages { (shown_passage(passage)) }
            @if sample.more_passages > 0 {
                p class="note" { "And " (plural(sample.more_passages, "shorter match", "shorter matches")) "." }
            }
        }
    }
}

fn shown_passage(passage: &Passage) -> Markup {
    html! {
        p class="note" {
            (passage.length) " tokens from token " (passage.start) ", in document " code { (passage.document) }
            " of " code { (passage.file) } " from token " (passage.at)
        }
        blockquote {
            @for piece in &passage.pieces {
                @match &piece.instead {
                    None => (piece.text),
                    Some(instead) => { del { (piece.text) } ins { (instead) } }
                }
            }
        }
    }
}

fn corpus(report: &Report) -> Markup {
    html! {
        div class="scroll" { table class="long" {
            thead { tr { th class="text" { "File" } th { "Documents" } th { "Tokens" } th { "Damaged records" } } }
            tbody { @for file in &report.files { tr {
                th scope="row" { (file.name) } td { (count(file.documents)) } td { (count(file.tokens)) } td { (count(file.damaged)) }
            } } }
        } }
        @if report.damaged > 0 {
            h3 { "Damaged records" }
            p { "They could not be read, so nothing was looked for in them." }
            ul { @for file in &report.files { @for (offset, what) in file.damage.iter().take(10) {
                li { code { (file.name) } ", at " (offset) ": " (what) }
            } } }
        }
    }
}

fn notes(report: &Report) -> Markup {
    let settings = &report.settings;
    let minimum = match settings.minimum {
        Minimum::AtLeast => "at least L tokens",
        Minimum::LongerThan => "more than L tokens",
    };
    html! {
        p {
            "Samples and documents are compared as tokens of the model's tokenizer. A match is a passage of " (minimum)
            " that a sample and one document share; it may differ at " (settings.skip_budget)
            " positions, but neither within its first " (settings.exact_prefix) " tokens nor at its end. A token is contaminated if it lies in any match, and a sample's contaminated share is that of its tokens."
        }
        p {
            "Clean samples have less than " (percent(settings.clean_below)) " of contaminated tokens, dirty ones "
            (percent(settings.dirty_from)) " or more; not clean and not dirty are the others. Z is how many standard deviations the mean of a subset lies from that of all samples, as samples of that size would scatter by chance. A result counts as affected only if all four have |Z| over "
            (settings.significant) ", the clean and not dirty ones doing worse and the not clean and dirty ones better. Longer minimum matches guard against common phrases."
        }
        p {
            "A match does not show that the model learned from it, and text that says the same in other words is not found. The paper of Llama 2 describes the method in appendix A.6."
        }
        p class="note" { "Tokenizer " code { (report.tokenizer) } }
    }
}
