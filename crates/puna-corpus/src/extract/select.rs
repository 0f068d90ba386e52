//! Which part of a page holds its main text: what the markup says it is, where that agrees with
//! where the running text lies.

use html5ever::{LocalName, local_name};

use super::dom::Document;
use super::names::{Place, place};
use super::text::Block;

/// An element counts as holding the text when it has this share of its rivals' running text.
const DECLARED_SHARE: f64 = 0.5;
/// The walk down goes on while one child holds this share of its parent's running text.
const DESCENT_SHARE: f64 = 0.85;

/// How much a block looks like running text, in characters; 0 for menus and labels.
pub(super) fn weight(block: &Block) -> f64 {
    if block.heading.is_some() || block.link_density() > 0.5 {
        return 0.0;
    }
    let width = (block.width - block.link_width) as f64;
    let commas = block
        .text
        .chars()
        .filter(|c| matches!(c, ',' | '、' | '，' | '،' | ';'))
        .count();
    let wide = block.text.chars().filter(|&c| c >= '\u{2e80}').count() as f64;
    // An ideograph says about what three letters say.
    let width = width + 2.0 * wide;
    if width < 25.0 || (width < 40.0 && commas == 0) {
        return 0.0;
    }
    let factor = if block.listed { 0.5 } else { 1.0 };
    factor * width * (1.0 - block.link_density())
}

/// Whether a line ends as sentences do.
pub(super) fn ends_sentence(line: &str) -> bool {
    line.trim_end_matches(['"', '”', '’', '\'', '»', ')', ']', '」', '』'])
        .ends_with([
            '.', '!', '?', '…', ':', '。', '！', '？', '：', '۔', '؟', '।',
        ])
}

/// The element with the main text, given the blocks of the whole page.
pub(super) fn main_element(document: &Document, blocks: &[Block], cut: &[bool]) -> usize {
    let weights = weights(document, blocks);
    let total = weights[0];
    if total <= 0.0 {
        return 0;
    }
    let mut root = 0;
    let declared: [&dyn Fn(usize) -> bool; 4] = [
        &|node| property(document, node, "articlebody"),
        &|node| place(&document.nodes[node]) == Place::Body,
        &|node| is(document, node, &local_name!("article")) || property(document, node, "blogpost"),
        &|node| {
            is(document, node, &local_name!("main"))
                || document.nodes[node].attribute(&local_name!("role")) == Some("main")
        },
    ];
    let shares = [0.3, 0.35, 0.4, DECLARED_SHARE];
    for (matches, share) in declared.iter().zip(shares) {
        if let Some(found) = declared_element(document, &weights, cut, matches, share * total) {
            root = found;
            break;
        }
    }
    descend(document, &weights, root)
}

fn is(document: &Document, node: usize, name: &LocalName) -> bool {
    document.nodes[node].name() == Some(name)
}

fn property(document: &Document, node: usize, wanted: &str) -> bool {
    [
        local_name!("itemprop"),
        local_name!("property"),
        local_name!("itemtype"),
    ]
    .iter()
    .filter_map(|name| document.nodes[node].attribute(name))
    .flat_map(str::split_ascii_whitespace)
    .any(|value| {
        value
            .rsplit([':', '/'])
            .next()
            .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    })
}

/// Running text below each node.
fn weights(document: &Document, blocks: &[Block]) -> Vec<f64> {
    let mut weights = vec![0.0; document.nodes.len()];
    for block in blocks {
        weights[block.owner] += weight(block);
    }
    for index in (1..weights.len()).rev() {
        weights[document.nodes[index].parent] += weights[index];
    }
    weights
}

/// The outermost matching elements' common ground: the one that outweighs the others, else the
/// nearest element around those that carry text.
fn declared_element(
    document: &Document,
    weights: &[f64],
    cut: &[bool],
    matches: &dyn Fn(usize) -> bool,
    least: f64,
) -> Option<usize> {
    let nodes = &document.nodes;
    let mut found: Vec<usize> = Vec::new();
    let mut index = 0;
    while index < nodes.len() {
        if cut[index] {
            index = nodes[index].end;
        } else if weights[index] > 0.0 && nodes[index].name().is_some() && matches(index) {
            found.push(index);
            index = nodes[index].end;
        } else {
            index += 1;
        }
    }
    let sum: f64 = found.iter().map(|&node| weights[node]).sum();
    let best = found
        .iter()
        .copied()
        .max_by(|&a, &b| weights[a].total_cmp(&weights[b]))?;
    if sum < least {
        return None;
    }
    if weights[best] >= 0.6 * sum {
        return (weights[best] >= least).then_some(best);
    }
    // Parts of one text, or a list of texts: take what is around them all.
    let mut around = best;
    for &node in &found {
        if weights[node] < 0.02 * sum {
            continue;
        }
        while !(around <= node && node < nodes[around].end) {
            around = nodes[around].parent;
        }
    }
    Some(around)
}

/// Goes down while one child holds nearly all of the running text.
fn descend(document: &Document, weights: &[f64], from: usize) -> usize {
    let nodes = &document.nodes;
    let mut at = from;
    loop {
        let mut child = at + 1;
        let mut heaviest = None;
        while child < nodes[at].end {
            if nodes[child].name().is_some() && weights[child] >= DESCENT_SHARE * weights[at] {
                heaviest = Some(child);
                break;
            }
            child = nodes[child].end;
        }
        match heaviest {
            Some(next) if has_children_with_text(document, weights, next) => at = next,
            _ => return at,
        }
    }
}

/// Whether text lies deeper than in the element itself: a lone paragraph is no place to stop.
fn has_children_with_text(document: &Document, weights: &[f64], node: usize) -> bool {
    (node + 1..document.nodes[node].end).any(|inner| weights[inner] > 0.0)
        || !matches!(
            document.nodes[node].name(),
            Some(&local_name!("p")) | Some(&local_name!("blockquote")) | Some(&local_name!("pre"))
        )
}
