//! Geographic coordinates: decimal pairs, degrees with minutes and seconds, `geo:` addresses.

use super::words::{Words, has, words};
use super::{Kind, Span, context};

static WORDS: Words = words!(
    "lat, latitude, coordinates, coords, coordinate, gps, location, position, geo, koordinaten, \
     coordonnées, coordinaten, coordenadas, lon, long, longitude"
);

/// A pair whose latitude's first digit is at `digit`.
pub(super) fn at(text: &str, digit: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let mut start = digit;
    if let Some(sign) = bytes[..digit].last() {
        match sign {
            b'-' | b'+' => start -= 1,
            b'.' | b'_' | b'/' => return None,
            _ => {}
        }
    }
    if text[..digit].ends_with('\u{2212}') {
        start = digit - '\u{2212}'.len_utf8();
    }
    decimal_pair(text, start).or_else(|| sexagesimal_pair(text, digit))
}

/// A decimal number with its sign: value, digits after the point, where it ends.
fn decimal(text: &str, start: usize) -> Option<(f64, usize, usize)> {
    let tail = &text[start..context::floor(text, start + 24)];
    let unsigned = tail.trim_start_matches(['-', '+', '\u{2212}']);
    let sign = tail.len() - unsigned.len();
    if sign > 3 {
        return None;
    }
    let whole = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&whole) || unsigned.as_bytes().get(whole) != Some(&b'.') {
        return None;
    }
    let places = unsigned[whole + 1..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    if !(1..=15).contains(&places) {
        return None;
    }
    let end = whole + 1 + places;
    let value: f64 = unsigned[..end].parse().ok()?;
    Some((value, places, start + sign + end))
}

/// `51.5074, -0.1278`, also with degree signs, hemispheres or labels.
fn decimal_pair(text: &str, start: usize) -> Option<Span> {
    let (latitude, places, end) = decimal(text, start)?;
    let (end, north) = hemisphere(text, end, ['N', 'S']);
    let after = &text[end..context::floor(text, end + 24)];
    let gap =
        after.find(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == '\u{2212}')?;
    let between = after[..gap].trim_matches([' ', ',', ';', '/', ':', '=', '\n', '"', '|']);
    let labelled = matches!(
        between.to_lowercase().as_str(),
        "lon" | "long" | "lng" | "longitude" | "e" | "w"
    );
    if !between.is_empty() && !labelled || gap == 0 {
        return None;
    }
    let (longitude, more, end) = decimal(text, end + gap)?;
    let (end, east) = hemisphere(text, end, ['E', 'W']);
    let goes_on = text[end..]
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric());
    if latitude > 90.0 || longitude > 180.0 || goes_on {
        return None;
    }
    // A third number makes a row of a table, not a place.
    if !(labelled || north && east) {
        if follows_decimal(text, start) {
            return None;
        }
        let rest = text[end..].trim_start_matches([',', ' ', ';']);
        if rest.starts_with(|c: char| c.is_ascii_digit()) && rest.len() < text[end..].len() {
            return None;
        }
    }
    let words = context::before(text, start, 4);
    let told = labelled || words.iter().any(|w| has(&WORDS, w));
    let precise = places >= 4 && more >= 4 && places.abs_diff(more) <= 2;
    if !(precise || (north && east) || told && places >= 2 && more >= 2) {
        return None;
    }
    let mut start = start;
    if text[..start].ends_with("geo:") {
        start -= 4;
    }
    Some(Span::new(Kind::Coordinates, start, end))
}

/// Whether another decimal number and a separator stand right before `start`.
fn follows_decimal(text: &str, start: usize) -> bool {
    let head = &text[context::floor(text, start.saturating_sub(24))..start];
    let before = head.trim_end_matches([',', ' ', ';', '\t']);
    let whole = before.trim_end_matches(|c: char| c.is_ascii_digit());
    before.len() < head.len() && whole.len() < before.len() && whole.ends_with('.')
}

/// Steps over a degree sign and one of two hemisphere letters.
fn hemisphere(text: &str, end: usize, letters: [char; 2]) -> (usize, bool) {
    let rest = text[end..].trim_start_matches(['°', ' ', 'º']);
    let mut chars = rest.chars();
    match chars.next() {
        Some(c) if letters.contains(&c) && !chars.next().is_some_and(char::is_alphanumeric) => {
            (text.len() - rest.len() + 1, true)
        }
        _ if text[end..].starts_with('°') => (end + '°'.len_utf8(), false),
        _ => (end, false),
    }
}

/// `51°30′26″N 0°7′39″W`.
fn sexagesimal_pair(text: &str, digit: usize) -> Option<Span> {
    let end = sexagesimal(text, digit, ['N', 'S'], 90)?;
    let gap = text[end..].len() - text[end..].trim_start_matches([' ', ',', ';', '/']).len();
    if gap > 3 {
        return None;
    }
    let end = sexagesimal(text, end + gap, ['E', 'W'], 180)?;
    Some(Span::new(Kind::Coordinates, digit, end))
}

fn sexagesimal(text: &str, start: usize, letters: [char; 2], most: u32) -> Option<usize> {
    let mut place = start;
    let mut parts = 0;
    for (limit, marks) in [
        (most, &["°", "º", "deg", " deg"][..]),
        (59, &["′", "'", "’", "´"]),
        (60, &["″", "\"", "”", "''", "’’", "′′"]),
    ] {
        let tail = &text[place..context::floor(text, place + 24)];
        let blanks = tail.len() - tail.trim_start_matches(' ').len();
        let tail = &tail[blanks..];
        let whole = tail.bytes().take_while(u8::is_ascii_digit).count();
        if whole == 0 && parts > 0 {
            break;
        }
        if whole > 3 || tail[..whole].parse::<u32>().ok()? > limit {
            return None;
        }
        let mut end = whole;
        if tail[end..].starts_with(['.', ',']) {
            end += 1 + tail[end + 1..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
        }
        let mark = marks.iter().find(|m| tail[end..].starts_with(**m))?;
        place += blanks + end + mark.len();
        parts += 1;
    }
    let rest = text[place..].trim_start_matches(' ');
    let mut chars = rest.chars();
    let known = chars.next().is_some_and(|c| letters.contains(&c));
    let word = chars.next().is_some_and(char::is_alphabetic);
    (parts >= 2 && known && !word).then(|| text.len() - rest.len() + 1)
}
