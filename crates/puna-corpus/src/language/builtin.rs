//! The built-in identifier: the script first, then a naive Bayes classifier over three and four
//! letters in a row within words. `scripts/language_model.py` makes its tables.

use super::script::{self, Script, Shared};
use std::collections::BTreeMap;

/// The tables, compressed; the script says how they are laid out.
static TABLES: &[u8] = include_bytes!("ngrams.bin");

/// Largest size of the tables unpacked; a bound on memory and nothing else.
const UNPACKED: u64 = 1 << 24;

/// A Chinese character or a Korean syllable says about as much as three letters.
const WEIGHT_OF_SYLLABLE: u64 = 3;

/// Japanese writes a third of its characters and more in kana; Chinese, none but in quotations.
const LEAST_KANA: f64 = 0.1;

/// The n-grams of a text overlap, so their probabilities are far too sure of themselves: the
/// difference between two languages is divided by this. With 8, sentences are right about as often as
/// the confidence says, as the language benchmark prints.
const TEMPERATURE: f32 = 8.0;

/// Values of the tables per unit of natural logarithm.
const STEPS: f32 = 4.0;

#[derive(Debug)]
pub(super) struct Builtin {
    languages: Vec<TableLanguage>,
    /// Open addressing over the packed letters; 0 is an empty place.
    keys: Vec<u64>,
    /// Where the entries of the n-gram at the same place begin and end.
    spans: Vec<(u32, u32)>,
    /// Language, and how much more likely the n-gram is than in a language that lacks it.
    entries: Vec<(u8, u8)>,
}

#[derive(Debug)]
struct TableLanguage {
    code: String,
    penalty: i64,
    script: Shared,
}

/// Four letters of 16 bits.
type Key = u64;

impl Builtin {
    pub(super) fn new() -> Self {
        Self::unpack(TABLES).expect("the tables in the program are whole: a test reads them")
    }

    fn unpack(packed: &[u8]) -> Option<Self> {
        use std::io::Read;
        let mut bytes = Vec::new();
        zstd::stream::read::Decoder::with_buffer(packed)
            .ok()?
            .take(UNPACKED)
            .read_to_end(&mut bytes)
            .ok()?;
        let mut rest = Cursor(&bytes);
        if rest.take(8)? != b"PUNALID1" {
            return None;
        }
        let mut languages = Vec::new();
        for _ in 0..rest.u8()? {
            let length = rest.u8()?;
            let code = std::str::from_utf8(rest.take(length.into())?)
                .ok()?
                .to_owned();
            let penalty = i64::from(rest.u8()?) | i64::from(rest.u8()?) << 8;
            let script = script_of(&code);
            languages.push(TableLanguage {
                code,
                penalty,
                script,
            });
        }
        let absent = rest.u8()?;
        let count = rest
            .take(4)?
            .iter()
            .rev()
            .fold(0, |n, &b| n << 8 | usize::from(b));
        let places = (2 * count).next_power_of_two();
        let mut table = Self {
            languages,
            keys: vec![0; places],
            spans: vec![(0, 0); places],
            entries: Vec::new(),
        };
        let mut ngram: Vec<u8> = Vec::new();
        let mut ngrams = Vec::with_capacity(count);
        for _ in 0..count {
            ngram.truncate(rest.u8()?.into());
            let further = rest.u8()?;
            ngram.extend_from_slice(rest.take(further.into())?);
            ngrams.push(std::str::from_utf8(&ngram).ok()?.chars().fold(0, push));
        }
        let counts = rest.take(count)?;
        let total = counts.iter().map(|&n| usize::from(n)).sum();
        let owners = rest.take(total)?;
        let values = rest.take(total)?;
        for (&owner, &value) in owners.iter().zip(values) {
            if usize::from(owner) >= table.languages.len() {
                return None;
            }
            table.entries.push((owner, absent.checked_sub(value)?));
        }
        let mut start = 0;
        for (key, &count) in ngrams.into_iter().zip(counts) {
            let place = table.place(key);
            table.keys[place] = key;
            table.spans[place] = (start, start + u32::from(count));
            start += u32::from(count);
        }
        Some(table)
    }

