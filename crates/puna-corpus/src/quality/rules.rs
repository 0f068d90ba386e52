//! Thresholds over the measured numbers. Every default is a published one; a rule is off where its
//! threshold cannot be passed (a least value of 0, a greatest fraction of 1).

use super::{LARGEST_LINE_WORDS, Quality};
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All the rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Gopher's rules about words and lines.
    pub gopher: Gopher,
    /// Gopher's rules about repetition.
    pub repetition: Repetition,
    /// C4's rules.
    pub c4: C4,
}

/// Gopher, "quality filtering" (Rae et al. 2021, section A.1.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gopher {
    /// Least number of words: 50.
    pub least_words: u64,
    /// Greatest number of words: 100,000.
    pub most_words: u64,
    /// Least mean length of words: 3.
    pub least_mean_word_length: f64,
    /// Greatest mean length of words: 10.
    pub most_mean_word_length: f64,
    /// Greatest number of hash signs, and of ellipses, per word: 0.1.
    pub most_symbols_per_word: f64,
    /// Greatest fraction of lines that begin with a bullet: 0.9.
    pub most_bullet_lines: f64,
    /// Greatest fraction of lines that end with an ellipsis: 0.3.
    pub most_ellipsis_lines: f64,
    /// Least fraction of words with a letter: 0.8.
    pub least_alphabetic_words: f64,
    /// Least number of different English stop words: 2. For other languages, 0.
    pub least_stop_words: u32,
}

impl Default for Gopher {
    fn default() -> Self {
        Self {
            least_words: 50,
            most_words: 100_000,
            least_mean_word_length: 3.0,
            most_mean_word_length: 10.0,
            most_symbols_per_word: 0.1,
            most_bullet_lines: 0.9,
            most_ellipsis_lines: 0.3,
            least_alphabetic_words: 0.8,
            least_stop_words: 2,
        }
    }
}

/// Gopher, "repetition removal" (Rae et al. 2021, table A1): greatest fractions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Repetition {
    /// Lines that occurred before: 0.30.
    pub most_duplicate_lines: f64,
    /// Paragraphs that occurred before: 0.30.
    pub most_duplicate_paragraphs: f64,
    /// Characters in lines that occurred before: 0.20.
    pub most_duplicate_line_characters: f64,
    /// Characters in paragraphs that occurred before: 0.20.
    pub most_duplicate_paragraph_characters: f64,
    /// Characters in the most frequent sequence of 2, 3 and 4 words: 0.20, 0.18, 0.16.
    pub most_top_ngram_characters: [f64; 3],
    /// Characters in sequences of 5 to 10 words that occurred before: 0.15, 0.14, 0.13, 0.12, 0.11,
    /// 0.10.
    pub most_duplicate_ngram_characters: [f64; 6],
}

impl Default for Repetition {
    fn default() -> Self {
        Self {
            most_duplicate_lines: 0.30,
            most_duplicate_paragraphs: 0.30,
            most_duplicate_line_characters: 0.20,
            most_duplicate_paragraph_characters: 0.20,
            most_top_ngram_characters: [0.20, 0.18, 0.16],
            most_duplicate_ngram_characters: [0.15, 0.14, 0.13, 0.12, 0.11, 0.10],
        }
    }
}

/// C4 (Raffel et al. 2020, section 2.2). C4 drops lines first (those without terminal punctuation,
/// with too few words, about JavaScript, and in its code those about cookies and terms) and judges
/// the page by what is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct C4 {
    /// Least number of words of a line that counts: 5 in the paper's revised text and in C4's code,
    /// 3 in its first version. At most 10.
    pub least_line_words: usize,
    /// Least number of sentences in the lines that count: 3 in the paper's revised text and in C4's
    /// code, 5 in its first version.
    pub least_sentences: u64,
    /// Whether "lorem ipsum" anywhere breaks a rule: yes.
    pub refuse_lorem_ipsum: bool,
    /// Whether a curly bracket anywhere, a sign of code, breaks a rule: yes.
    pub refuse_curly_bracket: bool,
}

impl Default for C4 {
    fn default() -> Self {
        Self {
            least_line_words: 5,
            least_sentences: 3,
            refuse_lorem_ipsum: true,
            refuse_curly_bracket: true,
        }
    }
}

const TOP_NGRAMS: [&str; 3] = [
    "gopher_top_2_grams",
    "gopher_top_3_grams",
    "gopher_top_4_grams",
];
const DUPLICATE_NGRAMS: [&str; 6] = [
    "gopher_duplicate_5_grams",
    "gopher_duplicate_6_grams",
    "gopher_duplicate_7_grams",
    "gopher_duplicate_8_grams",
    "gopher_duplicate_9_grams",
    "gopher_duplicate_10_grams",
];

