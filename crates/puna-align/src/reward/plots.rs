//! The plots of a reward model: calibration (paper Figure 29) and the distribution of its scores (Figure 27).

use super::{Reliability, ScoreBins};
use crate::page::frame::{Frame, axes, number, percent, polyline, svg, ticks};
use crate::page::plot::Interval;
use crate::rate::Rate;
use maud::{Markup, html};

/// Where the axes of both lie.
fn frame(x: (f64, f64), y: (f64, f64)) -> Frame {
    Frame {
        width: 320.0,
        height: 260.0,
        left: 48.0,
        right: 22.0,
        top: 10.0,
        foot: 42.0,
        x,
        y,
    }
}

/// How often the answer that the model prefers is the chosen one, against how sure the model is; on the
/// dashed line both are the same.
pub(super) fn calibration(alt: &str, found: &Reliability) -> Markup {
    let bins: Vec<(f64, Interval, u64)> = (found.bins.iter())
        .filter_map(|bin| {
            let hits = (bin.observed * bin.n as f64).round() as u64;
            Some((bin.predicted, Interval::of(Rate::of(hits, bin.n))?, bin.n))
        })
        .collect();
    let least = bins.iter().map(|(_, seen, _)| seen.low).fold(0.5, f64::min);
    let low = (least * 10.0).floor() / 10.0;
    let frame = frame((0.5, 1.0), (low, 1.0));
    let up: Vec<f64> = ticks(low, 1.0, 5);
    let up: Vec<f64> = up.into_iter().filter(|tick| *tick >= low).collect();
    let at = |(sure, seen, _): &(f64, Interval, u64)| (frame.x(*sure), frame.y(seen.value));
    svg(
        alt,
        &frame,
        &html! {
            (axes(&frame, &[0.5, 0.6, 0.7, 0.8, 0.9, 1.0], &up, percent))
            line class="even" x1=(frame.x(0.5)) y1=(frame.y(0.5)) x2=(frame.x(1.0)) y2=(frame.y(1.0)) {}
            @for bin in &bins {
                @let (x, _) = at(bin);
                line class="interval" x1=(x) x2=(x) y1=(frame.y(bin.1.low)) y2=(frame.y(bin.1.high)) {}
            }
            path class="way" d=(polyline(bins.iter().map(at))) {}
            @for bin in &bins {
                @let (x, y) = at(bin);
                circle class="point" cx=(x) cy=(y) r="4.5" {
                    title { "sure to " (percent(bin.0)) ": right in " (percent(bin.1.value)) " of " (bin.2) }
                }
            }
            text class="name" x=(frame.left + (frame.width - frame.left - frame.right) / 2.0) y=(frame.height - 4.0) text-anchor="middle" { "how sure the model is" }
        },
    )
}

/// How many answers have which score, the chosen and the rejected side by side.
pub(super) fn distribution(alt: &str, scores: &ScoreBins) -> Markup {
    let most = scores.chosen.iter().chain(&scores.rejected).max();
    let up = ticks(0.0, most.copied().unwrap_or(0).max(1) as f64, 4);
    let bins = scores.chosen.len().max(1);
    let frame = frame((0.0, 1.0), (0.0, up.last().copied().unwrap_or(1.0)));
    let width = (frame.width - frame.left - frame.right) / bins as f64;
    let bar = |bin: usize, side: f64, class: &str, count: u64| {
        let top = frame.y(count as f64);
        html! {
            rect class=(class) x=(frame.left + width * (bin as f64 + 0.12 + 0.38 * side)) y=(top)
                width=(0.36 * width) height=(frame.base() - top) { title { (count) } }
        }
    };
    svg(
        alt,
        &frame,
        &html! {
            (axes(&frame, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0], &up, number))
            @for (bin, (&chosen, &rejected)) in scores.chosen.iter().zip(&scores.rejected).enumerate() {
                (bar(bin, 0.0, "world", chosen))
                (bar(bin, 1.0, "reward", rejected))
            }
            text class="name" x=(frame.left + (frame.width - frame.left - frame.right) / 2.0) y=(frame.height - 4.0) text-anchor="middle" { "score" }
        },
    )
}
