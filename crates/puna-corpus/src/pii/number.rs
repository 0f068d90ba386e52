//! A number as written: groups of digits with the marks between them, on one line.

/// Groups past this many end the reading; nothing that is looked for has more.
const MOST_GROUPS: usize = 12;

/// A run of digit groups.
#[derive(Debug)]
pub(super) struct Number {
    /// Where it starts, an opening bracket or a plus sign included.
    pub(super) start: usize,
    /// Where its last digit ends.
    pub(super) end: usize,
    /// Starts and ends of the groups.
    pub(super) groups: Vec<(usize, usize)>,
    /// Whether a plus sign stands before the first digit.
    pub(super) plus: bool,
}

impl Number {
    /// Reads the number whose first digit is at `digit`.
    pub(super) fn read(text: &str, digit: usize) -> Self {
        let bytes = text.as_bytes();
        let mut start = digit;
        if start > 0 && bytes[start - 1] == b'(' {
            start -= 1;
        }
        let plus = start > 0 && bytes[start - 1] == b'+';
        if plus {
            start -= 1;
            if start > 0 && bytes[start - 1] == b'(' {
                start -= 1;
            }
        }
        let mut groups = Vec::new();
        let mut place = digit;
        loop {
            let end = place
                + bytes[place..]
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .count();
            groups.push((place, end));
            if groups.len() == MOST_GROUPS {
                break;
            }
            match separator(&bytes[end..]) {
                Some(n) => place = end + n,
                None => break,
            }
        }
        let end = groups.last().map_or(digit, |g| g.1);
        Self {
            start,
            end,
            groups,
            plus,
        }
    }

    /// The digits of the first `count` groups.
    pub(super) fn digits(&self, text: &str, count: usize) -> Vec<u8> {
        let end = self.groups[count - 1].1;
        super::check_digits::digits(&text[self.groups[0].0..end])
    }

    /// Whether the first `count` groups have these lengths.
    pub(super) fn shaped(&self, lengths: &[usize]) -> bool {
        self.groups.len() >= lengths.len()
            && self
                .groups
                .iter()
                .zip(lengths)
                .all(|(g, &n)| g.1 - g.0 == n)
    }

    /// The marks before group `index`, which is not the first.
    pub(super) fn mark<'t>(&self, text: &'t str, index: usize) -> &'t str {
        &text[self.groups[index - 1].1..self.groups[index].0]
    }
}

/// Length of the marks between two groups, if a digit follows them.
fn separator(bytes: &[u8]) -> Option<usize> {
    let mut n = 0;
    let (mut blanks, mut marks, mut brackets) = (0, 0, 0);
    while n < 6 {
        let rest = &bytes[n..];
        match rest.first()? {
            b'0'..=b'9' => return (n > 0).then_some(n),
            b' ' => {
                blanks += 1;
                n += 1;
            }
            b'-' | b'.' | b'/' => {
                marks += 1;
                n += 1;
            }
            b'(' | b')' => {
                brackets += 1;
                n += 1;
            }
            // A space that does not break, a hyphen that does not break, an en dash.
            0xC2 if rest.get(1) == Some(&0xA0) => {
                blanks += 1;
                n += 2;
            }
            0xE2 if matches!(rest.get(1..3), Some([0x80, 0x90 | 0x91 | 0x93])) => {
                marks += 1;
                n += 3;
            }
            _ => return None,
        }
        if blanks > 2 || marks > 1 || brackets > 2 {
            return None;
        }
    }
    None
}
