//! The JSON header: names, types, shapes and ranges, checked against the length of the data.

use crate::error::{Error, Result};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

/// A tensor as the header describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Element type as written, "BF16" for example.
    pub dtype: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// First byte and the byte after the last, counted from the end of the header.
    pub data_offsets: (u64, u64),
}

impl Entry {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True when a dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes of an element of any type a header may name.
fn width(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" => 1,
        "U16" | "I16" | "F16" | "BF16" => 2,
        "U32" | "I32" | "F32" => 4,
        "U64" | "I64" | "F64" | "C64" => 8,
        _ => return None,
    })
}

/// Parses and checks a header for `data_len` bytes of tensors.
pub(super) fn parse(path: &Path, json: &[u8], data_len: u64) -> Result<BTreeMap<String, Entry>> {
    let fail = |what: String| Error::format(path, what);
    if json.first() != Some(&b'{') {
        return Err(fail(
            "the header does not begin with '{'; this is not a safetensors file".into(),
        ));
    }
    let members: Pairs<serde_json::Value> = serde_json::from_slice(json)
        .map_err(|e| fail(format!("the header is not valid JSON: {e}")))?;
    let mut entries = BTreeMap::new();
    for (name, value) in members.0 {
        if name == "__metadata__" {
            continue;
        }
        let entry: Entry = serde_json::from_value(value)
            .map_err(|e| fail(format!("header entry of tensor {name:?}: {e}")))?;
        check_entry(&name, &entry, data_len).map_err(fail)?;
        entries.insert(name, entry);
    }
    check_tiling(&entries, data_len).map_err(fail)?;
    Ok(entries)
}

fn check_entry(name: &str, entry: &Entry, data_len: u64) -> std::result::Result<(), String> {
    let Some(width) = width(&entry.dtype) else {
        return Err(format!(
            "tensor {name:?} has unknown dtype {:?}; convert the file to F32, F16 or BF16",
            entry.dtype
        ));
    };
    let size = entry
        .shape
        .iter()
        .try_fold(width, |n, &d| n.checked_mul(d as u64));
    let (start, end) = entry.data_offsets;
    if start > end || end > data_len {
        return Err(format!(
            "tensor {name:?} claims bytes {start}..{end}, but the file has {data_len} bytes of data; \
             it is truncated or corrupt, fetch it again"
        ));
    }
    if size != Some(end - start) {
        return Err(format!(
            "tensor {name:?} of shape {:?} and dtype {} cannot fill {} bytes; the file is corrupt, \
             fetch it again",
            entry.shape,
            entry.dtype,
            end - start
        ));
    }
    Ok(())
}

/// Ranges must follow one another without hole or overlap to the end of the file.
fn check_tiling(
    entries: &BTreeMap<String, Entry>,
    data_len: u64,
) -> std::result::Result<(), String> {
    let mut order: Vec<(&String, (u64, u64))> = entries
        .iter()
        .map(|(name, e)| (name, e.data_offsets))
        .collect();
    order.sort_by_key(|&(_, range)| range);
    let mut at = 0;
    for (name, (start, end)) in order {
        if start != at {
            let what = if start < at {
                "overlaps the tensor before it"
            } else {
                "leaves a hole before it"
            };
            return Err(format!(
                "tensor {name:?} starts at byte {start} and {what} (byte {at}); the file is corrupt"
            ));
        }
        at = end;
    }
    if at != data_len {
        return Err(format!(
            "the tensors end at byte {at} of {data_len}; the file has trailing bytes or its header \
             belongs to another"
        ));
    }
    Ok(())
}

/// A JSON object as pairs in order, in which no name may occur twice (a map would keep the last).
pub(super) struct Pairs<V>(pub Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct PairsVisitor<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<V> {
            type Value = Pairs<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Pairs<V>, A::Error> {
                let mut seen = std::collections::BTreeSet::new();
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if !seen.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format!("{name:?} occurs twice")));
                    }
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}
