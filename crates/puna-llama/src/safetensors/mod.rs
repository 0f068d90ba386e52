//! Safetensors files: the header's length (8 bytes), a JSON header, the tensors' bytes.
//!
//! The reader is strict: what a file claims is checked against its length before anything is
//! allocated, ranges must tile the data exactly, and names must be unique. It reads with ordinary
//! reads instead of a memory map, so that a file cut short while it is read is an error and not a
//! signal; converting chunk by chunk costs no second copy of a tensor.

mod dtype;
mod header;
mod reader;
mod shards;
mod writer;

pub use dtype::Dtype;
pub use header::Entry;
pub use reader::SafeTensors;
pub use shards::{INDEX_FILE, SINGLE_FILE, Weights, write_sharded};
pub use writer::{TensorView, write};
