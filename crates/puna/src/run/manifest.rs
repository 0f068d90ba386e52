//! The record of a stage: from what, how and by which code its outputs came to be.

use super::files::files_below;
use anyhow::{Context, Result, bail};
use puna_compute::Isa;
use puna_text::atomic_file::write_atomically;
use puna_text::hash;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Version of this program, with the commit when the build named it.
pub const VERSION: &str = match option_env!("PUNA_COMMIT") {
    Some(commit) => commit,
    None => env!("CARGO_PKG_VERSION"),
};

/// Name of the record in a stage's directory.
pub const FILE: &str = "manifest.json";
const SCHEMA_VERSION: u32 = 1;

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Begun; what is there may be continued.
    Running,
    /// Done; the outputs are final.
    Complete,
}

/// A file that a stage made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// In bytes.
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// The record of a stage. It holds no clock, so the same stage gives the same record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub schema_version: u32,
    /// The stage's name.
    pub stage: String,
    /// The recipe's name.
    pub recipe: String,
    /// How far it is.
    pub status: Status,
    /// SHA-256 over stage, configuration and inputs: equal fingerprints give equal outputs, with one
    /// version of the program and one instruction set.
    pub fingerprint: String,
    /// Version of the program that did it.
    pub code_version: String,
    /// Instruction set it was done with; models of two differ in their last bits.
    #[serde(default)]
    pub instruction_set: String,
    /// Every number that the stage follows.
    pub config: Value,
    /// The seeds among them.
    pub seeds: Map<String, Value>,
    /// SHA-256 of everything it read, by path.
    pub inputs: BTreeMap<String, String>,
    /// What came out, in numbers.
    pub metrics: Map<String, Value>,
    /// The files it made, by path in the stage's directory.
    pub outputs: BTreeMap<String, Output>,
}

impl Manifest {
    /// The record of a stage that begins.
    pub fn begin(
        recipe: &str,
        stage: &str,
        config: Value,
        inputs: BTreeMap<String, String>,
    ) -> Self {
        // serde_json keeps the keys of objects sorted, so the text is canonical.
        let identity = json!({"stage": stage, "config": config, "inputs": inputs});
        Self {
            schema_version: SCHEMA_VERSION,
            stage: stage.into(),
            recipe: recipe.into(),
            status: Status::Running,
            fingerprint: hash::hex(Sha256::digest(identity.to_string())),
            code_version: VERSION.into(),
            instruction_set: Isa::best().name().into(),
            seeds: seeds(&config),
            config,
            inputs,
            metrics: Map::new(),
            outputs: BTreeMap::new(),
        }
    }

    /// Reads the record in a stage's directory; `None` where there is none.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let text = match fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let manifest: Self = serde_json::from_slice(&text).with_context(|| {
            let advice = "move the stage's directory away to do the stage again";
            format!("{} is not a stage's record ({advice})", path.display())
        })?;
        if manifest.schema_version != SCHEMA_VERSION {
            let version = manifest.schema_version;
            bail!(
                "{} has version {version}; this program reads {SCHEMA_VERSION}",
                path.display()
            );
        }
        Ok(Some(manifest))
    }

    /// Writes the record.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(write_atomically(&dir.join(FILE), text.as_bytes())?)
    }

    /// Hashes what the stage made and closes the record.
    pub fn complete(&mut self, dir: &Path, metrics: Map<String, Value>) -> Result<()> {
        self.outputs.clear();
        for path in files_below(dir)? {
            let name = path
                .strip_prefix(dir)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            if name == FILE || name.split('/').any(|part| WORKING.contains(&part)) {
                continue;
            }
            let size = fs::metadata(&path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .len();
            self.outputs.insert(
                name,
                Output {
                    size,
                    sha256: hash::of_file(&path)?,
                },
            );
        }
        self.metrics = metrics;
        self.status = Status::Complete;
        self.write(dir)
    }

    /// Whether every output is still there with its size.
    pub fn outputs_present(&self, dir: &Path) -> bool {
        self.outputs.iter().all(|(name, output)| {
            fs::metadata(dir.join(name)).is_ok_and(|m| m.len() == output.size)
        })
    }
}

/// Name of a stage's log.
pub const LOG: &str = "log.jsonl";

/// What is no output: logs, which tell of time, and what serves only to go on.
const WORKING: [&str; 5] = [
    LOG,
    puna_align::ppo::SECONDS_FILE,
    puna_train::METRICS_FILE,
    puna_train::CHECKPOINT_DIR,
    super::stages::WORK,
];

/// Every number called `seed` in a configuration, by its path.
fn seeds(config: &Value) -> Map<String, Value> {
    fn walk(path: &str, value: &Value, found: &mut Map<String, Value>) {
        let Some(object) = value.as_object() else {
            return;
        };
        for (key, value) in object {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if key == "seed" && value.is_number() {
                found.insert(path, value.clone());
            } else {
                walk(&path, value, found);
            }
        }
    }
    let mut found = Map::new();
    walk("", config, &mut found);
    found
}

/// The keys in which two configurations differ, with both values, for people.
pub fn differences(old: &Value, new: &Value) -> Vec<String> {
    fn walk(path: &str, old: &Value, new: &Value, out: &mut Vec<String>) {
        match (old, new) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
                for key in keys {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    let null = &Value::Null;
                    walk(
                        &path,
                        a.get(key).unwrap_or(null),
                        b.get(key).unwrap_or(null),
                        out,
                    );
                }
            }
            (a, b) if a != b => out.push(format!("{path} {a} -> {b}")),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk("", old, new, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_file_and_lists_seeds() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Manifest::read(dir.path()).unwrap().is_none());
        let config = json!({"a": {"seed": 3}, "seed": 4, "x": 1.5});
        let mut manifest = Manifest::begin("r", "s", config, BTreeMap::new());
        assert_eq!(
            Value::Object(manifest.seeds.clone()),
            json!({"a.seed": 3, "seed": 4})
        );
        fs::write(dir.path().join("out"), b"abc").unwrap();
        fs::create_dir(dir.path().join(".work")).unwrap();
        fs::write(dir.path().join(".work/x"), b"x").unwrap();
        manifest.complete(dir.path(), Map::new()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap().unwrap(), manifest);
        assert_eq!(manifest.outputs.keys().collect::<Vec<_>>(), ["out"]);
        assert!(manifest.outputs_present(dir.path()));
        fs::write(dir.path().join("out"), b"ab").unwrap();
        assert!(!manifest.outputs_present(dir.path()));
        fs::write(dir.path().join(FILE), b"{").unwrap();
        assert!(Manifest::read(dir.path()).is_err());
    }

    #[test]
    fn differences_name_the_key() {
        let (old, new) = (
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a": {"b": 3, "c": 2}, "d": true}),
        );
        assert_eq!(differences(&old, &new), ["a.b 1 -> 3", "d null -> true"]);
    }
}
