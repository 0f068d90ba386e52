//! `puna verify`: a run's outputs against its records.

use crate::cli::InspectArgs;
use crate::out;
use crate::run;
use anyhow::{Result, bail};

/// Does the command.
pub fn verify(args: &InspectArgs) -> Result<()> {
    let findings = run::verify(&args.path)?;
    let mut wrong = 0;
    for finding in &findings {
        wrong += finding.problems.len();
        if args.json {
            out::json(finding)?;
            continue;
        }
        let what = if finding.problems.is_empty() {
            "whole"
        } else {
            "DAMAGED"
        };
        out::line(&format!(
            "{:<16} {:>4} files  {what}",
            finding.stage, finding.files
        ))?;
        for problem in &finding.problems {
            out::line(&format!("  {problem}"))?;
        }
    }
    if wrong > 0 {
        bail!(
            "{wrong} outputs of {} are not what their records say; remove the damaged stages' directories and \
             run the recipe again",
            args.path.display()
        );
    }
    Ok(())
}
