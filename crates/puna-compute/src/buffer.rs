//! Host memory for kernels: aligned to a cache line, on huge pages but for the smallest.
//!
//! A product walks through rows of its matrices that lie kilobytes apart, and a decoder streams gigabytes: on
//! pages of 4 KB both spend a part of their time in page walks. Pages are huge only if the advice comes before
//! the first touch, so memory is zeroed here and not by the allocator.

use crate::ops::{Buffer, Error, Result};
use std::alloc::{Layout, alloc, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A fixed run of `f32` in host memory. Dereferences to a slice.
pub struct HostBuf {
    ptr: NonNull<f32>,
    len: usize,
    /// Where the values lie; none for a buffer without values.
    _memory: Option<Arc<Memory>>,
}

/// Size of a huge page.
const HUGE: usize = 2 << 20;
/// Buffers from this size on, up to a huge page, share memory on huge pages.
const SHARED: usize = 16 << 10;
/// Size of what they share: large enough to lose little at its end, small enough that what is allocated
/// together, and so lies together, is mostly released together.
const CHUNK: usize = 4 * HUGE;
/// Where a buffer begins: a cache line.
const LINE: usize = 64;

/// An allocation.
struct Memory {
    ptr: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    fn new(bytes: usize) -> Result<Self> {
        let failed = Error::OutOfMemory {
            bytes,
            device: "cpu",
        };
        let align = if bytes >= HUGE { HUGE } else { LINE };
        let Ok(layout) = Layout::from_size_align(bytes, align) else {
            return Err(failed);
        };
        // SAFETY: no caller asks for no bytes.
        let ptr = NonNull::new(unsafe { alloc(layout) }).ok_or(failed)?;
        #[cfg(target_os = "linux")]
        if bytes >= HUGE {
            // SAFETY: the range is the allocation just made; the advice changes no contents, and a
            // kernel that cannot follow it answers with an error that does not matter here.
            unsafe { libc::madvise(ptr.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        Ok(Self { ptr, layout })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.layout.size() == CHUNK {
            let mut spare = lock(&SPARE);
            if spare.len() < SPARES {
                let Self { ptr, layout } = *self;
                return spare.push(Self { ptr, layout });
            }
        }
        // SAFETY: allocated in `new` with this very layout.
        unsafe { dealloc(self.ptr.as_ptr(), self.layout) }
    }
}

// SAFETY: it owns its memory; each byte of it is used by one buffer at most.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

/// Memory that is being given out, and how much of it is.
static CURRENT: Mutex<Option<(Arc<Memory>, usize)>> = Mutex::new(None);

/// Chunks that nobody uses: what is made anew again and again, such as a sampler's weights, costs no page
/// faults.
static SPARE: Mutex<Vec<Memory>> = Mutex::new(Vec::new());
/// Most of them.
const SPARES: usize = 2;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next part of a chunk that buffers share.
fn part_of_chunk(bytes: usize) -> Result<(Arc<Memory>, usize)> {
    let mut current = lock(&CURRENT);
    let (chunk, at) = match current.take() {
        Some((chunk, used)) if used + bytes <= CHUNK => (chunk, used),
        full => {
            drop(full);
            let spare = lock(&SPARE).pop();
            let chunk = spare.map_or_else(|| Memory::new(CHUNK), Ok)?;
            (Arc::new(chunk), 0)
        }
    };
    *current = Some((Arc::clone(&chunk), (at + bytes).next_multiple_of(LINE)));
    Ok((chunk, at))
}

impl HostBuf {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Result<Self> {
        if len == 0 {
            return Ok(Self {
                ptr: NonNull::dangling(),
                len,
                _memory: None,
            });
        }
        let bytes = len.saturating_mul(size_of::<f32>());
        let (memory, at) = if (SHARED..HUGE).contains(&bytes) {
            part_of_chunk(bytes)?
        } else {
            (Arc::new(Memory::new(bytes)?), 0)
        };
        // SAFETY: `bytes` from `at` on lie in the memory, are this buffer's alone and aligned to a cache line;
        // zeroed bytes are valid f32 values.
        let ptr = unsafe {
            let ptr = memory.ptr.add(at);
            ptr.write_bytes(0, bytes);
            ptr.cast::<f32>()
        };
        Ok(Self {
            ptr,
            len,
            _memory: Some(memory),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_every_size_are_zeros_of_their_own() {
        let sizes = [0, 1, 4095, 4096, 5000, 200_000, 524_287, 524_288, 600_000];
        for round in 0..3 {
            let mut buffers: Vec<HostBuf> = Vec::new();
            for (i, &len) in sizes.iter().cycle().take(60).enumerate() {
                let mut buf = HostBuf::zeros(len).unwrap();
                assert!(buf.len() == len && buf.iter().all(|x| x.to_bits() == 0));
                assert!(len == 0 || buf.base() as usize % LINE == 0);
                buf.fill(i as f32);
                buffers.push(buf);
                if i % 7 == round {
                    // What is released is not given out while others still lie beside it.
                    buffers.swap_remove(i / 3);
                }
            }
            for buf in &buffers {
                assert!(buf.iter().all(|x| *x == buf[0]));
            }
        }
    }

    #[test]
    fn more_than_there_is() {
        for len in [usize::MAX, usize::MAX / 8] {
            assert!(matches!(
                HostBuf::zeros(len),
                Err(Error::OutOfMemory { .. })
            ));
        }
    }
}
