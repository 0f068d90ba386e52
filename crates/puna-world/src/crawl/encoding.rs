//! Characters as bytes, and what the page says of it.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::dice::Dice;

/// How a page is written and what it says about that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charset {
    pub(super) encoding: &'static Encoding,
    pub(super) in_header: Option<&'static str>,
    pub(super) in_page: Option<&'static str>,
}

impl Charset {
    pub(super) const fn new(
        encoding: &'static Encoding,
        in_header: Option<&'static str>,
        in_page: Option<&'static str>,
    ) -> Self {
        Self {
            encoding,
            in_header,
            in_page,
        }
    }

    /// Mostly UTF-8.
    pub(super) fn of_english(dice: &mut Dice) -> Self {
        match dice.below(100) {
            0..80 => Self::new(UTF_8, Some("utf-8"), Some("utf-8")),
            80..85 => Self::new(WINDOWS_1252, Some("ISO-8859-1"), None),
            85..90 => Self::new(WINDOWS_1252, None, Some("windows-1252")),
            90..95 => Self::new(UTF_8, None, None),
            _ => Self::new(UTF_8, Some("iso-8859-1"), None),
        }
    }
}

/// The bytes; what the encoding lacks becomes a numeric character reference.
pub(super) fn encode(html: &str, encoding: &'static Encoding) -> Vec<u8> {
    encoding.encode(html).0.into_owned()
}
