//! What follows the street in an address: part of the building, town, state, postcode, country.

use super::address_words::{Piece, Token};
use super::street_words::{CONNECTORS, COUNTRIES, UNITS};
use super::words::{Words, has, words};

/// How far an address goes on, and by what.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Index past its last token.
    pub(super) end: usize,
    /// A part of the building is given.
    pub(super) unit: bool,
    /// A town is given.
    pub(super) town: bool,
    /// A postcode is given.
    pub(super) postcode: bool,
    /// A postcode, a state or a country is given.
    pub(super) strong: bool,
    /// A comma or a line's end stands between the street and the rest.
    pub(super) separated: bool,
}

/// Lines and fields at most.
const MOST_SEGMENTS: usize = 7;

/// Small words before which a town may end in a sentence.
pub(super) static GOES_ON: Words = words!(
    "and, in, on, after, for, is, or, last, which, near, where, to, at, by, with, as, from, was, \
     before, but, since, when, while, because, next, until, has, who, und, et"
);

/// Reads on from token `end`, which is past the street. `small` is for texts without capitals.
pub(super) fn read(text: &str, tokens: &[Token], end: usize, small: bool) -> Tail {
    let mut tail = Tail {
        end,
        ..Tail::default()
    };
    let mut place = end;
    let mut pending = 0;
    for segment in 0..MOST_SEGMENTS {
        let (mut comma, mut line) = (false, false);
        while let Some(token) = tokens.get(place) {
            match token.piece {
                Piece::Comma => comma = true,
                Piece::Break => line = true,
                _ => break,
            }
            place += 1;
        }
        if place >= tokens.len() {
            break;
        }
        tail.separated |= comma || line;
        let direct = !comma && !line;
        if let Some(next) = unit(tokens, place) {
            tail.unit = true;
            tail.end = next;
            place = next;
            pending = 0;
            continue;
        }
        let part = locality(text, tokens, place, small);
        if part.end == place {
            break;
        }
        let closed = tokens
            .get(part.end)
            .is_none_or(|t| matches!(t.piece, Piece::Comma | Piece::Break));
        let unit_next = unit(tokens, part.end).is_some();
        if line && !closed && !part.postcode && !part.country && !unit_next {
            break;
        }
        let sentence = tokens
            .get(part.end)
            .is_some_and(|t| has(&GOES_ON, &t.lower));
        let strong =
            part.postcode || part.country || part.state && (comma || part.words > 0 || pending > 0);
        if direct && segment == 0 && !strong && !unit_next {
            // Right after the street only with more to tell.
            let more = tokens
                .get(part.end)
                .is_some_and(|t| matches!(t.piece, Piece::Comma | Piece::Break));
            if !more {
                break;
            }
            pending += 1;
            place = part.end;
            if pending > 2 {
                break;
            }
            continue;
        }
        if strong {
            tail.strong = true;
            tail.postcode |= part.postcode;
            tail.town |= part.words > 0 || pending > 0;
            tail.end = part.end;
            pending = 0;
        } else if (comma && !line || direct && tail.unit) && (closed || sentence) {
            tail.town = true;
            tail.end = part.end;
        } else {
            pending += 1;
            if pending > 2 {
                break;
            }
        }
        place = part.end;
        if part.country && part.postcode || !closed && !strong && !unit_next {
            break;
        }
    }
    tail
}

/// "Apt. 12", "Suite B", "#4", "Flat 2" at `place`: index past it.
fn unit(tokens: &[Token], place: usize) -> Option<usize> {
    let word = tokens.get(place)?;
    if !has(&UNITS, &word.lower) {
        return None;
    }
    let value = tokens.get(place + 1)?;
    let fits = match value.piece {
        Piece::Number => value.digits() <= 5,
        Piece::Word => value.end - value.start == 1,
        _ => false,
    };
    fits.then_some(place + 2)
}

