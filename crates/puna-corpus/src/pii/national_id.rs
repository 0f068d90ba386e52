//! Numbers that states give to persons: by check digits where they have them, with a word that
//! tells what they are where digits alone could be anything.

use super::check_digits::{codice_fiscale_letter, dni_letter, luhn, mod_11_10, verhoeff, weighted};
use super::number::Number;
use super::{Kind, Span, context};

/// An identifier with letters in it, at or around the first digit at `digit`.
pub(super) fn lettered(text: &str, digit: usize, number: &Number) -> Option<Span> {
    nino(text, digit)
        .or_else(|| spanish(text, digit, number))
        .or_else(|| codice_fiscale(text, digit))
        .map(|(start, end)| Span::new(Kind::NationalId, start, end))
}

fn bounded(text: &str, start: usize, end: usize) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !word(text[..start].chars().next_back()) && !word(text[end..].chars().next())
}

/// British National Insurance number: two letters, three pairs of digits, a letter from A to D.
fn nino(text: &str, digit: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let blank = usize::from(digit > 0 && bytes[digit - 1] == b' ');
    let start = digit.checked_sub(2 + blank)?;
    let (a, b) = (bytes[start], bytes[start + 1]);
    let barred = b"DFIQUV";
    if !a.is_ascii_uppercase() || !b.is_ascii_uppercase() || barred.contains(&a) {
        return None;
    }
    if barred.contains(&b)
        || b == b'O'
        || [*b"BG", *b"GB", *b"NK", *b"KN", *b"NT", *b"TN", *b"ZZ"].contains(&[a, b])
    {
        return None;
    }
    let mut place = digit;
    for pair in 0..3 {
        if pair > 0 && matches!(bytes.get(place), Some(b' ' | b'-')) {
            place += 1;
        }
        if !bytes.get(place..place + 2)?.iter().all(u8::is_ascii_digit) {
            return None;
        }
        place += 2;
    }
    if matches!(bytes.get(place), Some(b' ' | b'-')) {
        place += 1;
    }
    let last = bytes.get(place)?;
    (matches!(last, b'A'..=b'D') && bounded(text, start, place + 1)).then_some((start, place + 1))
}

/// Spanish DNI (eight digits and a letter) and NIE (X, Y or Z, seven digits and a letter).
fn spanish(text: &str, digit: usize, number: &Number) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    // Dots between thousands are common in a DNI.
    let count = if number.shaped(&[2, 3, 3]) && number.mark(text, 1) == "." {
        3
    } else {
        1
    };
    let digits = number.digits(text, count);
    let mut end = number.groups[count - 1].1;
    let (start, lead) = match digits.len() {
        8 => (digit, 0),
        7 => {
            let hyphen = usize::from(digit > 0 && bytes[digit - 1] == b'-');
            let start = digit.checked_sub(1 + hyphen)?;
            let lead = match bytes[start] {
                b'X' | b'x' => 0,
                b'Y' | b'y' => 1,
                b'Z' | b'z' => 2,
                _ => return None,
            };
            (start, lead)
        }
        _ => return None,
    };
    if matches!(bytes.get(end), Some(b'-' | b' ')) {
        end += 1;
    }
    let letter = bytes.get(end)?.to_ascii_uppercase();
    let value = digits.iter().fold(lead, |n, &d| n * 10 + u32::from(d));
    let apart = bytes[end - 1] == b' ';
    let told = || words_tell(text, start, &["dni", "nif", "nie", "documento"]);
    (letter == dni_letter(value) && bounded(text, start, end + 1) && (!apart || told()))
        .then_some((start, end + 1))
}

/// Italian codice fiscale: sixteen letters and digits, the last a check letter.
fn codice_fiscale(text: &str, digit: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let lead = bytes[..digit]
        .iter()
        .rev()
        .take(16)
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let (start, end) = (digit - lead, digit - lead + 16);
    let run = bytes.get(start..end)?.to_ascii_uppercase();
    // Letters stand for digits where two persons would share a code.
    let fits = run
        .iter()
        .zip(b"AAAAAA00A00A000A")
        .all(|(b, shape)| match shape {
            b'A' => b.is_ascii_uppercase(),
            _ => b.is_ascii_digit() || b"LMNPQRSTUV".contains(b),
        });
    (fits && bounded(text, start, end) && codice_fiscale_letter(&run[..15]) == Some(run[15]))
        .then_some((start, end))
}

