//! Numbers as people read them.

/// 1,234,567.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// 12.3%, with more digits the smaller it is; "0%" is nothing at all.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent {
        0.0 => return "0%".to_owned(),
        p if p >= 99.95 => usize::from(share < 1.0) * 2,
        p if p >= 10.0 => 1,
        p if p >= 0.1 => 2,
        p if p >= 0.001 => 4,
        p => return format!("{p:.1e}%"),
    };
    format!("{percent:.digits$}%")
}

/// A percentage on an axis: 1%, 0.01%.
pub(super) fn tick(share: f64) -> String {
    let percent = share * 100.0;
    let digits = usize::try_from(-percent.log10().round() as i64).unwrap_or_default();
    format!("{percent:.digits$}%")
}

/// 1.5 MB, in powers of 1,000.
pub(super) fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            let digits = usize::from(unit != "bytes" && value < 99.95);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} PB")
}

/// 2.4×.
pub(super) fn times(ratio: f64) -> String {
    match ratio {
        0.0 => "0×".to_owned(),
        r if r >= 99.5 => format!("{r:.0}×"),
        r if r >= 9.95 => format!("{r:.1}×"),
        r => format!("{r:.2}×"),
    }
}

/// "1 document", "2 documents".
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `snake_case` as words.
pub(super) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}