/// A piece of the place: what it has, and the index past it.
#[derive(Debug, Default)]
struct Part {
    end: usize,
    words: usize,
    postcode: bool,
    state: bool,
    country: bool,
}

/// Postcode, town, state, postcode, country: each at most once, on one line without commas.
fn locality(text: &str, tokens: &[Token], start: usize, small: bool) -> Part {
    let mut part = Part {
        end: start,
        ..Part::default()
    };
    while let Some(token) = tokens.get(part.end) {
        if !part.postcode
            && let Some(next) = postcode(text, tokens, part.end)
        {
            part.postcode = true;
            part.end = next;
            continue;
        }
        if !part.country
            && let Some(next) = country(tokens, part.end, small)
        {
            part.country = true;
            part.end = next;
            continue;
        }
        if !part.state && part.end > start && token.is_state(text) {
            let last = tokens
                .get(part.end + 1)
                .is_none_or(|t| t.piece != Piece::Word || !t.capital);
            if last || postcode(text, tokens, part.end + 1).is_some() {
                part.state = true;
                part.end += 1;
                continue;
            }
        }
        if !part.state && part.end == start && token.is_state(text) {
            part.state = true;
            part.end += 1;
            continue;
        }
        let inner = has(&CONNECTORS, &token.lower)
            && part.words > 0
            && tokens.get(part.end + 1).is_some_and(|t| {
                t.piece == Piece::Word && (t.capital || has(&CONNECTORS, &t.lower))
            });
        let initial = (token.capital || small && !has(&GOES_ON, &token.lower))
            && token.piece == Piece::Word
            && !has(&UNITS, &token.lower);
        if part.words < 6
            && (initial || inner && !has(&GOES_ON, &token.lower))
            && !(part.country || part.state)
        {
            part.words += 1;
            part.end += 1;
            if token.dotted && token.lower.len() > 3 {
                break;
            }
            continue;
        }
        break;
    }
    part
}

/// Index past a country's name at `place`.
fn country(tokens: &[Token], place: usize, small: bool) -> Option<usize> {
    (1..=4).rev().find_map(|count| {
        let words = tokens.get(place..place + count)?;
        if words.iter().any(|t| t.piece != Piece::Word) || !(words[0].capital || small) {
            return None;
        }
        let name = words
            .iter()
            .map(|t| t.lower.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        has(&COUNTRIES, &name).then_some(place + count)
    })
}

/// Index past a postcode at `place`: four to six digits, `3610-114`, `114 55`, `1234 AB`,
/// `NW3 4QT`, `M5V 2T6`, `D-10115`.
fn postcode(text: &str, tokens: &[Token], place: usize) -> Option<usize> {
    let token = tokens.get(place)?;
    let raw = |t: &Token| text[t.start..t.end].to_owned();
    let second = tokens
        .get(place + 1)
        .filter(|t| matches!(t.piece, Piece::Word | Piece::Number));
    let shape = |word: &str| -> String {
        word.chars()
            .map(|c| match c {
                '0'..='9' => '9',
                'A'..='Z' | 'a'..='z' => 'A',
                c => c,
            })
            .collect()
    };
    let first = shape(&raw(token));
    let follows = second.map(|t| shape(&raw(t))).unwrap_or_default();
    match (first.as_str(), follows.as_str()) {
        ("999", "99") => Some(place + 2),
        ("9999", "AA") if second.is_some_and(|t| t.is_state(text)) => Some(place + 2),
        ("A9" | "A99" | "AA9" | "AA99" | "A9A" | "AA9A", "9AA") => Some(place + 2),
        ("A9A", "9A9") => Some(place + 2),
        ("9999" | "99999" | "999999", _) => Some(place + 1),
        ("9999-999" | "99999-9999" | "99999-999" | "99-999" | "999-9999", _) => Some(place + 1),
        ("A-9999" | "A-99999" | "AA-9999" | "AA-99999", _) => Some(place + 1),
        _ => None,
    }
}
