//! One JSON line a step, in a file that a resumed run continues as if it had never stopped.

use crate::error::{Error, Result};
use crate::trainer::Validation;
use puna_text::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A step's line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// The step, from 1.
    pub step: u64,
    /// Rows trained on so far.
    pub tokens: u64,
    /// Mean loss of the step, nats.
    pub loss: f64,
    /// Learning rate.
    pub lr: f64,
    /// Global norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Rows of this step by its seconds: the only figure that differs between equal runs.
    pub tokens_per_second: f64,
}

/// A validation's line.
#[derive(Serialize)]
struct ValidationLine<'a> {
    step: u64,
    validation: &'a Validation,
}

/// What any line has.
#[derive(Deserialize)]
struct AnyLine {
    step: u64,
}

/// A file of JSON lines, each with the `step` it is about.
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Opens the file and drops what stands behind a step: those steps will be done again.
    pub fn open(path: &Path, step: u64) -> Result<Self> {
        let old = match fs::read_to_string(path) {
            Ok(old) => old,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io("read", path)(e)),
        };
        // A crash may have cut the last line.
        let done =
            |line: &&str| serde_json::from_str::<AnyLine>(line).is_ok_and(|l| l.step <= step);
        let kept: String = old.split_inclusive('\n').take_while(done).collect();
        if kept != old || !path.exists() {
            write_atomically(path, kept.as_bytes())?;
        }
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(Error::io("open", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    /// Appends a step's line.
    pub fn step(&mut self, metrics: &StepMetrics) -> Result<()> {
        self.line(metrics)
    }

    /// Appends a validation's line.
    pub fn validation(&mut self, validation: &Validation) -> Result<()> {
        self.line(&ValidationLine {
            step: validation.step,
            validation,
        })
    }

    /// Appends a line, which must have a field `step`.
    pub fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let mut json =
            serde_json::to_vec(line).map_err(|e| Error::format(&self.path, e.to_string()))?;
        json.push(b'\n');
        self.file
            .write_all(&json)
            .map_err(Error::io("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_checkpoint_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let line = |step| StepMetrics {
            step,
            tokens: 8 * step,
            loss: 1.0,
            lr: 0.1,
            grad_norm: 2.0,
            tokens_per_second: 1.0,
        };
        let mut log = MetricsLog::open(&path, 0).unwrap();
        (1..=5).for_each(|step| log.step(&line(step)).unwrap());
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"step\":6,\"tok")).unwrap();
        let mut log = MetricsLog::open(&path, 3).unwrap();
        (4..=5).for_each(|step| log.step(&line(step)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }
}
