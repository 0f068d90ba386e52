//! Street addresses and post-office boxes of several countries.
//!
//! An address grows from a number: "12 Mill Lane", "12 rue de la Paix", "Hauptstraße 12",
//! "Via Roma 12", "PO Box 12". What the street is called with, the part of the building, the town
//! with its postcode or country, or words before that tell of a place, decide together.

use super::address_box;
use super::address_tail::{self, GOES_ON, Tail};
use super::address_words::{Piece, Token, tokens};
use super::street_words::{
    CONNECTORS, CUE_NOUNS, CUE_PREPOSITIONS, CUE_VERBS, DIRECTIONS, ENDINGS, NOT_STREETS,
    ORDINARY_ENDINGS, ORDINARY_PREFIXES, ORDINARY_TYPES, PREFIXES, TYPES, UNITS,
    WORDS_BEFORE_NUMBER,
};
use super::words::has;
use super::{Kind, Span, context};

/// Words of a street's name at most.
const MOST_WORDS: usize = 7;

/// Addresses that have the digits from `start` to `end` as a number of the house or the box.
pub(super) fn around(text: &str, start: usize, end: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    if end - start > 5 {
        return None;
    }
    let before = bytes[..start].last().copied();
    if before.is_some_and(|b| b"$._=&%:@+-".contains(&b) && b != b'.' && b != b':') {
        return None;
    }
    let next = bytes.get(end).copied().unwrap_or(b'\n');
    if matches!(next, b'%' | b':' | b'@' | b'=' | b'_') {
        return None;
    }
    let span = address_box::around(text, start, end)
        .or_else(|| named_before(text, start))
        .or_else(|| named_after(text, start));
    span.map(|(from, to)| Span::new(Kind::StreetAddress, from, to))
}

/// Whether the words before `start` tell that an address follows.
fn told(text: &str, start: usize) -> bool {
    let words = context::before(text, start, 7);
    let Some(first) = words.first() else {
        return false;
    };
    let noun = words.iter().take(4).any(|w| has(&CUE_NOUNS, w));
    let verb = has(&CUE_PREPOSITIONS, first) && words.iter().take(5).any(|w| has(&CUE_VERBS, w));
    noun || verb
}

/// How sure the street's name alone makes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// Any capitalised words.
    No,
    /// A type of street that is an ordinary word too.
    Half,
    /// A type of street.
    Yes,
}

fn accept(sure: Sure, tail: &Tail, told: bool) -> bool {
    match sure {
        Sure::Yes => true,
        Sure::Half => told || tail.unit || tail.town || tail.strong,
        Sure::No => told || tail.unit || tail.postcode && tail.separated,
    }
}

