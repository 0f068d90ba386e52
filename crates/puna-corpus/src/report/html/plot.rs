//! Plots as inline SVG: bars, a waterfall, a histogram and ratios, on linear and log scales.
//!
//! Colours come from classes, so that the page's light and dark modes reach them.

use maud::{Markup, html};

/// Width of every plot in its own units; the page scales it.
const WIDTH: f64 = 760.0;
/// Room for labels on the left.
const LEFT: f64 = 200.0;
/// Room for values on the right.
const RIGHT: f64 = 150.0;
/// Height of a row.
const ROW: f64 = 24.0;

/// One row of bars.
pub(super) struct Bar {
    /// On the left.
    pub label: String,
    /// Where each piece begins and ends, and its style: `plain`, `kept`, `lost`, `even`.
    pub pieces: Vec<(f64, f64, &'static str)>,
    /// On the right of the last.
    pub value: String,
}

/// How values become lengths.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// From 0 to the largest.
    Linear {
        /// The value at the right end.
        max: f64,
    },
    /// Powers of ten.
    Log {
        /// The value at the left end.
        min: f64,
        /// The value at the right end.
        max: f64,
    },
}

impl Scale {
    /// A log scale over whole powers of ten around these values; those at or under 0 do not count.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|&value| value > 0.0) {
            min = min.min(value);
            max = max.max(value);
        }
        if min > max {
            (min, max) = (0.1, 1.0);
        }
        let (low, high) = (min.log10().floor(), max.log10().ceil());
        let low = if low < high { low } else { low - 1.0 };
        Self::Log {
            min: 10f64.powf(low),
            max: 10f64.powf(high),
        }
    }

    /// Where a value lies, from 0 to 1.
    fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { max } => value / max.max(f64::MIN_POSITIVE),
            Self::Log { min, max } => {
                (value.max(min) / min).log10() / (max / min).log10().max(f64::MIN_POSITIVE)
            }
        };
        place.clamp(0.0, 1.0)
    }

    /// Whole powers of ten on a log scale.
    fn decades(self) -> Vec<f64> {
        match self {
            Self::Linear { .. } => Vec::new(),
            Self::Log { min, max } => {
                let (low, high) = (min.log10().round() as i32, max.log10().round() as i32);
                let step = 1 + (high - low) / 8;
                (low..=high)
                    .step_by(step.max(1) as usize)
                    .map(|power| 10f64.powi(power))
                    .collect()
            }
        }
    }
}

/// Horizontal bars. `tick` writes the value of a grid line.
pub(super) fn bars(alt: &str, bars: &[Bar], scale: Scale, tick: fn(f64) -> String) -> Markup {
    let grid = scale.decades();
    let foot = if grid.is_empty() { 4.0 } else { 26.0 };
    let height = bars.len() as f64 * ROW + foot;
    let room = WIDTH - LEFT - RIGHT;
    let x = |value: f64| LEFT + room * scale.place(value);
    // On a log scale a piece can have something and yet no length: the smallest of all.
    let drawn = |&&(from, to, _): &&(f64, f64, _)| to > from || (!grid.is_empty() && to > 0.0);
    svg(
        alt,
        height,
        &html! {
            @for &line in &grid {
                line class="grid" x1=(x(line)) x2=(x(line)) y1="0" y2=(height - foot + 4.0) {}
                text class="tick" x=(x(line)) y=(height - 6.0) text-anchor="middle" { (tick(line)) }
            }
            @for (i, bar) in bars.iter().enumerate() {
                @let y = i as f64 * ROW;
                text class="label" x=(LEFT - 10.0) y=(y + 16.5) text-anchor="end" {
                    (fit(&bar.label, 28))
                }
                @for &(from, to, class) in bar.pieces.iter().filter(drawn) {
                    rect class=(class) x=(round(x(from))) y=(y + 4.0) rx="2"
                        width=(round((x(to) - x(from)).max(2.0))) height=(ROW - 8.0) {}
                }
                @let end = bar.pieces.iter().fold(LEFT, |end, piece| x(piece.1).max(end));
                text class="value" x=(round(end + 8.0)) y=(y + 16.5) { (bar.value) }
            }
        },
    )
}

/// One column of a histogram.
pub(super) struct Column {
    /// Under it, where it is not empty.
    pub label: String,
    /// Its height; none is drawn at 0.
    pub value: f64,
    /// What a reader who points at it sees.
    pub title: String,
    /// Style.
    pub class: &'static str,
}

