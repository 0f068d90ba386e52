//! Sections about documents: what was kept, languages, duplicates, sources, damage.

use maud::{Markup, html};

use super::format::{bytes, count, percent, plural, spaced, tick};
use super::plot::{self, Bar, Scale};
use super::{first, meter};
use crate::report::document::Reason;
use crate::report::summary::Report;
use crate::report::tally::UNKNOWN;

/// Languages and rules shown; the rest are in `report.json`.
const ROWS: usize = 30;

/// Languages under this share of documents are not listed in the paper's table 10.
const RARE: f64 = 0.000_05;

pub(super) fn kept(report: &Report) -> Markup {
    let head = &report.headline;
    let total = head.documents_in as f64;
    let mut left = head.documents_in;
    let mut rows = vec![Bar {
        label: "documents read".to_owned(),
        pieces: vec![(0.0, total, "plain")],
        value: count(head.documents_in),
    }];
    for step in report.left_out.iter().filter(|step| step.documents > 0) {
        rows.push(Bar {
            label: step.reason.label().to_owned(),
            pieces: vec![(
                left.saturating_sub(step.documents) as f64,
                left as f64,
                "lost",
            )],
            value: format!("−{} ({})", count(step.documents), percent(step.share)),
        });
        left = left.saturating_sub(step.documents);
    }
    rows.push(Bar {
        label: "documents kept".to_owned(),
        pieces: vec![(0.0, head.documents_kept as f64, "kept")],
        value: format!("{} ({})", count(head.documents_kept), percent(head.kept)),
    });
    let toxic = report
        .left_out
        .iter()
        .find(|step| step.reason == Reason::Toxicity)
        .map_or(0, |step| step.documents);
    html! {
        p {
            "Of " (plural(head.documents_in, "document", "documents")) " read, "
            strong { (count(head.documents_kept)) " were kept" }
            ". Each document left out is counted under the one reason that decided first."
        }
        figure {
            (plot::bars(
                &format!("Waterfall from {} documents read to {} kept", count(head.documents_in), count(head.documents_kept)),
                &rows, Scale::Linear { max: total }, percent,
            ))
            figcaption { "Documents left out, reason by reason, from all that were read to those kept." }
        }
        @if toxic > 0 {
            p class="caution" { "This recipe set a toxicity filter: it removed " (plural(toxic, "document", "documents")) ". The section on filtering below counts only what was left after it." }
        }
        @if !report.quality_rules.is_empty() {
            h3 { "Quality rules" }
            p { "Rules of form (length, symbols, repetition) left out documents that do not look like running text. A document can break several; those that broke only one show what the rule alone removes." }
            div class="scroll" { table {
                thead { tr { th class="text" { "Rule" } th { "Documents left out that broke it" } th { "Broke only it" } } }
                tbody {
                    @for rule in report.quality_rules.iter().take(ROWS) {
                        tr { th scope="row" { (spaced(&rule.rule)) } td { (count(rule.documents)) } td { (count(rule.alone)) } }
                    }
                }
            } }
            (more(report.quality_rules.len(), "rules"))
        }
    }
}

pub(super) fn languages(report: &Report) -> Markup {
    let listed: Vec<_> = report
        .languages
        .iter()
        .filter(|row| row.documents > 0)
        .collect();
    let shown = &listed[..listed.len().min(ROWS)];
    let scale = Scale::log(shown.iter().map(|row| row.share));
    let Scale::Log { min, .. } = scale else {
        return html! {};
    };
    let rows: Vec<Bar> = shown
        .iter()
        .map(|row| Bar {
            label: language(&row.code),
            pieces: vec![(
                min,
                row.share,
                if row.code == UNKNOWN { "even" } else { "plain" },
            )],
            value: percent(row.share),
        })
        .collect();
    let rare = listed.iter().filter(|row| row.share < RARE).count();
    let mut hit: Vec<_> = report
        .languages
        .iter()
        .filter(|row| row.left_out_by_quality > 0)
        .collect();
    hit.sort_by(|a, b| {
        b.left_out_by_quality
            .cmp(&a.left_out_by_quality)
            .then(a.code.cmp(&b.code))
    });
    html! {
        p {
            "The language of each document, where the identifier is at least 50% sure; otherwise it is "
            em { "unknown" } ", which takes in code, lists and very short texts. A model learns little of a language that is rare here."
        }
        @if rows.is_empty() {
            p class="note" { "No document was kept." }
        } @else {
            figure {
                (plot::bars("Share of kept documents by language, on a log scale", &rows, scale, tick))
                figcaption {
                    "Share of kept documents by language, on a scale of powers of ten: each grid line is ten times the one before."
                    @if rare > 0 { " " (plural(rare as u64, "language", "languages")) " under 0.005% of documents, which the paper does not list." }
                }
            }
            (more(listed.len(), "languages"))
        }
        @if !hit.is_empty() {
            h3 { "Languages and quality rules" }
            p { "Rules of form are written with English in mind. This is what they left out of each language." }
            div class="scroll" { table {
                thead { tr { th class="text" { "Language" } th { "Documents read" } th { "Left out by quality rules" } th { "Share" } th class="text" {} } }
                tbody {
                    @for row in hit.iter().take(12) {
                        @let read = row.documents + row.left_out;
                        @let share = crate::report::tables::share(row.left_out_by_quality, read);
                        tr {
                            th scope="row" { (language(&row.code)) }
                            td { (count(read)) } td { (count(row.left_out_by_quality)) } td { (percent(share)) }
                            (meter(share))
                        }
                    }
                }
            } }
        }
    }
}

