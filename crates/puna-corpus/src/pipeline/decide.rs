//! The reduce step: the site ledger, duplicates and boilerplate, over all inputs.

use super::label::Labelled;
use super::{Pipeline, marker};
use crate::documents::read_groups;
use crate::duplicates::{Summary, resolve};
use crate::error::{Error, Result};
use crate::ledger::{self, Aggregate, Counts};
use crate::pii::Kind;
use std::collections::BTreeSet;
use std::fs;

/// Hash of what is decided from: every input's labels, and the settings.
fn fingerprint(pipeline: &Pipeline) -> Result<String> {
    let settings = (&pipeline.settings.ledger, &pipeline.settings.duplicates);
    let made_with = serde_json::to_string(&settings).unwrap_or_default();
    let mut parts = vec![super::FORMAT.to_owned(), made_with];
    for index in 0..pipeline.inputs.len() {
        let path = pipeline.file("pages", index, "json");
        let missing = "this input is not labelled yet; run the step label on all shards first";
        parts.push(marker::read::<Labelled>(&path, missing)?.fingerprint);
    }
    Ok(marker::fingerprint(parts.iter().map(String::as_str)))
}

/// What was decided of copies.
pub(super) fn summary(pipeline: &Pipeline) -> Result<Summary> {
    let missing = "nothing is decided yet; run the step decide first";
    Ok(marker::read(&pipeline.work("decide.json"), missing)?.counted)
}

/// Hash of what was decided from; an error if that is not what is there now.
pub(super) fn decided(pipeline: &Pipeline) -> Result<String> {
    let fingerprint = fingerprint(pipeline)?;
    let path = pipeline.work("decide.json");
    match marker::done::<Summary>(&path, &fingerprint) {
        Some(_) => Ok(fingerprint),
        None => Err(Error::Format {
            path,
            what: "nothing is decided yet for these inputs and settings; run the step decide first"
                .into(),
        }),
    }
}

/// Decides, or finds that it is done.
pub(super) fn decide(pipeline: &Pipeline) -> Result<()> {
    let settings = &pipeline.settings;
    let fingerprint = fingerprint(pipeline)?;
    let marker = pipeline.work("decide.json");
    if marker::done::<Summary>(&marker, &fingerprint).is_some() {
        return Ok(());
    }
    marker::clear(&marker)?;
    for kind in ["pages", "duplicates"] {
        prune(pipeline, kind)?;
    }
    let mut sites = Aggregate::default();
    let mut names = vec!["site", "id", "bytes", "words"];
    names.extend(Kind::ALL.map(Kind::name));
    for index in 0..pipeline.inputs.len() {
        read_groups(&pipeline.file("pages", index, "parquet"), &names, |rows| {
            for row in rows {
                let mut counts = Counts::default();
                counts
                    .iter_mut()
                    .zip(&row[4..])
                    .for_each(|(c, cell)| *c = cell.as_count());
                sites.add(
                    row[0].as_text(),
                    row[1].as_text(),
                    row[2].as_count(),
                    row[3].as_count(),
                    &counts,
                );
            }
            Ok(())
        })?;
    }
    sites.decide(&settings.ledger).write(&pipeline.out)?;
    let decided = pipeline.work("decided");
    let summary = resolve(
        &[pipeline.work("duplicates")],
        &settings.duplicates,
        &decided,
    )?;
    marker::write(&marker, fingerprint, &summary)
}

/// Sites that are left out, by the ledger as written.
pub(super) fn left_out(pipeline: &Pipeline) -> Result<BTreeSet<String>> {
    let mut sites = BTreeSet::new();
    ledger::read(&pipeline.out, |row| {
        if !row.decision.keeps() {
            sites.insert(row.site);
        }
    })?;
    Ok(sites)
}

/// Removes what inputs left that are no longer given.
pub(super) fn prune(pipeline: &Pipeline, kind: &str) -> Result<()> {
    let directory = pipeline.directory(kind);
    for entry in fs::read_dir(&directory).map_err(Error::io("read", &directory))? {
        let path = entry.map_err(Error::io("read", &directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name.split('.').next().and_then(|n| n.parse::<usize>().ok());
        if number.is_some_and(|n| n >= pipeline.inputs.len()) {
            marker::clear(&path)?;
        }
    }
    Ok(())
}
