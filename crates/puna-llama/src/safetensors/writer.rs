//! Writing one safetensors file.

use super::dtype::Dtype;
use crate::error::{Error, Result};
use puna_text::atomic_file::AtomicFile;
use serde_json::json;
use std::path::Path;

/// Values converted at a time.
const CHUNK: usize = 1 << 18;

/// A tensor to write.
#[derive(Clone, Debug)]
pub struct TensorView<'a> {
    /// Its name.
    pub name: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: &'a [f32],
}

/// Writes tensors, sorted by name, in one element type. The file appears when it is complete.
pub fn write(path: &Path, tensors: &[TensorView<'_>], dtype: Dtype) -> Result<()> {
    let mut order: Vec<&TensorView<'_>> = tensors.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    let mut file = AtomicFile::create(path)?;
    file.write_all(&header(&order, dtype))?;
    let mut bytes = Vec::with_capacity(CHUNK * dtype.size());
    for tensor in order {
        assert_eq!(
            tensor.shape.iter().product::<usize>(),
            tensor.values.len(),
            "{}",
            tensor.name
        );
        for values in tensor.values.chunks(CHUNK) {
            dtype.encode(&mut bytes, values).map_err(|value| {
                let what = format!(
                    "tensor {:?} holds {value}, which is too large for {}; save in F32",
                    tensor.name,
                    dtype.name()
                );
                Error::format(path, what)
            })?;
            file.write_all(&bytes)?;
        }
    }
    Ok(file.commit()?)
}

/// Length and JSON, padded with spaces so that the data is aligned to 8 bytes.
fn header(tensors: &[&TensorView<'_>], dtype: Dtype) -> Vec<u8> {
    let mut members = serde_json::Map::new();
    members.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut at = 0;
    for tensor in tensors {
        let end = at + tensor.values.len() * dtype.size();
        let entry = json!({
            "dtype": dtype.name(), "shape": tensor.shape, "data_offsets": [at, end]
        });
        members.insert(tensor.name.clone(), entry);
        at = end;
    }
    let mut json = serde_json::Value::Object(members).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut out = (json.len() as u64).to_le_bytes().to_vec();
    out.extend(json);
    out
}