/// Whether one of `names` is among the last words before `start`.
fn words_tell(text: &str, start: usize, names: &[&str]) -> bool {
    context::before(text, start, 6)
        .iter()
        .any(|w| names.contains(&w.as_str()))
}

/// One way of writing an identifier of digits only.
struct Plan {
    /// Lengths of the groups.
    groups: &'static [usize],
    /// The marks that may stand between them, one string for each gap, "" for a single group.
    marks: &'static [&'static str],
    /// Whether the digits can be such a number.
    valid: fn(&[u8]) -> bool,
    /// Words that tell it; if any, one of them has to stand before.
    words: &'static [&'static str],
}

const SSN: &[&str] = &["ssn", "social", "security", "itin", "tin"];
const STEUER: &[&str] = &[
    "steuer",
    "steuerid",
    "identifikationsnummer",
    "steueridentifikationsnummer",
    "idnr",
    "tin",
    "steuernummer",
    "id",
];
const BSN: &[&str] = &["bsn", "burgerservicenummer", "sofinummer", "sofi"];
const PESEL: &[&str] = &["pesel"];
const CPF: &[&str] = &["cpf"];
const AADHAAR: &[&str] = &["aadhaar", "aadhar", "uid", "uidai", "adhaar"];
const PERSONNUMMER: &[&str] = &["personnummer", "pnr", "personnr", "samordningsnummer"];
const NIR: &[&str] = &["nir", "insee", "sécurité", "sociale", "securite", "sécu"];

const NHS: &[&str] = &["nhs"];

const PLANS: &[Plan] = &[
    Plan {
        groups: &[3, 3, 4],
        marks: &[" ", " "],
        valid: nhs,
        words: NHS,
    },
    Plan {
        groups: &[3, 3, 4],
        marks: &["-", "-"],
        valid: nhs,
        words: NHS,
    },
    Plan {
        groups: &[10],
        marks: &[],
        valid: nhs,
        words: NHS,
    },
    Plan {
        groups: &[3, 2, 4],
        marks: &["-", "-"],
        valid: ssn,
        words: &[],
    },
    Plan {
        groups: &[3, 2, 4],
        marks: &[" ", " "],
        valid: ssn,
        words: SSN,
    },
    Plan {
        groups: &[9],
        marks: &[],
        valid: ssn,
        words: SSN,
    },
    Plan {
        groups: &[1, 2, 2, 2, 3, 3, 2],
        marks: &[" ", " ", " ", " ", " ", " "],
        valid: nir,
        words: &[],
    },
    Plan {
        groups: &[15],
        marks: &[],
        valid: nir,
        words: &[],
    },
    Plan {
        groups: &[13, 2],
        marks: &[" "],
        valid: nir,
        words: NIR,
    },
    Plan {
        groups: &[3, 3, 3, 2],
        marks: &[".", ".", "-"],
        valid: cpf,
        words: &[],
    },
    Plan {
        groups: &[11],
        marks: &[],
        valid: cpf,
        words: CPF,
    },
    Plan {
        groups: &[4, 4, 4],
        marks: &[" ", " "],
        valid: aadhaar,
        words: &[],
    },
    Plan {
        groups: &[12],
        marks: &[],
        valid: aadhaar,
        words: AADHAAR,
    },
    Plan {
        groups: &[4, 4, 4],
        marks: &["-", "-"],
        valid: aadhaar,
        words: AADHAAR,
    },
    Plan {
        groups: &[11],
        marks: &[],
        valid: steuer,
        words: STEUER,
    },
    Plan {
        groups: &[2, 3, 3, 3],
        marks: &[" ", " ", " "],
        valid: steuer,
        words: &[],
    },
    Plan {
        groups: &[9],
        marks: &[],
        valid: bsn,
        words: BSN,
    },
    Plan {
        groups: &[4, 2, 3],
        marks: &[".", "."],
        valid: bsn,
        words: BSN,
    },
    Plan {
        groups: &[3, 3, 3],
        marks: &[" ", " "],
        valid: bsn,
        words: BSN,
    },
    Plan {
        groups: &[6, 4],
        marks: &["-"],
        valid: personnummer,
        words: &[],
    },
    Plan {
        groups: &[8, 4],
        marks: &["-"],
        valid: personnummer,
        words: &[],
    },
    Plan {
        groups: &[10],
        marks: &[],
        valid: personnummer,
        words: PERSONNUMMER,
    },
    Plan {
        groups: &[12],
        marks: &[],
        valid: personnummer,
        words: PERSONNUMMER,
    },
    Plan {
        groups: &[11],
        marks: &[],
        valid: pesel,
        words: PESEL,
    },
];

