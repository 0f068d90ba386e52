//! The mixture: how often each document is taken, by weight (paper section 2.1, up-sampling of the
//! most factual sources).

use crate::settings::{Match, Weight};
use xxhash_rust::xxh3::xxh3_64;

/// Copies of a document: the weight's whole part, and one more for the share of ids that its
/// fraction says, chosen by a hash of the id.
pub fn copies(mixture: &[Weight], site: &str, source: &str, url: &str, id: &str) -> u64 {
    let found = mixture
        .iter()
        .find(|w| matches(&w.matching, site, source, url));
    let weight = found.map_or(1.0, |w| w.weight);
    let draw = (xxh3_64(id.as_bytes()) >> 11) as f64 / (1u64 << 53) as f64;
    weight.trunc() as u64 + u64::from(draw < weight.fract())
}

fn matches(condition: &Match, site: &str, source: &str, url: &str) -> bool {
    let holds = |pattern: &Option<String>, value: &str| {
        pattern
            .as_ref()
            .is_none_or(|p| glob(p.as_bytes(), value.as_bytes()))
    };
    holds(&condition.site, site) && holds(&condition.source, source) && holds(&condition.url, url)
}

/// Whether a pattern with `*` covers a text; no longer than the product of their lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    (p, t) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_follows_the_weight() {
        let matching = Match {
            site: Some("*.example".into()),
            ..Match::default()
        };
        let mixture = [Weight {
            matching,
            weight: 2.25,
        }];
        let of = |site: &str, i: u32| copies(&mixture, site, "web", "", &i.to_string());
        let total: u64 = (0..10_000).map(|i| of("a.example", i)).sum();
        assert!((22_300..22_700).contains(&total), "{total}");
        assert_eq!(of("a.org", 1), 1);
        assert!(glob(b"a*b*c", b"axxbyyc") && !glob(b"a*b*c", b"axxbyy") && glob(b"*", b""));
    }
}
