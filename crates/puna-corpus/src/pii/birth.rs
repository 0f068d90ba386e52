//! Dates told to be dates of birth.

use super::number::Number;
use super::words::{Words, has, words};
use super::{Kind, Span, context};

/// Months by their first three letters or their name, in the languages of the labels.
static MONTHS: Words = words!(
    "january, february, march, april, may, june, july, august, september, october, november, \
     december, jan, feb, mar, apr, jun, jul, aug, sep, sept, oct, nov, dec, januar, februar, \
     märz, mai, juni, juli, oktober, dezember, janvier, février, mars, avril, juin, juillet, \
     août, septembre, octobre, novembre, décembre, de"
);

/// Whether the words before say that a date of birth follows.
fn told(words: &[String]) -> bool {
    words.iter().take(4).enumerate().any(|(place, word)| {
        let next = words.get(place + 1).map_or("", String::as_str);
        match word.as_str() {
            "dob" | "birthdate" | "birthday" | "geburtsdatum" | "geboortedatum" | "nascimento"
            | "naissance" | "nacimiento" | "nascita" | "födelsedatum" => true,
            "birth" => matches!(next, "of" | "my" | "her" | "his" | "their"),
            "born" | "geboren" | "geb" | "née" | "né" | "nato" | "nata" | "nacido" | "nacida" => {
                place <= 1
            }
            _ => false,
        }
    })
}

/// A date in digits at the start of `number`.
pub(super) fn at(text: &str, number: &Number) -> Option<Span> {
    let (start, end) = (number.groups[0].0, number.groups.get(2)?.1);
    let mark = number.mark(text, 1);
    if number.plus || mark != number.mark(text, 2) || !matches!(mark, "/" | "-" | "." | ". ") {
        return None;
    }
    let value = |index: usize| -> Option<u32> {
        let (start, end) = number.groups[index];
        text[start..end].parse().ok()
    };
    let (a, b, c) = (value(0)?, value(1)?, value(2)?);
    let day = |n: u32| (1..=31).contains(&n);
    let short = number.groups[2].1 - number.groups[2].0 == 2;
    let dated = living(a) && (1..=12).contains(&b) && day(c)
        || day(a) && day(b) && (a <= 12 || b <= 12) && (living(c) || short);
    (dated && told(&context::before(text, start, 6)))
        .then(|| Span::new(Kind::DateOfBirth, start, end))
}

/// Years in which people who may be alive were born.
fn living(year: u32) -> bool {
    (1900..2030).contains(&year)
}

/// Dates with the month in letters, after a label; looked for only where a label is.
pub(super) fn in_words(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for label in [
        "irth",
        "DOB",
        "born on",
        "Born on",
        "Born:",
        "eburtsdatum",
        "aissance",
        "acimiento",
        "ascita",
    ] {
        for at in memchr::memmem::find_iter(bytes, label) {
            let from = at + label.len();
            let tail = &text[from..context::floor(text, from + 16)];
            let lead = tail
                .find(|c: char| c == ':' || c == '\n' || c.is_ascii_digit())
                .unwrap_or(0);
            // The date starts right there, as after "born on", or after the label's colon.
            found.extend([0, lead].into_iter().find_map(|lead| {
                let value = &tail[lead..];
                let blanks = value.len() - value.trim_start_matches([':', ' ', '\n', '*']).len();
                let start = from + lead + blanks;
                date(text, start).map(|end| Span::new(Kind::DateOfBirth, start, end))
            }));
        }
    }
    found
}

/// A date such as `12 March 1980` or `March 12, 1980` at `start`; its end.
fn date(text: &str, start: usize) -> Option<usize> {
    let tail = &text[start..context::floor(text, start + 40)];
    let (mut month, mut day, mut place) = (false, false, 0);
    for piece in tail.split_inclusive([' ', '\u{a0}']) {
        let word = piece.trim_matches([' ', '\u{a0}', ',', '.', ';', ')']);
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let lower = word.to_lowercase();
        if word.lines().next().is_none_or(str::is_empty) {
            return None;
        }
        let number: u32 = word[..digits].parse().unwrap_or(0);
        if digits >= 4 {
            let year = digits == 4 && living(number) && month && day;
            return year.then(|| start + place + piece.find(word).unwrap_or(0) + 4);
        }
        if digits > 0 && (1..=31).contains(&number) && !day {
            day = true;
        } else if has(&MONTHS, &lower) {
            month |= lower != "de";
        } else {
            return None;
        }
        place += piece.len();
    }
    None
}
