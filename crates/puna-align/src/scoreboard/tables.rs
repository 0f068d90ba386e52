//! The page's tables.

use super::{Judge, Rate, Scoreboard, WinRate};
use crate::page::frame::number;
use crate::page::{interval, share};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Every version as one judge sees it.
pub(super) fn numbers(board: &Scoreboard, judge: Judge) -> Markup {
    let rows = board.rows_by(judge);
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

/// In what share of the conversations an instruction still holds, by version and turn.
pub(super) fn instructions_held(board: &Scoreboard) -> Markup {
    let held = &board.instructions_held;
    let turns: BTreeSet<usize> = held
        .values()
        .flat_map(|turns| turns.keys())
        .copied()
        .collect();
    html! {
        p {
            "An instruction such as “Begin every answer with …” is given once, before the first question. "
            "This is the share of answers that still keep it at a later turn, of all conversations that reach that turn. Ghost Attention trains for it."
        }
        div class="scroll" {
            table {
                thead {
                    tr {
                        th scope="col" { "Version" }
                        @for turn in &turns { th scope="col" { "Turn " (turn) } }
                    }
                }
                tbody {
                    @for model in board.models() {
                        @if let Some(of_model) = held.get(model) {
                            tr {
                                th scope="row" { (model) @if model == board.baseline { " (baseline)" } }
                                @for turn in &turns { (rate(of_model.get(turn).copied().unwrap_or(Rate::UNKNOWN))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
