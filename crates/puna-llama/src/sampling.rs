//! Choosing the next token: temperature, top-k, top-p (the reference's `generation.py`), repetition
//! penalty. Each sequence has its own random stream, so what it says does not depend on the others.

use crate::error::{Error, Result};
use crate::random::Random;
use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

/// How tokens are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingOptions {
    /// Divides the logits; 0 takes the most probable token, the lowest id among equals.
    pub temperature: f32,
    /// Only the `k` most probable tokens; 0 is all.
    pub top_k: usize,
    /// The most probable tokens, less those whose *preceding* ones already have more than this
    /// mass; 1 is all.
    pub top_p: f32,
    /// Positive logits of tokens already in the sequence are divided by this, negative ones
    /// multiplied (Keskar et al. 2019); 1 changes nothing.
    pub repetition_penalty: f32,
    /// Seed of all sequences; each draws from a stream of its own.
    pub seed: u64,
}

impl Default for SamplingOptions {
    /// The reference's: temperature 0.6, top-p 0.9, seed 1.
    fn default() -> Self {
        Self {
            temperature: 0.6,
            top_k: 0,
            top_p: 0.9,
            repetition_penalty: 1.0,
            seed: 1,
        }
    }
}

impl SamplingOptions {
    /// From the most probable tokens of this mass, at this temperature, with nothing else.
    pub fn nucleus(temperature: f32, top_p: f32, seed: u64) -> Self {
        Self {
            temperature,
            top_k: 0,
            top_p,
            repetition_penalty: 1.0,
            seed,
        }
    }

    /// The most probable token, always.
    pub fn greedy() -> Self {
        Self {
            temperature: 0.0,
            ..Self::default()
        }
    }

    /// Refuses what has no meaning.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: String| Err(Error::Input(what));
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return fail(format!(
                "temperature is {}; it must be 0 or more",
                self.temperature
            ));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return fail(format!(
                "top_p is {}; it must be above 0 and at most 1",
                self.top_p
            ));
        }
        if !(self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite()) {
            let penalty = self.repetition_penalty;
            return fail(format!(
                "repetition_penalty is {penalty}; it must be above 0, 1 is none"
            ));
        }
        Ok(())
    }
}

/// A token that may be chosen, ordered by probability, then by lower id.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    weight: f64,
    token: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.weight
            .total_cmp(&other.weight)
            .then(other.token.cmp(&self.token))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

/// Chooses the tokens of one sequence.
pub struct Sampler {
    options: SamplingOptions,
    random: Random,
    penalised: Vec<f32>,
    /// Of all tokens, where nothing is cut away.
    weights: Vec<f32>,
    candidates: Vec<Candidate>,
    kept: Vec<Candidate>,
}

