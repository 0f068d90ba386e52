//! The report as one HTML page: no network, no scripts, everything from outside escaped.

mod documents;
pub(crate) mod format;
mod notes;
mod people;
mod personal;
mod plot;
mod toxicity;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::Reason;
use super::sites::TOP_SITES;
use super::summary::Report;
use format::{bytes, count, percent, plural};

/// The sections: anchor, title, content.
type Section = (&'static str, &'static str, Markup);

/// The page, whole: `report.html`.
#[must_use]
pub fn render_html(report: &Report) -> String {
    let sections: [Section; 11] = [
        (
            "kept",
            "From documents read to documents kept",
            documents::kept(report),
        ),
        ("languages", "Languages", documents::languages(report)),
        ("toxicity", "Toxicity", toxicity::toxicity(report)),
        (
            "filter",
            "What a toxicity filter would remove, and from whom",
            toxicity::filter(report),
        ),
        ("pronouns", "Pronouns", people::pronouns(report)),
        ("identity", "Identity terms", people::identity(report)),
        (
            "personal",
            "Personal information",
            personal::personal(report),
        ),
        (
            "duplicates",
            "Duplicates and repeated lines",
            documents::duplicates(report),
        ),
        ("sources", "Sources and sites", documents::sources(report)),
        (
            "damage",
            "Damaged and skipped records",
            documents::damage(report),
        ),
        ("notes", "How to read this report", notes::notes(report)),
    ];
    let name = match report.about.name.as_str() {
        "" => "Corpus",
        name => name,
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (name) " – corpus report" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 {
                        (name)
                        @if report.about.synthetic { " " span class="badge" { "synthetic" } }
                    }
                    p class="sub" { "What is in this corpus, what was left out of it, and what filtering would cost whom." }
                    @if report.about.synthetic {
                        p class="caution" {
                            "The input is synthetic: a program wrote it to exercise the tools. The numbers below describe that text, not the web and not people."
                        }
                    }
                    (headline(report))
                    nav aria-label="Sections" {
                        ul { @for (id, title, _) in &sections { li { a href={ "#" (id) } { (title) } } } }
                    }
                }
                main {
                    @for (id, title, content) in &sections {
                        section id=(id) aria-labelledby={ (id) "-title" } {
                            h2 id={ (id) "-title" } { (title) }
                            (content)
                        }
                    }
                }
                footer {
                    p {
                        @if !report.about.made_by.is_empty() { "Made by " (report.about.made_by) ". " }
                        "The same numbers, with all that did not fit here, are in " code { "report.json" } "."
                    }
                }
            }
        }
    }
    .into_string()
}

fn headline(report: &Report) -> Markup {
    let head = &report.headline;
    let card = |name: &str, big: &str, small: &str| {
        html! {
            div class="card" {
                dt { (name) }
                dd class="big" { (big) }
                dd class="small" { (small) }
            }
        }
    };
    let sites = &report.sites.decisions;
    let sites_out: u64 = sites
        .iter()
        .filter(|d| !d.decision.keeps())
        .map(|d| d.sites)
        .sum();
    let removed_as_toxic: u64 = report
        .left_out
        .iter()
        .filter(|step| step.reason == Reason::Toxicity)
        .map(|step| step.documents)
        .sum();
    html! {
        dl class="cards" {
            (card(
                "Documents kept",
                &count(head.documents_kept),
                &format!("{} of {} read", percent(head.kept), count(head.documents_in)),
            ))
            (card(
                "Text kept",
                &bytes(head.bytes_kept),
                &plural(head.words_kept, "word", "words"),
            ))
            (card(
                "English",
                &percent(super::tables::share(head.english, head.documents_kept)),
                "of the documents kept",
            ))
            @match &report.toxicity {
                Some(toxicity) => (card(
                    "Toxic (score 0.5 or more)",
                    &percent(toxicity.at_least_half.share),
                    &match removed_as_toxic {
                        0 => "of English documents; none were left out for it".to_owned(),
                        n => format!("of English documents, after {} were left out as toxic", count(n)),
                    },
                )),
                None => (card("Toxicity", "not measured", "no classifier was given")),
            }
            (card(
                "Personal information",
                &count(head.personal_found),
                &format!(
                    "pieces found; {} remain in the corpus, {} left out",
                    count(head.personal_kept),
                    plural(sites_out, "site", "sites"),
                ),
            ))
            (card(
                "Damaged records",
                &count(head.damaged),
                "could not be read, and cost only themselves",
            ))
        }
    }
}

/// What a list of sites leaves out, if it is full.
fn first(sites: usize, by: &str) -> String {
    if sites < TOP_SITES {
        return String::new();
    }
    format!("These are the first {TOP_SITES} by {by}. ")
}

/// A bar of a table, as wide as the share.
fn meter(share: f64) -> Markup {
    html! {
        td class="meter" aria-hidden="true" { i style={ "width:" (format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0)) } {} }
    }
}
