//! Text after a house number as words, numbers and breaks, for the reading of addresses.

use super::context;

/// Bytes and tokens past which no address goes on.
const REACH: usize = 220;
const MOST_TOKENS: usize = 40;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Letters, with digits, hyphens and apostrophes inside.
    Word,
    /// Starts with a digit.
    Number,
    /// A comma.
    Comma,
    /// The end of a line, with the marks of quoting that start the next.
    Break,
}

/// A token with its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) piece: Piece,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a full stop follows.
    pub(super) dotted: bool,
    /// Lower case, for words and numbers.
    pub(super) lower: String,
    /// Whether it starts with a capital, or a letter of a script without any.
    pub(super) capital: bool,
}

impl Token {
    /// The number of digits it starts with.
    pub(super) fn digits(&self) -> usize {
        self.lower.bytes().take_while(u8::is_ascii_digit).count()
    }

    /// Whether it is two or three capitals.
    pub(super) fn is_state(&self, text: &str) -> bool {
        let word = &text[self.start..self.end];
        self.piece == Piece::Word
            && (2..=3).contains(&word.len())
            && word.bytes().all(|b| b.is_ascii_uppercase())
    }
}

/// The tokens from `start` to the first mark that no address has.
pub(super) fn tokens(text: &str, start: usize) -> Vec<Token> {
    let limit = context::floor(text, start + REACH);
    let mut tokens: Vec<Token> = Vec::new();
    let mut place = start;
    while tokens.len() < MOST_TOKENS {
        let rest = &text[place..limit];
        let Some(c) = rest.chars().next() else { break };
        let width = c.len_utf8();
        let after = |n: usize| rest[n..].chars().next();
        let (piece, length) = match c {
            ' ' | '\t' | '\r' | '\u{a0}' => {
                place += width;
                continue;
            }
            '\\' if after(1) == Some(',') => (Piece::Comma, 2),
            ',' => (Piece::Comma, 1),
            '\n' => {
                let lines = rest.trim_start_matches(['\n', '\r', ' ', '\t', '>', '?', '|']);
                (Piece::Break, rest.len() - lines.len())
            }
            '#' => (Piece::Word, 1),
            '/' if tokens.last().is_some_and(|t| t.lower == "c") => {
                place += width;
                continue;
            }
            c if c.is_alphanumeric() => {
                let mut end = 0;
                for (at, c) in rest.char_indices() {
                    let joins = matches!(c, '-' | '\'' | '’' | '/')
                        && rest[at + c.len_utf8()..]
                            .chars()
                            .next()
                            .is_some_and(char::is_alphanumeric);
                    if !(c.is_alphanumeric() || joins) {
                        break;
                    }
                    end = at + c.len_utf8();
                }
                let piece = if c.is_ascii_digit() {
                    Piece::Number
                } else {
                    Piece::Word
                };
                (piece, end)
            }
            _ => break,
        };
        let word = &rest[..length];
        let dotted = matches!(piece, Piece::Word | Piece::Number) && after(length) == Some('.');
        tokens.push(Token {
            piece,
            start: place,
            end: place + length,
            dotted,
            lower: word.to_lowercase(),
            capital: !c.is_lowercase() && c.is_alphabetic(),
        });
        place += length + usize::from(dotted);
        if dotted && !goes_on(word, &text[place..limit]) {
            break;
        }
    }
    while tokens
        .last()
        .is_some_and(|t| matches!(t.piece, Piece::Comma | Piece::Break))
    {
        tokens.pop();
    }
    tokens
}

/// Whether a full stop after `word` marks an abbreviation or an ordinal, not a sentence's end.
fn goes_on(word: &str, rest: &str) -> bool {
    let number = word.starts_with(|c: char| c.is_ascii_digit());
    if number {
        return rest.starts_with(['\n', ',']) && rest.len() > 1
            || rest.starts_with(" Apt")
            || rest.starts_with(" Suite");
    }
    let short = word.chars().count() <= 4;
    short || word.to_lowercase().ends_with("str")
}
