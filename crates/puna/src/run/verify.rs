//! Every output of a run, hashed again.

use super::manifest::{Manifest, Status};
use anyhow::{Context, Result, bail};
use puna_text::hash;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What was found in a stage.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The stage's directory.
    pub stage: String,
    /// Files compared.
    pub files: usize,
    /// What is not as recorded, a sentence each.
    pub problems: Vec<String>,
}

/// Compares every output of every finished stage of a run (or of one stage) with its record.
pub fn verify(path: &Path) -> Result<Vec<Finding>> {
    let mut stages: Vec<PathBuf> = Vec::new();
    if Manifest::read(path)?.is_some() {
        stages.push(path.to_path_buf());
    } else {
        let reading = || format!("cannot read the run {}", path.display());
        for entry in fs::read_dir(path).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            if entry.path().is_dir() && Manifest::read(&entry.path())?.is_some() {
                stages.push(entry.path());
            }
        }
        // `latest` is a link into one of them.
        stages.retain(|stage| !stage.is_symlink());
        stages.sort();
    }
    if stages.is_empty() {
        bail!(
            "{} is not a run: no stage in it has a record",
            path.display()
        );
    }
    stages.iter().map(|stage| check(stage)).collect()
}

fn check(dir: &Path) -> Result<Finding> {
    let stage = dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut finding = Finding {
        stage,
        files: 0,
        problems: Vec::new(),
    };
    let Some(manifest) = Manifest::read(dir)? else {
        return Ok(finding);
    };
    if manifest.status != Status::Complete {
        return Ok(finding);
    }
    for (name, output) in &manifest.outputs {
        finding.files += 1;
        let path = dir.join(name);
        let problem = match fs::metadata(&path) {
            Err(_) => "is missing".into(),
            Ok(meta) if meta.len() != output.size => {
                format!("has {} bytes instead of {}", meta.len(), output.size)
            }
            Ok(_) if hash::of_file(&path)? != output.sha256 => {
                "has other contents than recorded".into()
            }
            Ok(_) => continue,
        };
        finding
            .problems
            .push(format!("{} {problem}", path.display()));
    }
    Ok(finding)
}
