//! The one pass over a text: stops at digits, at signs and spelled at signs.

use memchr::memmem;

use super::number::Number;
use super::{Span, address, birth, card, coordinates, email, iban, national_id, network, phone};

/// Everything that may be personal information, overlaps included.
pub(super) fn candidates(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut place = 0;
    while let Some(n) = bytes[place..]
        .iter()
        .position(|&b| b.is_ascii_digit() || b == b'@')
    {
        place += n;
        if bytes[place] == b'@' {
            found.extend(email::around(text, place));
            place += 1;
        } else {
            place = at_digit(text, place, &mut found);
        }
    }
    for spelling in ["[at]", "(at)"] {
        found.extend(memmem::find_iter(bytes, spelling).filter_map(|at| email::spelled(text, at)));
    }
    found.extend(birth::in_words(text));
    found
}

/// Looks at the number whose first digit is at `digit` and returns where to go on.
fn at_digit(text: &str, digit: usize, found: &mut Vec<Span>) -> usize {
    let bytes = text.as_bytes();
    let spans = found.len();
    let number = Number::read(text, digit);
    let (first_end, end) = (number.groups[0].1, number.end);
    let letter_before = bytes[..digit].last().is_some_and(u8::is_ascii_alphabetic);
    let letter_after = bytes.get(first_end).is_some_and(u8::is_ascii_alphabetic);
    let mut take = |span: Option<Span>| match span {
        Some(span) => {
            found.push(span);
            true
        }
        None => false,
    };
    if matches!(bytes.get(first_end), Some(b'.')) && take(network::ipv4(text, digit)) {
        return found[spans].end;
    }
    let colon = bytes.get(first_end) == Some(&b':') || bytes[..digit].last() == Some(&b':');
    let hexadecimal = letter_before || letter_after || colon;
    if (hexadecimal || matches!(bytes.get(first_end), Some(b'-' | b'.')))
        && take(network::hexadecimal(text, digit))
    {
        return found[spans].end.max(first_end);
    }
    if letter_before && first_end - digit >= 2 && take(iban::at(text, digit)) {
        return found[spans].end;
    }
    if take(national_id::lettered(text, digit, &number)) {
        return found[spans].end.max(first_end);
    }
    if letter_before {
        // The tail of a word such as "A4".
        return first_end;
    }
    if take(coordinates::at(text, digit)) {
        return found[spans].end;
    }
    // Two short numbers before a capital may be those of a house: the street decides.
    if number.groups.len() == 2 && bytes.get(end) == Some(&b' ') && !number.plus {
        let (start, end) = number.groups[1];
        let follows = text[end..]
            .trim_start_matches(' ')
            .starts_with(char::is_uppercase);
        if follows
            && let Some(span) = address::around(text, start, end)
            && span.start == digit
        {
            found.push(span);
            return end;
        }
    }
    let told = number.groups.len() > 1 || end - digit >= 6;
    if told
        && (take(card::at(text, &number))
            || take(national_id::numeric(text, &number))
            || take(birth::at(text, &number))
            || take(phone::at(text, &number)))
    {
        return found[spans].end.max(first_end);
    }
    for &(start, end) in &number.groups {
        found.extend(address::around(text, start, end));
    }
    end
}
