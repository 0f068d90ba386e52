//! Names and values of everything that decides a run's numbers: what a checkpoint is checked against.

use crate::checkpoint::Identity;
use puna_llama::Model;
use puna_text::hash::hex;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Every field of a settings struct, by its dotted name.
pub fn of(name: &str, settings: &impl Serialize) -> Identity {
    let mut out = Identity::new();
    // Settings are plain data, which always serialise.
    flatten(
        name,
        serde_json::to_value(settings).unwrap_or_default(),
        &mut out,
    );
    out
}

fn flatten(name: &str, value: Value, out: &mut Identity) {
    match value {
        Value::Object(fields) => {
            fields
                .into_iter()
                .for_each(|(key, value)| flatten(&format!("{name}.{key}"), value, out));
        }
        value => drop(out.insert(name.into(), value)),
    }
}

/// Hash of a model's shape and weights.
pub fn of_model(model: &Model) -> String {
    let mut hasher = Sha256::new().chain_update(format!("{:?}", model.config));
    let mut bytes = Vec::new();
    for chunk in model
        .params
        .tensors
        .iter()
        .flat_map(|tensor| tensor.chunks(1 << 16))
    {
        bytes.clear();
        bytes.extend(chunk.iter().flat_map(|w| w.to_le_bytes()));
        hasher.update(&bytes);
    }
    hex(hasher.finalize())
}
