//! The scoreboard as one HTML page (paper Figure 11 and the tables behind it): no network, no scripts, all text
//! from outside escaped.

use super::plot::{self, Dots, Interval, Version, number, percent};
use super::{Judge, Rate, Row, Scoreboard, WinRate};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The judges in the page's order.
const JUDGES: [Judge; 2] = [Judge::World, Judge::Reward];

impl Judge {
    fn class(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Reward => "reward",
        }
    }

    fn title(self, synthetic: bool) -> &'static str {
        match (self, synthetic) {
            (Self::World, true) => "by the world’s rules",
            (Self::World, false) => "by known labels",
            (Self::Reward, _) => "by the reward models",
        }
    }
}

/// The page, whole.
pub(super) fn render(board: &Scoreboard) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (board.title) " – scoreboard" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 {
                        (board.title)
                        @if board.synthetic { " " span class="badge" { "synthetic" } }
                    }
                    p class="sub" { "How helpful and how safe each version of the model is, on prompts that it was not trained on." }
                    @if board.synthetic {
                        p class="caution" {
                            "Prompts and rules come from a synthetic world, which a program wrote. The numbers show that the method works there; they say nothing about people’s questions."
                        }
                    }
                    (headline(board))
                }
                main {
                    section {
                        h2 { "Helpfulness against harmlessness" }
                        (figure_11(board))
                    }
                    section {
                        h2 { "Violations and false refusals" }
                        (rates(board))
                    }
                    section {
                        h2 { "All numbers" }
                        @for judge in JUDGES { (table(board, judge)) }
                    }
                    @for along in axes(board) {
                        section {
                            h2 { "By " (along) }
                            (curves(board, along))
                        }
                    }
                    section {
                        h2 { "How to read this page" }
                        (notes(board))
                    }
                }
                footer {
                    p { "The rows of the tables are in " code { "scoreboard.json" } "." }
                }
            }
        }
    }
    .into_string()
}

fn rows(board: &Scoreboard, judge: Judge) -> Vec<&Row> {
    board.rows.iter().filter(|r| r.judge == judge).collect()
}

/// The last version beside the baseline, by the judge that is right.
fn headline(board: &Scoreboard) -> Markup {
    let judge = JUDGES
        .into_iter()
        .find(|j| board.rows.iter().any(|r| r.judge == *j));
    let rows = judge.map(|j| rows(board, j)).unwrap_or_default();
    let Some(last) = rows.last() else {
        return html! {};
    };
    let baseline = rows.iter().find(|r| r.model == board.baseline);
    let before = |of: fn(&Row) -> Rate| match baseline.and_then(|row| of(row).value) {
        Some(value) if last.model != board.baseline => {
            format!("{}: {}", board.baseline, percent(value))
        }
        _ => String::new(),
    };
    let card = |name: &str, rate: Rate, small: String| {
        html! {
            div class="card" {
                dt { (name) }
                dd class="big" { (share(rate)) }
                dd class="small" { (interval(rate)) }
                @if !small.is_empty() { dd class="small" { (small) } }
            }
        }
    };
    let against = format!("against {}", board.baseline);
    html! {
        p { strong { (last.model) } ", " (judge.map_or("", |j| j.title(board.synthetic))) ":" }
        dl class="cards" {
            (card("Violations", last.violation_rate, before(|r| r.violation_rate)))
            (card("Harm refused", last.refusal_rate, before(|r| r.refusal_rate)))
            (card("False refusals", last.false_refusal_rate, before(|r| r.false_refusal_rate)))
            (card("Helpful answers", last.helpful_rate, before(|r| r.helpful_rate)))
            (card("Borderline refusals", last.borderline_refusal_rate, before(|r| r.borderline_refusal_rate)))
            (card("Borderline answered", last.borderline_helpful_rate, before(|r| r.borderline_helpful_rate)))
            (card("Helpfulness win rate", last.helpfulness_win_rate.rate, against.clone()))
            (card("Safety win rate", last.safety_win_rate.rate, against))
        }
    }
}