pub(super) fn duplicates(report: &Report) -> Markup {
    let duplicates = &report.duplicates;
    let removed = |reason| {
        let step = report.left_out.iter().find(|step| step.reason == reason);
        step.map_or((0, 0), |step| (step.documents, step.bytes))
    };
    let (exact, near) = (
        removed(Reason::ExactDuplicate),
        removed(Reason::NearDuplicate),
    );
    let scale = Scale::log(
        duplicates
            .cluster_sizes
            .iter()
            .map(|size| size.clusters as f64),
    );
    let Scale::Log { min, .. } = scale else {
        return html! {};
    };
    let rows: Vec<Bar> = duplicates
        .cluster_sizes
        .iter()
        .map(|size| Bar {
            label: if size.from == size.to {
                plural(size.from, "document", "documents")
            } else {
                format!("{} to {} documents", count(size.from), count(size.to))
            },
            pieces: vec![(min, size.clusters as f64, "plain")],
            value: plural(size.clusters, "cluster", "clusters"),
        })
        .collect();
    html! {
        p {
            "Text that is there many times is learnt by heart rather than understood, and can be drawn out of the model again. One copy of each duplicate stays."
        }
        div class="scroll" { table {
            thead { tr { th class="text" { "What was removed" } th { "Documents" } th { "Lines" } th { "Text" } } }
            tbody {
                tr { th scope="row" { "Exact duplicates (same normalised text)" } td { (count(exact.0)) } td class="faint" { "–" } td { (bytes(exact.1)) } }
                tr { th scope="row" { "Near duplicates" } td { (count(near.0)) } td class="faint" { "–" } td { (bytes(near.1)) } }
                tr { th scope="row" { "Lines repeated across a site (taken out of documents)" } td { (count(duplicates.boilerplate_documents)) } td { (count(duplicates.boilerplate_lines)) } td { (bytes(duplicates.boilerplate_bytes)) } }
            }
        } }
        @if !rows.is_empty() {
            figure {
                (plot::bars("Clusters of duplicates by their size, on a log scale", &rows, scale, |value| count(value as u64)))
                figcaption {
                    (plural(duplicates.clusters, "cluster", "clusters")) " of duplicates by the number of documents in them, on a scale of powers of ten. The largest has "
                    (plural(duplicates.largest_cluster, "document", "documents")) "."
                }
            }
        }
    }
}

pub(super) fn sources(report: &Report) -> Markup {
    let weighted = report.sources.iter().any(|source| source.weight != 1.0);
    html! {
        p {
            "Where the text comes from."
            @if weighted { " The mixture takes some sources more often than others: the last columns show how that changes their share." }
        }
        div class="scroll" { table class="long" {
            thead { tr {
                th class="text" { "Source" } th { "Documents read" } th { "Kept" } th { "Text kept" } th { "Share of text" }
                @if weighted { th { "Weight" } th { "Share of mixture" } }
                th class="text" {}
            } }
            tbody {
                @for source in report.sources.iter().take(ROWS) {
                    tr {
                        th scope="row" { @if source.source.is_empty() { em { "unnamed" } } @else { (source.source) } }
                        td { (count(source.documents_in)) } td { (count(source.documents_kept)) }
                        td { (bytes(source.bytes_kept)) } td { (percent(source.share)) }
                        @if weighted { td { (source.weight) } td { (percent(source.mixture_share)) } }
                        (meter(if weighted { source.mixture_share } else { source.share }))
                    }
                }
            }
        } }
        (more(report.sources.len(), "sources"))
        @if !report.sites.largest.is_empty() {
            h3 { "Largest sites" }
            p { "A few sites can make up much of a crawl. These have most documents, before duplicates were removed." }
            div class="scroll" { table class="long" {
                thead { tr { th class="text" { "Site" } th { "Documents" } th { "Text" } th class="text" { "Decision" } } }
                tbody {
                    @for site in &report.sites.largest {
                        tr { th scope="row" { (site.site) } td { (count(site.documents)) } td { (bytes(site.bytes)) } td class="text" { (site.decision.label()) } }
                    }
                }
            } }
            p class="note" { (first(report.sites.largest.len(), "documents")) "Every site is in the ledger." }
        }
    }
}

