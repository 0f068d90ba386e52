//! Keys and values of many sequences, kept packed as attention reads them.

use super::attention::{HeadPanels, Layout};
use super::isa::Isa;
use crate::buffer::HostBuf;
use crate::ops::{AttentionShape, CachedSegment, Result};

/// A cache for a number of slots, all layers.
pub struct CpuKvCache {
    pub(super) shape: AttentionShape,
    pub(super) layout: Layout,
    slots: usize,
    capacity: usize,
    /// One a layer: for each slot and key-value head, the keys, then the values.
    layers: Vec<HostBuf>,
}

impl CpuKvCache {
    pub(super) fn new(
        isa: Isa,
        shape: AttentionShape,
        layers: usize,
        slots: usize,
        capacity: usize,
    ) -> Result<Self> {
        let layout = Layout::new(isa, shape.head_dim);
        let len = slots * shape.kv_heads * Self::head_len(&layout, capacity);
        let layers = (0..layers)
            .map(|_| HostBuf::zeros(len))
            .collect::<Result<_>>()?;
        Ok(Self {
            shape,
            layout,
            slots,
            capacity,
            layers,
        })
    }

    fn head_len(layout: &Layout, capacity: usize) -> usize {
        layout.transposed_len(capacity) + layout.depth_len(capacity)
    }

    fn range(&self, slot: usize, head: usize) -> std::ops::Range<usize> {
        assert!(
            slot < self.slots,
            "slot {slot} of a cache with {}",
            self.slots
        );
        let len = Self::head_len(&self.layout, self.capacity);
        let start = (slot * self.shape.kv_heads + head) * len;
        start..start + len
    }

    pub(super) fn head(&self, layer: usize, slot: usize, head: usize) -> HeadPanels {
        let panels = &self.layers[layer][self.range(slot, head)];
        let (keys, values) = panels.split_at(self.layout.transposed_len(self.capacity));
        HeadPanels {
            keys: keys.as_ptr(),
            values: values.as_ptr(),
            capacity: self.capacity,
        }
    }

    /// Adds the keys and values of rows of `qkv` after the slot's `past` positions.
    pub(super) fn append(&mut self, layer: usize, s: &CachedSegment, qkv: &[f32]) {
        assert!(
            s.past + s.len <= self.capacity,
            "{} + {} positions in a cache for {}",
            s.past,
            s.len,
            self.capacity
        );
        let (shape, layout, capacity) = (self.shape, self.layout, self.capacity);
        let (hd, width) = (shape.head_dim, layout.width);
        for head in 0..shape.kv_heads {
            let range = self.range(s.slot, head);
            let panels = &mut self.layers[layer][range];
            let (keys, values) = panels.split_at_mut(layout.transposed_len(capacity));
            for i in 0..s.len {
                let (row, position) = (&qkv[(s.start + i) * shape.qkv_width()..], s.past + i);
                let key = &row[(shape.heads + head) * hd..][..hd];
                let panel = &mut keys[position / width * width * hd..];
                for (d, &k) in key.iter().enumerate() {
                    panel[d * width + position % width] = k;
                }
                let value = &row[(shape.heads + shape.kv_heads + head) * hd..][..hd];
                for p in 0..layout.columns.panels() {
                    let (col, columns) = layout.columns.panel(p);
                    let n = columns.min(hd - col);
                    values[col * capacity + position * columns..][..n]
                        .copy_from_slice(&value[col..col + n]);
                }
            }
        }
    }

    /// Copies the first `len` positions of slot `from` over slot `to`.
    pub(super) fn copy(&mut self, to: usize, from: usize, len: usize) {
        assert!(
            len <= self.capacity,
            "{len} positions in a cache for {}",
            self.capacity
        );
        for head in 0..self.shape.kv_heads {
            let (source, target) = (self.range(from, head), self.range(to, head).start);
            for layer in &mut self.layers {
                // Whole heads: a partial copy would save little and split into as many pieces as
                // there are panels.
                layer.copy_within(source.clone(), target);
            }
        }
    }
}
