//! Checkpoints that survive a crash at any moment: a directory written beside the others, synced,
//! renamed; read back only if every byte is as it was written.
//!
//! `step-00000042/` holds `state.json` (where the run stands), `state.safetensors` (weights and both
//! moments, in the engine's own layout) and `SHA256SUMS` (which `sha256sum -c` understands). A run of
//! one model writes a [`State`] and what it learns; one of several models writes a [`Progress`] of its
//! own and a [`Part`] for each set of tensors.

use crate::error::{Error, Result};
use crate::loader::Cursor;
use crate::trainer::Validation;
use puna_compute::HostBuf;
use puna_llama::safetensors::{self, Dtype, SafeTensors, TensorView};
use puna_llama::{Config, Params};
use puna_text::atomic_file::write_atomically;
use puna_text::hash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const STATE: &str = "state.json";
const TENSORS: &str = "state.safetensors";
const SUMS: &str = "SHA256SUMS";
/// Version of the layout.
const VERSION: u32 = 1;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of the layout.
    pub version: u32,
    /// Version of the code that wrote it.
    pub code: String,
    /// Steps done.
    pub step: u64,
    /// Rows trained on.
    pub tokens: u64,
    /// Where the data stand; with the seed in `identity`, all there is to the random state.
    pub cursor: Cursor,
    /// Loss of the first step.
    pub first_loss: f64,
    /// Loss of the last step.
    pub last_loss: f64,
    /// Every validation so far.
    pub validations: Vec<Validation>,
    /// Everything that decides the run's numbers: model, settings, data.
    pub identity: Identity,
}

/// What must be the same for a run to go on: names and values.
pub type Identity = BTreeMap<String, serde_json::Value>;

/// Where a run stands, as it is written beside a checkpoint's tensors.
pub trait Progress: Serialize + DeserializeOwned {
    /// Version of the layout that this program writes and reads.
    const VERSION: u32;
    /// Version of the layout.
    fn version(&self) -> u32;
    /// Steps done.
    fn step(&self) -> u64;
    /// Everything that decides the run's numbers.
    fn identity(&self) -> &Identity;
}

impl Progress for State {
    const VERSION: u32 = VERSION;
    fn version(&self) -> u32 {
        self.version
    }
    fn step(&self) -> u64 {
        self.step
    }
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// A set of a checkpoint's tensors.
#[derive(Clone)]
pub struct Part<'a> {
    /// Its name in the checkpoint.
    pub name: &'a str,
    /// Rows and columns of each tensor.
    pub shapes: Vec<[usize; 2]>,
    /// Weights, or a moment.
    pub tensors: &'a Params<HostBuf>,
}

impl Part<'_> {
    /// Shapes of a model's tensors.
    pub fn shapes_of(config: &Config) -> Vec<[usize; 2]> {
        let specs = config.param_specs().into_iter();
        specs.map(|spec| [spec.n_out, spec.n_in]).collect()
    }
}

impl State {
    /// Before the first step.
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            version: VERSION,
            code: env!("CARGO_PKG_VERSION").into(),
            step: 0,
            tokens: 0,
            cursor: Cursor::default(),
            first_loss: 0.0,
            last_loss: 0.0,
            validations: Vec::new(),
            identity,
        }
    }
}

/// The checkpoints of a run.
pub struct Checkpoints {
    dir: PathBuf,
    keep: usize,
}

impl Checkpoints {
    /// Checkpoints in a directory, the last `keep` of which stay (at least one).
    pub fn new(dir: &Path, keep: usize) -> Self {
        Self {
            dir: dir.to_path_buf(),
            keep: keep.max(1),
        }
    }

    /// Writes one. On any error, a full disk too, those before it are untouched.
    pub fn save(&self, parts: &[Part<'_>], state: &impl Progress) -> Result<PathBuf> {
        fs::create_dir_all(&self.dir).map_err(Error::io("create", &self.dir))?;
        let path = self.dir.join(format!("step-{:08}", state.step()));
        let partial = self.dir.join(format!(".step-{:08}.partial", state.step()));
        remove(&partial)?;
        let written = fs::create_dir(&partial)
            .map_err(Error::io("create", &partial))
            .and_then(|()| write_files(&partial, parts, state));
        if let Err(e) = written {
            // The error that counts is the first.
            let _ = remove(&partial);
            return Err(e);
        }
        // One of this step is only there if it was found damaged.
        remove(&path)?;
        fs::rename(&partial, &path).map_err(Error::io("create", &path))?;
        sync_dir(&self.dir)?;
        // Later ones can only be there because they were found damaged and skipped: they are not what
        // `keep` counts, and never a reason to remove the one just written.
        let (until, damaged): (Vec<_>, Vec<_>) =
            self.steps()?.into_iter().partition(|p| *p <= path);
        let old = &until[..until.len().saturating_sub(self.keep.max(1))];
        for step in old.iter().chain(&damaged) {
            remove(step)?;
        }
        Ok(path)
    }

    /// Opens the last one that is whole. Each that is not is told to `warn`. One of a run with another
    /// identity is an error.
    pub fn latest<S: Progress>(
        &self,
        identity: &Identity,
        warn: &mut dyn FnMut(String),
    ) -> Result<Option<Saved<S>>> {
        for path in self.steps()?.into_iter().rev() {
            match read_state::<S>(&path) {
                Ok(state) => {
                    check_identity(&path, state.identity(), identity)?;
                    let tensors = SafeTensors::open(&path.join(TENSORS))?;
                    return Ok(Some(Saved {
                        path,
                        state,
                        tensors,
                    }));
                }
                Err(e) => warn(format!("checkpoint skipped: {e}")),
            }
        }
        Ok(None)
    }

    /// What is there, oldest first.
    fn steps(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("read", &self.dir)(e)),
        };
        let mut steps = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("read", &self.dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some(step) = name
                .strip_prefix("step-")
                .and_then(|s| s.parse::<u64>().ok())
            {
                steps.push((step, path));
            }
        }
        steps.sort();
        Ok(steps.into_iter().map(|(_, path)| path).collect())
    }
}

