//! The paper's Table 51 as known answers, and the rules of the verdict.

use super::super::settings::Settings;
use super::super::statistics::{Outcome, SubsetRow, affected, deviation, subsets, z};

/// Samples as the table describes them: subset sizes and percentages of right answers of clean, not
/// clean, not dirty, dirty.
fn samples(sizes: [u64; 4], right: [f64; 4]) -> Vec<Outcome> {
    let count = |i: usize| (sizes[i] as f64 * right[i] / 100.0).round() as u64;
    let (clean, not_clean, dirty) = (count(0), count(1), count(3));
    let mut samples = Vec::new();
    // The percentages are rounded, so the middle is what not clean leaves to dirty.
    for (share, size, right) in [
        (0.0, sizes[0], clean),
        (0.5, sizes[1] - sizes[3], not_clean - dirty),
        (0.9, sizes[3], dirty),
    ] {
        samples.extend((0..size).map(|i| Outcome {
            share,
            value: Some(f64::from(u8::from(i < right))),
        }));
    }
    samples
}

fn table(sizes: [u64; 4], right: [f64; 4]) -> [SubsetRow; 4] {
    subsets(&samples(sizes, right), &Settings::default())
}

#[test]
fn table_51_comes_out() {
    const HELLASWAG: [u64; 4] = [7391, 2651, 9194, 848];
    const HUMANITIES: [u64; 4] = [3996, 709, 4185, 520];
    const OVERALL: [u64; 4] = [11862, 2180, 12506, 1536];
    for (sizes, right, expected, z) in [
        (
            HELLASWAG,
            [80.0, 89.5, 81.6, 92.2],
            82.5,
            [-5.73, 9.56, -2.27, 7.42],
        ),
        (
            HELLASWAG,
            [70.5, 81.3, 72.4, 83.7],
            73.4,
            [-5.46, 9.17, -2.06, 6.84],
        ),
        (
            HUMANITIES,
            [62.2, 82.7, 62.7, 85.8],
            65.3,
            [-4.08, 9.71, -3.50, 9.80],
        ),
        (
            HUMANITIES,
            [40.8, 54.9, 41.1, 56.9],
            42.9,
            [-2.75, 6.50, -2.25, 6.49],
        ),
        (
            OVERALL,
            [68.0, 73.5, 67.7, 78.2],
            68.9,
            [-2.00, 4.64, -2.75, 7.87],
        ),
    ] {
        let rows = table(sizes, right);
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row.samples, sizes[i]);
            assert!(
                (row.expected.unwrap() * 100.0 - expected).abs() < 0.1,
                "{row:?}"
            );
            // Means are printed to a tenth of a percent, which moves Z by up to 0.1 and more where
            // the deviation is small; the authors' own means were resampled.
            let slack = 0.0005 / row.deviation.unwrap() + 0.05;
            assert!((row.z.unwrap() - z[i]).abs() < slack, "{} {row:?}", z[i]);
        }
        if sizes != OVERALL {
            assert_eq!(affected(&rows, &Settings::default()), Some(true));
        }
    }
}

#[test]
fn z_of_the_printed_means_is_that_of_the_check() {
    // HellaSwag, 70B: mean and expected mean as printed, and Z of a 0/1 metric without a correction
    // for a finite population.
    for (samples, mean, expected, check) in [
        (7391, 0.800, 0.825, -5.66),
        (2651, 0.895, 0.824, 9.60),
        (9194, 0.816, 0.825, -2.27),
        (848, 0.922, 0.825, 7.43),
    ] {
        let deviation = deviation(expected * (1.0 - expected), samples);
        let z = z(mean, expected, deviation).unwrap();
        assert!((z - check).abs() < 0.006, "{z} {check}");
    }
}

#[test]
fn all_four_must_agree_and_in_the_right_direction() {
    let settings = Settings::default();
    let sizes = [7391, 2651, 9194, 848];
    // Dirty samples no better than the rest.
    let rows = table(sizes, [80.0, 89.5, 82.5, 82.5]);
    assert_eq!(affected(&rows, &settings), Some(false));
    // Contaminated samples worse: no benefit.
    let rows = table(sizes, [89.5, 80.0, 88.3, 72.0]);
    assert_eq!(affected(&rows, &settings), Some(false));
    // Unless lower is better, as it is for a loss.
    let lower = Settings {
        higher_is_better: false,
        ..Settings::default()
    };
    assert_eq!(affected(&rows, &lower), Some(true));
}

#[test]
fn bounds_are_where_the_paper_has_them() {
    let settings = Settings::default();
    let share = |contaminated: u32, of: u32| Outcome {
        share: f64::from(contaminated) / f64::from(of),
        value: None,
    };
    let samples = [
        share(1, 5),
        share(19, 100),
        share(4, 5),
        share(79, 100),
        share(3, 15),
    ];
    let rows = subsets(&samples, &settings);
    assert_eq!(rows.each_ref().map(|row| row.samples), [1, 4, 4, 1]);
    assert_eq!(affected(&rows, &settings), None);
    assert!(rows.iter().all(|row| row.mean.is_none() && row.z.is_none()));
}

#[test]
fn empty_subsets_equal_values_and_missing_ones() {
    let settings = Settings::default();
    let sample = |share, value| Outcome { share, value };
    let rows = subsets(&[sample(0.0, Some(1.0)), sample(0.1, Some(0.0))], &settings);
    assert_eq!(rows[3].samples, 0);
    assert_eq!(
        (rows[3].mean, rows[3].z, rows[3].deviation),
        (None, None, None)
    );
    assert_eq!(affected(&rows, &settings), Some(false));
    let rows = subsets(&[sample(0.0, Some(1.0)), sample(0.9, Some(1.0))], &settings);
    assert!(rows.iter().all(|row| row.z.is_none()));
    assert_eq!(affected(&rows, &settings), Some(false));
    // Samples without a value do not count where others have one.
    let rows = subsets(&[sample(0.0, Some(1.0)), sample(0.9, None)], &settings);
    assert_eq!(rows.each_ref().map(|row| row.samples), [1, 0, 1, 0]);
    assert_eq!(subsets(&[], &settings)[0].samples, 0);
}