/// A number, then the street: "12 Mill Lane", "12, rue de la Paix".
fn named_after(text: &str, start: usize) -> Option<(usize, usize)> {
    // Rows of numbers are dropped before any word is read.
    let number = text[start..]
        .bytes()
        .take(12)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/'))
        .count();
    let mut next = text[start + number..]
        .chars()
        .take(9)
        .skip_while(|c| matches!(c, ' ' | ',' | '\u{a0}' | '\n' | '\r'))
        .skip_while(char::is_ascii_digit);
    if !next.next().is_some_and(char::is_alphabetic) {
        return None;
    }
    let tokens = tokens(text, start);
    if !of_house(tokens.first()?) {
        return None;
    }
    let mut first = 1;
    while tokens.get(first).is_some_and(|t| {
        t.piece == Piece::Comma || matches!(t.lower.as_str(), "bis" | "ter" | "a" | "b")
    }) && first < 3
    {
        first += 1;
    }
    let words: Vec<&Token> = tokens[first.min(tokens.len())..]
        .iter()
        .take(MOST_WORDS)
        .take_while(|t| t.piece == Piece::Word || ordinal(t))
        .collect();
    let head = words.first()?;
    let from = extended(text, start);
    let told = told(text, from);
    if words
        .iter()
        .take(3)
        .any(|t| has(&NOT_STREETS, &t.lower) && t.lower.len() > 2)
    {
        return None;
    }
    let hour =
        matches!(head.lower.as_str(), "a" | "p") && words.get(1).is_some_and(|t| t.lower == "m");
    if hour || GOES_ON.contains(head.lower.as_str()) {
        return None;
    }
    let comma = tokens[1..first].iter().any(|t| t.piece == Piece::Comma);
    let prefixed = has(&PREFIXES, &head.lower) && words.len() > 1;
    if comma && !prefixed || digits_only_year(text, start, &tokens[0], told) {
        return None;
    }
    // The words that a name may have, in front of what is none.
    let name = words
        .iter()
        .enumerate()
        .take_while(|(_, t)| t.capital || ordinal(t) || has(&CONNECTORS, &t.lower) || prefixed)
        .take_while(|(_, t)| !has(&UNITS, &t.lower))
        .map(|(index, _)| index + 1)
        .last()
        .unwrap_or(0);
    let mut best = None;
    if prefixed {
        let capital = words[1..].iter().take(4).position(|t| t.capital);
        if let Some(at) = capital {
            let long = words[at + 1..name.max(at + 2)]
                .iter()
                .take_while(|t| t.capital || has(&CONNECTORS, &t.lower))
                .count();
            let length = trimmed(&words, at + 1 + long);
            let sure = if has(&ORDINARY_PREFIXES, &head.lower) {
                Sure::Half
            } else {
                Sure::Yes
            };
            best = Some((first + length, sure));
        }
    }
    if best.is_none() && name > 1 {
        let typed = (1..name).rev().find(|&i| has(&TYPES, &words[i].lower));
        let half = (1..name)
            .rev()
            .find(|&i| has(&ORDINARY_TYPES, &words[i].lower));
        let found = typed
            .map(|i| (i, Sure::Yes))
            .or(half.map(|i| (i, Sure::Half)));
        if let Some((i, sure)) = found
            && words[..i].iter().any(|t| t.capital || ordinal(t))
        {
            let turn = words
                .get(i + 1)
                .is_some_and(|t| t.capital && has(&DIRECTIONS, &t.lower));
            best = Some((first + i + 1 + usize::from(turn), sure));
        }
    }
    let (mut end, sure) = best.unwrap_or((first + trimmed(&words, name), Sure::No));
    let numbered = tokens
        .get(first + words.len())
        .is_some_and(|t| t.piece == Piece::Number);
    let small = end == first;
    if sure == Sure::No && !small && numbered && words.len() <= 4 {
        end = first + words.len();
    }
    if small {
        // All in small letters: only where told, and only to a second number or a type.
        let typed = words
            .iter()
            .position(|t| has(&TYPES, &t.lower))
            .filter(|&i| i > 0);
        end = match typed {
            Some(i) => first + i + 1,
            None if numbered && words.len() <= 4 => first + words.len(),
            None => return None,
        };
    }
    // A second number belongs to streets that are written before theirs.
    if sure != Sure::Yes
        && tokens
            .get(end)
            .is_some_and(|t| t.piece == Piece::Number && t.digits() <= 4)
    {
        end += 1;
    }
    let tail = address_tail::read(text, &tokens, end, small);
    if !accept(sure, &tail, told) || small && !told && !tail.unit {
        return None;
    }
    Some((from, tokens[tail.end - 1].end))
}

/// Whether a number is written as those of houses are: `12`, `12b`, `12-14`, `12/3`.
fn of_house(number: &Token) -> bool {
    let digits = number.digits();
    let rest = &number.lower[digits..];
    let mut chars = rest.chars();
    let letter = matches!(
        (chars.next(), chars.next()),
        (None, _) | (Some('a'..='z'), None)
    );
    let range = rest.starts_with(['-', '/'])
        && rest.len() > 1
        && rest[1..].bytes().all(|b| b.is_ascii_alphanumeric())
        && rest.len() <= 6;
    digits <= 5 && (letter && rest != "d" || range)
}

