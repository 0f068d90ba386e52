//! The crate's tests over its public interface, in one binary.

#[macro_use]
mod common;
mod decoding;
mod files;
mod fuzz;
mod generation;
mod lora;
mod parity;
mod stories;
mod transformers;
