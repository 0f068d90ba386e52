//! The crate's tests over its public interface, in one binary.

// A test that cannot go on must stop; helpers outside `#[test]` functions too.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod common;
mod counted;
mod decoding;
mod expected;
mod files;
mod fuzz;
mod generation;
mod lora;
mod parity;
mod sampling;
mod scalar;
mod stories;
mod transformers;