impl Rules {
    /// The names of the rules that a text breaks, in a fixed order. Rules about words are broken by
    /// a text without any.
    pub fn verdicts(&self, quality: &Quality) -> Vec<&'static str> {
        let judged = self.judge(quality).into_iter();
        judged.filter(|rule| rule.1).map(|rule| rule.0).collect()
    }

    /// The names of all rules, in that order.
    pub fn names() -> Vec<&'static str> {
        let judged = Self::default().judge(&Quality::default());
        judged.into_iter().map(|rule| rule.0).collect()
    }

    /// Every rule, and whether it is broken.
    fn judge(&self, quality: &Quality) -> Vec<(&'static str, bool)> {
        let mut judged = Vec::new();
        let mut rule = |name, is_broken: bool| judged.push((name, is_broken));
        let q = quality;
        let g = &self.gopher;
        rule("gopher_too_few_words", q.words < g.least_words);
        rule("gopher_too_many_words", q.words > g.most_words);
        rule(
            "gopher_short_words",
            q.mean_word_length < g.least_mean_word_length,
        );
        rule(
            "gopher_long_words",
            q.mean_word_length > g.most_mean_word_length,
        );
        rule(
            "gopher_hash_signs",
            q.hashes_per_word > g.most_symbols_per_word,
        );
        rule(
            "gopher_ellipses",
            q.ellipses_per_word > g.most_symbols_per_word,
        );
        rule("gopher_bullet_lines", q.bullet_lines > g.most_bullet_lines);
        rule(
            "gopher_ellipsis_lines",
            q.ellipsis_lines > g.most_ellipsis_lines,
        );
        rule(
            "gopher_alphabetic_words",
            q.alphabetic_words < g.least_alphabetic_words,
        );
        rule("gopher_stop_words", q.stop_words < g.least_stop_words);

        let r = &self.repetition;
        rule(
            "gopher_duplicate_lines",
            q.duplicate_lines > r.most_duplicate_lines,
        );
        rule(
            "gopher_duplicate_paragraphs",
            q.duplicate_paragraphs > r.most_duplicate_paragraphs,
        );
        rule(
            "gopher_duplicate_line_characters",
            q.duplicate_line_characters > r.most_duplicate_line_characters,
        );
        rule(
            "gopher_duplicate_paragraph_characters",
            q.duplicate_paragraph_characters > r.most_duplicate_paragraph_characters,
        );
        let top = q
            .top_ngram_characters
            .iter()
            .zip(&r.most_top_ngram_characters);
        for (name, (share, most)) in TOP_NGRAMS.into_iter().zip(top) {
            rule(name, share > most);
        }
        let repeated = q.duplicate_ngram_characters.iter();
        let repeated = repeated.zip(&r.most_duplicate_ngram_characters);
        for (name, (share, most)) in DUPLICATE_NGRAMS.into_iter().zip(repeated) {
            rule(name, share > most);
        }

        let c = &self.c4;
        let sentences = q.sentences[c.least_line_words.min(LARGEST_LINE_WORDS)];
        rule("c4_too_few_sentences", sentences < c.least_sentences);
        rule("c4_lorem_ipsum", c.refuse_lorem_ipsum && q.lorem_ipsum);
        rule(
            "c4_curly_bracket",
            c.refuse_curly_bracket && q.curly_bracket,
        );
        judged
    }

    /// Refuses settings that no text can meet or that mean nothing.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, what: String| Err(Error::Setting { name, what });
        let (g, r, c) = (&self.gopher, &self.repetition, &self.c4);
        if g.least_words > g.most_words {
            return refuse(
                "gopher.least_words",
                format!(
                    "{} is more than most_words, {}",
                    g.least_words, g.most_words
                ),
            );
        }
        let lengths = [g.least_mean_word_length, g.most_mean_word_length];
        if lengths.iter().any(|length| length.is_nan()) || lengths[0] > lengths[1] {
            return refuse(
                "gopher.least_mean_word_length",
                format!(
                    "{} must be at most most_mean_word_length, {}",
                    lengths[0], lengths[1]
                ),
            );
        }
        if g.most_symbols_per_word.is_nan() || g.most_symbols_per_word < 0.0 {
            return refuse(
                "gopher.most_symbols_per_word",
                format!("{} must not be negative", g.most_symbols_per_word),
            );
        }
        if c.least_line_words > LARGEST_LINE_WORDS {
            return refuse(
                "c4.least_line_words",
                format!(
                    "{} must be at most {LARGEST_LINE_WORDS}",
                    c.least_line_words
                ),
            );
        }
        let fractions = [
            ("gopher.most_bullet_lines", g.most_bullet_lines),
            ("gopher.most_ellipsis_lines", g.most_ellipsis_lines),
            ("gopher.least_alphabetic_words", g.least_alphabetic_words),
            ("repetition.most_duplicate_lines", r.most_duplicate_lines),
            (
                "repetition.most_duplicate_paragraphs",
                r.most_duplicate_paragraphs,
            ),
            (
                "repetition.most_duplicate_line_characters",
                r.most_duplicate_line_characters,
            ),
            (
                "repetition.most_duplicate_paragraph_characters",
                r.most_duplicate_paragraph_characters,
            ),
        ];
        let top = r.most_top_ngram_characters;
        let repeated = r.most_duplicate_ngram_characters;
        let top = top.map(|f| ("repetition.most_top_ngram_characters", f));
        let repeated = repeated.map(|f| ("repetition.most_duplicate_ngram_characters", f));
        for (name, fraction) in fractions.into_iter().chain(top).chain(repeated) {
            if !(0.0..=1.0).contains(&fraction) {
                return refuse(name, format!("{fraction} must be a fraction from 0 to 1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::measure;

    /// Sentences that differ, so that no rule is broken.
    fn prose() -> String {
        let subjects = [
            "miller", "ferryman", "weaver", "shepherd", "baker", "fisher",
        ];
        let verbs = [
            "walks to",
            "looks at",
            "sings of",
            "dreams of",
            "returns from",
            "asks about",
        ];
        let mut text = String::new();
        for (at, subject) in subjects.iter().enumerate() {
            for (to, verb) in verbs.iter().enumerate() {
                let place = [
                    "river", "market", "tower", "garden", "bridge", "valley", "harbour",
                ][(at * 3 + to * 5) % 7];
                let time = ["noon", "dawn", "dusk", "night", "last"][(at * 2 + to * 3) % 5];
                text += &format!("The {subject} {verb} that {place} at {time}.\n");
            }
        }
        text
    }

    #[test]
    fn prose_breaks_no_rule() {
        assert_eq!(Rules::default().verdicts(&measure(&prose())), [""; 0]);
    }

    #[test]
    fn each_fault_breaks_its_own_rule() {
        let prose = prose();
        for (name, text) in [
            ("gopher_too_few_words", "The end of that.".to_owned()),
            ("gopher_too_many_words", prose.repeat(400)),
            ("gopher_hash_signs", prose.replace(' ', " # ")),
            (
                "gopher_ellipses",
                prose.replace("the ", "... ").replace("The ", "... "),
            ),
            ("gopher_bullet_lines", prose.replace("The", "- The")),
            ("gopher_ellipsis_lines", prose.replace(".\n", "...\n")),
            ("gopher_alphabetic_words", prose.replace(' ', " 7 ")),
            ("gopher_short_words", "a b c d e f g h i j ".repeat(9)),
            (
                "gopher_long_words",
                "abcdefghijklm nopqrstuvwxyz ".repeat(50),
            ),
            ("gopher_stop_words", "abcd efgh ijkl mnop ".repeat(30)),
            ("gopher_duplicate_lines", prose.repeat(2)),
            ("gopher_duplicate_line_characters", prose.repeat(2)),
            (
                "gopher_duplicate_paragraphs",
                format!("{prose}\n{prose}\n{prose}"),
            ),
            (
                "gopher_duplicate_paragraph_characters",
                format!("{prose}\n{prose}\n{prose}"),
            ),
            (
                "gopher_top_2_grams",
                prose.replace("The", "now and now and now and"),
            ),
            ("gopher_duplicate_10_grams", prose.repeat(2)),
            ("c4_too_few_sentences", prose.replace('.', "")),
            ("c4_lorem_ipsum", format!("{prose}Lorem Ipsum dolor")),
            ("c4_curly_bracket", format!("{prose}fn main() {{")),
        ] {
            let verdicts = Rules::default().verdicts(&measure(&text));
            assert!(verdicts.contains(&name), "{name}: {verdicts:?}");
        }
    }

    #[test]
    fn settings_are_checked() {
        let mut rules = Rules::default();
        assert!(rules.check().is_ok());
        rules.repetition.most_top_ngram_characters[1] = f64::NAN;
        assert!(matches!(
            rules.check(),
            Err(Error::Setting {
                name: "repetition.most_top_ngram_characters",
                ..
            })
        ));
        let rules = Rules {
            c4: C4 {
                least_line_words: 11,
                ..C4::default()
            },
            ..Rules::default()
        };
        assert!(rules.check().is_err());
    }

    #[test]
    fn settings_are_read_with_their_defaults() {
        let rules: Rules = serde_json::from_str(r#"{"gopher": {"least_stop_words": 0}}"#).unwrap();
        assert_eq!(rules.gopher.least_stop_words, 0);
        assert_eq!(rules.gopher.least_words, 50);
        assert!(serde_json::from_str::<Rules>(r#"{"gopher": {"least_stopwords": 0}}"#).is_err());
    }
}
