//! Scripts: those that one language has to itself name it, the others choose the n-gram tables.

/// The writing of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Script {
    /// Shared by many languages, which n-grams tell apart.
    Shared(Shared),
    /// Chinese characters, which Japanese writes too.
    Han,
    /// Hiragana and katakana.
    Kana,
    /// A script that, in practice, one living language writes; its code.
    Own(&'static str),
}

/// Scripts whose languages have n-gram tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shared {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
}

impl Shared {
    pub(super) const ALL: [Self; 4] = [Self::Latin, Self::Cyrillic, Self::Arabic, Self::Devanagari];
}

/// First and last code points, in order.
const RANGES: &[(u32, u32, Script)] = &[
    (0x0041, 0x024f, Script::Shared(Shared::Latin)),
    (0x0370, 0x03ff, Script::Own("el")),
    (0x0400, 0x052f, Script::Shared(Shared::Cyrillic)),
    (0x0530, 0x058f, Script::Own("hy")),
    (0x0590, 0x05ff, Script::Own("he")),
    (0x0600, 0x06ff, Script::Shared(Shared::Arabic)),
    (0x0700, 0x074f, Script::Own("syr")),
    (0x0750, 0x077f, Script::Shared(Shared::Arabic)),
    (0x0780, 0x07bf, Script::Own("dv")),
    (0x0900, 0x097f, Script::Shared(Shared::Devanagari)),
    (0x0980, 0x09ff, Script::Own("bn")),
    (0x0a00, 0x0a7f, Script::Own("pa")),
    (0x0a80, 0x0aff, Script::Own("gu")),
    (0x0b00, 0x0b7f, Script::Own("or")),
    (0x0b80, 0x0bff, Script::Own("ta")),
    (0x0c00, 0x0c7f, Script::Own("te")),
    (0x0c80, 0x0cff, Script::Own("kn")),
    (0x0d00, 0x0d7f, Script::Own("ml")),
    (0x0d80, 0x0dff, Script::Own("si")),
    (0x0e00, 0x0e7f, Script::Own("th")),
    (0x0e80, 0x0eff, Script::Own("lo")),
    (0x0f00, 0x0fff, Script::Own("bo")),
    (0x1000, 0x109f, Script::Own("my")),
    (0x10a0, 0x10ff, Script::Own("ka")),
    (0x1100, 0x11ff, Script::Own("ko")),
    (0x1200, 0x139f, Script::Own("am")),
    (0x1780, 0x17ff, Script::Own("km")),
    (0x1c80, 0x1c8f, Script::Shared(Shared::Cyrillic)),
    (0x1c90, 0x1cbf, Script::Own("ka")),
    (0x1e00, 0x1eff, Script::Shared(Shared::Latin)),
    (0x1f00, 0x1fff, Script::Own("el")),
    (0x3040, 0x30ff, Script::Kana),
    (0x3130, 0x318f, Script::Own("ko")),
    (0x31f0, 0x31ff, Script::Kana),
    (0x3400, 0x4dbf, Script::Han),
    (0x4e00, 0x9fff, Script::Han),
    (0xac00, 0xd7af, Script::Own("ko")),
    (0xf900, 0xfaff, Script::Han),
    (0xfb50, 0xfdff, Script::Shared(Shared::Arabic)),
    (0xfe70, 0xfeff, Script::Shared(Shared::Arabic)),
    (0xff66, 0xff9f, Script::Kana),
    (0x20000, 0x323af, Script::Han),
];

/// The script of a letter, where this module knows it.
pub(super) fn script(letter: char) -> Option<Script> {
    let code = u32::from(letter);
    let at = RANGES.partition_point(|range| range.1 < code);
    let &(first, _, script) = RANGES.get(at)?;
    (first <= code).then_some(script)
}

/// The languages that own a script.
pub(super) fn owners() -> impl Iterator<Item = &'static str> {
    let own = RANGES.iter().filter_map(|range| match range.2 {
        Script::Own(code) => Some(code),
        _ => None,
    });
    own.chain(["ja", "zh"])
}

