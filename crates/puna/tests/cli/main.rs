//! The real program, from outside.

// Helpers of tests are tests.
#![allow(clippy::unwrap_used)]

mod aligned;
mod bad_input;
mod base;
mod chat;
mod common;
mod contamination;
mod corpus;
mod end;
mod feedback;
mod full_disk;
mod help;
mod invariants;
mod plan;
mod recipes;
mod resume;
mod run;
mod sampling;
mod tools;