fn ordinal(token: &Token) -> bool {
    token.piece == Piece::Number
        && ["st", "nd", "rd", "th"]
            .iter()
            .any(|s| token.lower.ends_with(s))
}

/// The length without small words at the end.
fn trimmed(words: &[&Token], mut length: usize) -> usize {
    while length > 0 && !words[length - 1].capital && !ordinal(words[length - 1]) {
        length -= 1;
    }
    length
}

/// "In 1845 Wall Street …": a year, unless words tell that it is none.
fn digits_only_year(text: &str, start: usize, number: &Token, told: bool) -> bool {
    let year = number.lower.len() == 4 && matches!(number.lower.parse::<u32>(), Ok(1500..2100));
    year && !told
        && context::before(text, start, 1).first().is_some_and(|w| {
            matches!(
                w.as_str(),
                "in" | "since"
                    | "of"
                    | "by"
                    | "early"
                    | "late"
                    | "from"
                    | "until"
                    | "and"
                    | "to"
                    | "the"
                    | "january"
                    | "february"
                    | "march"
                    | "april"
                    | "may"
                    | "june"
                    | "july"
                    | "august"
                    | "september"
                    | "october"
                    | "november"
                    | "december"
            )
        })
}

/// Takes in one more short number right before the address, and a part of the building.
pub(super) fn extended(text: &str, start: usize) -> usize {
    let start = before_number(text, start).unwrap_or(start);
    let head = text[..start].trim_end_matches([' ', ',']);
    let value = head
        .bytes()
        .rev()
        .take(6)
        .take_while(u8::is_ascii_alphanumeric)
        .count();
    let word_end = head[..head.len() - value]
        .trim_end_matches([' ', '.'])
        .len();
    let word = head[..word_end]
        .bytes()
        .rev()
        .take(10)
        .take_while(u8::is_ascii_alphabetic)
        .count();
    let unit = head[word_end - word..word_end].to_ascii_lowercase();
    let valued = value == 1
        || (1..=5).contains(&value) && head.as_bytes()[head.len() - value].is_ascii_digit();
    let near = start - head.len() <= 2 && head.len() - value > word_end;
    if valued && near && has(&UNITS, &unit) {
        word_end - word
    } else {
        start
    }
}

/// Where a short number starts that stands right before `start`.
fn before_number(text: &str, start: usize) -> Option<usize> {
    let head = text[..start].trim_end_matches(' ');
    let digits = head
        .bytes()
        .rev()
        .take(6)
        .take_while(u8::is_ascii_digit)
        .count();
    let from = head.len() - digits;
    let apart = start - head.len() == 1;
    let before = &text[..from];
    let open = !before.ends_with(|c: char| c.is_alphanumeric() || "-.,/+)".contains(c));
    // The number of a flat or a list is another's.
    let word = before.trim_end_matches([' ', '.']);
    let word = &word[word
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |at| context::floor(word, at + 1))..];
    let taken = has(&UNITS, &word.to_lowercase()) && !word.is_empty();
    let after_digit = word.is_empty()
        && before
            .trim_end_matches(' ')
            .ends_with(|c: char| c.is_ascii_digit());
    (apart && (1..=5).contains(&digits) && open && !taken && !after_digit).then_some(from)
}

/// The words before `start` on its line, nearest first, with their places.
pub(super) fn back_words(text: &str, start: usize) -> Vec<(usize, usize)> {
    let floor = context::floor(text, start.saturating_sub(80));
    let mut words = Vec::new();
    let mut end = start;
    while words.len() < MOST_WORDS + 1 {
        let head = &text[floor..end];
        let body = head.trim_end_matches([' ', '\u{a0}']);
        let body = body.strip_suffix(['.', '/']).unwrap_or(body);
        let body = match body.strip_suffix(',') {
            Some(body) if words.is_empty() => body,
            _ => body,
        };
        let word = body
            .char_indices()
            .rev()
            .take_while(|&(_, c)| c.is_alphabetic() || matches!(c, '-' | '\'' | '’'))
            .last();
        let Some((at, _)) = word else { break };
        words.push((floor + at, floor + body.len()));
        end = floor + at;
    }
    words
}

