//! Every output of a run, hashed again.

use super::manifest::{Manifest, Status};
use super::recorded::recorded;
use anyhow::{Result, bail};
use puna_text::hash;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What was found in a stage.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The stage's directory.
    pub stage: String,
    /// How far the stage is; of one that is not finished nothing is final, so nothing is compared.
    pub status: Status,
    /// Files compared.
    pub files: usize,
    /// What is not as recorded, a sentence each.
    pub problems: Vec<String>,
}

/// Compares every output of every finished stage of a run (or of one stage) with its record.
pub fn verify(path: &Path) -> Result<Vec<Finding>> {
    let stages = match Manifest::read(path)? {
        Some(manifest) => vec![(path.to_path_buf(), manifest)],
        None => recorded(path)?,
    };
    if stages.is_empty() {
        match run_of(path) {
            Some(run) => bail!(
                "{} is part of the run {}; verify the run",
                path.display(),
                run.display()
            ),
            None => bail!(
                "{} is not a run: no stage in it has a record",
                path.display()
            ),
        }
    }
    let each = stages.iter();
    each.map(|(dir, manifest)| check(dir, manifest)).collect()
}

/// The run that a folder in a stage belongs to, such as its `model/`, or a link to it, such as `latest`.
fn run_of(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let stage = folder.parent()?;
    let recorded = Manifest::read(stage).ok().flatten().is_some();
    Some(stage.parent()?.to_path_buf()).filter(|_| recorded)
}

fn check(dir: &Path, manifest: &Manifest) -> Result<Finding> {
    let stage = dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut finding = Finding {
        stage,
        status: manifest.status,
        files: 0,
        problems: Vec::new(),
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
