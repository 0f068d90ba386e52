//! The scoreboard's plots as inline SVG: Figure 11 of the paper, rates with their intervals, and curves.
//!
//! Colours come from classes, so that the page's light and dark modes reach them.

use super::labels::labels;
use maud::{Markup, html};
use std::fmt::Write as _;

/// A version of the model on the plane of Figure 11; shares from 0 to 1.
pub(super) struct Version<'a> {
    pub name: &'a str,
    pub helpful: Interval,
    pub harmless: Interval,
    /// Drawn as a ring.
    pub baseline: bool,
}

/// A value and the interval around it.
#[derive(Clone, Copy)]
pub(super) struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Where a plot's axes lie in its own units.
struct Frame {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    foot: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        let room = self.width - self.left - self.right;
        round(self.left + room * place(value, self.x))
    }

    fn y(&self, value: f64) -> f64 {
        let room = self.height - self.top - self.foot;
        round(self.top + room * (1.0 - place(value, self.y)))
    }

    fn base(&self) -> f64 {
        self.height - self.foot
    }
}

fn place(value: f64, (from, to): (f64, f64)) -> f64 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// Helpfulness against harmlessness, version by version.
pub(super) fn plane(alt: &str, versions: &[Version<'_>]) -> Markup {
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
pub(super) struct Dots<'a> {
    pub name: &'a str,
    /// The judge's class, and its value.
    pub values: Vec<(&'static str, Interval)>,
}

/// Names of more characters than this are cut.
const LONGEST: usize = 16;

/// Rates on one scale from 0, a row for each model and a dot for each judge.
pub(super) fn dots(alt: &str, rows: &[Dots<'_>]) -> Markup {
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
pub(super) fn curve(alt: &str, along: &str, points: &[(f64, f64)]) -> Markup {
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

fn axes(frame: &Frame, across: &[f64], up: &[f64], write: fn(f64) -> String) -> Markup {
    html! {
        @for &tick in up {
            line class="grid" x1=(frame.left) x2=(frame.width - frame.right) y1=(frame.y(tick)) y2=(frame.y(tick)) {}
            text class="tick" x=(frame.left - 7.0) y=(frame.y(tick) + 4.0) text-anchor="end" { (write(tick)) }
        }
        @for &tick in across {
            line class="grid" x1=(frame.x(tick)) x2=(frame.x(tick)) y1=(frame.top) y2=(frame.base()) {}
            text class="tick" x=(frame.x(tick)) y=(frame.base() + 15.0) text-anchor="middle" { (write(tick)) }
        }
        line class="axis" x1=(frame.left) x2=(frame.width - frame.right) y1=(frame.base()) y2=(frame.base()) {}
        line class="axis" x1=(frame.left) x2=(frame.left) y1=(frame.top) y2=(frame.base()) {}
    }
}

/// Round numbers from at most `low` to at least `high`, about `count` steps apart.
fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return vec![low];
    }
    let rough = span / count as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = ([1.0, 2.0, 5.0].into_iter())
        .map(|s| s * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    // Of numbers far larger than their span no tick could be told from the next.
    if low.abs().max(high.abs()) > 1e12 * step {
        return vec![low, high];
    }
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

fn polyline(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(path, "{}{x} {y}", if i == 0 { 'M' } else { 'L' });
    }
    path
}

fn svg(alt: &str, frame: &Frame, content: &Markup) -> Markup {
    let box_ = format!("0 0 {} {}", frame.width, frame.height);
    html! {
        svg role="img" aria-label=(alt) viewBox=(box_) xmlns="http://www.w3.org/2000/svg" { (content) }
    }
}

/// 12%, 1.2%, 0.12%.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if (percent - percent.round()).abs() < 0.005 {
        return format!("{percent:.0}%");
    }
    match percent.abs() {
        p if p >= 1.0 => format!("{percent:.1}%"),
        _ => format!("{percent:.2}%"),
    }
}

/// A number with three digits or so.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let digits = (2 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// At most `limit` characters.
fn fit(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// A tenth of a unit is finer than any screen.
pub(super) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover() {
        assert_eq!(ticks(0.0, 1.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(0.3, 9.0, 4), [0.0, 5.0, 10.0]);
        assert_eq!(ticks(-1.0, 3.0, 4), [-1.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(ticks(2.0, 2.0, 4), [2.0]);
        assert_eq!(ticks(1e300, 1e300_f64.next_up(), 4).len(), 2);
        assert_eq!(ticks(f64::NAN, 1.0, 4).len(), 1);
    }

    #[test]
    fn numbers() {
        let of = |v: f64| number(v);
        assert_eq!(of(0.0), "0");
        assert_eq!(of(12.345), "12.3");
        assert_eq!(of(0.01234), "0.0123");
        assert_eq!(of(1234.5), "1234");
        assert_eq!(of(-2.0), "-2");
        assert_eq!(of(1e-9), "1.0e-9");
        assert_eq!(percent(0.123), "12.3%");
        assert_eq!(percent(0.5), "50%");
        assert_eq!(percent(0.0012), "0.12%");
    }
}
