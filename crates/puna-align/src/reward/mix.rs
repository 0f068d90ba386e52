//! What each reward model is trained on (paper section 3.2.2, "Data Composition").
//!
//! Where the paper's proportions ask for more of a source than there is, all of it is taken and the
//! proportion is missed, and the mix says by how many.

use crate::preferences::Preference;
use puna_train::permutation;

/// Share of helpfulness comparisons in the safety mix: they help on pairs that are both safe.
pub const HELPFUL_IN_SAFETY: f64 = 0.1;

/// Comparisons by where they come from. The paper's own are Meta Helpfulness and Meta Safety; of its
/// open sets, Anthropic Harmless counts as safety and all others as helpfulness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pools<'a> {
    /// Own comparisons by helpfulness.
    pub helpfulness: &'a [Preference],
    /// Own comparisons by safety.
    pub safety: &'a [Preference],
    /// Open data by helpfulness.
    pub open_helpfulness: &'a [Preference],
    /// Open data by harmlessness.
    pub open_safety: &'a [Preference],
}

/// Comparisons to train on, and how many came from where.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix<'a> {
    /// The comparisons, source by source; training shuffles them.
    pub pairs: Vec<&'a Preference>,
    /// How many of each source, in the order of [`Pools`].
    pub counts: [usize; 4],
    /// How many the proportions ask for that are not there.
    pub missing: usize,
}

/// The sources' names, in the order of [`Pools`].
pub const SOURCES: [&str; 4] = ["helpfulness", "safety", "open_helpfulness", "open_safety"];

/// All own helpfulness, and `others` times as many drawn uniformly from own safety and the open sets.
/// Paper: 1, equal parts, of which own safety was a small part beside the open sets.
pub fn helpfulness_mix(pools: Pools<'_>, others: f64, seed: u64) -> Mix<'_> {
    let draw = (pools.helpfulness.len() as f64 * others.max(0.0)).round();
    let rest = [&[], pools.safety, pools.open_helpfulness, pools.open_safety];
    let all = [pools.helpfulness, &[], &[], &[]];
    mix(all, rest, draw as usize, seed)
}

/// All own safety and all open harmlessness, and drawn uniformly from own and open helpfulness a tenth
/// of the whole.
pub fn safety_mix(pools: Pools<'_>, seed: u64) -> Mix<'_> {
    let all = [&[], pools.safety, &[], pools.open_safety];
    let rest = [pools.helpfulness, &[], pools.open_helpfulness, &[]];
    let safety = (pools.safety.len() + pools.open_safety.len()) as f64;
    let helpful = safety * HELPFUL_IN_SAFETY / (1.0 - HELPFUL_IN_SAFETY);
    mix(all, rest, helpful.round() as usize, seed)
}

/// All of some sources, and `draw` comparisons of others together, none twice.
fn mix<'a>(
    all: [&'a [Preference]; 4],
    rest: [&'a [Preference]; 4],
    draw: usize,
    seed: u64,
) -> Mix<'a> {
    let ends = rest.map(<[Preference]>::len);
    let total: usize = ends.iter().sum();
    let mut drawn: Vec<u32> = permutation(total as u32, seed, 0)
        .into_iter()
        .take(draw)
        .collect();
    drawn.sort_unstable();
    let mut drawn = drawn.into_iter().peekable();
    let (mut pairs, mut counts, mut start) = (Vec::new(), [0; 4], 0);
    for source in 0..4 {
        let before = pairs.len();
        pairs.extend(all[source]);
        let end = start + rest[source].len();
        while let Some(index) = drawn.next_if(|&i| (i as usize) < end) {
            pairs.push(&rest[source][index as usize - start]);
        }
        counts[source] = pairs.len() - before;
        start = end;
    }
    Mix {
        pairs,
        counts,
        missing: draw.saturating_sub(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preferences::{Stream, Strength};
    use std::collections::BTreeSet;

    fn pool(name: &str, n: usize) -> Vec<Preference> {
        let one = |i| {
            let answer = format!("{name} {i}");
            Preference::new(vec![], answer, "", Strength::Better, Stream::Safety)
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn proportions_are_the_papers() {
        let own = [pool("helpful", 100), pool("safe", 90)];
        let open = [pool("open helpful", 300), pool("open safe", 90)];
        let pools = Pools {
            helpfulness: &own[0],
            safety: &own[1],
            open_helpfulness: &open[0],
            open_safety: &open[1],
        };
        let helpful = helpfulness_mix(pools, 1.0, 1);
        assert_eq!(helpful.counts[0], 100);
        assert_eq!(helpful.counts[1..].iter().sum::<usize>(), 100);
        // Drawn uniformly: 300 of the 480 others are open helpfulness.
        assert!(
            (45..80).contains(&helpful.counts[2]),
            "{:?}",
            helpful.counts
        );
        let few = helpfulness_mix(pools, 0.1, 1).counts;
        assert_eq!((few[0], few[1..].iter().sum::<usize>()), (100, 10));
        let safe = safety_mix(pools, 1);
        assert_eq!((safe.counts[1], safe.counts[3]), (90, 90));
        assert_eq!(safe.counts[0] + safe.counts[2], 20);
        for mix in [&helpful, &safe] {
            let distinct: BTreeSet<&str> = mix.pairs.iter().map(|p| p.chosen.as_str()).collect();
            assert_eq!(distinct.len(), mix.pairs.len());
            assert_eq!(mix.counts.iter().sum::<usize>(), mix.pairs.len());
        }
        assert_eq!(helpfulness_mix(pools, 1.0, 1), helpful);
        assert_ne!(helpfulness_mix(pools, 1.0, 2), helpful);
    }

    #[test]
    fn what_is_not_there_is_not_drawn() {
        let helpful = pool("helpful", 50);
        let few = pool("safe", 10);
        let pools = Pools {
            helpfulness: &helpful,
            safety: &few,
            ..Pools::default()
        };
        assert_eq!(helpfulness_mix(pools, 1.0, 3).counts, [50, 10, 0, 0]);
        assert_eq!(safety_mix(pools, 3).counts, [1, 10, 0, 0]);
        assert_eq!(safety_mix(Pools::default(), 3).counts, [0; 4]);
    }
}
