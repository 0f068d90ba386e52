//! Sections on toxicity: how much there is, and what a filter would cost whom.

use maud::{Markup, html};

use super::format::{count, percent, plural, tick, times};
use super::plot::{self, Column, Ratio};
use crate::report::filter::{Filter, Group, GroupKind, Loss};
use crate::report::summary::Report;

pub(super) fn toxicity(report: &Report) -> Markup {
    let Some(toxicity) = &report.toxicity else {
        return not_measured(report);
    };
    let columns: Vec<Column> = toxicity
        .bins
        .iter()
        .enumerate()
        .map(|(i, bin)| Column {
            label: if i % 2 == 0 {
                bin.from.to_string()
            } else {
                String::new()
            },
            value: bin.share,
            title: format!(
                "{} to {}: {} ({})",
                bin.from,
                bin.to,
                plural(bin.documents, "document", "documents"),
                percent(bin.share)
            ),
            class: if bin.from >= 0.5 { "lost" } else { "plain" },
        })
        .collect();
    let half = &toxicity.at_least_half;
    html! {
        p {
            "How toxic the English documents are, from 0 (not at all) to 1. A model that has met toxic text can recognise it, so it is not a reason to leave text out unless the recipe says so. "
            strong { (percent(half.share)) " score 0.5 or more" }
            " (between " (percent(half.low)) " and " (percent(half.high)) ", given how many were scored); the paper reports about 0.2% for its own corpus and classifier."
        }
        figure {
            (plot::histogram("Histogram of toxicity scores of English documents, share of documents on a log scale", &columns, tick))
            figcaption {
                "Share of " (plural(toxicity.documents, "English document", "English documents"))
                " by toxicity score, on a scale of powers of ten; scores of 0.5 and more in the second colour."
                @if toxicity.not_scored > 0 { " " (plural(toxicity.not_scored, "document has", "documents have")) " no score and are not shown." }
            }
        }
    }
}

fn not_measured(report: &Report) -> Markup {
    html! {
        p class="caution" {
            strong { "Not measured. " }
            @if report.about.toxicity_classifier.is_some() {
                "No English document that was kept has a toxicity score."
            } @else {
                "No toxicity classifier was given, so nothing is known about toxicity here. That is not the same as none."
            }
        }
    }
}

pub(super) fn filter(report: &Report) -> Markup {
    let Some(filter) = &report.filter else {
        return not_measured(report);
    };
    let shown = threshold(filter);
    html! {
        p {
            "A filter does not remove only insults. It removes any text the classifier takes for toxic, and that is often text by or about people who are insulted. "
            "The plot compares documents that mention a group with all documents: right of the line, the group loses more than its part."
        }
        @match shown {
            None => p class="caution" { "No English document scores 0.1 or more: no filter would remove anything." },
            Some(place) => {
                @let threshold = filter.thresholds[place];
                (finding(filter, place))
                figure {
                    (plot::ratios(
                        &format!("Ratio of documents lost by group to documents lost overall, filter at {threshold}"),
                        &ratios(filter, place),
                    ))
                    figcaption {
                        "A filter that removes scores of " (threshold) " or more: the share of each group's documents it removes, divided by the share it removes of all documents"
                        @if let Some(loss) = filter.all.lost.get(place) { " (" (percent(loss.share.share)) ")" }
                        ". Lines are 95% intervals: where one crosses 1×, the difference may be chance, and among so many groups one or two lie apart by chance alone."
                    }
                }
            }
        }
        h3 { "At every threshold" }
        p { "Share of documents lost and, below it, how many times the share of all documents that is. The lower the threshold, the more is removed." }
        div class="scroll" { table {
            thead { tr {
                th class="text" { "Documents that mention" } th { "Documents" }
                @for threshold in &filter.thresholds { th { "≥ " (threshold) } }
            } }
            tbody {
                (row(&filter.all))
                @for group in &filter.groups { (row(group)) }
            }
        } }
        p class="note" {
            "Shaded where the difference is beyond chance (95% interval, five documents or more): red loses more than all documents do, blue less. "
            "A document that mentions several groups counts for each."
        }
    }
}

