//! The words of a line as the classifier sees them: lower case, without addresses and handles, and
//! with the usual disguises of a word undone.

/// Calls `take` with each word of a line.
pub(super) struct Normaliser {
    undo_disguises: bool,
    word: String,
    /// Single letters that follow each other, which may be one word spelt out.
    spelt: String,
}

/// Fewest single letters in a row that are taken for a word.
const LEAST_SPELT: usize = 3;

impl Normaliser {
    pub(super) fn new(undo_disguises: bool) -> Self {
        Self {
            undo_disguises,
            word: String::new(),
            spelt: String::new(),
        }
    }

    pub(super) fn words(&mut self, line: &str, mut take: impl FnMut(&str)) {
        self.spelt.clear();
        for chunk in line.split_whitespace() {
            // Who is spoken to, where a link leads and that it was said before are no part of it.
            if chunk.starts_with('@') && chunk.len() > 1 || chunk.contains("://") || chunk == "RT" {
                continue;
            }
            if chunk.contains('&') {
                let plain = without_entities(chunk);
                for part in plain.split_whitespace() {
                    self.chunk(part, &mut take);
                }
            } else {
                self.chunk(chunk, &mut take);
            }
        }
        self.end_spelling(&mut take);
    }

    fn chunk(&mut self, chunk: &str, take: &mut impl FnMut(&str)) {
        self.word.clear();
        let core = chunk.trim_matches(|c: char| !c.is_alphanumeric() && !stands_for_letter(c));
        let disguised = self.undo_disguises
            && core.chars().any(char::is_alphabetic)
            && core.chars().any(|c| !c.is_alphabetic());
        if disguised {
            self.disguised(core);
            self.flush(take);
            return;
        }
        for character in chunk.chars() {
            if character.is_alphanumeric() {
                self.word.extend(character.to_lowercase());
            } else if matches!(character, '\'' | '’') {
                // "don't" is one word, "dont".
            } else {
                self.flush(take);
            }
        }
        self.flush(take);
    }

    /// A word in which other characters stand for letters ("@ss", "sh1t") or between them ("f.u.c.k").
    fn disguised(&mut self, core: &str) {
        // A closing mark of exclamation is one.
        let core = core.trim_end_matches('!');
        for character in core.chars() {
            match character {
                '@' | '4' => self.word.push('a'),
                '$' | '5' => self.word.push('s'),
                '0' => self.word.push('o'),
                '1' | '!' | '|' => self.word.push('i'),
                '3' => self.word.push('e'),
                '7' => self.word.push('t'),
                _ if character.is_alphanumeric() => self.word.extend(character.to_lowercase()),
                _ => {}
            }
        }
    }

    fn flush(&mut self, take: &mut impl FnMut(&str)) {
        if self.word.is_empty() {
            return;
        }
        if self.undo_disguises {
            shorten_runs(&mut self.word);
            let mut letters = self.word.chars();
            if letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none() {
                self.spelt.push_str(&self.word);
                self.word.clear();
                return;
            }
            self.end_spelling(take);
        }
        take(&self.word);
        self.word.clear();
    }

    fn end_spelling(&mut self, take: &mut impl FnMut(&str)) {
        if self.spelt.chars().count() >= LEAST_SPELT {
            take(&self.spelt);
        } else {
            let mut buffer = [0; 4];
            for letter in self.spelt.chars() {
                take(letter.encode_utf8(&mut buffer));
            }
        }
        self.spelt.clear();
    }
}

fn stands_for_letter(character: char) -> bool {
    matches!(character, '@' | '$')
}

/// Leaves one of three or more equal letters in a row ("sooooo").
fn shorten_runs(word: &mut String) {
    let long = |a: char, b: char, c: char| a == b && b == c && a.is_alphabetic();
    let found = word
        .chars()
        .zip(word.chars().skip(1))
        .zip(word.chars().skip(2))
        .any(|((a, b), c)| long(a, b, c));
    if !found {
        return;
    }
    let mut short = String::with_capacity(word.len());
    let mut run: Option<(char, usize)> = None;
    let mut close = |run: Option<(char, usize)>| {
        if let Some((letter, count)) = run {
            let long = count >= 3 && letter.is_alphabetic();
            let count = if long { 1 } else { count };
            short.extend(std::iter::repeat_n(letter, count));
        }
    };
    for letter in word.chars() {
        match &mut run {
            Some((last, count)) if *last == letter => *count += 1,
            _ => {
                close(run);
                run = Some((letter, 1));
            }
        }
    }
    close(run);
    *word = short;
}

/// A chunk with HTML's common entities as what they stand for, and numbered ones (emoji, mostly) as
/// a space.
fn without_entities(chunk: &str) -> String {
    let mut plain = String::with_capacity(chunk.len());
    let mut rest = chunk;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';').filter(|&end| end <= 8) else {
            plain.push('&');
            rest = &rest[1..];
            continue;
        };
        plain.push_str(match &rest[1..end] {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" | "#39" => "'",
            _ => " ",
        });
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, undo: bool) -> Vec<String> {
        let mut words = Vec::new();
        Normaliser::new(undo).words(line, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_plain() {
        assert_eq!(
            words(
                "RT @someone: Don't look, it&#8217;s http://x.y/z a B-side &amp; more!",
                false
            ),
            ["dont", "look", "it", "s", "a", "b", "side", "more"]
        );
    }

    #[test]
    fn disguises_are_undone() {
        assert_eq!(
            words(
                "What a b@stard!! s t u p i d m0r0n, soooo d.u.m.b $illy",
                true
            ),
            [
                "what", "a", "bastard", "stupid", "moron", "so", "dumb", "silly"
            ]
        );
        assert_eq!(words("I am a b c", true), ["i", "am", "abc"]);
        assert_eq!(words("in 1999, 42!", true), ["in", "1999", "42"]);
    }
}
