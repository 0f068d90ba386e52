//! Agreement of raters beyond chance: Gwet's AC1 and AC2 (paper sections 3.4.2 and 4.4).
//!
//! With r_ik the raters who put item i into category k, r_i all who rated it, and w_kl the weight of
//! agreement between categories k and l (1 for the same, 0 for none):
//!
//! - observed: p_a, the mean over items with two raters or more of sum_k r_ik (sum_l w_kl r_il - 1) / (r_i (r_i - 1));
//! - by chance: p_e = sum_kl w_kl / (Q (Q - 1)) * sum_k pi_k (1 - pi_k), where pi_k is the mean over the
//!   items of r_ik / r_i, and Q the number of categories;
//! - AC = (p_a - p_e) / (1 - p_e), called AC1 with the weights of identity and AC2 with others.
//!
//! The paper reports AC2 of seven-point comparisons (0.37 to 0.55 for helpfulness) without naming its weights.

use crate::error::{Error, Result};
use crate::preferences::Strength;
use serde::{Deserialize, Serialize};

/// How much two categories agree. Categories are numbered in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// Only the same category agrees: AC1.
    Identity,
    /// 1 - |k - l| / (Q - 1).
    Linear,
    /// 1 - (k - l)^2 / (Q - 1)^2. The default of AC2 here; the paper does not say.
    #[default]
    Quadratic,
    /// 1 - M_kl / M_1Q, where M_kl = C(|k - l| + 1, 2) counts the pairs of categories from k to l: for
    /// categories that have an order and no distances.
    Ordinal,
}

impl Weights {
    /// w_kl of Q categories.
    fn weight(self, k: usize, l: usize, categories: usize) -> f64 {
        let (apart, most) = (k.abs_diff(l) as f64, (categories - 1) as f64);
        match self {
            Self::Identity => f64::from(u8::from(k == l)),
            Self::Linear => 1.0 - apart / most,
            Self::Quadratic => 1.0 - (apart / most).powi(2),
            Self::Ordinal => 1.0 - (apart * (apart + 1.0)) / (most * (most + 1.0)),
        }
    }
}

/// An agreement coefficient, and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// AC1 or AC2: 1 is full agreement, 0 what chance gives, less than 0 is possible.
    pub coefficient: f64,
    /// p_a, the observed agreement.
    pub observed: f64,
    /// p_e, the agreement by chance.
    pub chance: f64,
    /// Standard error over the choice of items, for these raters (Gwet 2008); none of one item.
    pub standard_error: Option<f64>,
    /// Items with at least one rating.
    pub items: usize,
    /// Items with at least two, on which raters can agree.
    pub compared: usize,
}

impl Agreement {
    /// The interval of 95 % by the normal distribution, cut at 1; none of one item.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.standard_error.map(|error| {
            let half = 1.959_963_984_540_054 * error;
            (self.coefficient - half, (self.coefficient + half).min(1.0))
        })
    }
}

/// How many categories [`seven_point`] has.
pub const SEVEN: usize = 7;

/// A comparison of two answers, the first and the second, as one of seven ordered categories: 0 where the first is
/// significantly better, 3 where either is negligibly so, 6 where the second is significantly better. These
/// are the scale of the paper's evaluations (section 3.4.2), from the four levels of its annotators.
pub fn seven_point(first_is_better: bool, strength: Strength) -> usize {
    let steps = match strength {
        Strength::SignificantlyBetter => 3,
        Strength::Better => 2,
        Strength::SlightlyBetter => 1,
        Strength::Negligibly => 0,
    };
    match first_is_better {
        true => 3 - steps,
        false => 3 + steps,
    }
}

