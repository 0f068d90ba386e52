//! What a long command tells while it works: a bar on a terminal, lines elsewhere, JSON lines for
//! machines.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between two lines of progress where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Where progress goes.
pub struct Reporter {
    json: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    log: Option<File>,
    stage: String,
    place: Option<Place>,
    task: Task,
    started: Instant,
    last_line: Option<Instant>,
    broken: bool,
}

/// Which stage of a run it is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number, from 1, as in the name of its directory.
    pub number: usize,
    /// Stages of the recipe.
    pub of: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage {} of {}", self.number, self.of)
    }
}

/// What is being counted.
#[derive(Default)]
struct Task {
    total: u64,
    done: u64,
    /// Where the count first stood, and when: the rate is of what this process saw.
    first: Option<(u64, Instant)>,
    unit: Cow<'static, str>,
    /// How many of another unit each counted one is worth, for the rate.
    rate: Option<(f64, &'static str)>,
}

impl Reporter {
    /// A reporter; with `json`, standard output carries JSON lines.
    pub fn new(json: bool) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        Self {
            json,
            terminal,
            bar: None,
            log: None,
            stage: String::new(),
            place: None,
            task: Task::default(),
            started: Instant::now(),
            last_line: None,
            broken: false,
        }
    }

    /// Whether standard output carries JSON lines.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A stage begins; its events also go to `log`.
    pub fn stage(&mut self, name: &str, what: &str, log: Option<File>) {
        self.finish_bar();
        (self.stage, self.log) = (name.into(), log);
        (self.started, self.last_line) = (Instant::now(), None);
        self.stage_event(json!({"status": "started"}));
        let place = self.prefix();
        self.line(&format!("{place}{name}: {what}"));
    }

    /// Which stage of a run the next one is, for all that is told of it.
    pub fn place(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// A stage need not be done.
    pub fn up_to_date(&mut self, name: &str) {
        self.stage = name.into();
        self.stage_event(json!({"status": "up to date"}));
        let place = self.prefix();
        self.line(&format!("{place}{name}: up to date"));
    }

    /// What stands before the name of a stage that begins.
    fn prefix(&self) -> String {
        self.place
            .map_or(String::new(), |place| format!("{place}, "))
    }

    /// A stage's event, with its place.
    fn stage_event(&mut self, mut fields: Value) {
        if let Some(Place { number, of }) = self.place {
            (fields["number"], fields["of"]) = (number.into(), of.into());
        }
        self.event("stage", fields);
    }

    /// The stage is done.
    pub fn stage_done(&mut self, metrics: &Map<String, Value>) {
        self.finish_bar();
        let seconds = self.started.elapsed().as_secs_f64();
        let seconds = (seconds * 1000.0).round() / 1000.0;
        self.stage_event(json!({
            "status": "complete", "seconds": seconds, "peak_rss_bytes": crate::machine::peak_rss(),
            "metrics": metrics,
        }));
        let numbers: Vec<String> = metrics.iter().filter_map(|(k, v)| figure(k, v)).collect();
        self.line(&format!(
            "{}: done in {}, {}",
            self.stage,
            clock(seconds),
            numbers.join(", ")
        ));
        self.log = None;
    }

    /// Something to count begins.
    pub fn begin(
        &mut self,
        total: u64,
        unit: impl Into<Cow<'static, str>>,
        rate: Option<(f64, &'static str)>,
    ) {
        self.finish_bar();
        self.task = Task {
            total,
            done: 0,
            first: None,
            unit: unit.into(),
            rate,
        };
        if self.terminal {
            let bar =
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:>10} {wide_bar} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(self.stage.clone());
            self.bar = Some(bar);
        }
    }

    /// The count stands at `done`; `values` say how it goes.
    pub fn progress(&mut self, done: u64, values: Value) {
        let (first, at) = *self.task.first.get_or_insert((done, Instant::now()));
        self.task.done = done;
        let (factor, unit) = match self.task.rate {
            Some((factor, unit)) => (factor, Cow::Borrowed(unit)),
            None => (1.0, self.task.unit.clone()),
        };
        let per_second =
            (done > first).then(|| (done - first) as f64 / at.elapsed().as_secs_f64().max(1e-9));
        let rate = per_second.map(|r| r * factor);
        let left = per_second.map(|r| self.task.total.saturating_sub(done) as f64 / r);
        let mut event = json!({
            "done": done, "total": self.task.total, "unit": self.task.unit,
            format!("{unit}_per_second"): rate.map(f64::round), "seconds_left": left.map(f64::round),
        });
        if let (Value::Object(event), Value::Object(values)) = (&mut event, &values) {
            event.extend(values.clone());
        }
        self.event("progress", event);
        let describe = || {
            let mut parts: Vec<String> = values
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| format!("{} {}", k.replace('_', " "), number(v)))
                .collect();
            if let (Some(rate), Some(left)) = (rate, left) {
                parts.push(format!("{} {unit}/s", si(rate)));
                parts.push(format!("{} left", clock(left)));
            }
            parts.join(", ")
        };
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(describe());
        } else if !self.json && self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            let counted = format!("{done}/{} {}", self.task.total, self.task.unit);
            let text = [counted, describe()].join(", ");
            self.line(&format!("{}: {}", self.stage, text.trim_end_matches(", ")));
        }
    }

    /// A line for people.
    pub fn line(&mut self, text: &str) {
        if self.json {
            return;
        }
        match &self.bar {
            Some(bar) => bar.println(text),
            // Nobody listens on standard error any more: that is no reason to stop.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    /// An object for machines and for the stage's log.
    pub fn event(&mut self, event: &str, fields: Value) {
        let mut object = json!({"event": event, "stage": self.stage});
        if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
            object.extend(fields);
        }
        if let Some(log) = &mut self.log {
            // The log is for people; a full disk shows where it matters.
            let _ = writeln!(log, "{object}");
        }
        if self.json && !self.broken {
            self.broken = writeln!(std::io::stdout(), "{object}").is_err();
        }
    }

    /// A checkpoint is safe on disk.
    pub fn checkpoint(&mut self, step: u64, path: &Path) {
        self.event("checkpoint", json!({"step": step, "path": path}));
    }

    /// The stage goes on from a checkpoint, behind so many of `unit`.
    pub fn resumed(&mut self, unit: &str, step: u64, path: &Path) {
        self.event("resumed", json!({"step": step, "path": path}));
        self.line(&format!("  going on from {unit} {step}"));
    }

    /// Something to look at; the stage goes on.
    pub fn warning(&mut self, what: &str) {
        self.event("warning", json!({"what": what}));
        self.line(&format!("  warning: {what}"));
    }

    fn finish_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.finish_bar();
    }
}

