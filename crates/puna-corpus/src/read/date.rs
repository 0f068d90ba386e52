//! Dates as inputs write them, brought to RFC 3339 in UTC.

use crate::calendar::is_day;

/// The date as `YYYY-MM-DDTHH:MM:SSZ`, or `YYYY-MM-DD` where there is no time; None if it is none.
pub(super) fn normalize(text: &str) -> Option<String> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.len() {
            // ARC: YYYYMMDDhhmm, with seconds in all but the oldest; some writers go on.
            12.. if text.starts_with(['1', '2']) && civil(text).is_some() => {
                let seconds = text.get(12..14).unwrap_or("00");
                let [y, mo, d, h, mi] = [0..4, 4..6, 6..8, 8..10, 10..12].map(|r| &text[r]);
                Some(format!("{y}-{mo}-{d}T{h}:{mi}:{seconds}Z"))
            }
            1..=18 => text.parse().ok().and_then(from_unix),
            _ => None,
        };
    }
    let day = text.get(..10)?;
    let (year, month, date) = (
        number(day.get(..4)?)?,
        number(day.get(5..7)?)?,
        number(day.get(8..)?)?,
    );
    let separators = [day.as_bytes()[4], day.as_bytes()[7]];
    if separators != [b'-'; 2] || !is_day(year, month, date) {
        return None;
    }
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(day.to_owned());
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let clock = time.get(..8)?;
    let (h, m, s) = (
        number(clock.get(..2)?)?,
        number(clock.get(3..5)?)?,
        number(clock.get(6..)?)?,
    );
    if h > 23 || m > 59 || s > 60 || [clock.as_bytes()[2], clock.as_bytes()[5]] != [b':'; 2] {
        return None;
    }
    let zone = time[8..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let seconds = days(year, month, date) * 86_400 + h * 3600 + m * 60 + s.min(59);
    from_unix_seconds(seconds - zone_offset(zone.trim())?)
}

/// Seconds east of Greenwich.
fn zone_offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = match zone.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let digits = if digits.len() == 2 {
        digits + "00"
    } else {
        digits
    };
    if digits.len() != 4 {
        return None;
    }
    let (h, m) = (number(digits.get(..2)?)?, number(digits.get(2..)?)?);
    (h < 24 && m < 60).then_some(sign * (h * 3600 + m * 60))
}

/// A count since 1970 in seconds, milliseconds, microseconds or nanoseconds, told by its size.
pub(super) fn from_unix(count: i64) -> Option<String> {
    let mut seconds = count;
    while seconds.unsigned_abs() >= 100_000_000_000 {
        seconds = seconds.div_euclid(1000);
    }
    from_unix_seconds(seconds)
}

fn from_unix_seconds(seconds: i64) -> Option<String> {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (y, m, d) = civil_from_days(day);
    let (h, mi, s) = (second / 3600, second / 60 % 60, second % 60);
    (1..=9999)
        .contains(&y)
        .then(|| format!("{y:04}-{m:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z"))
}

fn number(digits: &str) -> Option<i64> {
    let all = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| all)
}

fn civil(digits: &str) -> Option<()> {
    let part = |range: std::ops::Range<usize>| number(digits.get(range)?);
    let (h, mi, s) = (part(8..10)?, part(10..12)?, part(12..14).unwrap_or(0));
    let valid = is_day(part(0..4)?, part(4..6)?, part(6..8)?) && h < 24 && mi < 60 && s < 61;
    valid.then_some(())
}

/// Days since 1970 of a day of the Gregorian calendar, counted from March so that the leap day
/// comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - 719_468
}

fn civil_from_days(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let civil = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(civil <= 2), civil, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_kind_become_rfc_3339() {
        for (text, expected) in [
            ("2017-03-06T04:02:06Z", "2017-03-06T04:02:06Z"),
            ("2017-03-06T04:02:06.040Z", "2017-03-06T04:02:06Z"),
            ("2017-03-06 04:02:06", "2017-03-06T04:02:06Z"),
            ("2019-12-31T23:30:00-01:00", "2020-01-01T00:30:00Z"),
            ("2020-03-01T00:30:00+0100", "2020-02-29T23:30:00Z"),
            ("2020-02-29", "2020-02-29"),
            ("19961104142103", "1996-11-04T14:21:03Z"),
            ("201404010000000000", "2014-04-01T00:00:00Z"),
            ("1556196774", "2019-04-25T12:52:54Z"),
            ("1556196774000", "2019-04-25T12:52:54Z"),
            ("0", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(normalize(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2019-02-29",
            "2019-13-01",
            "2019-01-01T25:00:00",
            "ä019-01-01",
        ] {
            assert_eq!(normalize(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_goes_there_and_back() {
        for day in -10_000..150_000 {
            let (y, m, d) = civil_from_days(day);
            assert!(is_day(y, m, d));
            assert_eq!(days(y, m, d), day);
        }
    }
}
