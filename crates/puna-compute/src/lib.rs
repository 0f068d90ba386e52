//! Buffers, kernels and threads of Puna: everything that touches numbers and knows no model.
//!
//! [`Ops`] is the contract: some twenty operations, each with its backward, on buffers of one
//! device. [`Reference`] says what they mean in plain loops; [`Cpu`] does them fast, with the widest
//! vectors the machine has. One suite (`tests/suite`) holds every implementation against the
//! reference and the reference against finite differences.
//!
//! Results of an implementation never depend on how many threads it has, nor on which other rows
//! share a call.

mod buffer;
pub mod cpu;
mod ops;
mod reference;

pub use buffer::HostBuf;
pub use cpu::{Cpu, ISA_VARIABLE, Isa, IsaError, Team};
pub use ops::{
    AdamW, AttentionShape, Buffer, CachedSegment, Error, Ops, Result, Segment, WeightFormat, Write,
};
pub use reference::Reference;
