//! What all plots are drawn with: where their axes lie, ticks, and numbers for people.
//!
//! Colours come from classes, so that the page's light and dark modes reach them.

use maud::{Markup, html};
use std::fmt::Write as _;

/// Where a plot's axes lie in its own units.
pub(crate) struct Frame {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub foot: f64,
    pub x: (f64, f64),
    pub y: (f64, f64),
}

impl Frame {
    /// Where a value lies from left to right; values beyond the ends lie on them.
    pub(crate) fn x(&self, value: f64) -> f64 {
        let room = self.width - self.left - self.right;
        round(self.left + room * place(value, self.x))
    }

    /// The same from top to bottom.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let room = self.height - self.top - self.foot;
        round(self.top + room * (1.0 - place(value, self.y)))
    }

    /// Where the lower axis lies.
    pub(crate) fn base(&self) -> f64 {
        self.height - self.foot
    }
}

fn place(value: f64, (from, to): (f64, f64)) -> f64 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// Grid, axes and the ticks' numbers.
pub(crate) fn axes(frame: &Frame, across: &[f64], up: &[f64], write: fn(f64) -> String) -> Markup {
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
pub(crate) fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
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

/// The path through points.
pub(crate) fn polyline(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(path, "{}{x} {y}", if i == 0 { 'M' } else { 'L' });
    }
    path
}

/// A plot that says in words what it shows.
pub(crate) fn svg(alt: &str, frame: &Frame, content: &Markup) -> Markup {
    let box_ = format!("0 0 {} {}", frame.width, frame.height);
    html! {
        svg role="img" aria-label=(alt) viewBox=(box_) xmlns="http://www.w3.org/2000/svg" { (content) }
    }
}

/// 12%, 1.2%, 0.12%.
pub(crate) fn percent(share: f64) -> String {
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
pub(crate) fn number(value: f64) -> String {
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
pub(crate) fn fit(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// A tenth of a unit is finer than any screen.
pub(crate) fn round(value: f64) -> f64 {
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