fn figure_11(board: &Scoreboard) -> Markup {
    let panel = |judge: Judge| {
        let rows = rows(board, judge);
        let versions: Vec<Version<'_>> = (rows.iter())
            .filter_map(|row| {
                let baseline = row.model == board.baseline;
                // The baseline against itself is even by definition.
                let even = baseline.then_some(Interval {
                    value: 0.5,
                    low: 0.5,
                    high: 0.5,
                });
                Some(Version {
                    name: &row.model,
                    helpful: known(row.helpfulness_win_rate.rate).or(even)?,
                    harmless: known(row.safety_win_rate.rate).or(even)?,
                    baseline,
                })
            })
            .collect();
        if versions.is_empty() {
            return html! {};
        }
        let title = judge.title(board.synthetic);
        let alt = format!("Helpfulness against harmlessness of each version, {title}");
        html! {
            figure class=(format!("by-{}", judge.class())) {
                h3 { i class=(judge.class()) {} "Judged " (title) }
                (plot::plane(&alt, &versions))
            }
        }
    };
    html! {
        p {
            "Each point is a version; up and to the right is better. Win rates are against " (board.baseline)
            ": on the dashed lines a version is as good as it. Thin bars are intervals of 95%."
        }
        div class="pair" { @for judge in JUDGES { (panel(judge)) } }
    }
}

fn rates(board: &Scoreboard) -> Markup {
    let mut models: Vec<&str> = Vec::new();
    for row in &board.rows {
        if !models.contains(&row.model.as_str()) {
            models.push(&row.model);
        }
    }
    let panel = |title: &str, what: &str, of: fn(&Row) -> Rate| {
        let dots: Vec<Dots<'_>> = (models.iter())
            .map(|&name| {
                let of_judge = |judge: Judge| {
                    let row = board
                        .rows
                        .iter()
                        .find(|r| r.judge == judge && r.model == name)?;
                    Some((judge.class(), known(of(row))?))
                };
                Dots {
                    name,
                    values: JUDGES.into_iter().filter_map(of_judge).collect(),
                }
            })
            .filter(|dots| !dots.values.is_empty())
            .collect();
        if dots.is_empty() {
            return html! {};
        }
        html! {
            figure {
                h3 { (title) }
                (plot::dots(&format!("{title} of each version"), &dots))
                figcaption { (what) }
            }
        }
    };
    html! {
        (legend(board))
        div class="many" {
            (panel("Violations", "Unsafe answers to adversarial prompts.", |r| r.violation_rate))
            (panel("Harm refused", "Refusals of adversarial prompts; the rest is unsafe or passes the prompt over.", |r| r.refusal_rate))
            (panel("False refusals", "Refusals of helpful prompts.", |r| r.false_refusal_rate))
            (panel("Helpful answers", "Answers to helpful prompts that do what was asked.", |r| r.helpful_rate))
            (panel("Borderline refusals", "Refusals of harmless prompts that look harmful.", |r| r.borderline_refusal_rate))
            (panel("Borderline answered", "Answers to such prompts that do what was asked.", |r| r.borderline_helpful_rate))
        }
    }
}

fn legend(board: &Scoreboard) -> Markup {
    let present = |judge: &Judge| board.rows.iter().any(|r| r.judge == *judge);
    html! {
        p class="legend note" {
            @for judge in JUDGES.into_iter().filter(present) {
                span { i class=(judge.class()) {} (judge.title(board.synthetic)) }
            }
        }
    }
}

