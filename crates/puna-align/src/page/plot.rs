//! Plots as inline SVG: Figure 11 of the paper, rates with their intervals, and curves.

use super::frame::{Frame, axes, fit, number, percent, polyline, svg, ticks};
use super::labels::labels;
use crate::rate::Rate;
use maud::{Markup, html};

/// A version of the model on the plane of Figure 11; shares from 0 to 1.
pub(crate) struct Version<'a> {
    pub name: &'a str,
    pub helpful: Interval,
    pub harmless: Interval,
    /// Drawn as a ring.
    pub baseline: bool,
}

/// A value and the interval around it.
#[derive(Clone, Copy)]
pub(crate) struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// That of a rate; none of no cases.
    pub(crate) fn of(rate: Rate) -> Option<Self> {
        rate.value.map(|value| Self {
            value,
            low: rate.low,
            high: rate.high,
        })
    }
}

/// Helpfulness against harmlessness, version by version.
pub(crate) fn plane(alt: &str, versions: &[Version<'_>]) -> Markup {
    let frame = Frame {
        width: 400.0,
        height: 390.0,
        left: 50.0,
        right: 14.0,
        top: 12.0,
        foot: 46.0,
        x: around(versions.iter().map(|v| v.helpful)),
        y: around(versions.iter().map(|v| v.harmless)),
    };
    let at = |v: &Version<'_>| (frame.x(v.helpful.value), frame.y(v.harmless.value));
    let path = polyline(versions.iter().map(at));
    let labelled = |names: &[String]| {
        let named: Vec<_> = (versions.iter().zip(names))
            .map(|(v, name)| (at(v), name.as_str()))
            .collect();
        labels(
            &named,
            (frame.left, frame.width - 4.0),
            (frame.top, frame.base()),
        )
    };
    let mut names: Vec<String> = versions.iter().map(|v| v.name.to_owned()).collect();
    let (mut places, worst) = labelled(&names);
    // Where the names would cover each other, numbers stand for them.
    let numbered = worst > 0.12;
    if numbered {
        names = (1..=versions.len()).map(|i| i.to_string()).collect();
        places = labelled(&names).0;
    }
    let last = versions.len().saturating_sub(1);
    let plot = svg(
        alt,
        &frame,
        &html! {
            (axes(&frame, &tenths(frame.x), &tenths(frame.y), percent))
            @if frame.x.0 < 0.5 { line class="even" x1=(frame.x(0.5)) x2=(frame.x(0.5)) y1=(frame.top) y2=(frame.base()) {} }
            @if frame.y.0 < 0.5 { line class="even" x1=(frame.left) x2=(frame.width - frame.right) y1=(frame.y(0.5)) y2=(frame.y(0.5)) {} }
            text class="name" x=(frame.left + (frame.width - frame.left - frame.right) / 2.0) y=(frame.height - 6.0) text-anchor="middle" { "helpfulness: win rate" }
            text class="name" transform=(format!("translate(13 {}) rotate(-90)", frame.top + (frame.base() - frame.top) / 2.0)) text-anchor="middle" { "harmlessness: win rate" }
            @for v in versions {
                @let (x, y) = at(v);
                line class="interval" x1=(frame.x(v.helpful.low)) x2=(frame.x(v.helpful.high)) y1=(y) y2=(y) {}
                line class="interval" x1=(x) x2=(x) y1=(frame.y(v.harmless.low)) y2=(frame.y(v.harmless.high)) {}
            }
            path class="way" d=(path) {}
            @for (i, v) in versions.iter().enumerate() {
                @let (x, y) = at(v);
                circle class=(if v.baseline { "point ring" } else { "point" }) cx=(x) cy=(y) r=(if i == last { 6.5 } else { 5.0 }) {
                    title {
                        (v.name) ": helpfulness " (percent(v.helpful.value)) " (" (percent(v.helpful.low)) " to " (percent(v.helpful.high))
                        "), harmlessness " (percent(v.harmless.value)) " (" (percent(v.harmless.low)) " to " (percent(v.harmless.high)) ")"
                    }
                }
            }
            @for (name, (x, y, anchor)) in names.iter().zip(places) {
                text class="label" x=(x) y=(y) text-anchor=(anchor) { (name) }
            }
        },
    );
    html! {
        (plot)
        @if numbered {
            p class="key note" {
                @for (number, v) in (1..).zip(versions) { span { b { (number) } " " (v.name) } " " }
            }
        }
    }
}

/// The tenths around all intervals, with a half among them.
fn around(intervals: impl Iterator<Item = Interval>) -> (f64, f64) {
    let (mut from, mut to) = (0.5, 0.5);
    for Interval { low, high, .. } in intervals {
        from = low.min(from);
        to = high.max(to);
    }
    // A little room, so that no point lies on an axis.
    let low = ((from - 0.02) * 10.0).floor() / 10.0;
    let high = ((to + 0.02) * 10.0).ceil() / 10.0;
    (low.max(0.0), high.min(1.0))
}

fn tenths((from, to): (f64, f64)) -> Vec<f64> {
    let (from, to) = ((from * 10.0).round() as i32, (to * 10.0).round() as i32);
    let step = if to - from > 6 { 2 } else { 1 };
    (from..=to)
        .filter(|tenth| tenth % step == 0)
        .map(|tenth| f64::from(tenth) / 10.0)
        .collect()
}

/// A share of the baseline's, for one model as several judges see it.
pub(crate) struct Dots<'a> {
    pub name: &'a str,
    /// The judge's class, and its value.
    pub values: Vec<(&'static str, Interval)>,
}

/// Names of more characters than this are cut.
const LONGEST: usize = 16;

/// Rates on one scale from 0, a row for each model and a dot for each judge.
pub(crate) fn dots(alt: &str, rows: &[Dots<'_>]) -> Markup {
    let highs = rows.iter().flat_map(|r| r.values.iter().map(|v| v.1.high));
    let most = highs.fold(0.02, f64::max).min(1.0);
    let ticks = ticks(0.0, most, 4);
    let row = 30.0;
    let longest = rows.iter().map(|r| r.name.chars().count().min(LONGEST));
    let left = 22.0 + 7.0 * longest.max().unwrap_or(0) as f64;
    let frame = Frame {
        width: 222.0 + left,
        height: 34.0 + row * rows.len() as f64,
        left,
        right: 48.0,
        top: 4.0,
        foot: 30.0,
        x: (0.0, ticks.last().copied().unwrap_or(1.0).max(most)),
        y: (0.0, 1.0),
    };
    svg(
        alt,
        &frame,
        &html! {
            @for &tick in &ticks {
                line class="grid" x1=(frame.x(tick)) x2=(frame.x(tick)) y1=(frame.top) y2=(frame.base()) {}
                text class="tick" x=(frame.x(tick)) y=(frame.base() + 17.0) text-anchor="middle" { (percent(tick)) }
            }
            @for (i, dots) in rows.iter().enumerate() {
                @let middle = frame.top + row * (i as f64 + 0.5);
                text class="label" x=(frame.left - 10.0) y=(middle + 4.0) text-anchor="end" { (fit(dots.name, LONGEST)) }
                @for (j, (class, value)) in dots.values.iter().enumerate() {
                    @let y = middle + 12.0 * (j as f64 - (dots.values.len() as f64 - 1.0) / 2.0);
                    line class=(format!("whisker {class}")) x1=(frame.x(value.low)) x2=(frame.x(value.high)) y1=(y) y2=(y) {}
                    circle class=(class) cx=(frame.x(value.value)) cy=(y) r="4.5" {}
                    text class="tick" x=(frame.x(value.high) + 7.0) y=(y + 4.0) { (percent(value.value)) }
                }
            }
        },
    )
}

/// A line through points, which all are finite.
pub(crate) fn curve(alt: &str, along: &str, points: &[(f64, f64)]) -> Markup {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        })
    };
    let (from, to) = range(&mut points.iter().map(|p| p.0));
    let (low, high) = range(&mut points.iter().map(|p| p.1));
    let across = ticks(low, high, 4);
    let apart = |low: f64, high: f64| {
        if low < high {
            (low, high)
        } else {
            (low - 1.0, low + 1.0)
        }
    };
    let ends = |ticks: &[f64], low: f64, high: f64| {
        let first = ticks.first().map_or(low, |t| t.min(low));
        apart(first, ticks.last().map_or(high, |t| t.max(high)))
    };
    let frame = Frame {
        width: 300.0,
        height: 180.0,
        left: 48.0,
        right: 12.0,
        top: 10.0,
        foot: 38.0,
        x: apart(from, to),
        y: ends(&across, low, high),
    };
    let along_ticks: Vec<f64> = (ticks(from, to, 5).into_iter())
        .filter(|t| (frame.x.0..=frame.x.1).contains(t))
        .collect();
    svg(
        alt,
        &frame,
        &html! {
            (axes(&frame, &along_ticks, &across, number))
            text class="name" x=(frame.left + (frame.width - frame.left - frame.right) / 2.0) y=(frame.height - 4.0) text-anchor="middle" { (along) }
            path class="way" d=(polyline(points.iter().map(|&(x, y)| (frame.x(x), frame.y(y))))) {}
            @if let [(x, y)] = points { circle class="point" cx=(frame.x(*x)) cy=(frame.y(*y)) r="4" {} }
        },
    )
}
