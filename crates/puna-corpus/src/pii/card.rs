//! Payment card numbers (ISO/IEC 7812): issuer range, length, grouping and Luhn's digit.

use super::words::{Words, has, words};
use super::{Kind, Span, check_digits, context, number::Number};

static CARD_WORDS: Words = words!(
    "card, cc, credit, debit, visa, mastercard, amex, maestro, karte, carte, tarjeta, carta, \
     cartão, kort, kaart, pan"
);
static OTHER_NUMBERS: Words = words!("isbn, ean, imei, order, tracking, serial, barcode, gtin");

/// A card number at the start of `number`.
pub(super) fn at(text: &str, number: &Number) -> Option<Span> {
    let bytes = text.as_bytes();
    let first = number.groups[0];
    if number.plus
        || bytes[..first.0]
            .last()
            .is_some_and(|b| b"._-/=&%".contains(b))
    {
        return None;
    }
    let words = context::before(text, first.0, 5);
    let told = words.iter().any(|w| has(&CARD_WORDS, w));
    if !told && words.iter().any(|w| has(&OTHER_NUMBERS, w)) {
        return None;
    }
    let count = if first.1 - first.0 >= 12 {
        1
    } else {
        grouped(text, number)?
    };
    let digits = number.digits(text, count);
    let issued = issuer(&digits);
    // Few issuers have lengths other than these; a bare number of another length must be told.
    let usual = issued == Some(Issuer::Certain) && count > 1 || matches!(digits.len(), 15 | 16);
    let accepted = match issued? {
        Issuer::Certain => usual || told,
        Issuer::Loose => told,
    };
    let end = number.groups[count - 1].1;
    let goes_on = bytes
        .get(end)
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    (accepted && !goes_on && check_digits::luhn(&digits))
        .then(|| Span::new(Kind::CardNumber, first.0, end))
}

/// How many groups the number takes as cards are printed: fours, 4-6-5 or 4-6-4.
fn grouped(text: &str, number: &Number) -> Option<usize> {
    let shapes: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];
    let count = shapes.iter().find(|s| number.shaped(s))?.len();
    let mark = number.mark(text, 1);
    let same = (1..count).all(|index| number.mark(text, index) == mark);
    (same && matches!(mark, " " | "-" | "\u{a0}")).then_some(count)
}

#[derive(PartialEq, Eq)]
enum Issuer {
    /// A range that one issuer owns, at its length.
    Certain,
    /// A range that others share.
    Loose,
}

fn issuer(digits: &[u8]) -> Option<Issuer> {
    let head = digits
        .iter()
        .take(6)
        .fold(0u32, |n, &d| n * 10 + u32::from(d));
    let certain = match digits.len() {
        13 | 19 if digits[0] == 4 => true,
        15 => {
            matches!(head, 340_000..=349_999 | 370_000..=379_999 | 213_100..=213_199 | 180_000..=180_099)
        }
        14 => matches!(head, 300_000..=305_999 | 360_000..=369_999 | 380_000..=399_999),
        16 => matches!(
            head,
            400_000..=499_999
                | 510_000..=559_999
                | 222_100..=272_099
                | 601_100..=601_199
                | 644_000..=659_999
                | 352_800..=358_999
                | 620_000..=629_999
        ),
        _ => false,
    };
    let loose = (12..=19).contains(&digits.len())
        && (matches!(head / 10_000, 35 | 60..=69) || (500_000..=589_999).contains(&head));
    match (certain, loose) {
        (true, _) => Some(Issuer::Certain),
        (_, true) => Some(Issuer::Loose),
        _ => None,
    }
}