/// Gwet's coefficient of `ratings`: for each item the categories, from 0, that its raters gave it. The order of
/// the raters does not matter, and items may have any number of them; those without any do not count.
///
/// # Errors
/// Fewer than two categories, a rating that is none of them, or no item with two ratings.
pub fn gwet<R: AsRef<[usize]>>(
    ratings: &[R],
    categories: usize,
    weights: Weights,
) -> Result<Agreement> {
    if categories < 2 {
        let what = format!("{categories}; agreement needs at least 2");
        return Err(Error::setting("categories", what));
    }
    let mut items = Vec::new();
    for (i, ratings) in ratings.iter().enumerate() {
        let mut counts = vec![0.0; categories];
        for &category in ratings.as_ref() {
            let Some(count) = counts.get_mut(category) else {
                return Err(Error::Data(format!(
                    "item {} is rated {category}, and the categories are 0 to {}",
                    i + 1,
                    categories - 1
                )));
            };
            *count += 1.0;
        }
        let raters = ratings.as_ref().len() as f64;
        if raters > 0.0 {
            items.push((counts, raters));
        }
    }
    let compared = items.iter().filter(|(_, raters)| *raters >= 2.0).count();
    if compared == 0 {
        return Err(Error::Data(
            "no item has two ratings, so there is no agreement to measure".into(),
        ));
    }
    let n = items.len() as f64;
    let observed_of = |(counts, raters): &(Vec<f64>, f64)| {
        let mut agreeing = 0.0;
        for (k, &count) in counts.iter().enumerate() {
            let near: f64 = (counts.iter().enumerate())
                .map(|(l, &other)| weights.weight(k, l, categories) * other)
                .sum();
            agreeing += count * (near - 1.0);
        }
        agreeing / (raters * (raters - 1.0))
    };
    let total: f64 = (0..categories * categories)
        .map(|i| weights.weight(i / categories, i % categories, categories))
        .sum();
    let scale = total / (categories * (categories - 1)) as f64;
    let mut shares = vec![0.0; categories];
    for (counts, raters) in &items {
        for (share, count) in shares.iter_mut().zip(counts) {
            *share += count / raters / n;
        }
    }
    let chance = scale * shares.iter().map(|p| p * (1.0 - p)).sum::<f64>();
    let pairs = || items.iter().filter(|(_, raters)| *raters >= 2.0);
    let observed = pairs().map(observed_of).sum::<f64>() / compared as f64;
    let coefficient = (observed - chance) / (1.0 - chance);

    // Gwet's variance: each item's own part in the coefficient, less its part in the chance agreement.
    let standard_error = (items.len() > 1).then(|| {
        let mut squares = 0.0;
        for item in &items {
            let (counts, raters) = item;
            let own = match *raters >= 2.0 {
                true => n / compared as f64 * (observed_of(item) - chance) / (1.0 - chance),
                false => 0.0,
            };
            let own_chance = scale
                * (counts.iter().zip(&shares))
                    .map(|(count, share)| count / raters * (1.0 - share))
                    .sum::<f64>();
            let part = own - 2.0 * (1.0 - coefficient) * (own_chance - chance) / (1.0 - chance);
            squares += (part - coefficient).powi(2);
        }
        (squares / (n * (n - 1.0))).sqrt()
    });
    Ok(Agreement {
        coefficient,
        observed,
        chance,
        standard_error,
        items: items.len(),
        compared,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn two_raters_by_hand() {
        // Ten items, two raters, two categories: both say 0 on six, both 1 on one, and they differ on three.
        let mut ratings = vec![[0, 0]; 6];
        ratings.push([1, 1]);
        ratings.extend([[0, 1]; 3]);
        // p_a = 7/10. pi_0 = (12 + 3)/20 = 3/4, so p_e = 2 * 3/4 * 1/4 = 3/8.
        // AC1 = (7/10 - 3/8) / (5/8) = 13/25.
        let found = gwet(&ratings, 2, Weights::Identity).unwrap();
        close(found.observed, 0.7);
        close(found.chance, 0.375);
        close(found.coefficient, 0.52);
        // Of two categories all weights are those of identity.
        for weights in [Weights::Linear, Weights::Quadratic, Weights::Ordinal] {
            assert_eq!(gwet(&ratings, 2, weights).unwrap(), found);
        }
    }

    #[test]
    fn three_raters_and_weights_by_hand() {
        // Three categories. Item 1: 0, 0, 1. Item 2: 2, 2, 2. Item 3: 0, 2. Item 4: 1 alone.
        let ratings: [&[usize]; 4] = [&[0, 0, 1], &[2, 2, 2], &[0, 2], &[1]];
        // pi_0 = (2/3 + 1/2)/4 = 7/24, pi_1 = (1/3 + 1)/4 = 1/3, pi_2 = (1 + 1/2)/4 = 3/8;
        // sum pi (1 - pi) = 1 - (49 + 64 + 81)/576 = 382/576 = 191/288.
        // Identity: p_a = (1/3 + 1 + 0)/3 = 4/9, p_e = 3/6 * 191/288 = 191/576.
        let found = gwet(&ratings, 3, Weights::Identity).unwrap();
        close(found.observed, 4.0 / 9.0);
        close(found.chance, 191.0 / 576.0);
        close(
            found.coefficient,
            (4.0 / 9.0 - 191.0 / 576.0) / (385.0 / 576.0),
        );
        assert_eq!((found.items, found.compared), (4, 3));
        // Quadratic weights: 1, 3/4, 0 for distances 0, 1, 2; their sum 3 + 4 * 3/4 = 6.
        // Item 1: of six ordered pairs two agree and four are 3/4: 5/6. p_a = (5/6 + 1 + 0)/3 = 11/18.
        let found = gwet(&ratings, 3, Weights::Quadratic).unwrap();
        close(found.observed, 11.0 / 18.0);
        close(found.chance, 191.0 / 288.0);
        // Linear: 1, 1/2, 0; sum 5. Ordinal: 1, 2/3, 0; sum 17/3.
        close(
            gwet(&ratings, 3, Weights::Linear).unwrap().chance,
            5.0 / 6.0 * 191.0 / 288.0,
        );
        let ordinal = gwet(&ratings, 3, Weights::Ordinal).unwrap();
        close(ordinal.chance, 17.0 / 18.0 * 191.0 / 288.0);
        close(ordinal.observed, (7.0 / 9.0 + 1.0) / 3.0);
    }

    #[test]
    fn full_agreement_is_1_whatever_the_shares() {
        let found = gwet(&[[3, 3], [3, 3], [3, 3]], 7, Weights::Quadratic).unwrap();
        assert_eq!(found.coefficient, 1.0);
        assert_eq!(found.standard_error, Some(0.0));
        assert_eq!(found.interval(), Some((1.0, 1.0)));
        assert_eq!(
            gwet(&[[1, 1]], 2, Weights::Identity).unwrap().interval(),
            None
        );
    }

    #[test]
    fn comparisons_on_seven_points() {
        let first = Strength::ALL.map(|s| seven_point(true, s));
        let second = Strength::ALL.map(|s| seven_point(false, s));
        assert_eq!((first, second), ([0, 1, 2, 3], [6, 5, 4, 3]));
        // Neighbours: p_a = 35/36; six categories have a sixth each, and the weights add to 343/9, so
        // p_e = 343/9 / 42 * 5/6 = 1715/2268 and AC2 = (2205 - 1715) / (2268 - 1715) = 70/79.
        let near = gwet(&[[0, 1], [5, 6], [3, 4]], SEVEN, Weights::Quadratic).unwrap();
        let far = gwet(&[[0, 6], [6, 0], [1, 5]], SEVEN, Weights::Quadratic).unwrap();
        close(near.coefficient, 70.0 / 79.0);
        assert!(far.coefficient < 0.0);
    }

    #[test]
    fn what_cannot_be_measured_is_an_error() {
        let message = |r: Result<Agreement>| r.unwrap_err().to_string();
        let one = gwet(&[[0, 0]], 1, Weights::Identity);
        assert!(message(one).contains("setting categories: 1"));
        let beyond = gwet(&[[0, 2]], 2, Weights::Identity);
        assert_eq!(
            message(beyond),
            "item 1 is rated 2, and the categories are 0 to 1"
        );
        assert!(message(gwet(&[[0], [1]], 2, Weights::Identity)).contains("no item has two"));
        assert!(message(gwet::<[usize; 2]>(&[], 2, Weights::Identity)).contains("no item"));
    }

    #[test]
    fn irr_cac_gives_the_same() {
        type Case = (Vec<Vec<usize>>, usize, Weights, [f64; 4]);
        let fixture = include_str!("../tests/fixtures/agreement.json");
        let cases: Vec<Case> = serde_json::from_str(fixture).unwrap();
        assert!(cases.len() >= 20);
        for (ratings, categories, weights, [coefficient, observed, chance, error]) in cases {
            let found = gwet(&ratings, categories, weights).unwrap();
            for (found, expected) in [
                (found.coefficient, coefficient),
                (found.observed, observed),
                (found.chance, chance),
                (found.standard_error.unwrap(), error),
            ] {
                assert!((found - expected).abs() <= 1e-12, "{found} {expected}");
            }
        }
    }
}
