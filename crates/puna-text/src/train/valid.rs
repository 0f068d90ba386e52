//! Which joined symbols may become a piece.

use unicode_script::{Script, UnicodeScript};

use super::TrainOptions;
use crate::vocab::SPACE;

/// What a piece is made of, enough to judge it joined with another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub chars: usize,
    /// Has a digit; with `split_digits` it stays alone.
    digit: bool,
    /// Only spaces.
    blank: bool,
    /// Begins with a space.
    space_first: bool,
    /// Script of the first and last character that has one.
    scripts: Option<(Script, Script)>,
}

/// The decimal digits that SentencePiece knows: ASCII and full-width ones.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || ('\u{FF10}'..='\u{FF19}').contains(&c)
}

/// The script of a character for the purpose of splitting; none for one that goes with any.
fn script(c: char, options: &TrainOptions) -> Option<Script> {
    if !options.split_by_number && is_digit(c) {
        return None;
    }
    match c.script() {
        // Japanese mixes these three.
        Script::Hiragana | Script::Katakana => Some(Script::Han),
        // The long vowel mark, which Unicode counts as common.
        _ if c == '\u{30FC}' => Some(Script::Han),
        Script::Inherited => None,
        Script::Unknown => Some(Script::Common),
        script => Some(script),
    }
}

impl Shape {
    /// Of one character.
    pub fn of(c: char, options: &TrainOptions) -> Self {
        let blank = c == SPACE;
        let script = if blank { None } else { script(c, options) };
        Self {
            chars: 1,
            digit: is_digit(c),
            blank,
            space_first: blank,
            scripts: script.map(|s| (s, s)),
        }
    }

    /// Of two symbols joined, if a piece may look like that.
    pub fn join(self, right: Self, options: &TrainOptions) -> Option<Self> {
        let chars = self.chars + right.chars;
        let blank = self.blank && right.blank;
        // Spaces stand at the start of a piece, one at most, unless the piece is nothing else.
        let spaces_fit = if blank {
            options.allow_whitespace_only_pieces
        } else {
            !right.space_first && (!self.blank || self.chars == 1)
        };
        let digits_fit = !options.split_digits || !(self.digit || right.digit);
        let scripts = match (self.scripts, right.scripts) {
            (Some((first, a)), Some((b, last))) => {
                if options.split_by_unicode_script && a != b {
                    return None;
                }
                Some((first, last))
            }
            (one, other) => one.or(other),
        };
        (chars <= options.max_piece_length && spaces_fit && digits_fit).then_some(Self {
            chars,
            digit: self.digit || right.digit,
            blank,
            space_first: self.space_first,
            scripts,
        })
    }
}
