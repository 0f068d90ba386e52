//! Host memory for kernels: aligned to a cache line, on huge pages but for the smallest.
//!
//! A product walks through rows of its matrices that lie kilobytes apart, and a decoder streams gigabytes: on
//! pages of 4 KB both spend a part of their time in page walks. As a rule pages become huge only if the advice
//! comes before the first touch, so memory is zeroed here and not by the allocator.

use crate::ops::{Buffer, Error, Result};
use std::alloc::{Layout, alloc, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

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
/// Size of what they share: small enough that what is allocated together, and so lies together, is mostly
/// released together.
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
        // SAFETY: every caller asks for at least one byte.
        let ptr = NonNull::new(unsafe { alloc(layout) }).ok_or(failed)?;
        #[cfg(target_os = "linux")]
        if bytes >= HUGE {
            // The rest stays on small pages, or up to a huge page of it would be taken for nothing.
            let whole = bytes / HUGE * HUGE;
            // SAFETY: the range is in the allocation just made; the advice changes no contents, and a
            // kernel that cannot follow it answers with an error that does not matter here.
            unsafe { libc::madvise(ptr.as_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        }
        Ok(Self { ptr, layout })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this very layout.
        unsafe { dealloc(self.ptr.as_ptr(), self.layout) }
    }
}

// SAFETY: it owns its memory; each byte of it is used by one buffer at most.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

/// Chunks that are being given out, and how much of each is.
static OPEN: Mutex<Vec<(Arc<Memory>, usize)>> = Mutex::new(Vec::new());
/// How many of them there are at most.
const OPENS: usize = 4;

/// The next part of a chunk that buffers share, or memory of its own where there is none for a chunk.
fn part_of_chunk(bytes: usize) -> Result<(Arc<Memory>, usize)> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    for (chunk, used) in open.iter_mut() {
        if Arc::get_mut(chunk).is_some() {
            // Whoever had a part of it has released it.
            *used = 0;
        }
    }
    // The fullest that has room: what is left at the ends is for the small ones.
    let fits = |(_, used): &&mut (Arc<Memory>, usize)| *used + bytes <= CHUNK;
    let fullest = open.iter_mut().filter(fits).max_by_key(|(_, used)| *used);
    if let Some((chunk, used)) = fullest {
        let at = *used;
        *used = (at + bytes).next_multiple_of(LINE);
        return Ok((Arc::clone(chunk), at));
    }
    let Ok(chunk) = Memory::new(CHUNK).map(Arc::new) else {
        return Ok((Arc::new(Memory::new(bytes)?), 0));
    };
    if open.len() == OPENS {
        let fullest = (0..OPENS).max_by_key(|&i| open[i].1).unwrap_or(0);
        open.swap_remove(fullest);
    }
    open.push((Arc::clone(&chunk), bytes.next_multiple_of(LINE)));
    Ok((chunk, 0))
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

// SAFETY: the buffer alone uses its part of the memory, and keeps it alive; access follows the borrow rules
// of the slice it derefs to.
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
                assert!(len == 0 || (buf.base() as usize).is_multiple_of(LINE));
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