/// An identifier of digits only that starts where `number` does.
pub(super) fn numeric(text: &str, number: &Number) -> Option<Span> {
    let start = number.groups[0].0;
    let before = text[..start].chars().next_back();
    if number.plus || before.is_some_and(|c| c.is_alphanumeric() || "_-./=&%,$€£".contains(c)) {
        return None;
    }
    PLANS.iter().find_map(|plan| {
        let count = plan.groups.len();
        let written = number.shaped(plan.groups)
            && (1..count).all(|index| number.mark(text, index) == plan.marks[index - 1]);
        if !written || number.groups.len() > count && plan.words.is_empty() {
            return None;
        }
        let end = number.groups[count - 1].1;
        let next = text[end..].chars().next();
        if next.is_some_and(|c| c.is_alphanumeric() || "_%".contains(c)) {
            return None;
        }
        let told = plan.words.is_empty() || words_tell(text, start, plan.words);
        (told && (plan.valid)(&number.digits(text, count)))
            .then(|| Span::new(Kind::NationalId, start, end))
    })
}

/// United States: ranges that are never given are out; there is no check digit.
fn ssn(d: &[u8]) -> bool {
    let area = u32::from(d[0]) * 100 + u32::from(d[1]) * 10 + u32::from(d[2]);
    !matches!(area, 0 | 666 | 900..) && d[3..5] != [0, 0] && d[5..9] != [0; 4]
}

/// United Kingdom's health service: weights from 10 down to 2, modulo 11.
fn nhs(d: &[u8]) -> bool {
    weighted(d, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 11) == 0
}

/// France: sex, year, month, place and order, and a key that is 97 less the rest modulo 97.
fn nir(d: &[u8]) -> bool {
    let value = |d: &[u8]| d.iter().fold(0u64, |n, &d| n * 10 + u64::from(d));
    let month = value(&d[3..5]);
    matches!(d[0], 1 | 2)
        && (matches!(month, 1..=12 | 20 | 30..=42 | 50..))
        && value(&d[13..15]) == 97 - value(&d[..13]) % 97
}

/// Brazil: two check digits modulo 11.
fn cpf(d: &[u8]) -> bool {
    let digit = |rest: u32| if rest < 2 { 0 } else { 11 - rest };
    let first = digit(weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2], 11));
    let second = digit(weighted(&d[..10], &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2], 11));
    u32::from(d[9]) == first && u32::from(d[10]) == second && d.iter().any(|x| *x != d[0])
}

/// India: no leading 0 or 1, Verhoeff.
fn aadhaar(d: &[u8]) -> bool {
    d[0] >= 2 && verhoeff(d)
}

/// Germany: ISO 7064, and of the first ten digits one stands twice or thrice.
fn steuer(d: &[u8]) -> bool {
    let mut counts = [0u8; 10];
    for &digit in &d[..10] {
        counts[usize::from(digit)] += 1;
    }
    let repeated = counts.iter().filter(|&&n| n > 1).count();
    d[0] != 0 && repeated == 1 && counts.iter().all(|&n| n <= 3) && mod_11_10(d)
}

/// Netherlands: the test of eleven, the last digit weighing minus one.
fn bsn(d: &[u8]) -> bool {
    weighted(d, &[9, 8, 7, 6, 5, 4, 3, 2, 10], 11) == 0 && d.iter().any(|&x| x != 0)
}

/// Sweden: a date of birth (the day plus 60 for a coordination number) and Luhn.
fn personnummer(d: &[u8]) -> bool {
    let short = &d[d.len() - 10..];
    let century = match d.len() {
        12 => matches!(d[..2], [1, 8] | [1, 9] | [2, 0]),
        _ => true,
    };
    let month = short[2] * 10 + short[3];
    let day = (short[4] * 10 + short[5]) % 60;
    century && (1..=12).contains(&month) && (1..=31).contains(&day) && luhn(short)
}

/// Poland: the month tells the century, weights 1, 3, 7, 9.
fn pesel(d: &[u8]) -> bool {
    let month = (d[2] * 10 + d[3]) % 20;
    let day = d[4] * 10 + d[5];
    let check = weighted(d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1], 10) == 0;
    (1..=12).contains(&month) && (1..=31).contains(&day) && check
}
