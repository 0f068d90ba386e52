//! Host memory for kernels: aligned to a cache line, on huge pages where the buffer is large.

use crate::ops::{Buffer, Error, Result};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// A fixed run of `f32` in host memory. Dereferences to a slice.
pub struct HostBuf {
    ptr: NonNull<f32>,
    len: usize,
}

/// Buffers of at least this size ask the kernel for huge pages: a decoder that streams gigabytes
/// otherwise spends its time in page walks.
const HUGE: usize = 2 << 20;

impl HostBuf {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Result<Self> {
        if len == 0 {
            return Ok(Self {
                ptr: NonNull::dangling(),
                len,
            });
        }
        let layout = Self::layout(len)?;
        // SAFETY: the layout has a non-zero size; zeroed bytes are valid f32 values.
        let raw = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        let ptr = NonNull::new(raw).ok_or(Error::OutOfMemory {
            bytes: layout.size(),
            device: "cpu",
        })?;
        #[cfg(target_os = "linux")]
        if layout.size() >= HUGE {
            // SAFETY: the range is the allocation just made; the advice changes no contents, and a
            // kernel that cannot follow it answers with an error that does not matter here.
            unsafe { libc::madvise(raw.cast(), layout.size(), libc::MADV_HUGEPAGE) };
        }
        Ok(Self { ptr, len })
    }

    /// A copy of `values`.
    pub fn from_slice(values: &[f32]) -> Result<Self> {
        let mut buf = Self::zeros(values.len())?;
        buf.copy_from_slice(values);
        Ok(buf)
    }

    /// Where the values lie; for code that shares out a buffer without borrowing all of it.
    pub(crate) fn base(&self) -> *mut f32 {
        self.ptr.as_ptr()
    }

    fn layout(len: usize) -> Result<Layout> {
        let bytes = len.saturating_mul(size_of::<f32>());
        let align = if bytes >= HUGE { HUGE } else { 64 };
        Layout::from_size_align(bytes, align).map_err(|_| Error::OutOfMemory {
            bytes,
            device: "cpu",
        })
    }
}

impl Drop for HostBuf {
    fn drop(&mut self) {
        if let (true, Ok(layout)) = (self.len > 0, Self::layout(self.len)) {
            // SAFETY: allocated in `zeros` with this very layout.
            unsafe { dealloc(self.ptr.as_ptr().cast(), layout) }
        }
    }
}

// SAFETY: the buffer owns its memory; access follows the borrow rules of the slice it derefs to.
unsafe impl Send for HostBuf {}
// SAFETY: as above.
unsafe impl Sync for HostBuf {}

impl Deref for HostBuf {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` initialised values live at `ptr` (dangling only when `len` is 0).
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl DerefMut for HostBuf {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `&mut self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl Buffer for HostBuf {
    fn len(&self) -> usize {
        self.len
    }
}

impl std::fmt::Debug for HostBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostBuf[{}]", self.len)
    }
}