/// A duration in the two units that matter.
pub fn clock(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match s {
        _ if !seconds.is_finite() => "for ever".into(),
        _ if seconds < 10.0 => format!("{seconds:.1} s"),
        0..120 => format!("{s} s"),
        120..7200 => format!("{} min {} s", s / 60, s % 60),
        7200..172_800 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ if s < 3 * 31_557_600 => format!("{:.1} days", seconds / 86_400.0),
        _ => format!("{} years", si(seconds / 31_557_600.0)),
    }
}

/// A number with three digits and a prefix.
pub fn si(value: f64) -> String {
    let steps = [
        (1e21, " Z"),
        (1e18, " E"),
        (1e15, " P"),
        (1e12, " T"),
        (1e9, " G"),
        (1e6, " M"),
        (1e3, " k"),
    ];
    let (value, prefix) = steps
        .into_iter()
        .find(|(size, _)| value >= *size)
        .map_or((value, ""), |(size, prefix)| (value / size, prefix));
    let digits = if value >= 100.0 || (prefix.is_empty() && value.fract() == 0.0) {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{prefix}")
}

/// Bytes in binary units.
pub fn bytes(value: u64) -> String {
    let steps = [
        (1u64 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    match steps.into_iter().find(|(size, _)| value >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", value as f64 / size as f64),
        None => format!("{value} B"),
    }
}

/// A metric with its name, for people; none if it is neither a number nor a word.
pub fn figure(name: &str, value: &Value) -> Option<String> {
    let told = value.is_number() || value.is_string();
    told.then(|| format!("{} {}", name.replace('_', " "), number(value)))
}

/// A metric as people read it.
fn number(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => {
            let v = n.as_f64().unwrap_or_default();
            if v != 0.0 && v.abs() < 0.01 {
                format!("{v:.2e}")
            } else {
                format!("{v:.3}")
            }
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(clock(3.24), "3.2 s");
        assert_eq!(clock(119.0), "119 s");
        assert_eq!(clock(601.0), "10 min 1 s");
        assert_eq!(clock(3600.0 * 5.5), "5 h 30 min");
        assert_eq!(clock(86_400.0 * 30.0), "30.0 days");
        assert_eq!(clock(31_557_600.0 * 12_300.0), "12.3 k years");
        assert_eq!(clock(f64::INFINITY), "for ever");
        assert_eq!(si(2e12), "2.00 T");
        assert_eq!(si(476_837.0), "477 k");
        assert_eq!(si(7.0), "7");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
        assert_eq!(bytes(12), "12 B");
    }
}
