//! Pages in other languages, in the encodings these languages are written in.

use encoding_rs::{EUC_JP, KOI8_R, SHIFT_JIS, UTF_8, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

use super::Crawl;
use super::content::Content;
use super::encoding::Charset;
use super::site::{Site, SiteKind};
use super::text::{MainText, Paragraph};
use crate::dice::Dice;

/// The languages, by ISO 639-1 code.
const LANGUAGES: [&str; 10] = ["de", "fr", "es", "it", "nl", "sv", "pl", "ru", "fi", "ja"];

/// Encodings of pages in the language, and what the header and the page say of it. Wrong
/// declarations are of the kinds that the bytes themselves refute: text that is UTF-8 and called
/// something else, and text that is called UTF-8 and is not.
fn charsets(language: &str) -> Vec<Charset> {
    const fn right(encoding: &'static encoding_rs::Encoding, name: &'static str) -> Charset {
        Charset::new(encoding, Some(name), None)
    }
    const WRONG: Charset = Charset::new(UTF_8, Some("iso-8859-1"), Some("utf-8"));
    const PLAIN: Charset = Charset::new(UTF_8, Some("utf-8"), Some("utf-8"));
    const SILENT: Charset = Charset::new(UTF_8, None, None);
    match language {
        "ru" => vec![
            PLAIN,
            right(WINDOWS_1251, "windows-1251"),
            Charset::new(KOI8_R, None, Some("koi8-r")),
            Charset::new(WINDOWS_1251, None, None),
            SILENT,
        ],
        "ja" => vec![
            PLAIN,
            right(SHIFT_JIS, "Shift_JIS"),
            Charset::new(EUC_JP, None, Some("euc-jp")),
            Charset::new(SHIFT_JIS, None, None),
            SILENT,
        ],
        "pl" => vec![PLAIN, right(WINDOWS_1250, "windows-1250"), SILENT],
        _ => vec![
            PLAIN,
            right(WINDOWS_1252, "ISO-8859-1"),
            Charset::new(WINDOWS_1252, None, Some("windows-1252")),
            Charset::new(WINDOWS_1252, None, None),
            WRONG,
            Charset::new(WINDOWS_1252, Some("utf-8"), None),
        ],
    }
}

impl Crawl<'_> {
    pub(super) fn foreign(&self, site: &Site, nth: usize, dice: &mut Dice) -> Content {
        let block = site.number / SiteKind::OF_BLOCK.len();
        let language = LANGUAGES[nth % LANGUAGES.len()];
        let charsets = charsets(language);
        let charset = charsets[(block * 4 + site.number + nth / LANGUAGES.len()) % charsets.len()];
        let mut main = MainText::default();
        let order = dice.permutation(10);
        for numbers in order.chunks(4) {
            let sentences = numbers.iter().map(|n| self.sentence(dice, language, *n));
            let sentences: Vec<String> = sentences.collect();
            let between = if language == "ja" { "" } else { " " };
            main.push(Paragraph::new(sentences.join(between)));
        }
        let title = self.sentence(dice, language, nth);
        let title = title.split([',', '、', '。']).next().unwrap_or_default();
        Content {
            language,
            charset: Some(charset),
            ..Content::new(title.to_owned(), main)
        }
    }
}
