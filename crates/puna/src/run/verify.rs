//! Every output of a run, hashed again.

use super::manifest::{Manifest, Status};
use super::recorded::{is_stage, recorded};
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

/// Compares every output of every finished stage of a run with its record, or those of one stage, or those in
/// a folder of one, such as its `model/` or the link `latest`.
pub fn verify(path: &Path) -> Result<Vec<Finding>> {
    if let Some((stage, manifest)) = part_of(path)? {
        return Ok(vec![check(&stage, &manifest)?]);
    }
    let stages = match path.is_file() {
        true => Vec::new(),
        false => recorded(path)?,
    };
    if stages.is_empty() {
        let what = match path.join("config.json").exists() {
            true => "is a model outside a run, and nothing records what its files were",
            false => "is no part of a run: no stage has a record of it",
        };
        bail!(
            "{} {what}; verify takes a run, a stage of one, or what lies in a stage, such as RUN/latest",
            path.display()
        );
    }
    let each = stages.iter();
    each.map(|(dir, manifest)| check(dir, manifest)).collect()
}

/// The stage that a path is or lies in, directly or by a link, and its record of what lies there.
fn part_of(path: &Path) -> Result<Option<(PathBuf, Manifest)>> {
    let Ok(path) = path.canonicalize() else {
        return Ok(None);
    };
    for stage in path.ancestors().filter(|dir| is_stage(dir)) {
        let Some(mut manifest) = Manifest::read(stage)? else {
            continue;
        };
        let part = path.strip_prefix(stage).unwrap_or(&path);
        let outputs = &mut manifest.outputs;
        outputs.retain(|name, _| Path::new(name).starts_with(part));
        let open = manifest.status != Status::Complete;
        if part.as_os_str().is_empty() || open || !outputs.is_empty() {
            return Ok(Some((stage.to_path_buf(), manifest)));
        }
    }
    Ok(None)
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
