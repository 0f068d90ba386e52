//! Telephone numbers: international by the plan of the country, national by unmistakable shape,
//! anything else only where words tell that it is one.

use super::number::Number;
use super::words::{Words, has, words};
use super::{Kind, Span, context};

/// Words before a number that make it a telephone number.
static CUES: Words = words!(
    "phone, telephone, tel, téléphone, telefon, telefono, teléfono, telefone, tél, telefoon, \
     telefonnummer, telefonnr, telefoonnummer, puhelin, puh, mobile, mobil, móvil, celular, \
     cellulare, cell, cellphone, handy, handynummer, fax, telefax, faks, whatsapp, call, dial, \
     hotline, helpline, ring, rufnummer, portable, gsm, fon, fono, ph, mob, tfn, tlf, voicemail, \
     pager, sms, landline, freephone, tollfree, answering, reach, desk, office, home, work, \
     phones, contact, signal, numéro"
);
/// Cues that count right before the number only.
static NEAR_ONLY: Words = words!("desk, office, home, work, contact, reach, ring, signal");
/// Words after a number that make it one.
static CUES_AFTER: Words =
    words!("office, fax, mobile, mob, cell, home, work, desk, tel, phone, landline, ext");
/// Words before a number that make it another number.
static OTHERS: Words = words!(
    "order, invoice, isbn, issn, item, ref, reference, part, sku, model, ticket, case, serial, \
     version, patent, page, pages, pp, vol, volume, account, card, doi, ean, upc, tracking, \
     booking, id, code, product, article, batch, lot, receipt, customer, registration, licence, \
     license, vat, grid, figure, table, rfc, pmid"
);

/// What the words around say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Phone,
    Other,
    Nothing,
}

/// A telephone number at the start of `number`.
pub(super) fn at(text: &str, number: &Number) -> Option<Span> {
    if !open_before(text, number) || dated(text, number) {
        return None;
    }
    for count in (1..=number.groups.len()).rev() {
        let end = number.groups[count - 1].1;
        let extended = extension(text, end);
        if !open_after(text, end, number.end) && extended.is_none() {
            continue;
        }
        let told = told(text, number.start, end);
        let digits = number.digits(text, count);
        let alone = context::stands_alone(text, number.start, extended.unwrap_or(end));
        let accepted = if number.plus {
            international(&digits, told == Told::Phone || extended.is_some())
        } else {
            match told {
                Told::Other => false,
                Told::Phone => (6..=15).contains(&digits.len()) && !years(&digits, number, count),
                Told::Nothing => shaped(text, number, count, &digits, alone, extended.is_some()),
            }
        };
        if accepted {
            return Some(Span::new(
                Kind::Phone,
                number.start,
                extended.unwrap_or(end),
            ));
        }
        if told != Told::Phone && !number.plus && count < number.groups.len() {
            // Part of a longer number is one only where that is told.
            return None;
        }
    }
    None
}

fn told(text: &str, start: usize, end: usize) -> Told {
    let words = context::before(text, start, 5);
    for (place, word) in words.iter().enumerate() {
        let word = word.as_str();
        if has(&OTHERS, word) && place < 3 {
            return Told::Other;
        }
        let near = match words.first().map(String::as_str) {
            Some("at" | "on" | "me" | "to" | "us" | "number" | "no" | "is") => 1,
            _ => 0,
        };
        if has(&CUES, word) && (place <= near || !has(&NEAR_ONLY, word)) {
            return Told::Phone;
        }
    }
    match context::after(text, end) {
        Some(word) if has(&CUES_AFTER, &word) => Told::Phone,
        _ => Told::Nothing,
    }
}

/// Whether nothing before makes the number a piece of something longer.
fn open_before(text: &str, number: &Number) -> bool {
    match text[..number.start].chars().next_back() {
        Some(c) => {
            !(c.is_alphanumeric() || "_/=&%$£€¥#.+-–,'\\".contains(c)) || {
                let mut back = text[..number.start].chars().rev();
                // "Tel.020 …", "Office-020": a mark after a word is its end; in a path it is not.
                let mark = back.next();
                let before = back.next();
                matches!(mark, Some('.' | '-' | ',')) && before.is_some_and(char::is_alphabetic)
                    || mark == Some(',') && before == Some('\\')
                    || matches!(mark, Some('–' | '-' | '#')) && before == Some(' ')
            }
        }
        None => true,
    }
}

/// Whether a number that ends at `end` is not cut from a longer one.
fn open_after(text: &str, end: usize, number_end: usize) -> bool {
    let mut chars = text[end..].chars();
    match chars.next() {
        None => true,
        Some(c) if c.is_alphanumeric() || "_%@=&".contains(c) => false,
        Some(',' | ':' | '/') => {
            end < number_end || !chars.next().is_some_and(|c| c.is_ascii_digit())
        }
        Some(_) => true,
    }
}

/// Where an extension after the number ends: `x12`, `ext. 12`.
fn extension(text: &str, end: usize) -> Option<usize> {
    let rest = text[end..].trim_start_matches([' ', ',']);
    if text.len() - end - rest.len() > 2 {
        return None;
    }
    let lower: String = rest
        .chars()
        .take(4)
        .collect::<String>()
        .to_ascii_lowercase();
    let mark = ["ext.", "ext", "x"]
        .iter()
        .find(|m| lower.starts_with(**m))?;
    let value = rest[mark.len()..].trim_start_matches(' ');
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let place = text.len() - value.len() + digits;
    let word = text[place..]
        .chars()
        .next()
        .is_some_and(char::is_alphanumeric);
    ((1..=6).contains(&digits) && !word).then_some(place)
}

