//! Within an epoch no prediction is lost and none is made twice, and a cursor leads back exactly.

#![allow(clippy::unwrap_used)]

mod common;

use common::Numbers;
use proptest::prelude::*;
use puna_train::tokens::{TokenWriter, Vocabulary};
use puna_train::{Loader, LoaderOptions, Sequence, TokenFile};
use std::path::Path;

/// Documents whose every token is its own: the id tells document and place.
fn files(dir: &Path, lengths: &[usize], per_file: usize) -> (Vec<TokenFile>, Vec<Vec<u32>>) {
    let mut next = 0;
    let documents: Vec<Vec<u32>> = lengths
        .iter()
        .map(|&len| {
            let document: Vec<u32> = (next..next + len as u32).collect();
            next += len as u32;
            document
        })
        .collect();
    let mut files = Vec::new();
    for (i, part) in documents.chunks(per_file).enumerate() {
        let path = dir.join(format!("{i}.tokens"));
        let mut writer = TokenWriter::create(
            &path,
            Vocabulary {
                size: 1 << 17,
                hash: [0; 32],
            },
        )
        .unwrap();
        part.iter()
            .for_each(|document| writer.push(document, 1).unwrap());
        writer.finish().unwrap();
        files.push(TokenFile::open(&path).unwrap());
    }
    (files, documents)
}

/// Predictions that count, as pairs, in order.
fn predictions(sequences: &[Sequence]) -> Vec<(u32, u32)> {
    let rows = sequences
        .iter()
        .flat_map(|s| s.tokens.iter().zip(&s.targets).zip(&s.weights));
    rows.filter(|(_, w)| **w == 1.0)
        .map(|((&a, &b), _)| (a, b))
        .collect()
}

/// Every pair of a token and the next in its document, sorted.
fn next_tokens(documents: &[Vec<u32>]) -> Vec<(u32, u32)> {
    let pairs = documents
        .iter()
        .flat_map(|d| d.windows(2).map(|w| (w[0], w[1])));
    let mut pairs: Vec<(u32, u32)> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

/// The predictions of the first three epochs of so many, each sorted.
fn epochs(sequences: &[Sequence], of: usize) -> Vec<Vec<(u32, u32)>> {
    let all = predictions(sequences);
    let each = all.chunks(of).take(3).map(|part| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    });
    each.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_prediction_once_an_epoch(
        lengths in prop::collection::vec(1usize..20, 1..30),
        seq_len in 1usize..25,
        per_file in 1usize..10,
        document_mask: bool,
        seed in prop::option::of(any::<u64>()),
        stop in any::<prop::sample::Index>(),
    ) {
        prop_assume!(lengths.iter().any(|&n| n > 1));
        let dir = tempfile::tempdir().unwrap();
        let (files, documents) = files(dir.path(), &lengths, per_file);
        let options = LoaderOptions { seq_len, document_mask, seed };
        let expected = next_tokens(&documents);

        let mut loader = Loader::new(&files, options).unwrap();
        let epoch: Vec<Sequence> = std::iter::from_fn(|| loader.next_in_epoch(0)).collect();
        let mut found = predictions(&epoch);
        found.sort_unstable();
        prop_assert_eq!(&found, &expected);
        let rows: usize = epoch.iter().map(Sequence::rows).sum();
        prop_assert_eq!(rows as u64, loader.rows_per_epoch());

        // Full sequences over the ends of epochs: the same predictions, epoch by epoch.
        let mut loader = Loader::new(&files, options).unwrap();
        let wanted = (3 * rows).div_ceil(seq_len);
        let mut cursors = vec![loader.cursor()];
        let mut all = Vec::new();
        for _ in 0..wanted {
            let sequence = loader.next_sequence();
            prop_assert_eq!(sequence.rows(), seq_len);
            prop_assert_eq!(sequence.segments.iter().sum::<usize>(), seq_len);
            prop_assert!(document_mask || sequence.segments.len() == 1);
            all.push(sequence);
            cursors.push(loader.cursor());
        }
        for epoch in epochs(&all, expected.len()) {
            prop_assert_eq!(&epoch, &expected);
        }
        // Within a segment of a masked sequence every target is the next token.
        if document_mask {
            for s in &all {
                let mut at = 0;
                for &len in &s.segments {
                    prop_assert!((at..at + len).all(|i| s.targets[i] == s.tokens[i] + 1));
                    at += len;
                }
            }
        }

        let from = stop.index(wanted);
        let mut resumed = Loader::new(&files, options).unwrap();
        resumed.seek(cursors[from]).unwrap();
        for sequence in &all[from..] {
            prop_assert_eq!(&resumed.next_sequence(), sequence);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]
    #[test]
    fn sequences_of_changing_shape_lose_nothing(
        lengths in prop::collection::vec(1usize..20, 1..30),
        shapes in prop::collection::vec((1usize..40, any::<bool>()), 2..5),
        stop in any::<prop::sample::Index>(),
    ) {
        prop_assume!(lengths.iter().any(|&n| n > 1));
        let dir = tempfile::tempdir().unwrap();
        let (files, documents) = files(dir.path(), &lengths, 7);
        let options = LoaderOptions { seq_len: 1, document_mask: true, seed: Some(3) };
        let expected = next_tokens(&documents);

        let mut loader = Loader::new(&files, options).unwrap();
        let next = |loader: &mut Loader<'_>, n: usize| {
            let (seq_len, document_mask) = shapes[n % shapes.len()];
            loader.reshape(seq_len, document_mask);
            loader.next_sequence()
        };
        let mut cursors = vec![loader.cursor()];
        let mut all = Vec::new();
        while loader.cursor().epoch < 3 {
            let sequence = next(&mut loader, all.len());
            let (seq_len, document_mask) = shapes[all.len() % shapes.len()];
            prop_assert_eq!(sequence.rows(), seq_len);
            prop_assert!(document_mask || sequence.segments.len() == 1);
            all.push(sequence);
            cursors.push(loader.cursor());
        }
        for epoch in epochs(&all, expected.len()) {
            prop_assert_eq!(&epoch, &expected);
        }

        let from = stop.index(all.len());
        let mut resumed = Loader::new(&files, options).unwrap();
        resumed.seek(cursors[from]).unwrap();
        for (n, sequence) in all.iter().enumerate().skip(from) {
            prop_assert_eq!(&next(&mut resumed, n), sequence);
        }
    }
}

#[test]
fn epochs_differ_and_places_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers::new(4);
    let lengths: Vec<usize> = (0..50).map(|_| 2 + numbers.below(9)).collect();
    let (files, _) = files(dir.path(), &lengths, 20);
    let options = LoaderOptions {
        seq_len: 16,
        document_mask: true,
        seed: Some(1),
    };
    let mut loader = Loader::new(&files, options).unwrap();
    let mut epoch = |e| std::iter::from_fn(|| loader.next_in_epoch(e)).collect::<Vec<_>>();
    assert_ne!(epoch(0), epoch(1));
    let cursor = |item, row| puna_train::Cursor {
        epoch: 0,
        item,
        row,
    };
    assert!(loader.seek(cursor(50, 0)).is_err());
    assert!(loader.seek(cursor(3, 100)).is_err());
    assert!(
        Loader::new(
            &files,
            LoaderOptions {
                seq_len: 0,
                ..options
            }
        )
        .is_err()
    );
    assert!(Loader::new(&[], options).is_err());
}
