//! Puna's own form of preference data: one [`super::Preference`] a line, read and written (paper section 3.2.1).

use super::collect::{Candidate, Fault};
use super::format::Object;
use super::messages::{messages, missing, need, optional, text};
use super::record::Preference;
use crate::error::{Error, Result};
use puna_text::atomic_file::AtomicFile;
use serde_json::Value;
use std::path::Path;

/// A record. Beside the three labels that a comparison can have, `"rejected_safe"` is known as a safety
/// label, so that the policy can speak of it.
pub(super) fn read(record: &Object) -> Result<Candidate, Fault> {
    let needed = |key: &str| Err(missing(key, "it is missing"));
    let Some(strength) = optional(record, "strength")? else {
        return needed("strength");
    };
    let Some(stream) = optional(record, "stream")? else {
        return needed("stream");
    };
    let safe = match record.get("safety") {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_str() {
            Some("chosen_safe") => Some([true, false]),
            Some("both_safe") => Some([true, true]),
            Some("both_unsafe") => Some([false, false]),
            Some("rejected_safe") => Some([false, true]),
            _ => {
                let what = format!(
                    "{value} is none of \"chosen_safe\", \"both_safe\", \"both_unsafe\" and \"rejected_safe\""
                );
                return Err(missing("safety", what));
            }
        },
    };
    Ok(Candidate {
        dialogue: messages(need(record, "dialogue", "dialogue")?, "dialogue")?,
        chosen: text(record, "chosen", "chosen")?.to_owned(),
        rejected: text(record, "rejected", "rejected")?.to_owned(),
        strength: Some(strength),
        ungraded: optional(record, "graded")? == Some(false),
        safe,
        annotator: optional(record, "annotator")?,
        batch: optional(record, "batch")?,
        models: optional(record, "models")?,
        temperatures: optional(record, "temperatures")?,
        stream: Some(stream),
    })
}

/// Writes comparisons in Puna's form; the file appears when it is complete.
///
/// # Errors
/// The file cannot be written; a temperature that is not finite, which JSON cannot hold.
pub fn write_preferences(path: &Path, preferences: &[Preference]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    for (i, preference) in preferences.iter().enumerate() {
        let finite = |pair: [f32; 2]| pair.iter().all(|t| t.is_finite());
        if !preference.temperatures.is_none_or(finite) {
            return Err(Error::Record {
                path: path.to_path_buf(),
                line: i + 1,
                field: "temperatures".into(),
                what: "a temperature is not finite".into(),
            });
        }
        let mut line = serde_json::to_vec(preference)
            .map_err(|e| Error::Data(format!("comparison {} does not serialize: {e}", i + 1)))?;
        line.push(b'\n');
        file.write_all(&line)?;
    }
    Ok(file.commit()?)
}
