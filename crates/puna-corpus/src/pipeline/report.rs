//! The last step: the report and the manifest, from what the other steps left.

use super::label::Labelled;
use super::{Pipeline, marker};
use crate::error::{Error, Result};
use crate::ledger;
use crate::pii::Kind;
use crate::read::NOT_DATA;
use crate::report::{About, Report, SiteRow, Tally, render_html};
use puna_text::atomic_file::write_atomically;
use puna_text::hash;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Writes `report.html` and `report.json`, and `manifest.json` if that is wanted.
pub(super) fn report(pipeline: &Pipeline) -> Result<Report> {
    super::decide::prune(pipeline, "documents")?;
    super::decide::prune(pipeline, "tallies")?;
    let mut tally = Tally::new(&pipeline.terms()?);
    for (index, input) in pipeline.inputs.iter().enumerate() {
        let missing = "this input is not written yet; run the step write on all shards first";
        let path = pipeline.file("tallies", index, "json");
        tally.merge(&marker::read::<Tally>(&path, missing)?.counted)?;
        let path = pipeline.file("pages", index, "json");
        let labelled = marker::read::<Labelled>(&path, missing)?.counted;
        for (reason, records) in &labelled.skipped {
            if reason == NOT_DATA {
                tally.skipped(&format!("{reason}: {}", input.name()), *records);
            } else {
                tally.skipped(reason, *records);
            }
        }
        for (offset, what) in &labelled.damaged {
            tally.damaged(input.name(), *offset, what);
        }
        if labelled.more_damaged > 0 {
            tally.damaged_more(input.name(), labelled.more_damaged);
        }
    }
    for (documents, clusters) in super::decide::summary(pipeline)?.clusters {
        tally.clusters(documents, clusters);
    }
    ledger::read(&pipeline.out, |row| {
        let personal = Kind::ALL.map(|kind| (kind.name(), row.counts[kind as usize]));
        tally.site(&SiteRow {
            site: &row.site,
            documents: row.documents,
            bytes: row.bytes,
            personal: &personal,
            per_thousand_words: row.per_thousand_words,
            decision: row.decision,
            reason: &row.reason,
        });
    })?;
    let settings = &pipeline.settings;
    let near = &settings.duplicates.near;
    let labels = &settings.labels;
    let weights = settings.mixture.iter().filter_map(|w| {
        let source = w.matching.source.clone()?;
        Some((source, w.weight))
    });
    let about = About {
        name: pipeline.settings.name.clone(),
        made_by: concat!("puna ", env!("CARGO_PKG_VERSION")).to_owned(),
        synthetic: settings.synthetic,
        inputs: pipeline
            .inputs
            .iter()
            .map(|i| i.name().to_owned())
            .collect(),
        language_identifier: model_name(labels.language_model.as_deref())
            .unwrap_or_else(|| "built in".to_owned()),
        toxicity_classifier: model_name(labels.toxicity_classifier.as_deref()),
        weights: weights.collect(),
        settings: vec![
            (
                "near-duplicate Jaccard similarity".to_owned(),
                near.jaccard.to_string(),
            ),
            (
                "personal information per 1,000 words, from which a site is left out".to_owned(),
                settings.ledger.per_thousand_words.to_string(),
            ),
        ],
    };
    let report = Report::new(&tally, &about);
    let path = pipeline.out.join("report.json");
    let text = report.to_json().map_err(|e| Error::Format {
        path: path.clone(),
        what: e.to_string(),
    })?;
    write_atomically(&path, text.as_bytes())?;
    write_atomically(
        &pipeline.out.join("report.html"),
        render_html(&report).as_bytes(),
    )?;
    if pipeline.manifest {
        manifest(pipeline)?;
    }
    Ok(report)
}

/// A model goes by its file's name: where it lies says nothing to a reader.
fn model_name(path: Option<&Path>) -> Option<String> {
    let name = path?.file_name().unwrap_or_default();
    Some(name.to_string_lossy().into_owned())
}

/// Names, sizes and hashes of all outputs, and the settings they follow from.
fn manifest(pipeline: &Pipeline) -> Result<()> {
    let mut names: Vec<String> = ["ledger.csv", "ledger.parquet", "report.html", "report.json"]
        .map(String::from)
        .to_vec();
    names.extend((0..pipeline.inputs.len()).map(|i| format!("documents/{i:05}.parquet")));
    names.sort();
    let mut outputs = Vec::new();
    for name in names {
        let path = pipeline.out.join(&name);
        let bytes = fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        let sha256 = hash::of_file(&path)?;
        outputs.push(json!({"name": name, "bytes": bytes, "sha256": sha256}));
    }
    let inputs: Vec<&str> = pipeline.inputs.iter().map(|i| i.name()).collect();
    let manifest = json!({
        "format": super::FORMAT, "settings": pipeline.settings, "inputs": inputs, "outputs": outputs,
    });
    let path = pipeline.out.join("manifest.json");
    Ok(write_atomically(
        &path,
        format!("{manifest:#}\n").as_bytes(),
    )?)
}
