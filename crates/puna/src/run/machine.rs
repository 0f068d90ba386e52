//! The state machine: what is up to date is skipped, what was interrupted goes on, what changed is
//! done again, and nothing that took work is thrown away.

use super::files::link_atomically;
use super::lock::Lock;
use super::manifest::{LOG, Manifest, Status, differences};
use super::provenance::remove;
use super::recorded::check_recipe;
use super::stages::{self, Stand};
use crate::recipe::{Plan, Stage};
use crate::report::{Place, Reporter};
use anyhow::{Context, Result, bail, ensure};
use puna_text::atomic_file::remove_abandoned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// How a plan is walked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory of the run.
    pub dir: PathBuf,
    /// The last stage to do.
    pub until: Option<String>,
    /// Do the stages of this command alone; those before them must be done.
    pub only: Option<String>,
    /// Threads; of no influence on any result.
    pub threads: usize,
}

/// What a walk came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Metrics of every stage that is done, by name.
    pub metrics: BTreeMap<String, Map<String, Value>>,
    /// The newest model.
    pub model: Option<PathBuf>,
    /// Directory of the evaluation.
    pub evaluation: Option<PathBuf>,
}

/// Walks a plan.
pub fn run(plan: &Plan, options: &Options, report: &mut Reporter) -> Result<Outcome> {
    let last = match (&options.only, &options.until) {
        (Some(command), _) => plan.last_of(command).with_context(|| {
            format!(
                "recipe {} has nothing for `puna {command}` to do",
                plan.name
            )
        })?,
        (None, Some(name)) => plan.position(name).with_context(|| {
            format!(
                "recipe {} has no stage {name:?}; it has {}",
                plan.name,
                plan.names().join(", ")
            )
        })?,
        (None, None) => plan.stages.len() - 1,
    };
    fs::create_dir_all(&options.dir)
        .with_context(|| format!("cannot create {}", options.dir.display()))?;
    let _lock = Lock::take(&options.dir)?;
    remove_abandoned(&options.dir)?;
    // Its stages would be moved away one by one, and the rest would mix with the new ones.
    check_recipe(&options.dir, &plan.name)?;
    stages::preflight(plan, last, options.only.as_deref())?;
    let mut outcome = Outcome::default();
    for index in 0..=last {
        let stage = &plan.stages[index];
        let wanted = |command: &String| stage.command() == command;
        let alone = options.only.as_ref().is_none_or(wanted);
        let name = stage.name();
        report.place(Place {
            number: index + 1,
            of: plan.stages.len(),
        });
        let walker = Walker {
            plan,
            options,
            index,
        };
        let manifest = walker.step(report, alone).with_context(|| {
            format!("stage {name} of {} in {}", plan.name, options.dir.display())
        })?;
        outcome.metrics.insert(name.into(), manifest.metrics);
        let dir = options.dir.join(plan.directory(index));
        match &plan.stages[index] {
            stage
                if plan
                    .model_before(index + 1)
                    .is_some_and(|s| s.name() == stage.name()) =>
            {
                let target = Path::new(&plan.directory(index)).join("model");
                link_atomically(&options.dir.join("latest"), &target)?;
                outcome.model = Some(options.dir.join("latest"));
            }
            Stage::Evaluate(_) => outcome.evaluation = Some(dir),
            _ => {}
        }
    }
    Ok(outcome)
}

/// One stage of a walk.
struct Walker<'a> {
    plan: &'a Plan,
    options: &'a Options,
    index: usize,
}

impl Walker<'_> {
    fn step(&self, report: &mut Reporter, may_work: bool) -> Result<Manifest> {
        let stage = &self.plan.stages[self.index];
        let dir = self.options.dir.join(self.plan.directory(self.index));
        let stand = Stand {
            plan: self.plan,
            index: self.index,
            root: &self.options.dir,
            dir: &dir,
            threads: self.options.threads,
        };
        let inputs = stages::inputs(&stand, stage)?;
        let mut manifest = Manifest::begin(&self.plan.name, stage.name(), stage.config(), inputs);
        let old = Manifest::read(&dir)?;
        let same = old
            .as_ref()
            .filter(|old| old.fingerprint == manifest.fingerprint);
        if let Some(done) =
            same.filter(|old| old.status == Status::Complete && old.outputs_present(&dir))
        {
            report.up_to_date(stage.name());
            stages::clean(&dir)?;
            stages::show_again(&stand, report)?;
            return Ok(done.clone());
        }
        ensure!(
            may_work,
            "it is not done, or its recipe has changed since; do it first with `puna run` and --until {}",
            stage.name()
        );
        let goes_on = same.is_some_and(|old| old.status == Status::Running);
        match &old {
            // A finished stage that lost an output may still hold what took hours: it is kept too.
            Some(old) if same.is_none() || old.status == Status::Complete => {
                self.supersede(&dir, old, &manifest, report)?
            }
            // What cannot be continued begins afresh.
            Some(_) if !(goes_on && stages::can_go_on(stage)) => {
                remove(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
            }
            None if stages::holds_files(&dir) => bail!(
                "{} holds files and no record of a run; move it away, or give the run another --dir",
                dir.display()
            ),
            _ => {}
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        manifest.write(&dir)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join(LOG));
        let what = stages::describe(stage);
        let again = if goes_on && stages::can_go_on(stage) {
            " (going on)"
        } else {
            ""
        };
        report.stage(stage.name(), &format!("{what}{again}"), log.ok());
        let metrics = stages::execute(&stand, stage, report)?;
        manifest.complete(&dir, metrics)?;
        stages::clean(&dir)?;
        stages::show_standing(&stand, report)?;
        report.stage_done(&manifest.metrics);
        Ok(manifest)
    }

    /// Moves what another configuration made out of the way.
    fn supersede(
        &self,
        dir: &Path,
        old: &Manifest,
        new: &Manifest,
        report: &mut Reporter,
    ) -> Result<()> {
        let shelf = self.options.dir.join("superseded");
        fs::create_dir_all(&shelf).with_context(|| format!("cannot create {}", shelf.display()))?;
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let short = old.fingerprint.get(..8).unwrap_or(&old.fingerprint);
        let numbered = |n: usize| match n {
            1 => shelf.join(format!("{name}-{short}")),
            n => shelf.join(format!("{name}-{short}-{n}")),
        };
        let kept = (1..)
            .map(numbered)
            .find(|path| !path.exists())
            .unwrap_or_else(|| numbered(0));
        fs::rename(dir, &kept)
            .with_context(|| format!("cannot move {} to {}", dir.display(), kept.display()))?;
        let mut changes = differences(&old.config, &new.config);
        if changes.is_empty() {
            changes.push(if old.fingerprint == new.fingerprint {
                "an output is missing or has another size".into()
            } else {
                "what it reads has changed".into()
            });
        }
        report.line(&format!(
            "{}: to be done again ({}); the old one is kept in {}",
            new.stage,
            changes.join(", "),
            kept.display()
        ));
        Ok(())
    }
}
