//! Quality signals of a text by the published rules of Gopher (Rae et al. 2021, section A.1.1 and
//! table A1) and C4 (Raffel et al. 2020, section 2.2). Measuring and judging are apart: the numbers
//! are stored with the document, and thresholds can change without measuring again.

mod lines;
mod repetition;
mod rules;
mod words;

pub use rules::{C4, Gopher, Repetition, Rules};

use serde::{Deserialize, Serialize};

/// C4's least number of words in a line can be set up to this.
pub const LARGEST_LINE_WORDS: usize = 10;

/// What the rules look at, as plain numbers. Fractions of nothing are 0.
///
/// A word is what stands between white space, with the punctuation at its ends split off; each
/// ideograph and kana is a word of its own, as such text has no spaces. A run of one punctuation
/// mark is a symbol, which is no word to the counts of words but is one to the repetition of words.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// Characters.
    pub characters: u64,
    /// Words without symbols.
    pub words: u64,
    /// Mean length of words in characters.
    pub mean_word_length: f64,
    /// Hash signs per word or symbol.
    pub hashes_per_word: f64,
    /// Ellipses ("..." or "…") per word or symbol.
    pub ellipses_per_word: f64,
    /// Fraction of lines that begin with a bullet point or a hyphen.
    pub bullet_lines: f64,
    /// Fraction of lines that end with an ellipsis.
    pub ellipsis_lines: f64,
    /// Fraction of words and symbols that have a letter.
    pub alphabetic_words: f64,
    /// How many different ones of Gopher's eight English stop words occur, in any case.
    pub stop_words: u32,
    /// Fraction of lines that occurred before.
    pub duplicate_lines: f64,
    /// Fraction of characters in lines that occurred before.
    pub duplicate_line_characters: f64,
    /// Fraction of paragraphs (parted by empty lines) that occurred before.
    pub duplicate_paragraphs: f64,
    /// Fraction of characters in paragraphs that occurred before.
    pub duplicate_paragraph_characters: f64,
    /// Fraction of characters in the most frequent sequence of 2, 3 and 4 words.
    pub top_ngram_characters: [f64; 3],
    /// Fraction of characters in sequences of 5 to 10 words that occurred before.
    pub duplicate_ngram_characters: [f64; 6],
    /// Sentences in lines that C4 keeps, by the least number of words in a line: the entry at `k`
    /// counts those in lines of at least `k` words.
    pub sentences: [u64; LARGEST_LINE_WORDS + 1],
    /// Lines that are not empty.
    pub lines: u64,
    /// Of these, lines that end with `.`, `?`, `!` or a quotation mark and not with an ellipsis.
    pub terminal_lines: u64,
    /// Lines that mention JavaScript.
    pub javascript_lines: u64,
    /// Lines that mention cookies or terms of use.
    pub policy_lines: u64,
    /// Whether "lorem ipsum" occurs.
    pub lorem_ipsum: bool,
    /// Whether a curly bracket occurs.
    pub curly_bracket: bool,
}

/// Measures a text, in time linear in its length.
pub fn measure(text: &str) -> Quality {
    let mut quality = Quality {
        characters: text.chars().count() as u64,
        ..Quality::default()
    };
    let words = words::measure(text, &mut quality);
    lines::measure(text, &mut quality);
    repetition::measure(text, &words, &mut quality);
    quality
}

/// A fraction, 0 where there is nothing to be a part of.
fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_measured_of_nothing() {
        assert_eq!(measure(""), Quality::default());
    }

    #[test]
    fn a_text_counted_by_hand() {
        let text = "# The cat, and a dog.\n- It was to be...\n\nThe end\n\nThe end";
        let quality = measure(text);
        assert_eq!(quality.characters, 57);
        // The cat and a dog It was to be The end The end
        assert_eq!(quality.words, 13);
        // Symbols: # , . - ...
        assert!((quality.hashes_per_word - 1.0 / 18.0).abs() < 1e-12);
        assert!((quality.ellipses_per_word - 1.0 / 18.0).abs() < 1e-12);
        assert!((quality.alphabetic_words - 13.0 / 18.0).abs() < 1e-12);
        assert!((quality.mean_word_length - 34.0 / 13.0).abs() < 1e-12);
        assert!((quality.bullet_lines - 1.0 / 6.0).abs() < 1e-12);
        assert!((quality.ellipsis_lines - 1.0 / 6.0).abs() < 1e-12);
        // the, and, to, be
        assert_eq!(quality.stop_words, 4);
        assert!((quality.duplicate_lines - 1.0 / 4.0).abs() < 1e-12);
        assert!((quality.duplicate_line_characters - 7.0 / 57.0).abs() < 1e-12);
        assert!((quality.duplicate_paragraphs - 1.0 / 3.0).abs() < 1e-12);
        // "The end" twice
        assert!((quality.top_ngram_characters[0] - 14.0 / 57.0).abs() < 1e-12);
        assert_eq!(quality.lines, 4);
        assert_eq!(quality.terminal_lines, 1);
        assert_eq!(quality.sentences[6], 1);
        assert_eq!(quality.sentences[7], 0);
    }

    #[test]
    fn repeated_words_are_seen_at_each_length() {
        let phrase = "one two three four five six seven eight nine ten ";
        let quality = measure(&phrase.repeat(4));
        for share in quality.duplicate_ngram_characters {
            assert!(share > 0.45, "{quality:?}");
        }
        assert!(
            quality
                .top_ngram_characters
                .iter()
                .all(|&share| share < 0.5)
        );
    }

    #[test]
    fn ideographs_are_words() {
        assert_eq!(measure("河水流过村庄。小さな舟").words, 11 - 1);
    }

    proptest! {
        #[test]
        fn any_text_gives_fractions(text in "(\\PC|\n| |[.!?…#-]){0,300}") {
            let q = measure(&text);
            let fractions = [q.bullet_lines, q.ellipsis_lines, q.alphabetic_words, q.duplicate_lines,
                q.duplicate_line_characters, q.duplicate_paragraphs, q.duplicate_paragraph_characters];
            for f in fractions.iter().chain(&q.duplicate_ngram_characters) {
                prop_assert!((0.0..=1.0).contains(f), "{q:?}");
            }
            prop_assert!(q.sentences.windows(2).all(|w| w[0] >= w[1]));
            prop_assert!(q.terminal_lines <= q.lines);
            Rules::default().verdicts(&q);
        }
    }
}
