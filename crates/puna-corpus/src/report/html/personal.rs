//! The section on personal information and the sites left out for it.

use maud::{Markup, html};

use super::first;
use super::format::{bytes, count, percent, plural, spaced};
use super::plot::{self, Bar, Scale};
use crate::report::summary::{PersonalRow, Report};
use crate::report::tables::share;

pub(super) fn personal(report: &Report) -> Markup {
    let kinds = &report.personal_information;
    let found: u64 = kinds.iter().map(|kind| kind.found).sum();
    let with_sites: u64 = kinds.iter().map(|kind| kind.left_out_with_sites).sum();
    let most = kinds
        .iter()
        .map(|kind| kind.found)
        .max()
        .unwrap_or_default();
    html! {
        p {
            "A model can repeat what it has read, addresses and account numbers too. Sites that hold much personal information are therefore left out whole; elsewhere it is counted, so that one knows what remains. "
            @if found > 0 {
                strong { (percent(share(with_sites, found))) " of what was found went out with such sites" }
                "; " (plural(report.headline.personal_kept, "piece stays", "pieces stay")) " in kept documents."
            } @else {
                strong { "None was found." }
            }
        }
        @if found > 0 {
            figure {
                (plot::legend(&[("kept", "still in the corpus"), ("even", "left out otherwise"), ("lost", "left out with sites")]))
                (plot::bars("Personal information by kind and where it went", &bars(report), Scale::Linear { max: most as f64 }, percent))
                div class="scroll" { table {
                    thead { tr {
                        th class="text" { "Kind" } th { "Found" } th { "In documents" } th { "Left out with sites" } th { "Left out otherwise" } th { "Still in the corpus" } th { "Share still in" }
                    } }
                    tbody {
                        @for kind in kinds {
                            tr {
                                th scope="row" { (spaced(&kind.kind)) }
                                td { (count(kind.found)) } td { (count(kind.documents)) }
                                td { (count(kind.left_out_with_sites)) } td { (count(kind.left_out_otherwise)) }
                                td { (count(kind.kept)) } td { (percent(share(kind.kept, kind.found))) }
                            }
                        }
                    }
                } }
                figcaption { "Pieces of personal information by kind, and where they went. “Otherwise” means with documents left out for another reason, such as duplicates." }
            }
        }
        (decisions(report))
        (left_out(report))
    }
}

fn bars(report: &Report) -> Vec<Bar> {
    let bar = |kind: &PersonalRow| {
        let kept = kind.kept as f64;
        let otherwise = kept + kind.left_out_otherwise as f64;
        let found = otherwise + kind.left_out_with_sites as f64;
        Bar {
            label: spaced(&kind.kind),
            pieces: vec![
                (0.0, kept, "kept"),
                (kept, otherwise, "even"),
                (otherwise, found, "lost"),
            ],
            value: format!("{} found", count(kind.found)),
        }
    };
    report.personal_information.iter().map(bar).collect()
}

fn decisions(report: &Report) -> Markup {
    html! {
        @if report.sites.decisions.is_empty() {
            p class="note" { "No site ledger was made, so no site was judged." }
        } @else {
            h3 { "What was decided about sites" }
            p { "Each site (registered domain) is judged by its density of personal information; a list can overrule the threshold, and that is shown too." }
            div class="scroll" { table {
                thead { tr { th class="text" { "Decision" } th { "Sites" } th { "Documents" } th { "Text" } th { "Personal information" } } }
                tbody {
                    @for row in &report.sites.decisions {
                        tr {
                            th scope="row" { (row.decision.label()) } td { (count(row.sites)) } td { (count(row.documents)) } td { (bytes(row.bytes)) }
                            td { (count(row.personal.values().sum())) }
                        }
                    }
                }
            } }
        }
    }
}

fn left_out(report: &Report) -> Markup {
    html! {
        @if !report.sites.left_out.is_empty() {
            h3 { "Sites left out" }
            div class="scroll" { table class="long" {
                thead { tr { th class="text" { "Site" } th { "Documents" } th { "Pieces found" } th { "Per 1,000 words" } th class="text" { "Why" } } }
                tbody {
                    @for site in &report.sites.left_out {
                        tr {
                            th scope="row" { (site.site) } td { (count(site.documents)) } td { (count(site.personal)) }
                            td { (format!("{:.2}", site.per_thousand_words)) } td class="text" { (site.reason) }
                        }
                    }
                }
            } }
            p class="note" { (first(report.sites.left_out.len(), "pieces found")) "Every site, with the evidence's hash, is in the ledger." }
        }
    }
}
