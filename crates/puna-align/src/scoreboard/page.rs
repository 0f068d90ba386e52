//! The scoreboard as one HTML page (paper Figure 11 and the tables behind it).

use super::tables::{instructions_held, numbers};
use super::{Judge, Rate, Row, Scoreboard};
use crate::page::frame::{number, percent};
use crate::page::plot::{self, Dots, Interval, Version};
use crate::page::{interval, page, share};
use maud::{Markup, html};

/// The judges in the page's order.
const JUDGES: [Judge; 2] = [Judge::World, Judge::Reward];

impl Judge {
    fn class(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Reward => "reward",
        }
    }

    pub(super) fn title(self, synthetic: bool) -> &'static str {
        match (self, synthetic) {
            (Self::World, true) => "by the world’s rules",
            (Self::World, false) => "by known labels",
            (Self::Reward, _) => "by the reward models",
        }
    }
}

/// The page, whole.
pub(super) fn render(board: &Scoreboard) -> String {
    let header = html! {
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
        @if !board.alarms.is_empty() {
            div class="caution" {
                p { "PPO cried out:" }
                ul { @for alarm in &board.alarms { li { (alarm) } } }
            }
        }
        (headline(board))
    };
    let main = html! {
        @if !board.versions.is_empty() {
            section {
                h2 { "The versions" }
                dl class="versions" {
                    @for (name, what) in &board.versions { dt { (name) } dd { (what) } }
                }
            }
        }
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
            @for judge in JUDGES { (numbers(board, judge)) }
        }
        @if !board.instructions_held.is_empty() {
            section {
                h2 { "Instructions that still hold" }
                (instructions_held(board))
            }
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
    };
    let footer = html! { p { "The rows of the tables are in " code { "scoreboard.json" } "." } };
    page(
        &format!("{} – scoreboard", board.title),
        &header,
        &main,
        &footer,
    )
}

/// The last version beside the baseline, by the judge that is right.
fn headline(board: &Scoreboard) -> Markup {
    let judge = JUDGES
        .into_iter()
        .find(|j| board.rows.iter().any(|r| r.judge == *j));
    let rows = judge.map(|j| board.rows_by(j)).unwrap_or_default();
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
        let rows = board.rows_by(judge);
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
                    helpful: Interval::of(row.helpfulness_win_rate.rate).or(even)?,
                    harmless: Interval::of(row.safety_win_rate.rate).or(even)?,
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
    let models = board.models();
    let panel = |title: &str, what: &str, of: fn(&Row) -> Rate| {
        let dots: Vec<Dots<'_>> = (models.iter())
            .map(|&name| {
                let of_judge = |judge: Judge| {
                    let row = board
                        .rows
                        .iter()
                        .find(|r| r.judge == judge && r.model == name)?;
                    Some((judge.class(), Interval::of(of(row))?))
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
    }
}