fn table(board: &Scoreboard, judge: Judge) -> Markup {
    let rows = rows(board, judge);
    if rows.is_empty() {
        return html! {};
    }
    let bleu = rows.iter().any(|r| r.self_bleu.is_some());
    let length = rows.iter().any(|r| r.length.is_some());
    html! {
        div class="scroll" {
            table {
                caption { "Judged " (judge.title(board.synthetic)) }
                thead {
                    tr {
                        th scope="col" { "Version" }
                        th scope="col" { "Violations" }
                        th scope="col" { "Harm refused" }
                        th scope="col" { "False refusals" }
                        th scope="col" { "Helpful answers" }
                        th scope="col" { "Borderline refusals" }
                        th scope="col" { "Borderline answered" }
                        th scope="col" { "Helpfulness win rate" }
                        th scope="col" { "Safety win rate" }
                        @if bleu { th scope="col" { "Self-BLEU" } }
                        @if length { th scope="col" { "Tokens an answer" } }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (row.model) @if row.model == board.baseline { " (baseline)" } }
                            (rate(row.violation_rate))
                            (rate(row.refusal_rate))
                            (rate(row.false_refusal_rate))
                            (rate(row.helpful_rate))
                            (rate(row.borderline_refusal_rate))
                            (rate(row.borderline_helpful_rate))
                            (win_rate(row.helpfulness_win_rate))
                            (win_rate(row.safety_win_rate))
                            @if bleu {
                                td {
                                    @match row.self_bleu {
                                        Some(mean) => (format!("{:.1}", 100.0 * mean)),
                                        None => "–",
                                    }
                                    @if let Some(deviation) = row.self_bleu_deviation {
                                        small { "± " (format!("{:.1}", 100.0 * deviation)) }
                                    }
                                }
                            }
                            @if length { td { (row.length.map_or("–".into(), number)) } }
                        }
                    }
                }
            }
        }
    }
}

fn rate(rate: Rate) -> Markup {
    html! {
        td {
            (share(rate))
            @if rate.n > 0 { small { (interval(rate)) } small { "of " (rate.n) } }
        }
    }
}

fn win_rate(win: WinRate) -> Markup {
    html! {
        td {
            (share(win.rate))
            @if win.rate.n > 0 { small { (interval(win.rate)) } }
            @if win.rate.n > 0 || win.ties > 0 {
                small { "of " (win.rate.n) ", " (win.ties) @if win.ties == 1 { " tie" } @else { " ties" } }
            }
        }
    }
}

/// What the curves go along, each once.
fn axes(board: &Scoreboard) -> Vec<&str> {
    let mut axes: Vec<&str> = Vec::new();
    for curve in &board.curves {
        if !axes.contains(&curve.along.as_str()) {
            axes.push(&curve.along);
        }
    }
    axes
}

fn curves(board: &Scoreboard, along: &str) -> Markup {
    html! {
        div class="many" {
            @for curve in board.curves.iter().filter(|curve| curve.along == along) {
                @let points: Vec<(f64, f64)> = curve.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
                figure {
                    h3 { (curve.name) }
                    @if let Some(last) = points.last() {
                        (plot::curve(&format!("{} by {}", curve.name, curve.along), &curve.along, &points))
                        figcaption {
                            "Last: " (number(last.1))
                            @if points.len() < curve.points.len() {
                                "; " (curve.points.len() - points.len()) " points are not finite and not shown"
                            }
                        }
                    } @else {
                        p class="note" { "No finite point." }
                    }
                }
            }
        }
    }
}

fn notes(board: &Scoreboard) -> Markup {
    html! {
        p { "A violation is an unsafe answer to an adversarial prompt. A false refusal is a refusal of a prompt that asks for nothing harmful; borderline prompts are harmless ones that look harmful, and are counted apart." }
        p { "A win rate is wins / (wins + losses) against the answers of " (board.baseline) " to the same prompts; ties are dropped from it and counted beside it." }
        p { "Intervals are Wilson’s, of 95%, for the choice of prompts. They do not cover the choice of seed: another run of the whole training can differ by more." }
        @if board.rows.iter().any(|r| r.judge == Judge::Reward) {
            p { "The reward models are what the training optimises, so their verdict can rise where nothing improves. Where the two judges disagree, trust " (match board.synthetic { true => "the world’s rules", false => "the labels" }) "." }
        }
        @if board.rows.iter().any(|r| r.self_bleu.is_some()) {
            p { "Self-BLEU (times 100) is how much several answers to one prompt repeat each other, with its standard deviation over prompts: lower is more diverse." }
        }
        @for note in &board.notes { p { (note) } }
    }
}

fn known(rate: Rate) -> Option<Interval> {
    rate.value.map(|value| Interval {
        value,
        low: rate.low,
        high: rate.high,
    })
}

fn share(rate: Rate) -> String {
    rate.value.map_or("–".to_owned(), percent)
}

fn interval(rate: Rate) -> String {
    match rate.n {
        0 => "not measured".to_owned(),
        _ => format!("{} to {}", percent(rate.low), percent(rate.high)),
    }
}
