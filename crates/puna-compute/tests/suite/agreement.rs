//! Every implementation against the reference, and against itself with other numbers of threads.

use crate::cases::Case;
use crate::support::{HostOps, Variant, difference_in_bits, relative_l2};
use puna_compute::Reference;

/// Each output within the tolerance of the reference's.
pub fn with_reference<C: Case, O: HostOps>(variants: &[Variant<O>]) {
    let mut failures = Vec::new();
    let mut implementations: Vec<_> = variants
        .iter()
        .map(|variant| (&variant.name, (variant.make)(2)))
        .collect();
    for case in C::all() {
        let want = case.run(&mut Reference);
        for (variant, ops) in &mut implementations {
            for ((name, got), (_, want)) in case.run(ops).iter().zip(&want) {
                let error = relative_l2(got, want);
                if error > case.tolerance() {
                    failures.push(format!(
                        "{variant}: {case:?}: {name}: relative L2 {error:.3e}"
                    ));
                }
            }
        }
    }
    report(failures);
}

/// The same bits with one, two and three threads.
pub fn across_threads<C: Case, O: HostOps>(variants: &[Variant<O>]) {
    let mut failures = Vec::new();
    for variant in variants {
        let [mut one, mut two, mut three] = [1, 2, 3].map(|threads| (variant.make)(threads));
        for case in C::all() {
            let want = case.run(&mut one);
            for (threads, ops) in [(2, &mut two), (3, &mut three)] {
                for ((name, got), (_, want)) in case.run(ops).iter().zip(&want) {
                    if let Some(difference) = difference_in_bits(got, want) {
                        failures.push(format!(
                            "{}: {case:?}: {name}: {threads} threads and 1: {difference}",
                            variant.name
                        ));
                    }
                }
            }
        }
    }
    report(failures);
}

fn report(failures: Vec<String>) {
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}
