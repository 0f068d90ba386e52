//! A fixed mix of kinds, spread evenly over a running number.

/// The kind of item number `index` in a mix of kinds with whole shares, and how many
/// items of that kind come before it. `stride` is coprime to the sum of the shares.
pub(crate) fn kind_of<K: Copy>(mix: &[(K, usize)], stride: usize, index: usize) -> (K, usize) {
    let cycle: usize = mix.iter().map(|(_, share)| share).sum();
    let slot = |index: usize| index % cycle * stride % cycle;
    let mut end = 0;
    for (kind, share) in mix {
        let start = end;
        end += share;
        if slot(index) < end {
            let before = (0..index % cycle).filter(|i| (start..end).contains(&slot(*i)));
            return (*kind, index / cycle * share + before.count());
        }
    }
    unreachable!("the shares cover the cycle")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_ranks_are_exact() {
        let mix = [('a', 5), ('b', 3), ('c', 2)];
        let mut seen = [0usize; 3];
        for index in 0..1_000 {
            let (kind, nth) = kind_of(&mix, 3, index);
            let of_kind = &mut seen[kind as usize - 'a' as usize];
            assert_eq!(nth, *of_kind);
            *of_kind += 1;
        }
        assert_eq!(seen, [500, 300, 200]);
    }
}
