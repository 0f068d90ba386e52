//! Post-office boxes, and the boxes of army post offices.

use super::address::{back_words, extended};
use super::address_tail;
use super::address_words::{Piece, tokens};
use super::context;

/// The box whose number has the digits from `start` to `end`: its start and the address's end.
pub(super) fn around(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let words = back_words(text, start);
    let lower: Vec<String> = words
        .iter()
        .take(4)
        .map(|w| text[w.0..w.1].to_lowercase())
        .collect();
    let names: Vec<&str> = lower.iter().map(String::as_str).collect();
    let military = matches!(
        names.as_slice(),
        ["aa" | "ae" | "ap", "apo" | "fpo" | "dpo", ..]
    );
    if military && end - start == 5 {
        let from = context::floor(text, words[1].0.saturating_sub(48));
        let head = &text[from..words[1].0];
        let unit = ["psc ", "unit ", "usns ", "usnv ", "uss ", "uscgc ", "uscg "]
            .iter()
            .filter_map(|u| head.to_ascii_lowercase().rfind(u))
            .max();
        return Some((unit.map_or(words[1].0, |at| from + at), end));
    }
    let (depth, sure) = match names.as_slice() {
        ["box", "o", "p", ..] => (2, true),
        ["box", "po" | "pobox", ..] => (1, true),
        ["box", "office", "post", ..] => (2, true),
        ["postfach" | "postbus" | "postboks" | "pobox", ..] => (0, true),
        ["postal", "apartado" | "caixa" | "case", ..] => (1, true),
        ["postale", "casella", ..] => (1, true),
        ["correos", "de", "apartado", ..] => (2, true),
        ["apartado", ..] => (0, true),
        ["p", "b", ..] | ["bp", ..] if text[words[0].0..].starts_with(['B', 'P']) => (
            names.len().min(2) - usize::from(names[0] == "bp") * (names.len().min(2)),
            false,
        ),
        ["box", ..] => (0, false),
        _ => return None,
    };
    let tokens = tokens(text, start);
    let mut first = 1;
    if tokens
        .get(1)
        .is_some_and(|t| t.piece == Piece::Number && t.digits() == 2)
        && !tokens.get(2).is_some_and(|t| t.piece == Piece::Number)
    {
        first = 2;
    }
    let tail = address_tail::read(text, &tokens, first, false);
    let &(from, _) = words.get(depth)?;
    (sure || tail.postcode).then(|| (extended(text, from), tokens[tail.end - 1].end))
}
