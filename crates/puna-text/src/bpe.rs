//! Merging one segment of text: the highest-ranked pair first, the leftmost among equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Id;
use crate::merges::{MergeTable, NO_RANK, Symbol};

/// Up to this many symbols a scan for the best pair beats a heap.
const SCAN_LIMIT: usize = 48;

/// Working memory of [`merge`], kept between calls.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub symbols: Vec<Symbol>,
    candidates: Vec<(u32, Id)>,
    previous: Vec<u32>,
    next: Vec<u32>,
    heap: BinaryHeap<Reverse<Candidate>>,
}

/// A pair that could merge: ordered by rank, then position.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u32,
    at: u32,
    left: Symbol,
    right: Symbol,
    result: Id,
}

/// Merges `scratch.symbols` in place.
pub(crate) fn merge(table: &MergeTable, scratch: &mut Scratch) {
    match scratch.symbols.len() {
        0 | 1 => {}
        2..=SCAN_LIMIT => merge_by_scan(table, &mut scratch.symbols, &mut scratch.candidates),
        _ => merge_by_heap(table, scratch),
    }
}

/// For short segments: look at all neighbours each time.
fn merge_by_scan(table: &MergeTable, symbols: &mut Vec<Symbol>, candidates: &mut Vec<(u32, Id)>) {
    candidates.clear();
    candidates.extend(symbols.windows(2).map(|w| table.get(w[0], w[1])));
    loop {
        let mut best = (NO_RANK, 0);
        for (at, &(rank, _)) in candidates.iter().enumerate() {
            if rank < best.0 {
                best = (rank, at);
            }
        }
        let (rank, at) = best;
        if rank == NO_RANK {
            return;
        }
        symbols[at] = candidates[at].1;
        symbols.remove(at + 1);
        candidates.remove(at);
        if at > 0 {
            candidates[at - 1] = table.get(symbols[at - 1], symbols[at]);
        }
        if at < candidates.len() {
            candidates[at] = table.get(symbols[at], symbols[at + 1]);
        }
    }
}

/// End of the list of neighbours.
const NONE: u32 = u32::MAX;

/// For long segments: a heap of candidates over a linked list, n log n in the worst case.
fn merge_by_heap(table: &MergeTable, scratch: &mut Scratch) {
    let Scratch {
        symbols,
        previous,
        next,
        heap,
        ..
    } = scratch;
    // Positions fit u32: encoding takes segments of less than 4 GiB.
    let count = symbols.len() as u32;
    previous.clear();
    previous.extend((0..count).map(|i| i.wrapping_sub(1)));
    next.clear();
    next.extend((1..count).chain([NONE]));
    heap.clear();
    let candidate = |symbols: &[Symbol], left: u32, right: u32| {
        let (l, r) = (symbols[left as usize], symbols[right as usize]);
        let (rank, result) = table.get(l, r);
        (rank != NO_RANK).then_some(Reverse(Candidate {
            rank,
            at: left,
            left: l,
            right: r,
            result,
        }))
    };
    heap.extend((1..count).filter_map(|i| candidate(symbols, i - 1, i)));
    while let Some(Reverse(best)) = heap.pop() {
        let at = best.at as usize;
        let right = next[at];
        // A symbol that has merged since is another symbol (or dead), so the candidate is out of date.
        if right == NONE || symbols[at] != best.left || symbols[right as usize] != best.right {
            continue;
        }
        symbols[at] = best.result;
        symbols[right as usize] = DEAD;
        let after = next[right as usize];
        next[at] = after;
        if after != NONE {
            previous[after as usize] = best.at;
            heap.extend(candidate(symbols, best.at, after));
        }
        let before = previous[at];
        if before != NONE {
            heap.extend(candidate(symbols, before, best.at));
        }
    }
    symbols.retain(|&s| s != DEAD);
}

/// A symbol that was merged into its left neighbour; no piece or character has this number.
const DEAD: Symbol = u32::MAX;
