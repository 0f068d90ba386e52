//! Dates as pages write them, as `YYYY-MM-DD`.

use crate::calendar::is_day;

/// English month names by their first three letters.
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// The first date in the text: ISO 8601 (also its basic form), or with an English month name.
pub(super) fn normalised(text: &str) -> Option<String> {
    let head: String = text.chars().take(80).collect();
    iso(&head).or_else(|| named_month(&head))
}

/// The date in an address: `/2019/11/24/` or `2019-11-24`.
pub(super) fn of_address(url: &str) -> Option<String> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    iso(path.split(['?', '#']).next().unwrap_or(path))
}

fn iso(text: &str) -> Option<String> {
    let numbers: Vec<(usize, &str)> = runs(text, |c| c.is_ascii_digit());
    for (index, &(start, year)) in numbers.iter().enumerate() {
        if year.len() == 8
            && let Some(date) = checked(&year[..4], &year[4..6], &year[6..])
        {
            return Some(date);
        }
        if year.len() != 4 {
            continue;
        }
        let Some(&[(month_at, month), (day_at, day)]) = numbers.get(index + 1..index + 3) else {
            continue;
        };
        let before_month = &text[start + 4..month_at];
        let before_day = &text[month_at + month.len()..day_at];
        if matches!(before_month, "-" | "/" | "." | "年")
            && (before_day == before_month || before_day == "月")
            && month.len() <= 2
            && day.len() <= 2
            && let Some(date) = checked(year, month, day)
        {
            return Some(date);
        }
    }
    None
}

fn named_month(text: &str) -> Option<String> {
    let words: Vec<(usize, &str)> = runs(text, |c| c.is_ascii_alphanumeric());
    for (index, &(_, word)) in words.iter().enumerate() {
        let lower = word.to_ascii_lowercase();
        let Some(month) = MONTHS
            .iter()
            .position(|month| lower.len() >= 3 && lower.starts_with(month) && word.is_ascii())
        else {
            continue;
        };
        let month = (month + 1).to_string();
        let word_at = |at: Option<usize>| at.and_then(|at| words.get(at)).map(|&(_, word)| word);
        let before = word_at(index.checked_sub(1)).map(day_number);
        let (next, after) = (word_at(Some(index + 1)), word_at(Some(index + 2)));
        if let (Some(day), Some(year)) = (next.map(day_number), after)
            && let Some(date) = checked(year, &month, day)
        {
            return Some(date);
        }
        if let (Some(day), Some(year)) = (before, next)
            && let Some(date) = checked(year, &month, day)
        {
            return Some(date);
        }
    }
    None
}

/// `24th` as `24`.
fn day_number(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_alphabetic())
}

/// Maximal runs of matching characters with where they start.
fn runs(text: &str, matches: impl Fn(char) -> bool) -> Vec<(usize, &str)> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (matches(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                runs.push((from, &text[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        runs.push((from, &text[from..]));
    }
    runs
}

fn checked(year: &str, month: &str, day: &str) -> Option<String> {
    let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    ((1990..=2100).contains(&year) && is_day(year, month, day))
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_in_many_ways() {
        for (written, date) in [
            ("2019-11-24T08:00:00Z", Some("2019-11-24")),
            ("20191124", Some("2019-11-24")),
            ("Nov 24, 2019 8:00", Some("2019-11-24")),
            ("Sunday, 24th November 2019", Some("2019-11-24")),
            ("2019年11月4日", Some("2019-11-04")),
            ("2019/2/29", None),
            ("2020/2/29", Some("2020-02-29")),
            ("soon", None),
        ] {
            assert_eq!(normalised(written).as_deref(), date, "{written}");
        }
        assert_eq!(
            of_address("https://a.example/2019/11/24/x").as_deref(),
            Some("2019-11-24")
        );
        assert_eq!(of_address("https://a.example/1234/99/24/x"), None);
    }
}