/// The street, then its number: "Hauptstraße 12", "Calle Mayor, 5".
fn named_before(text: &str, start: usize) -> Option<(usize, usize)> {
    let words = back_words(text, start);
    let &(last_start, last_end) = words.first()?;
    let lower = |w: &(usize, usize)| text[w.0..w.1].to_lowercase();
    let capital = |w: &(usize, usize)| {
        text[w.0..]
            .chars()
            .next()
            .is_some_and(|c| !c.is_lowercase())
    };
    let last = lower(&words[0]);
    let comma = text[last_end..start].contains(',');
    if has(&NOT_STREETS, &last) && !has(&WORDS_BEFORE_NUMBER, &last) {
        return None;
    }
    // A type before the name, some words back.
    let prefix = words
        .iter()
        .skip(1)
        .position(|w| has(&PREFIXES, &lower(w)))
        .map(|i| i + 1);
    let mut found = None;
    if let Some(at) = prefix {
        let named = words[..at]
            .iter()
            .all(|w| capital(w) || has(&CONNECTORS, &lower(w)));
        let word = lower(&words[at]);
        let small = at <= 3 && told(text, extended(text, words[at].0));
        let plausible = named && words[..at].iter().any(&capital) || small;
        if plausible && (capital(&words[at]) || word != "via") {
            let sure = if has(&ORDINARY_PREFIXES, &word) && !small {
                Sure::Half
            } else {
                Sure::Yes
            };
            found = Some((words[at].0, sure));
        }
    }
    if found.is_none() && !comma {
        let ending = ENDINGS
            .split(' ')
            .find(|e| last.ends_with(e) && last.len() > e.len() + 2);
        let own = has(&WORDS_BEFORE_NUMBER, &last) && words.len() > 1;
        let mut from = last_start;
        if own {
            let lead = words[1..]
                .iter()
                .take(3)
                .rposition(&capital)
                .map(|at| at + 1);
            let low = words[1..].iter().take(2).filter(|w| !capital(w)).count();
            if let Some(lead) = lead
                && low < lead
            {
                from = words[lead].0;
                let sure = if last.len() <= 4 {
                    Sure::Half
                } else {
                    Sure::Yes
                };
                found = Some((from, sure));
            }
        } else if let Some(ending) = ending
            && (capital(&words[0]))
        {
            let sure = if has(&ORDINARY_ENDINGS, ending) {
                Sure::Half
            } else {
                Sure::Yes
            };
            found = Some((from, sure));
        }
    }
    let tokens = tokens(text, start);
    let number = tokens.first()?;
    if !of_house(number) {
        return None;
    }
    let (from, sure) = match found {
        Some(found) => found,
        None => {
            // Any capitalised name, where words before it tell.
            let lead = words.iter().take(4).take_while(|w| capital(w)).count();
            let (from, _) = *words.get(lead.checked_sub(1)?)?;
            (from, Sure::No)
        }
    };
    // "Am Alten Markt 3": German streets by where they are, if a town with its postcode follows.
    let placed = matches!(
        text[from..].split(' ').next(),
        Some("Am" | "An" | "Im" | "In" | "Auf" | "Zum" | "Zur" | "Unter" | "Hinter")
    ) && from < last_start;
    let from = extended(text, from);
    let told = told(text, from);
    if sure == Sure::No && (!told && !placed || comma || has(&UNITS, &last)) {
        return None;
    }
    let year = number.lower.len() == 4 && matches!(number.lower.parse::<u32>(), Ok(1900..2100));
    let tail = address_tail::read(text, &tokens, 1, !capital(&words[0]));
    if year && !told && !tail.strong && !tail.unit || !accept(sure, &tail, told) {
        return None;
    }
    Some((from, tokens[tail.end - 1].end))
}
