//! From bytes to Unicode.

use super::charset::{decode, parameter};
use encoding_rs::Encoding;
use proptest::prelude::*;

const RUSSIAN: &str =
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.";
const JAPANESE: &str = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。";
const CHINESE: &str = "学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？";
const GERMAN: &str = "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller.";
const GREEK: &str = "Άνδρα μοι έννεπε, Μούσα, πολύτροπον, ος μάλα πολλά πλάγχθη";

const TEXTS: &[(&str, &str, &str)] = &[
    ("windows-1251", RUSSIAN, "http://a.ru/"),
    ("koi8-r", RUSSIAN, "http://a.ru/"),
    ("shift_jis", JAPANESE, "http://a.jp/"),
    ("euc-jp", JAPANESE, "http://a.jp/"),
    ("iso-2022-jp", JAPANESE, "http://a.jp/"),
    ("gbk", CHINESE, "http://a.cn/"),
    ("gb18030", CHINESE, "http://a.cn/"),
    (
        "big5",
        "學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？",
        "http://a.tw/",
    ),
    ("windows-1252", GERMAN, "http://a.de/"),
    ("windows-1253", GREEK, "http://a.gr/"),
    ("utf-8", CHINESE, "http://a.com/"),
];

fn encode(label: &str, text: &str) -> Vec<u8> {
    Encoding::for_label(label.as_bytes())
        .unwrap()
        .encode(text)
        .0
        .into_owned()
}

#[test]
fn what_is_declared_is_decoded() {
    for (label, text, url) in TEXTS {
        let bytes = encode(label, text);
        assert_eq!(
            decode(&bytes, Some(label), true, None).unwrap(),
            *text,
            "{label}"
        );
        for declaration in [
            format!("<html><meta charset={label}>"),
            format!("<META http-equiv='Content-Type' content='text/html; charset={label}'>"),
            format!("<?xml version='1.0' encoding=\"{label}\"?><html>"),
        ] {
            let page = [declaration.as_bytes(), &bytes].concat();
            assert_eq!(
                decode(&page, None, true, None).unwrap(),
                format!("{declaration}{text}")
            );
        }
        // Detection needs some more than a sentence to be sure.
        let long = text.repeat(8);
        assert_eq!(
            decode(&encode(label, &long), None, false, Some(url)).unwrap(),
            long,
            "{label}"
        );
    }
}

#[test]
fn a_byte_order_mark_stands_over_all() {
    let utf_16 = |big: bool| {
        let units = format!("\u{feff}{RUSSIAN}")
            .encode_utf16()
            .collect::<Vec<_>>();
        units
            .iter()
            .flat_map(|u| {
                if big {
                    u.to_be_bytes()
                } else {
                    u.to_le_bytes()
                }
            })
            .collect::<Vec<u8>>()
    };
    let utf_8 = format!("\u{feff}{RUSSIAN}").into_bytes();
    for bytes in [utf_16(true), utf_16(false), utf_8] {
        assert_eq!(decode(&bytes, Some("koi8-r"), true, None).unwrap(), RUSSIAN);
    }
    assert_eq!(
        decode(&utf_16(false)[2..], Some("utf-16le"), true, None).unwrap(),
        RUSSIAN
    );
}

#[test]
fn wrong_declarations_are_seen_through() {
    // A server's default over UTF-8; UTF-8 over what is not; labels nobody knows.
    assert_eq!(
        decode(GERMAN.as_bytes(), Some("ISO-8859-1"), true, None).unwrap(),
        GERMAN
    );
    let bytes = encode("windows-1251", &RUSSIAN.repeat(4));
    for label in [Some("utf-8"), Some("unheard-of"), Some("hz-gb-2312"), None] {
        assert_eq!(
            decode(&bytes, label, true, Some("http://a.ru")).unwrap(),
            RUSSIAN.repeat(4)
        );
    }
    let page = [b"<meta charset=windows-1251>", &bytes[..]].concat();
    let decoded = decode(&page, Some("utf-8"), true, None).unwrap();
    assert!(decoded.ends_with(RUSSIAN));
    // One broken byte is no reason to doubt the rest.
    let mut bytes = GERMAN.repeat(3).into_bytes();
    bytes.insert(40, 0xff);
    assert!(
        decode(&bytes, Some("utf-8"), true, None)
            .unwrap()
            .contains("Würde")
    );
}

#[test]
fn the_charset_of_a_media_type() {
    for (media_type, expected) in [
        ("text/html; charset=utf-8", Some("utf-8")),
        ("text/html;Charset=\"ISO-8859-1\"; x=y", Some("ISO-8859-1")),
        ("text/html; charset = 'koi8-r'", Some("koi8-r")),
        ("text/html; charset", None),
        ("text/html", None),
    ] {
        assert_eq!(parameter(media_type), expected);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        label in prop::option::of("[a-z0-9-]{1,12}"),
        media_type in "\\PC{0,60}",
        url in prop::option::of("\\PC{0,30}"),
    ) {
        let _ = parameter(&media_type);
        let _ = decode(&bytes, label.as_deref(), true, url.as_deref());
        let page = [b"<?xml encoding=<meta charset=", &bytes[..]].concat();
        let _ = decode(&page, None, true, url.as_deref());
    }

    #[test]
    fn utf_8_comes_out_as_it_went_in(text in "([^\\x00\\x1b\u{feff}%GPR][^\\x00\\x1b]{0,400})?") {
        prop_assert_eq!(decode(text.as_bytes(), Some("utf-8"), true, None).unwrap(), text.clone());
        prop_assert_eq!(decode(text.as_bytes(), Some("latin1"), true, None).unwrap(), text);
    }
}