/// A checkpoint found whole.
pub struct Saved<S> {
    /// Its directory.
    pub path: PathBuf,
    /// Where the run stands.
    pub state: S,
    tensors: SafeTensors,
}

impl<S> Saved<S> {
    /// Reads a part of tensors of these shapes.
    pub fn read(
        &mut self,
        name: &str,
        shapes: &[[usize; 2]],
        tensors: &mut Params<HostBuf>,
    ) -> Result<()> {
        for (i, ([rows, cols], tensor)) in shapes.iter().zip(&mut tensors.tensors).enumerate() {
            self.tensors
                .read(&tensor_name(name, i), &mut tensor[..rows * cols])?;
        }
        Ok(())
    }
}

fn write_files(dir: &Path, parts: &[Part<'_>], state: &impl Progress) -> Result<()> {
    let mut views = Vec::new();
    for part in parts {
        for (i, (shape, tensor)) in part.shapes.iter().zip(&part.tensors.tensors).enumerate() {
            views.push(TensorView {
                name: tensor_name(part.name, i),
                shape: shape.to_vec(),
                values: &tensor[..shape[0] * shape[1]],
            });
        }
    }
    safetensors::write(&dir.join(TENSORS), &views, Dtype::F32)?;
    let path = dir.join(STATE);
    let json = serde_json::to_vec_pretty(state).map_err(|e| Error::format(&path, e.to_string()))?;
    write_atomically(&path, &json)?;
    let mut sums = String::new();
    for name in [STATE, TENSORS] {
        sums += &format!("{}  {name}\n", hash::of_file(&dir.join(name))?);
    }
    write_atomically(&dir.join(SUMS), sums.as_bytes())?;
    sync_dir(dir)
}

/// Tensors are numbered in their order.
fn tensor_name(part: &str, index: usize) -> String {
    format!("{part}.{index:05}")
}

fn check_identity(path: &Path, found: &Identity, expected: &Identity) -> Result<()> {
    let differing: Vec<&str> = found
        .keys()
        .chain(expected.keys().filter(|name| !found.contains_key(*name)))
        .filter(|name| found.get(*name) != expected.get(*name))
        .map(String::as_str)
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the checkpoint belongs to another run: {} differ; restore them, or train in another directory",
        differing.join(", ")
    );
    Err(Error::Checkpoint {
        path: path.to_path_buf(),
        what,
    })
}

/// The state, if all files are as they were written.
fn read_state<S: Progress>(dir: &Path) -> Result<S> {
    let sums_path = dir.join(SUMS);
    let sums = fs::read_to_string(&sums_path).map_err(Error::io("read", &sums_path))?;
    let mut lines = sums.lines();
    for name in [STATE, TENSORS] {
        let path = dir.join(name);
        if lines.next() != Some(&format!("{}  {name}", hash::of_file(&path)?)) {
            return Err(Error::format(
                &path,
                format!("it does not match {SUMS}; it is damaged"),
            ));
        }
    }
    let path = dir.join(STATE);
    let json = fs::read(&path).map_err(Error::io("read", &path))?;
    let state: S =
        serde_json::from_slice(&json).map_err(|e| Error::format(&path, e.to_string()))?;
    if state.version() != S::VERSION {
        let what = format!(
            "version {} of the layout; this program reads {}",
            state.version(),
            S::VERSION
        );
        return Err(Error::format(&path, what));
    }
    Ok(state)
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", dir)(e)),
        _ => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> Result<()> {
    // Not every system can sync a directory; the files in it are synced already.
    if let Ok(handle) = File::open(dir) {
        let _ = handle.sync_all();
    }
    Ok(())
}