    /// The place of an n-gram, or the empty one where it would be.
    fn place(&self, key: Key) -> usize {
        let mask = self.keys.len() - 1;
        let mut place = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.keys[place] != 0 && self.keys[place] != key {
            place = (place + 1) & mask;
        }
        place
    }

    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        let owners = script::owners().map(|code| -> &str { code });
        let tables = self.languages.iter();
        tables
            .map(|language| reported(&language.code))
            .chain(owners)
    }

    /// The probabilities of languages, most probable first; empty where nothing can be said.
    pub(super) fn probabilities(&self, text: &str) -> Vec<(&str, f32)> {
        let mut counts = Counts::default();
        for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
            counts.add(letter);
        }
        match counts.winner() {
            None => Vec::new(),
            Some((Winner::Own(code), share)) => vec![(code, share)],
            Some((Winner::Shared(script), _)) => self.by_ngrams(text, script),
        }
    }

    fn by_ngrams(&self, text: &str, script: Shared) -> Vec<(&str, f32)> {
        let mut scores: Vec<i64> = self.languages.iter().map(|l| -l.penalty).collect();
        let mut known = false;
        let mut add = |key: Key| {
            let (start, end) = self.spans[self.place(key)];
            known |= start < end;
            for &(language, gain) in &self.entries[start as usize..end as usize] {
                scores[usize::from(language)] += i64::from(gain);
            }
        };
        let mut window: Key = 0;
        let mut length = 0;
        for letter in text.chars() {
            if !letter.is_alphabetic() {
                (window, length) = (0, 0);
                continue;
            }
            for letter in letter.to_lowercase() {
                window = push(window, letter);
                length += 1;
                if length >= 3 {
                    add(window & 0xffff_ffff_ffff);
                }
                if length >= 4 {
                    add(window);
                }
            }
        }
        if !known {
            return Vec::new();
        }
        self.shares(&scores, script)
    }

    fn shares(&self, scores: &[i64], script: Shared) -> Vec<(&str, f32)> {
        let candidates = || {
            let pairs = self.languages.iter().zip(scores);
            pairs.filter(|(language, _)| language.script == script)
        };
        let best = candidates().map(|(_, &score)| score).max().unwrap_or(0);
        // Languages that are reported under one code share their probability.
        let mut shares: BTreeMap<&str, f32> = BTreeMap::new();
        let mut sum = 0.0;
        for (language, &score) in candidates() {
            let share = ((score - best) as f32 / (STEPS * TEMPERATURE)).exp();
            *shares.entry(reported(&language.code)).or_default() += share;
            sum += share;
        }
        let mut shares: Vec<(&str, f32)> = shares
            .into_iter()
            .map(|(code, share)| (code, share / sum))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

/// Adds a letter to the last three.
fn push(window: Key, letter: char) -> Key {
    // A letter beyond the basic plane is in no table; any value that no letter has will do.
    let code = u32::from(letter);
    window << 16 | u64::from(if code > 0xffff { 1 } else { code })
}

/// The two written standards of Norwegian have tables of their own and one code.
fn reported(code: &str) -> &str {
    match code {
        "nb" | "nn" => "no",
        other => other,
    }
}

fn script_of(code: &str) -> Shared {
    match code {
        "be" | "bg" | "kk" | "mk" | "mn" | "ru" | "sr" | "uk" => Shared::Cyrillic,
        "ar" | "fa" | "ur" => Shared::Arabic,
        "hi" | "mr" => Shared::Devanagari,
        _ => Shared::Latin,
    }
}

enum Winner {
    Shared(Shared),
    Own(&'static str),
}

/// Letters by script.
#[derive(Default)]
struct Counts {
    shared: [u64; Shared::ALL.len()],
    own: Vec<(&'static str, u64)>,
    han: u64,
    kana: u64,
    unknown: u64,
}

impl Counts {
    fn add(&mut self, letter: char) {
        match script::script(letter) {
            Some(Script::Shared(script)) => self.shared[script as usize] += 1,
            Some(Script::Han) => self.han += WEIGHT_OF_SYLLABLE,
            Some(Script::Kana) => self.kana += WEIGHT_OF_SYLLABLE,
            Some(Script::Own(code)) => {
                let weight = if code == "ko" { WEIGHT_OF_SYLLABLE } else { 1 };
                match self.own.iter_mut().find(|own| own.0 == code) {
                    Some(own) => own.1 += weight,
                    None => self.own.push((code, weight)),
                }
            }
            None => self.unknown += 1,
        }
    }

    /// What has the most letters, and its share of them.
    fn winner(&self) -> Option<(Winner, f32)> {
        let ideographs = self.han + self.kana;
        let east = if self.kana as f64 >= LEAST_KANA * ideographs as f64 {
            "ja"
        } else {
            "zh"
        };
        let shared = Shared::ALL
            .into_iter()
            .map(|script| (Winner::Shared(script), self.shared[script as usize]));
        let own = self
            .own
            .iter()
            .map(|&(code, count)| (Winner::Own(code), count));
        let all = shared.chain(own).chain([(Winner::Own(east), ideographs)]);
        let total = self.shared.iter().sum::<u64>()
            + self.own.iter().map(|own| own.1).sum::<u64>()
            + ideographs
            + self.unknown;
        let (winner, count) = all.max_by_key(|candidate| candidate.1)?;
        (count > 0).then(|| (winner, count as f32 / total as f32))
    }
}

/// Bytes not yet read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        let builtin = Builtin::new();
        let probabilities = builtin.probabilities(text);
        probabilities.first().map(|best| best.0.to_owned())
    }

    #[test]
    fn plain_sentences() {
        for (expected, text) in [
            ("en", "The ferryman says that the river goes to the sea."),
            (
                "de",
                "Die Müllerin öffnet früh die Tür und grüßt den Schäfer.",
            ),
            (
                "fr",
                "La rivière traverse le village où l'été dure huit semaines.",
            ),
            (
                "no",
                "Hva heter elven som renner gjennom dalen, og hvor kommer den fra?",
            ),
            (
                "ru",
                "Мельник поёт, пока крутится колесо, а река течёт дальше.",
            ),
            (
                "sr",
                "Воденичар пева док се точак окреће, а река тече даље према мору.",
            ),
            (
                "uk",
                "Мірошник співає, поки крутиться колесо, а річка тече далі.",
            ),
            ("ja", "小さな舟が川をゆっくり下っていく。"),
            ("zh", "河水流过村庄,老人坐在桥边钓鱼。"),
            ("ko", "작은 배가 강을 따라 천천히 내려간다."),
            ("el", "Η βάρκα περιμένει στο ποτάμι όλη τη νύχτα."),
            ("ar", "تدور الطاحونة مع النهر كل صباح ويغني الطحان"),
            (
                "fa",
                "آسیابان هر روز صبح آواز می‌خواند و رودخانه به دریا می‌رود",
            ),
            ("am", "ወንዙ ወደ ባሕር ይፈስሳል"),
        ] {
            assert_eq!(code(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_word_of_another_script_does_not_decide() {
        assert_eq!(
            code("The word правда is Russian and means truth.").as_deref(),
            Some("en")
        );
    }

    #[test]
    fn letters_of_no_known_script_are_unknown() {
        assert_eq!(code("ᚠᚢᚦᚨᚱᚲ"), None);
    }

    #[test]
    fn cut_tables_are_refused() {
        for length in [0, 1, 100, TABLES.len() / 2, TABLES.len() - 1] {
            assert!(Builtin::unpack(&TABLES[..length]).is_none());
        }
    }
}
