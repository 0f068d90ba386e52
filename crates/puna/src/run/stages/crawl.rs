//! The stage that makes a corpus of crawled pages (paper sections 2.1 and 4.1).

use super::documents::{FEEDBACK_DOCUMENTS, Place, Side, counted};
use super::text::{CRAWL, metrics};
use super::{Metrics, Stand};
use crate::corpus::{describe, train_classifier, walk};
use crate::recipe::CrawlPlan;
use crate::report::Reporter;
use anyhow::{Context, Result, ensure};
use puna_corpus::pipeline::{Pipeline, Step};
use puna_corpus::read::{Input, expand};
use puna_corpus::shard::Shard;
use puna_corpus::toxicity::Classifier;
use puna_text::hash;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the pipeline keeps what only serves to go on.
pub const WORK: &str = "work";
/// The classifier that this stage trained.
const CLASSIFIER: &str = "toxicity.classifier";
/// The world's labelled texts, beside its pages.
const LABELLED: &str = "toxicity.jsonl";

/// What the corpus is made of.
fn pages(stand: &Stand<'_>, plan: &CrawlPlan) -> Result<Vec<Input>> {
    let (inputs, from) = if plan.of_world {
        let world = stand.of("world")?;
        let mut inputs = vec![world.join(CRAWL).join("*.warc*")];
        // The world's pages of advice are no part of its crawl.
        inputs.extend(Some(world.join(FEEDBACK_DOCUMENTS)).filter(|path| path.exists()));
        let named = inputs
            .iter()
            .map(|path| path.to_string_lossy().into_owned());
        (named.collect(), world)
    } else {
        (plan.inputs.clone(), plan.recipe_dir.clone())
    };
    let pages = expand(&inputs)?.into_iter();
    Ok(pages.map(|input| input.named_from(&from)).collect())
}

fn labelled(stand: &Stand<'_>, plan: &CrawlPlan) -> Result<Vec<PathBuf>> {
    let given = &plan.settings.labels.toxicity_classifier;
    if plan.of_world && plan.toxicity_labels.is_empty() && given.is_none() {
        return Ok(vec![stand.of("world")?.join(CRAWL).join(LABELLED)]);
    }
    Ok(plan.toxicity_labels.clone())
}

/// SHA-256 of everything the stage reads; of an object, whose contents are elsewhere, name and size.
pub fn inputs(
    stand: &Stand<'_>,
    plan: &CrawlPlan,
    inputs: &mut BTreeMap<String, String>,
) -> Result<()> {
    let hashed = |path: &Path| hash::of_file(path).context("an input of the corpus");
    for (number, input) in pages(stand, plan)?.iter().enumerate() {
        // By number, so that a file may move.
        inputs.insert(format!("pages {}", number + 1), input.identity()?);
    }
    for (number, path) in labelled(stand, plan)?.iter().enumerate() {
        inputs.insert(format!("toxicity labels {}", number + 1), hashed(path)?);
    }
    let labels = &plan.settings.labels;
    for (name, path) in [
        ("language model", &labels.language_model),
        ("toxicity classifier", &labels.toxicity_classifier),
        ("identity terms", &labels.identity_terms),
    ] {
        if let Some(path) = path {
            inputs.insert(name.into(), hashed(path)?);
        }
    }
    Ok(())
}

/// Makes the corpus. What an interrupted run had done is not done again.
pub fn crawl(stand: &Stand<'_>, plan: &CrawlPlan, report: &mut Reporter) -> Result<Metrics> {
    let mut settings = plan.settings.clone();
    let labelled = labelled(stand, plan)?;
    let mut found = Metrics::new();
    if !labelled.is_empty() {
        let (path, area) = classifier(stand, &labelled, plan.seed)?;
        settings.labels.toxicity_classifier = Some(path);
        found.insert("toxicity_classifier_auc".into(), json!(area));
    }
    let pipeline = Pipeline {
        inputs: pages(stand, plan)?,
        out: stand.dir.to_owned(),
        settings,
        shard: Shard::WHOLE,
        threads: stand.threads,
        manifest: false,
    };
    let told = walk(&pipeline, &Step::ALL, report, |report, step, begins| {
        if begins {
            report.line(&format!("  {}", describe(step)));
        }
    })?;
    let told = told.context("the pipeline ended without its report")?;
    let head = &told.headline;
    ensure!(
        head.documents_kept > 0,
        "of {} documents none stays; {} says why",
        head.documents_in,
        stand.dir.join("report.html").display()
    );
    let place = Place::of(stand)?;
    let count = |side| -> Result<(u64, u64)> {
        place
            .read(side)?
            .try_fold((0, 0), |(documents, bytes), text| {
                Ok((documents + 1, bytes + text?.len() as u64))
            })
    };
    found.append(&mut metrics(json!({
        "documents_in": head.documents_in, "documents_kept": head.documents_kept,
        "damaged": head.damaged, "personal_information_found": head.personal_found,
        "personal_information_kept": head.personal_kept,
    })));
    found.append(&mut counted(count(Side::Training)?, count(Side::HeldOut)?));
    Ok(found)
}

/// Trains the classifier, unless a run before did; its file, and its area under the ROC curve on the
/// texts it held out.
fn classifier(stand: &Stand<'_>, labelled: &[PathBuf], seed: u64) -> Result<(PathBuf, f64)> {
    let path = stand.dir.join(CLASSIFIER);
    fs::create_dir_all(stand.dir)
        .with_context(|| format!("cannot create {}", stand.dir.display()))?;
    if !path.exists() {
        train_classifier(labelled, seed)?.save(&path)?;
    }
    let area = Classifier::load(&path)?.held_out().area_under_curve;
    Ok((path, area))
}