pub(super) fn damage(report: &Report) -> Markup {
    let damage = &report.damage;
    let other = damage.files.len().saturating_sub(ROWS);
    html! {
        p {
            "Crawls are never whole. A damaged record costs only itself: it is counted here and its file read on."
        }
        @if damage.records == 0 {
            p { strong { "No record was damaged." } }
        } @else {
            div class="scroll" { table class="long" {
                caption { (plural(damage.records, "damaged record", "damaged records")) }
                thead { tr { th class="text" { "File" } th { "Records" } th { "First at" } th class="text" { "What is wrong there" } } }
                tbody {
                    @for file in damage.files.iter().take(ROWS) {
                        tr { th scope="row" { (file.file) } td { (count(file.records)) } td { (count(file.first_offset)) } td class="text" { (file.first) } }
                    }
                }
            } }
            p class="note" {
                "Places are byte offsets in the stored file, or lines of a text file."
                @if other > 0 { " " (plural(other as u64, "more file is", "more files are")) " in report.json." }
                @if damage.in_other_files > 0 { " " (count(damage.in_other_files)) " more records are in files past the first 200 by name; they were named on standard error." }
            }
        }
        @if !damage.skipped.is_empty() {
            h3 { "Records that are no pages" }
            p { "Requests, metadata, images and the like belong to a crawl but are no documents. They were passed over and are in no other number." }
            div class="scroll" { table {
                thead { tr { th class="text" { "Kind" } th { "Records" } } }
                tbody { @for (reason, records) in damage.skipped.iter().take(ROWS) { tr { th scope="row" { (spaced(reason)) } td { (count(*records)) } } } }
            } }
        }
    }
}

/// A line that says what a table leaves out.
fn more(rows: usize, what: &str) -> Markup {
    html! {
        @if rows > ROWS { p class="note" { "The first " (ROWS) " of " (rows) " " (what) "; all are in report.json." } }
    }
}

/// The name of a language after its code, for the codes a reader meets most.
fn language(code: &str) -> String {
    const NAMES: [(&str, &str); 44] = [
        ("ar", "Arabic"),
        ("bg", "Bulgarian"),
        ("bn", "Bengali"),
        ("ca", "Catalan"),
        ("cs", "Czech"),
        ("da", "Danish"),
        ("de", "German"),
        ("el", "Greek"),
        ("en", "English"),
        ("es", "Spanish"),
        ("et", "Estonian"),
        ("fa", "Persian"),
        ("fi", "Finnish"),
        ("fr", "French"),
        ("he", "Hebrew"),
        ("hi", "Hindi"),
        ("hr", "Croatian"),
        ("hu", "Hungarian"),
        ("id", "Indonesian"),
        ("it", "Italian"),
        ("ja", "Japanese"),
        ("ko", "Korean"),
        ("la", "Latin"),
        ("lt", "Lithuanian"),
        ("lv", "Latvian"),
        ("ms", "Malay"),
        ("nl", "Dutch"),
        ("no", "Norwegian"),
        ("pl", "Polish"),
        ("pt", "Portuguese"),
        ("ro", "Romanian"),
        ("ru", "Russian"),
        ("sk", "Slovak"),
        ("sl", "Slovenian"),
        ("sr", "Serbian"),
        ("sv", "Swedish"),
        ("sw", "Swahili"),
        ("ta", "Tamil"),
        ("th", "Thai"),
        ("tr", "Turkish"),
        ("uk", "Ukrainian"),
        ("ur", "Urdu"),
        ("vi", "Vietnamese"),
        ("zh", "Chinese"),
    ];
    match NAMES.iter().find(|(known, _)| *known == code) {
        Some((_, name)) => format!("{name} ({code})"),
        None => code.to_owned(),
    }
}