/// The threshold to show: 0.5 if it removes enough to compare, else the highest that does, else
/// the highest that removes anything.
fn threshold(filter: &Filter) -> Option<usize> {
    let lost = &filter.all.lost;
    let enough = |loss: &Loss, number: u64| loss.documents >= number;
    lost.iter()
        .position(|loss| loss.threshold == 0.5 && enough(loss, 30))
        .or_else(|| lost.iter().rposition(|loss| enough(loss, 30)))
        .or_else(|| lost.iter().rposition(|loss| enough(loss, 1)))
        .filter(|&place| place < filter.thresholds.len())
}

/// The group that loses most beyond chance, in a sentence.
fn finding(filter: &Filter, place: usize) -> Markup {
    let threshold = filter.thresholds[place];
    let all = filter.all.lost[place].share.share;
    let worst = filter
        .groups
        .iter()
        .filter_map(|group| Some((group, group.lost.get(place)?)))
        .filter(|(_, loss)| loss.differs && loss.share.share > all)
        .max_by(|(_, a), (_, b)| a.share.share.total_cmp(&b.share.share));
    html! {
        @if let Some((group, loss)) = worst {
            p {
                "Hit hardest at " (threshold) ": "
                strong { "documents that mention " (quoted(group)) ", of which " (percent(loss.share.share)) " would go" }
                ", against " (percent(all)) " of all documents"
                @if let Some(ratio) = loss.ratio { " (" (times(ratio)) ")" }
                "."
            }
        } @else {
            p { "At " (threshold) " no group loses more than all documents do, beyond what chance explains." }
        }
    }
}

/// A group's name within a sentence.
fn quoted(group: &Group) -> String {
    match group.kind {
        GroupKind::Term => format!("“{}”", group.name),
        GroupKind::Pronoun => format!("pronouns of “{}”", group.name),
        GroupKind::Axis => format!("any term of {}", group.name),
        GroupKind::All => group.name.clone(),
    }
}

fn ratios(filter: &Filter, place: usize) -> Vec<Ratio> {
    let Some(all) = filter.all.lost.get(place) else {
        return Vec::new();
    };
    let all = all.share.share.max(f64::MIN_POSITIVE);
    let mut rows = vec![Ratio {
        label: "Pronouns".to_owned(),
        head: true,
        value: None,
    }];
    rows.extend(filter.groups.iter().map(|group| Ratio {
        label: group.name.clone(),
        head: group.kind == GroupKind::Axis,
        value: group.lost.get(place).and_then(|loss| {
            let ratio = loss.ratio?;
            let text = format!("{} ({} lost)", times(ratio), percent(loss.share.share));
            Some((
                ratio,
                loss.share.low / all,
                loss.share.high / all,
                loss.differs,
                text,
            ))
        }),
    }));
    rows
}

fn row(group: &Group) -> Markup {
    let class = match group.kind {
        GroupKind::All => "total",
        GroupKind::Axis => "head",
        GroupKind::Pronoun => "",
        GroupKind::Term => "under",
    };
    html! {
        tr class=(class) {
            th scope="row" { (group.name) }
            td { (count(group.documents)) }
            @for loss in &group.lost { (cell(loss, group.kind)) }
        }
    }
}

fn cell(loss: &Loss, kind: GroupKind) -> Markup {
    let ratio = loss.ratio.filter(|_| kind != GroupKind::All);
    let tint = ratio.filter(|_| loss.differs).map(|ratio| {
        if ratio > 1.0 {
            tint("hot", ratio)
        } else {
            tint("cold", 1.0 / ratio)
        }
    });
    html! {
        td style=[tint] {
            (percent(loss.share.share))
            @if let Some(ratio) = ratio { span class="ratio" { (times(ratio)) } }
        }
    }
}

/// Deeper the further from 1, full from four times on.
fn tint(colour: &str, ratio: f64) -> String {
    let strength = (0.12 + ratio.log2() * 0.2).clamp(0.12, 0.5);
    format!("background:rgba(var(--{colour}),{strength:.2})")
}
