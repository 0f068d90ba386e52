//! Tests that need several files of the module.

mod brute_force;
mod mutation;
mod statistics;