/// Whether the number starts with a date: `01.02.2003`, `2003-02-01`.
fn dated(text: &str, number: &Number) -> bool {
    if number.groups.len() < 3 || number.plus {
        return false;
    }
    let value = |index: usize| {
        let (start, end) = number.groups[index];
        text[start..end].parse::<u32>().unwrap_or(u32::MAX)
    };
    let long = |index: usize| number.groups[index].1 - number.groups[index].0;
    let same = number.mark(text, 1) == number.mark(text, 2) && number.mark(text, 1) != " ";
    let small = |index: usize| (1..=31).contains(&value(index)) && long(index) <= 2;
    same && (small(0) && small(1) && (long(2) == 4 && (1000..2200).contains(&value(2)))
        || long(0) == 4 && (1000..2200).contains(&value(0)) && small(1) && small(2))
}

/// Whether two years stand there, not a number.
fn years(digits: &[u8], number: &Number, count: usize) -> bool {
    let year = |d: &[u8]| matches!(d, [1, 5..=9, ..] | [2, 0, ..]);
    count == 2 && number.shaped(&[4, 4]) && year(&digits[..4]) && year(&digits[4..])
}

/// National shapes that hardly anything else has.
fn shaped(
    text: &str,
    number: &Number,
    count: usize,
    digits: &[u8],
    alone: bool,
    extended: bool,
) -> bool {
    let bracket = text[number.start..].starts_with('(');
    let lengths: Vec<usize> = number.groups[..count].iter().map(|g| g.1 - g.0).collect();
    let marks: Vec<&str> = (1..count).map(|index| number.mark(text, index)).collect();
    let same = marks.windows(2).all(|w| w[0] == w[1]);
    let spaced = marks.iter().all(|m| *m == " " || *m == "\u{a0}");
    // North America: area and exchange from 2 on.
    let american = match lengths.as_slice() {
        [3, 3, 4] => Some(digits),
        [1, 3, 3, 4] if digits[0] == 1 => Some(&digits[1..]),
        _ => None,
    };
    if let Some(d) = american {
        let valid = d[0] >= 2 && d[3] >= 2;
        if valid && (bracket || same && !spaced || alone) || extended {
            return true;
        }
    }
    if !bracket && digits.len() == 10 && count == 1 {
        return extended;
    }
    // The rest of the world: a trunk zero and an area code.
    let trunk = digits[0] == 0 && digits.get(1).is_some_and(|&d| d != 0);
    if trunk && count >= 2 && lengths.iter().all(|&n| n >= 2) && (2..=5).contains(&lengths[0]) {
        let plausible = marks.iter().all(|m| !m.contains('.') || same) && count <= 5;
        let one_mark = marks.iter().filter(|m| m.contains(['-', '/'])).count();
        // Two digits throughout are a row of small numbers unless there are five of them.
        let pairs = lengths.iter().all(|&n| n == 2);
        return plausible
            && (one_mark <= 1 || same)
            && if pairs {
                count == 5
            } else {
                (9..=11).contains(&digits.len())
            };
    }
    if text[..number.start].ends_with("00") {
        return false;
    }
    // An area in brackets, with a trunk zero or without.
    let year = digits.len() >= 4 && lengths[0] == 4 && matches!(digits[..2], [1, 5..=9] | [2, 0]);
    if bracket && marks.first().is_some_and(|m| m.starts_with(')')) && !year {
        return (2..=5).contains(&lengths[0])
            && (2..=4).contains(&count)
            && lengths[1..].iter().all(|&n| n >= 3)
            && (9..=11).contains(&digits.len())
            && marks[1..].iter().all(|m| matches!(*m, " " | "-"));
    }
    // An international prefix of two zeros.
    if digits.len() > 9 && digits[..2] == [0, 0] && count >= 2 {
        return international(&digits[2..], false);
    }
    false
}

/// Whether a number after its plus sign fits the plan of its country.
fn international(digits: &[u8], told: bool) -> bool {
    let n = digits.len();
    if !(8..=16).contains(&n) || digits[0] == 0 {
        return false;
    }
    let at = |place: usize| digits.get(place).copied().unwrap_or(0);
    let pair = at(0) * 10 + at(1);
    // A trunk zero written in brackets counts as one more digit.
    let national = |code: usize| n - code - usize::from(at(code) == 0);
    match pair {
        10..=19 => n == 11 && (told || at(1) >= 2 && at(4) >= 2),
        70..=79 => n == 11,
        44 => matches!(national(2), 9 | 10) && (told || at(2) != 4),
        33 => national(2) == 9,
        34 => national(2) == 9 && (told || at(2) >= 5),
        31 | 32 | 41 | 48 => matches!(national(2), 8 | 9),
        45 | 47 | 65 => national(2) == 8,
        46 => (7..=10).contains(&national(2)),
        39 => (6..=11).contains(&(n - 2)),
        49 | 43 => (6..=13).contains(&national(2)),
        55 => matches!(national(2), 10 | 11),
        61 => national(2) == 9,
        81 => matches!(national(2), 9 | 10),
        91 => national(2) == 10,
        // Codes of two digits, then those of three.
        20
        | 27
        | 30
        | 36
        | 40
        | 51..=54
        | 56..=58
        | 60
        | 62..=64
        | 66
        | 82
        | 84
        | 86
        | 90
        | 92..=95
        | 98 => (7..=12).contains(&national(2)),
        21 | 22 | 23 | 24 | 25 | 26 | 29 | 35 | 37 | 38 | 42 | 50 | 59 | 67 | 68 | 69 | 85 | 88
        | 96 | 97 | 99 => (6..=12).contains(&national(3)),
        _ => false,
    }
}
