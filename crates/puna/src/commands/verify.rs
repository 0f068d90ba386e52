//! `puna verify`: a run's outputs against its records.

use crate::cli::VerifyArgs;
use crate::out;
use crate::run::{self, Finding, Status};
use anyhow::{Result, bail};

/// Does the command.
pub fn verify(args: &VerifyArgs) -> Result<()> {
    let findings = run::verify(&args.path)?;
    if args.json {
        findings.iter().try_for_each(out::json)?;
    } else {
        print(&findings)?;
    }
    let wrong: usize = findings.iter().map(|f| f.problems.len()).sum();
    if wrong > 0 {
        bail!(
            "{wrong} outputs of {} are not what their records say; remove the damaged stages' directories and \
             run the recipe again",
            args.path.display()
        );
    }
    Ok(())
}

fn print(findings: &[Finding]) -> Result<()> {
    let width = findings.iter().map(|f| f.stage.len()).max().unwrap_or(0);
    for finding in findings {
        let what = match (finding.status, finding.problems.is_empty()) {
            (Status::Running, _) => "not finished, nothing to verify yet".to_owned(),
            (Status::Complete, whole) => {
                let what = if whole { "whole" } else { "DAMAGED" };
                format!("{:>5} files  {what}", finding.files)
            }
        };
        out::line(&format!("{:width$}  {what}", finding.stage))?;
        for problem in &finding.problems {
            out::line(&format!("  {problem}"))?;
        }
    }
    let finished = findings.iter().filter(|f| f.status == Status::Complete);
    let (stages, files) = finished.fold((0, 0), |(n, files), f| (n + 1, files + f.files));
    out::line(&format!(
        "compared {files} files of {stages} finished stages with their records"
    ))?;
    let open = findings.iter().filter(|f| f.status == Status::Running);
    let open: Vec<&str> = open.map(|f| f.stage.as_str()).collect();
    if open.is_empty() {
        return Ok(());
    }
    out::line(&format!(
        "the run is not finished: {}; run `puna run RECIPE` to go on",
        open.join(", ")
    ))
}
