//! Memory the kernels work in: grown when first needed, then kept.

use crate::buffer::HostBuf;

/// A buffer that grows.
#[derive(Default)]
pub(crate) struct Grow(Option<HostBuf>);

impl Grow {
    /// At least `len` values; what they hold is unspecified.
    ///
    /// # Panics
    /// If the machine has no memory for it: scratch is a fraction of what the caller already holds.
    pub fn ensure(&mut self, len: usize) -> *mut f32 {
        let mut buf = self.0.take().filter(|b| b.len() >= len);
        if buf.is_none() {
            buf = HostBuf::zeros(len).map_err(|e| panic!("{e}")).ok();
        }
        self.0 = buf;
        self.0
            .as_mut()
            .map_or(std::ptr::null_mut(), |b| b.as_mut_ptr())
    }

    /// What [`Self::ensure`] gave last.
    pub fn base(&self) -> *mut f32 {
        self.0.as_ref().map_or(std::ptr::null_mut(), HostBuf::base)
    }
}

/// What one member of the team works in.
#[derive(Default)]
pub(crate) struct RankScratch {
    /// Packed left-hand rows, or a widened panel.
    pub rows: Grow,
    /// Packed heads and tiles of attention.
    pub attention: Grow,
}

/// What a team works in.
pub(crate) struct Scratch {
    /// Packed right-hand panels, shared.
    pub packed: Grow,
    /// Packed head of the language model.
    pub head: Grow,
    /// Activations rounded as packed weights want them.
    pub activations: Grow,
    /// Logits of a chunk of rows.
    pub logits: Grow,
    pub ranks: Vec<RankScratch>,
}

impl Scratch {
    pub fn new(team: usize) -> Self {
        Self {
            packed: Grow::default(),
            head: Grow::default(),
            activations: Grow::default(),
            logits: Grow::default(),
            ranks: (0..team).map(|_| RankScratch::default()).collect(),
        }
    }
}