/// ISO 639-1 code for an ISO 639-3 one, for languages that newer models write with three letters;
/// the code itself where there is no shorter one.
pub(super) fn shortest_code(code: &str) -> &str {
    const PAIRS: &[(&str, &str)] = &[
        ("afr", "af"),
        ("amh", "am"),
        ("arb", "ar"),
        ("asm", "as"),
        ("azj", "az"),
        ("bel", "be"),
        ("ben", "bn"),
        ("bod", "bo"),
        ("bos", "bs"),
        ("bul", "bg"),
        ("cat", "ca"),
        ("ces", "cs"),
        ("cmn", "zh"),
        ("cym", "cy"),
        ("dan", "da"),
        ("deu", "de"),
        ("ell", "el"),
        ("eng", "en"),
        ("epo", "eo"),
        ("est", "et"),
        ("ekk", "et"),
        ("eus", "eu"),
        ("fao", "fo"),
        ("fin", "fi"),
        ("fra", "fr"),
        ("gle", "ga"),
        ("glg", "gl"),
        ("guj", "gu"),
        ("hau", "ha"),
        ("heb", "he"),
        ("hin", "hi"),
        ("hrv", "hr"),
        ("hun", "hu"),
        ("hye", "hy"),
        ("ibo", "ig"),
        ("ind", "id"),
        ("isl", "is"),
        ("ita", "it"),
        ("jav", "jv"),
        ("jpn", "ja"),
        ("kan", "kn"),
        ("kat", "ka"),
        ("kaz", "kk"),
        ("khk", "mn"),
        ("khm", "km"),
        ("kor", "ko"),
        ("lao", "lo"),
        ("lat", "la"),
        ("lit", "lt"),
        ("ltz", "lb"),
        ("lvs", "lv"),
        ("mal", "ml"),
        ("mar", "mr"),
        ("mkd", "mk"),
        ("mlt", "mt"),
        ("mya", "my"),
        ("nld", "nl"),
        ("nno", "nn"),
        ("nob", "no"),
        ("npi", "ne"),
        ("ory", "or"),
        ("pan", "pa"),
        ("pes", "fa"),
        ("pol", "pl"),
        ("por", "pt"),
        ("ron", "ro"),
        ("rus", "ru"),
        ("sin", "si"),
        ("slk", "sk"),
        ("slv", "sl"),
        ("som", "so"),
        ("spa", "es"),
        ("srp", "sr"),
        ("sun", "su"),
        ("swe", "sv"),
        ("swh", "sw"),
        ("tam", "ta"),
        ("tat", "tt"),
        ("tel", "te"),
        ("tgk", "tg"),
        ("tgl", "tl"),
        ("tha", "th"),
        ("tur", "tr"),
        ("uig", "ug"),
        ("ukr", "uk"),
        ("urd", "ur"),
        ("uzn", "uz"),
        ("vie", "vi"),
        ("xho", "xh"),
        ("yor", "yo"),
        ("ydd", "yi"),
        ("zho", "zh"),
        ("zsm", "ms"),
        ("zul", "zu"),
    ];
    PAIRS
        .iter()
        .find(|pair| pair.0 == code)
        .map_or(code, |pair| pair.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order() {
        assert!(RANGES.iter().all(|r| r.0 <= r.1));
        assert!(RANGES.windows(2).all(|w| w[0].1 < w[1].0));
    }

    #[test]
    fn letters_have_their_scripts() {
        assert_eq!(script('é'), Some(Script::Shared(Shared::Latin)));
        assert_eq!(script('ж'), Some(Script::Shared(Shared::Cyrillic)));
        assert_eq!(script('字'), Some(Script::Han));
        assert_eq!(script('を'), Some(Script::Kana));
        assert_eq!(script('한'), Some(Script::Own("ko")));
        assert_eq!(script('ᚠ'), None);
    }
}
