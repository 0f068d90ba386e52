//! The rule, written as it is said, against the index.

use super::super::cover::Covers;
use super::super::index::Index;
use proptest::prelude::*;

/// The longest match over each token of a sample: every place, every length, every condition.
fn longest(sample: &[u32], documents: &[Vec<u32>], prefix: usize, budget: usize) -> Vec<u32> {
    let mut longest = vec![0; sample.len()];
    for document in documents {
        for start in 0..sample.len() {
            for at in 0..document.len() {
                let most = (sample.len() - start).min(document.len() - at);
                for length in prefix..=most {
                    let equal: Vec<bool> = (0..length)
                        .map(|i| sample[start + i] == document[at + i])
                        .collect();
                    let matches = equal[..prefix].iter().all(|&e| e)
                        && equal[length - 1]
                        && equal.iter().filter(|&&e| !e).count() <= budget;
                    if matches {
                        for token in &mut longest[start..start + length] {
                            *token = (*token).max(length as u32);
                        }
                    }
                }
            }
        }
    }
    longest
}

fn text(alphabet: u32, tokens: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..alphabet, 0..tokens)
}

/// Texts over a small alphabet, documents partly made of pieces of samples.
fn case() -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<Vec<u32>>)> {
    (1u32..5).prop_flat_map(|alphabet| {
        let samples = prop::collection::vec(text(alphabet, 40), 1..12);
        let noise = prop::collection::vec(text(alphabet, 30), 1..4);
        let pieces = prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                0usize..40,
                0usize..40,
                text(alphabet, 3),
            ),
            0..5,
        );
        (samples, noise, pieces).prop_map(|(samples, mut documents, pieces)| {
            let mut planted = Vec::new();
            for (which, from, to, between) in pieces {
                let sample = which.get(&samples);
                let (from, to) = (from.min(sample.len()), to.min(sample.len()));
                planted.extend_from_slice(&sample[from.min(to)..from.max(to)]);
                planted.extend(between);
            }
            documents.push(planted);
            (samples, documents)
        })
    })
}

fn by_index(
    samples: &[Vec<u32>],
    documents: &[Vec<u32>],
    prefix: usize,
    budget: usize,
) -> (Index, Covers) {
    let slices = samples.iter().map(Vec::as_slice);
    let index = Index::build(slices, prefix as u32, budget as u32).unwrap();
    let mut covers = Covers::new(samples.iter().map(Vec::len));
    let mut found = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        index.find(document, &mut found);
        for passage in found.drain(..) {
            covers.add(passage, &number.to_string(), 0);
        }
    }
    (index, covers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_token_has_the_longest_match_that_there_is(
        (samples, documents) in case(), prefix in 1usize..11, budget in 0usize..6,
    ) {
        let (_, covers) = by_index(&samples, &documents, prefix, budget);
        for (number, sample) in samples.iter().enumerate() {
            let expected = longest(sample, &documents, prefix, budget);
            let found: Vec<u32> = match covers.longest(number) {
                Some(lengths) => lengths.collect(),
                None => vec![0; sample.len()],
            };
            prop_assert_eq!(&found, &expected, "sample {}", number);
            for shortest in 1..60 {
                let count = expected.iter().filter(|&&l| l >= shortest).count();
                prop_assert_eq!(covers.contaminated(number, shortest), count);
            }
        }
    }

    #[test]
    fn what_is_kept_of_a_match_is_true(
        (samples, documents) in case(), prefix in 1usize..11, budget in 0usize..6,
    ) {
        let (index, covers) = by_index(&samples, &documents, prefix, budget);
        for (number, tokens) in samples.iter().enumerate() {
            prop_assert_eq!(index.sample(number), tokens.as_slice());
            for found in covers.found(number) {
                let passage = &found.passage;
                let document = &documents[found.document.parse::<usize>().unwrap()];
                let length = passage.length as usize;
                let mut expected = tokens[passage.start as usize..][..length].to_vec();
                prop_assert!(passage.differences.len() <= budget);
                for &(place, token) in &passage.differences {
                    prop_assert!(place as usize >= prefix && (place as usize) < length - 1);
                    prop_assert!(expected[place as usize] != token);
                    expected[place as usize] = token;
                }
                prop_assert_eq!(&document[passage.at as usize..][..length], expected.as_slice());
            }
        }
    }

    #[test]
    fn parts_merge_to_the_whole(
        (samples, documents) in case(), cut in any::<prop::sample::Index>(),
    ) {
        let (_, whole) = by_index(&samples, &documents, 3, 2);
        let cut = cut.index(documents.len() + 1);
        let mut merged = Covers::new(samples.iter().map(Vec::len));
        for (first, part) in [(0, &documents[..cut]), (cut, &documents[cut..])] {
            let (_, covers) = by_index(&samples, part, 3, 2);
            for mut found in covers.into_found() {
                let number: usize = found.document.parse().unwrap();
                found.document = (first + number).to_string();
                merged.add(found.passage, &found.document, 0);
            }
        }
        prop_assert_eq!(merged.into_found(), whole.into_found());
    }
}