/// Columns on a log scale. `tick` writes the value of a grid line.
pub(super) fn histogram(alt: &str, columns: &[Column], tick: fn(f64) -> String) -> Markup {
    let scale = Scale::log(columns.iter().map(|column| column.value));
    let (left, top, foot, height) = (64.0, 12.0, 40.0, 280.0);
    let room = WIDTH - left - 12.0;
    let step = room / columns.len().max(1) as f64;
    let base = height - foot;
    let y = |value: f64| base - (base - top) * scale.place(value);
    svg(
        alt,
        height,
        &html! {
            @for &line in &scale.decades() {
                line class="grid" x1=(left) x2=(WIDTH - 12.0) y1=(round(y(line))) y2=(round(y(line))) {}
                text class="tick" x=(left - 8.0) y=(round(y(line) + 4.0)) text-anchor="end" { (tick(line)) }
            }
            @for (i, column) in columns.iter().enumerate() {
                @let x = left + step * i as f64;
                @if column.value > 0.0 {
                    // The lowest decade would have no height: every column gets a little.
                    @let top = y(column.value).min(base - 3.0);
                    rect class=(column.class) x=(round(x + 1.5)) y=(round(top)) rx="2"
                        width=(round(step - 3.0)) height=(round(base - top)) {
                        title { (column.title) }
                    }
                }
                @if !column.label.is_empty() {
                    text class="tick" x=(round(x)) y=(base + 16.0) text-anchor="middle" { (column.label) }
                }
            }
            line class="axis" x1=(left) x2=(WIDTH - 12.0) y1=(base) y2=(base) {}
            text class="tick" x=(WIDTH - 12.0) y=(base + 16.0) text-anchor="end" { "1" }
            text class="tick" x=(left + room / 2.0) y=(height - 4.0) text-anchor="middle" { "toxicity score" }
        },
    )
}

/// A row of the plot of ratios: a heading, or a ratio with the interval it may lie in.
pub(super) struct Ratio {
    /// On the left.
    pub label: String,
    /// Whether it heads the rows below it.
    pub head: bool,
    /// The ratio, the ends of its interval, whether it differs from 1 beyond chance, and what
    /// stands on the right; none for a heading.
    pub value: Option<(f64, f64, f64, bool, String)>,
}

/// Ratios on a log scale around 1.
pub(super) fn ratios(alt: &str, rows: &[Ratio]) -> Markup {
    let reach = rows
        .iter()
        .filter_map(|row| row.value.as_ref())
        .filter(|(value, ..)| *value > 0.0)
        .map(|&(value, low, high, ..)| {
            // Intervals may run off the plot, but not by much.
            let span = value.max(1.0 / value);
            span.max(high.min(2.0 * span))
                .max((1.0 / low).min(2.0 * span))
        })
        .fold(2.0, f64::max)
        .clamp(2.0, 64.0);
    let steps = (reach.log2().ceil() as i32).max(1);
    let scale = Scale::Log {
        min: 2f64.powi(-steps),
        max: 2f64.powi(steps),
    };
    let room = WIDTH - LEFT - RIGHT;
    let x = |value: f64| round(LEFT + room * scale.place(value));
    let (top, foot) = (24.0, 26.0);
    let height = rows.len() as f64 * ROW + top + foot;
    let one = x(1.0);
    svg(
        alt,
        height,
        &html! {
            text class="tick" x=(one - 10.0) y="13" text-anchor="end" { "← loses less" }
            text class="tick" x=(one + 10.0) y="13" { "loses more →" }
            @for power in -steps..=steps {
                @let value = 2f64.powi(power);
                line class=(if power == 0 { "axis" } else { "grid" }) x1=(x(value)) x2=(x(value))
                    y1=(top - 4.0) y2=(height - foot + 4.0) {}
                text class="tick" x=(x(value)) y=(height - 6.0) text-anchor="middle" {
                    @if power < 0 { "1/" (2f64.powi(-power)) "×" } @else { (value) "×" }
                }
            }
            @for (i, row) in rows.iter().enumerate() {
                @let y = i as f64 * ROW + top;
                text class=(if row.head { "label head" } else { "label" }) x=(LEFT - 10.0) y=(y + 16.5) text-anchor="end" { (fit(&row.label, 28)) }
                @if let Some((value, low, high, differs, text)) = &row.value {
                    @let class = class(*value, *differs);
                    @let middle = y + ROW / 2.0;
                    line class=(format!("whisker {class}")) x1=(x(*low)) x2=(x(*high)) y1=(middle) y2=(middle) {}
                    @if *value > 0.0 {
                        circle class=(class) cx=(x(*value)) cy=(middle) r="5" {}
                    } @else {
                        // Nothing lost lies infinitely far to the left.
                        path class=(class) d=(format!("M{} {middle}l10 -5v10z", x(0.0) - 5.0)) {}
                    }
                    text class="value" x=(WIDTH - RIGHT + 12.0) y=(y + 16.5) { (text) }
                }
            }
        },
    )
}

fn class(ratio: f64, differs: bool) -> &'static str {
    match differs {
        false => "even",
        true if ratio > 1.0 => "more",
        true => "less",
    }
}

/// A legend: squares in the colours of pieces, with their names.
pub(super) fn legend(entries: &[(&str, &str)]) -> Markup {
    html! {
        p class="legend" {
            @for (class, name) in entries { span { i class=(class) {} (name) } }
        }
    }
}

fn svg(alt: &str, height: f64, content: &Markup) -> Markup {
    html! {
        div class="plot" {
            svg role="img" aria-label=(alt) viewBox=(format!("0 0 {WIDTH} {height}")) xmlns="http://www.w3.org/2000/svg" {
                (content)
            }
        }
    }
}

/// At most `limit` characters.
pub(super) fn fit(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// A tenth of a unit is finer than any screen.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
