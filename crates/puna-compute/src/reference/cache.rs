//! Keys and values of sequences that grow, and attention over them.

use super::attention::{Positions, attend};
use super::shape::{front, front_mut};
use crate::ops::{AttentionShape, CachedSegment};

/// Keys and values as `[layers, slots, capacity, kv_heads * head_dim]`.
#[derive(Clone, Debug)]
pub struct ReferenceCache {
    shape: AttentionShape,
    layers: usize,
    slots: usize,
    capacity: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl ReferenceCache {
    pub(super) fn new(shape: AttentionShape, layers: usize, slots: usize, capacity: usize) -> Self {
        let empty = vec![0.0; layers * slots * capacity * shape.kv_width()];
        Self {
            shape,
            layers,
            slots,
            capacity,
            keys: empty.clone(),
            values: empty,
        }
    }

    /// Where a sequence starts in a layer.
    fn start(&self, layer: usize, slot: usize) -> usize {
        assert!(
            layer < self.layers,
            "layer {layer} of a cache of {} layers",
            self.layers
        );
        assert!(
            slot < self.slots,
            "slot {slot} of a cache of {} slots",
            self.slots
        );
        (layer * self.slots + slot) * self.capacity * self.shape.kv_width()
    }

    fn assert_fits(&self, positions: usize) {
        let capacity = self.capacity;
        assert!(
            positions <= capacity,
            "{positions} positions in a cache of {capacity} a slot"
        );
    }

    pub(super) fn copy(&mut self, to: usize, from: usize, len: usize) {
        self.assert_fits(len);
        for layer in 0..self.layers {
            let (to, from) = (self.start(layer, to), self.start(layer, from));
            let moved = from..from + len * self.shape.kv_width();
            self.keys.copy_within(moved.clone(), to);
            self.values.copy_within(moved, to);
        }
    }

    pub(super) fn attend(
        &mut self,
        out: &mut [f32],
        qkv: &[f32],
        segments: &[CachedSegment],
        layer: usize,
    ) {
        let head_dim = self.shape.head_dim;
        let (width, q_width) = (self.shape.qkv_width(), self.shape.q_width());
        let kv_width = self.shape.kv_width();
        for &CachedSegment {
            start,
            len,
            slot,
            past,
        } in segments
        {
            self.assert_fits(past + len);
            let sequence = self.start(layer, slot);
            let qkv = front("attention_cached: qkv", qkv, &[start + len, width]);
            let out = front_mut("attention_cached: out", out, &[start + len, q_width]);
            for i in 0..len {
                let row = &qkv[(start + i) * width..][..width];
                let (queries, keys_values) = row.split_at(q_width);
                let (keys, values) = keys_values.split_at(kv_width);
                let position = sequence + (past + i) * kv_width;
                self.keys[position..][..kv_width].copy_from_slice(keys);
                self.values[position..][..kv_width].copy_from_slice(values);
                for (head, query) in queries.chunks_exact(head_dim).enumerate() {
                    let offset = head / self.shape.group() * head_dim;
                    let of = |data| Positions {
                        data,
                        offset,
                        stride: kv_width,
                        head_dim,
                    };
                    let keys = of(&self.keys[sequence..]);
                    let values = of(&self.values[sequence..]);
                    let out = &mut out[(start + i) * q_width + head * head_dim..][..head_dim];
                    attend(out, query, keys, values, past + i + 1);
                }
            }
        }
    }
}