impl Sampler {
    /// The sampler of the sequence with that number.
    pub fn new(options: &SamplingOptions, sequence: u64) -> Self {
        Self {
            options: options.clone(),
            random: Random::new(options.seed, sequence),
            penalised: Vec::new(),
            weights: Vec::new(),
            candidates: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Chooses the token that follows `history`, given the model's logits for it.
    pub fn sample(&mut self, logits: &[f32], history: &[u32]) -> Result<u32> {
        let mut top = highest(logits)?;
        let mut logits = logits;
        if self.options.repetition_penalty != 1.0 {
            self.penalise(logits, history);
            logits = &self.penalised;
            let penalty = self.options.repetition_penalty;
            top = highest(logits).map_err(|_| {
                Error::NonFinite(format!(
                    "a repetition penalty of {penalty} leaves no distribution"
                ))
            })?;
        }
        if self.options.temperature == 0.0 {
            return Ok(argmax(logits));
        }
        // One draw a token, whatever the options cut away.
        let draw = self.random.uniform();
        if self.options.top_k == 0 && self.options.top_p == 1.0 {
            let scale = std::f32::consts::LOG2_E / self.options.temperature;
            self.weights.clear();
            let exponents = logits.iter().map(|&l| (l - top) * scale);
            self.weights.extend(exponents.map(exp2));
            return Ok(pick_from_all(&self.weights, draw));
        }
        let top = f64::from(top);
        let scale = 1.0 / f64::from(self.options.temperature);
        self.candidates.clear();
        self.candidates
            .extend(logits.iter().enumerate().map(|(i, &l)| Candidate {
                weight: ((f64::from(l) - top) * scale).exp(),
                token: i as u32,
            }));
        let k = self.options.top_k;
        if k > 0 && k < self.candidates.len() {
            self.candidates
                .select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
            self.candidates.truncate(k);
            // The order in which the selection leaves them is an accident of its algorithm.
            self.candidates.sort_unstable_by_key(|c| c.token);
        }
        if self.options.top_p < 1.0 {
            self.keep_nucleus();
            Ok(pick(&self.kept, draw))
        } else {
            Ok(pick(&self.candidates, draw))
        }
    }

    fn penalise(&mut self, logits: &[f32], history: &[u32]) {
        self.penalised.clear();
        self.penalised.extend_from_slice(logits);
        let penalty = self.options.repetition_penalty;
        for token in history.iter().collect::<BTreeSet<_>>() {
            if let Some(logit) = self.penalised.get_mut(*token as usize) {
                *logit = if *logit > 0.0 {
                    *logit / penalty
                } else {
                    *logit * penalty
                };
            }
        }
    }

    /// Sets `kept` to the candidates whose preceding mass is at most `top_p`, most probable first.
    fn keep_nucleus(&mut self) {
        let p = f64::from(self.options.top_p);
        let total: f64 = self.candidates.iter().map(|c| c.weight).sum();
        // Candidates below (1 - p) / n have together less than 1 - p, so what precedes the first of
        // them exceeds p: none can be kept, and only the others need an order. The margin keeps
        // rounding on the safe side.
        let floor = (1.0 - p) / self.candidates.len() as f64 * 0.999 * total;
        self.candidates.retain(|c| c.weight >= floor);
        let mut heap = BinaryHeap::from(std::mem::take(&mut self.candidates));
        self.kept.clear();
        let mut preceding = 0.0;
        while preceding <= p * total
            && let Some(candidate) = heap.pop()
        {
            preceding += candidate.weight;
            self.kept.push(candidate);
        }
        self.candidates = heap.into_vec();
    }
}

/// `2^x` for `x` of at most 0, to within 3e-7 of it; 0 where that is no normal number. Without a call
/// or a branch, so that it is computed for several at once: it is most of what sampling costs.
fn exp2(x: f32) -> f32 {
    /// Added to a small number, it leaves its nearest whole number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.max(-126.0);
    let rounded = clamped + ROUND;
    let whole = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let rest = clamped - (rounded - ROUND);
    // The series of 2^rest for rest from -1/2 to 1/2: ln(2)^i / i!.
    let series = [
        1.540_353e-4,
        1.333_355_8e-3,
        9.618_129e-3,
        5.550_411e-2,
        0.240_226_5,
        std::f32::consts::LN_2,
        1.0,
    ];
    let mantissa = series.iter().fold(0.0, |sum, c| sum * rest + c);
    let power = f32::from_bits((whole.wrapping_add(127) << 23) as u32);
    if x < -126.0 { 0.0 } else { mantissa * power }
}

/// The token at `draw` of the cumulative weight, all of them candidates.
fn pick_from_all(weights: &[f32], draw: f64) -> u32 {
    let sum = |weights: &[f32]| weights.iter().map(|&w| f64::from(w)).sum::<f64>();
    // Whole runs are passed over first: a sum of sums is shorter to wait for.
    const RUN: usize = 32;
    let runs: Vec<f64> = weights.chunks(RUN).map(sum).collect();
    let mut left = draw * runs.iter().sum::<f64>();
    let mut first = 0;
    while first + 1 < runs.len() && left >= runs[first] {
        left -= runs[first];
        first += 1;
    }
    let mut last = 0;
    let rest = weights.iter().enumerate().skip(first * RUN);
    for (token, &weight) in rest.filter(|(_, w)| **w > 0.0) {
        last = token as u32;
        left -= f64::from(weight);
        if left < 0.0 {
            return last;
        }
    }
    // Rounding may leave a little behind the last: then it is the last that can be chosen.
    weights
        .iter()
        .rposition(|&w| w > 0.0)
        .map_or(last, |token| token as u32)
}

/// The candidate at `draw` of the cumulative weight.
fn pick(candidates: &[Candidate], draw: f64) -> u32 {
    let total: f64 = candidates.iter().map(|c| c.weight).sum();
    let mut left = draw * total;
    let mut last = 0;
    for c in candidates.iter().filter(|c| c.weight > 0.0) {
        last = c.token;
        left -= c.weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// The id of the largest logit, the lowest of equals.
pub fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    best as u32
}

/// The highest logit; an error where the logits are no distribution.
fn highest(logits: &[f32]) -> Result<f32> {
    // In lanes and without a way out in between, so that several are looked at at once.
    const LANES: usize = 16;
    let (mut top, mut usable) = ([f32::NEG_INFINITY; LANES], [true; LANES]);
    let mut look = |lanes: &[f32]| {
        for ((top, usable), &logit) in top.iter_mut().zip(&mut usable).zip(lanes) {
            *top = if logit > *top { logit } else { *top };
            // Neither NaN nor infinity is below it.
            *usable &= logit < f32::INFINITY;
        }
    };
    let whole = logits.chunks_exact(LANES);
    look(whole.remainder());
    whole.for_each(look);
    let mut all = logits.iter().enumerate();
    if usable.contains(&false)
        && let Some((token, logit)) =
            all.find(|(_, logit)| logit.is_nan() || **logit == f32::INFINITY)
    {
        return Err(Error::NonFinite(format!(
            "the logit of token {token} is {logit}"
        )));
    }
    let top = top.into_iter().fold(f32::NEG_INFINITY, f32::max);
    if top == f32::NEG_INFINITY {
        return Err(Error::NonFinite("every logit is minus infinity".into()));
    }
    Ok(top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sampler(temperature: f32, top_k: usize, top_p: f32) -> Sampler {
        let options = SamplingOptions {
            temperature,
            top_k,
            top_p,
            ..SamplingOptions::default()
        };
        Sampler::new(&options, 0)
    }

    fn frequencies(sampler: &mut Sampler, logits: &[f32], n: usize) -> Vec<f64> {
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..n {
            counts[sampler.sample(logits, &[]).unwrap() as usize] += 1.0 / n as f64;
        }
        counts
    }

    #[test]
    fn greedy_takes_the_lowest_of_equals() {
        let token = sampler(0.0, 0, 0.9)
            .sample(&[1.0, 3.0, 3.0, -2.0], &[])
            .unwrap();
        assert_eq!(token, 1);
    }

    #[test]
    fn draws_follow_the_tempered_distribution() {
        let logits = [0.0, 1.0, 2.0, f32::NEG_INFINITY];
        let seen = frequencies(&mut sampler(0.5, 0, 1.0), &logits, 40_000);
        let z: f64 = [0.0f64, 2.0, 4.0].iter().map(|l| l.exp()).sum();
        for (i, l) in [0.0f64, 2.0, 4.0].iter().enumerate() {
            assert!((seen[i] - l.exp() / z).abs() < 0.01, "{seen:?}");
        }
        assert_eq!(seen[3], 0.0);
    }

    #[test]
    fn exponentials_are_within_rounding() {
        for i in 0..=1_000_000 {
            let x = -126.0 * i as f32 / 1e6;
            let expected = f64::from(x).exp2();
            let error = (f64::from(exp2(x)) - expected).abs() / expected;
            assert!(error < 3e-7, "{x}: {error}");
        }
        assert_eq!(exp2(0.0), 1.0);
        assert_eq!([-126.1, -1e30, f32::NEG_INFINITY].map(exp2), [0.0; 3]);
    }

    #[test]
    fn picks_from_all_by_cumulative_weight() {
        let mut weights = vec![0.0f32; 100];
        (weights[1], weights[40], weights[70]) = (1.0, 2.0, 1.0);
        let picked = [0.0, 0.2, 0.25, 0.7, 0.75, 0.999, 1.0].map(|d| pick_from_all(&weights, d));
        assert_eq!(picked, [1, 1, 40, 40, 70, 70, 70]);
    }

    #[test]
    fn top_p_drops_by_preceding_mass() {
        // Probabilities 0.5, 0.3, 0.2: at p = 0.6 the third has 0.8 before it.
        let logits = [0.5f32, 0.3, 0.2].map(f32::ln);
        let seen = frequencies(&mut sampler(1.0, 0, 0.6), &logits, 20_000);
        assert!(
            (seen[0] - 0.625).abs() < 0.015 && seen[2] == 0.0,
            "{seen:?}"
        );
        let seen = frequencies(&mut sampler(1.0, 0, 0.45), &logits, 2_000);
        assert_eq!(seen[1..], [0.0, 0.0]);
        let seen = frequencies(&mut sampler(1.0, 2, 1.0), &logits, 20_000);
        assert!(
            (seen[1] - 0.375).abs() < 0.015 && seen[2] == 0.0,
            "{seen:?}"
        );
    }

    #[test]
    fn repetition_penalty_lowers_both_signs() {
        let options = SamplingOptions {
            repetition_penalty: 2.0,
            ..SamplingOptions::greedy()
        };
        let mut sampler = Sampler::new(&options, 0);
        assert_eq!(sampler.sample(&[3.0, 2.0, 1.0], &[0]).unwrap(), 1);
        assert_eq!(sampler.sample(&[-1.0, -1.5, -3.0], &[0, 0]).unwrap(), 1);
    }

    #[test]
    fn sequences_draw_from_streams_of_their_own() {
        let options = SamplingOptions {
            temperature: 1.0,
            top_p: 1.0,
            ..SamplingOptions::default()
        };
        let draw = |sequence| {
            let mut sampler = Sampler::new(&options, sequence);
            (0..32)
                .map(|_| sampler.sample(&[0.0; 100], &[]).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }

    #[test]
    fn the_highest_of_any_number_and_what_is_no_number() {
        for n in 1..50 {
            let logits: Vec<f32> = (0..n).map(|i| (i * 7919 % 101) as f32 - 60.0).collect();
            let expected = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(highest(&logits).unwrap(), expected);
            for at in 0..n {
                for bad in [f32::NAN, f32::INFINITY] {
                    let mut logits = logits.clone();
                    logits[at] = bad;
                    let error = highest(&logits).unwrap_err().to_string();
                    let expected = format!("the logit of token {at} is {bad}");
                    assert!(error.contains(&expected), "{error}");
                }
                let mut logits = logits.clone();
                logits[at] = f32::NEG_INFINITY;
                assert_eq!(highest(&logits).is_err(), n == 1);
            }
        }
    }

    #[test]
    fn a_penalty_that_is_too_much_is_named() {
        let options = SamplingOptions {
            repetition_penalty: 0.001,
            ..SamplingOptions::default()
        };
        let mut sampler = Sampler::new(&options, 0);
        let error = sampler.sample(&[1e37, 0.0], &[0]).unwrap_err().to_string();
        assert!(error.contains("a repetition penalty of 0.001"), "{error}");
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        for bad in [
            [f32::NAN, 0.0],
            [f32::INFINITY, 0.0],
            [f32::NEG_INFINITY; 2],
        ] {
            assert!(matches!(
                sampler(1.0, 0, 1.0).sample(&bad, &[]),
                Err(Error::NonFinite(_))
            ));
        }
        for (temperature, top_p) in [(-1.0, 0.9), (f32::NAN, 0.9), (1.0, 0.0), (1.0, 1.5)] {
            let options = SamplingOptions {
                temperature,
                top_p,
                ..SamplingOptions::default()
            };
            assert!(options.validate().is_err());
        }
    }

    /// The nucleus by sorting everything, as the reference does.
    fn sorted_nucleus(weights: &[f64], p: f64) -> Vec<u32> {
        let total: f64 = weights.iter().sum();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
        let mut preceding = 0.0;
        let keep = order.into_iter().take_while(|&i| {
            let keep = preceding <= p * total;
            preceding += weights[i];
            keep
        });
        keep.map(|i| i as u32).collect()
    }

    proptest! {
        #[test]
        fn the_filtered_nucleus_is_the_sorted_one(
            logits in prop::collection::vec(-12.0f32..12.0, 1..300),
            top_p in 0.01f32..0.9999,
        ) {
            let mut sampler = sampler(1.0, 0, top_p);
            sampler.sample(&logits, &[]).unwrap();
            let kept: Vec<u32> = sampler.kept.iter().map(|c| c.token).collect();
            let top = f64::from(logits[argmax(&logits) as usize]);
            let weights: Vec<f64> = logits.iter().map(|&l| (f64::from(l) - top).exp()).collect();
            prop_assert_eq!(kept, sorted_nucleus(&weights, f64::from(top_p)));
        }
    }
}
