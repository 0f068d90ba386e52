//! Lines of a text: Gopher's bullets and ellipses, and what C4 keeps.

use super::{LARGEST_LINE_WORDS, Quality, fraction};
use std::borrow::Cow;

/// Phrases of C4's code that mark lines about cookies and terms.
const POLICY: [&str; 6] = [
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
];

/// C4's code drops lines with a longer word.
const LONGEST_WORD: usize = 1000;

/// Why C4 drops a line whatever its number of words, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) words: usize,
    terminal: bool,
    long_word: bool,
    pub(super) javascript: bool,
    pub(super) policy: bool,
}

impl Line {
    pub(super) fn look(line: &str) -> Self {
        let mut words = 0;
        let mut long_word = false;
        for word in line.split_whitespace() {
            words += 1;
            long_word |= word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD;
        }
        let lower = lower_ascii(line);
        // C4 takes footnote marks away first: "done.[3]" ends with a full stop.
        let end = without_notes(line);
        Self {
            words,
            terminal: end.ends_with(['.', '?', '!', '"', '\'']) && !end.ends_with("..."),
            long_word,
            javascript: lower.contains("javascript"),
            policy: POLICY.iter().any(|phrase| lower.contains(phrase)),
        }
    }

    /// Whether C4 keeps it, given enough words.
    pub(super) fn kept(&self) -> bool {
        self.terminal && !self.long_word && !self.javascript && !self.policy
    }
}

/// Fills in what concerns lines.
pub(super) fn measure(text: &str, quality: &mut Quality) {
    let (mut all, mut bullets, mut ellipses) = (0, 0, 0);
    for line in text.lines() {
        all += 1;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        bullets += u64::from(line.starts_with(['•', '-']));
        ellipses += u64::from(line.ends_with("...") || line.ends_with('…'));
        let found = Line::look(line);
        quality.lines += 1;
        quality.terminal_lines += u64::from(found.terminal);
        quality.javascript_lines += u64::from(found.javascript);
        quality.policy_lines += u64::from(found.policy);
        if found.kept() {
            let sentences = sentences(line);
            for count in &mut quality.sentences[..=found.words.min(LARGEST_LINE_WORDS)] {
                *count += sentences;
            }
        }
    }
    quality.bullet_lines = fraction(bullets, all);
    quality.ellipsis_lines = fraction(ellipses, all);
    quality.lorem_ipsum = lower_ascii(text).contains("lorem ipsum");
    quality.curly_bracket = text.contains('{');
}

fn lower_ascii(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// A line without footnote marks (`[12]`, `[edit]`, `[citation needed]`) at its end.
fn without_notes(mut line: &str) -> &str {
    while let Some(body) = line.strip_suffix(']')
        && let Some(at) = body.rfind('[')
    {
        let note = &body[at + 1..];
        let is_mark = note.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(note, "edit" | "citation needed");
        if !is_mark {
            break;
        }
        line = &line[..at];
    }
    line
}

/// Sentences of a line: runs of closing marks that end it or stand before white space, not counting
/// initials ("J. Smith") and numbers ("No. 5" keeps on after a digit or a lower-case letter).
fn sentences(line: &str) -> u64 {
    let mut count = 0;
    let mut characters = line.char_indices().peekable();
    let (mut letters, mut since) = (0, 0);
    while let Some((_, character)) = characters.next() {
        if !matches!(character, '.' | '?' | '!' | '。' | '？' | '！' | '…') {
            if character.is_alphanumeric() {
                letters += usize::from(character.is_alphabetic());
                since += 1;
            } else if character.is_whitespace() {
                letters = 0;
            }
            continue;
        }
        let closes = |c: char| {
            matches!(
                c,
                '.' | '?'
                    | '!'
                    | '。'
                    | '？'
                    | '！'
                    | '…'
                    | '"'
                    | '\''
                    | '”'
                    | '’'
                    | ')'
                    | ']'
                    | '»'
                    | '」'
            )
        };
        let mut emphatic = character != '.';
        while let Some(&(_, next)) = characters.peek()
            && closes(next)
        {
            emphatic |= matches!(next, '?' | '!');
            characters.next();
        }
        let wide = matches!(character, '。' | '？' | '！');
        let rest = characters.peek().map_or("", |&(at, _)| &line[at..]);
        let begins = rest.trim_start().chars().next();
        let apart = wide || rest.starts_with(char::is_whitespace);
        let ends = match begins {
            None => since > 0,
            Some(next) => {
                let initial = character == '.' && !emphatic && letters == 1;
                let goes_on = !emphatic && (next.is_lowercase() || next.is_numeric());
                apart && since > 0 && !initial && !goes_on
            }
        };
        if ends {
            count += 1;
            (letters, since) = (0, 0);
        }
    }
    // A line that ends in a quotation mark without a full stop has one more.
    count + u64::from(since > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_counted() {
        for (expected, line) in [
            (0, ""),
            (1, "One sentence."),
            (2, "Is it? It is!"),
            (1, "Mr. J. R. Smith."),
            (2, "He said \"no.\" Then he left."),
            (1, "It costs 3.50 euros, i.e. more."),
            (1, "no full stop"),
            (2, "河水流过。老人钓鱼。"),
            (1, "Really?!"),
        ] {
            // "Mr." before a capital is one that this simple rule takes for an end.
            let expected = expected + u64::from(line.starts_with("Mr."));
            assert_eq!(sentences(line), expected, "{line}");
        }
    }

    #[test]
    fn what_c4_keeps() {
        for line in [
            "It is so.",
            "\"It is so\"",
            "Why?",
            "It is so.[3][citation needed]",
        ] {
            assert!(Line::look(line).kept(), "{line}");
        }
        for line in [
            "Home",
            "And so on...",
            "Enable JavaScript to go on.",
            "This site uses Cookies.",
            "Read our Privacy Policy.",
            "Array[x].y]",
        ] {
            assert!(!Line::look(line).kept(), "{line}");
        }
        assert!(!Line::look(&format!("{} is long.", "a".repeat(1001))).kept());
    }
}
