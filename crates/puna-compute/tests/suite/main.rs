//! One suite for every implementation of `Ops` on host memory: the reference against finite
//! differences and known answers, every other against the reference, and all against the bitwise
//! promises of the contract.
#![allow(clippy::unwrap_used)]

mod agreement;
mod cases;
mod gradients;
mod invariants;
mod known;
mod non_finite;
mod packed;
mod rand;
mod sequences;
mod support;

use puna_compute::{Cpu, Isa, Reference};
use support::Variant;

/// Tests that hold for any implementation, in a module of their own.
macro_rules! suite {
    ($module:ident, $variants:expr) => {
        mod $module {
            suite!(rows_are_independent, $variants, invariants, [
                head, linear, packed, rmsnorm, swiglu,
            ]);
            suite!(sequences, $variants, sequences, [
                chunks_are_the_whole, copies_continue, segments_are_independent,
                slots_are_independent,
            ]);
            suite!(known_answers, $variants, known, [
                activations, adamw, attention, head, moves, nothing, products, rope,
                sums_of_large_squares,
            ]);
            suite!(formats, $variants, packed, [stored_weights]);
            suite!(nan_is_not_lost, $variants, non_finite, [
                attention, head, linear, packed, reused_slot, rmsnorm, swiglu,
            ]);
            suite!(infinity_is_not_lost, $variants, non_finite, [infinite_products]);
        }
    };
    ($module:ident, $variants:expr, $file:ident, [$($check:ident),* $(,)?]) => {
        mod $module {
            $(#[test] fn $check() {
                crate::support::on_each(&$variants, crate::$file::$check);
            })*
        }
    };
    ($module:ident, $variants:expr, $file:ident::$check:ident, [
        $($test:ident: $case:ident),* $(,)?
    ]) => {
        mod $module {
            $(#[test] fn $test() {
                crate::$file::$check::<crate::cases::$case, _>(&$variants);
            })*
        }
    };
}

fn reference() -> Vec<Variant<Reference>> {
    vec![Variant {
        name: "reference".into(),
        make: Box::new(|_| Reference),
    }]
}

/// One for each instruction set of this machine.
fn cpu() -> Vec<Variant<Cpu>> {
    let variant = |isa| Variant {
        name: format!("{isa:?}"),
        make: Box::new(move |threads| Cpu::with_isa(threads, isa)),
    };
    Isa::available().into_iter().map(variant).collect()
}

suite!(on_reference, crate::reference());
suite!(on_cpu, crate::cpu());
suite!(agrees_with_reference, crate::cpu(), agreement::with_reference, [
    attention: Attention, attention_cached: CachedAttention, embedding: Embedding, head: Head,
    linear: Linear, linear_packed: Packed, rmsnorm: RmsNorm, rope: Rope, swiglu: SwiGlu,
    vectors: Vectors,
]);
suite!(threads_do_not_show, crate::cpu(), agreement::across_threads, [
    attention: Attention, attention_cached: CachedAttention, embedding: Embedding, head: Head,
    linear: Linear, linear_packed: Packed, rmsnorm: RmsNorm, rope: Rope, swiglu: SwiGlu,
    vectors: Vectors,
]);
