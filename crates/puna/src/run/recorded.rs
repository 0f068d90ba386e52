//! The stages of a run that have begun, by their records, and whose run it is.

use super::manifest::Manifest;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A directory in which the run of another recipe lies.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} holds a run of recipe {there}, and this is recipe {here}; give this one another --dir, or remove that \
     directory first (if {here} is {there} under a new name, --set name={there} goes on with its run)",
    dir.display()
)]
pub struct OtherRecipe {
    /// The directory.
    pub dir: PathBuf,
    /// Name of the recipe whose run it is.
    pub there: String,
    /// Name of the recipe that was to run.
    pub here: String,
}

/// The stages that have begun in a run's directory, in their order, each with its record.
pub fn recorded(run: &Path) -> Result<Vec<(PathBuf, Manifest)>> {
    let reading = || format!("cannot read the run {}", run.display());
    let mut stages = Vec::new();
    for entry in fs::read_dir(run).with_context(reading)? {
        let dir = entry.with_context(reading)?.path();
        if is_stage(&dir) && !dir.is_symlink() {
            stages.extend(Manifest::read(&dir)?.map(|manifest| (dir, manifest)));
        }
    }
    stages.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(stages)
}

/// Whether a path is a directory that is named as stages are, such as `01-world`: what else lies beside them
/// may have a `manifest.json` of its own kind, as a corpus has.
pub fn is_stage(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered =
        |name: &[u8]| matches!(name, [a, b, b'-', ..] if a.is_ascii_digit() && b.is_ascii_digit());
    numbered(name.as_bytes()) && path.is_dir()
}

/// Refuses a directory in which the run of another recipe lies. Recipes are told apart by their names: a copy
/// that kept its name is the same recipe with other settings, wherever it stands.
pub fn check_recipe(run: &Path, recipe: &str) -> Result<()> {
    let mut stages = recorded(run)?.into_iter();
    match stages.find(|(_, manifest)| manifest.recipe != recipe) {
        None => Ok(()),
        Some((_, manifest)) => Err(OtherRecipe {
            dir: run.into(),
            there: manifest.recipe,
            here: recipe.into(),
        }
        .into()),
    }
}
