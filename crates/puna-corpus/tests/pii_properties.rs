//! What holds for every text: bounds on characters, order, no overlap, no panic; numbers made
//! with their check digits are found and with a wrong one are not.

use proptest::prelude::*;
use puna_corpus::pii::{Kind, check_digits, find};

/// Text that holds all kinds, to be damaged.
const SEED: &str = "Name: Anna Smith\nDr. Østergård (née O’Neill)\nAddress: Flat 3, 12 Mill Lane, \
    Northwick, NW3 4QT\n> 6750 Koskikatu 25 Apt. 864\n> Oulu\n> Finland 90100\nTel. +44 (0)20 7946 0958 \
    ext. 12, 01 23 45 67 89; (212) 555-0143\nanna@example.com, anna [at] example [dot] org\nIBAN: GB82 \
    WEST 1234 5698 7654 32 Card 4111 1111 1111 1111\nRSSMRA85T10A562S X-1234567-L 2 55 08 14 168 025 38\n\
    51°30′26″N 0°7′39″W −33.8688, 151.2093 geo:37.7860,-122.3996\n00:1A:2B:3C:4D:5E fe80::1ff:fe23:4567:890a \
    203.0.113.77\nPSC 1234, Box 5678\nAPO AE 09012 Postfach 12 34, 50667 Köln\nBorn on 12 March 1984 \
    Musterstraße 12, 12345 Ort; 5 bis, avenue d’Ivry – 日本 ١٢٣ １２３";

fn holds(text: &str) -> Result<(), TestCaseError> {
    let mut end = 0;
    for span in find(text) {
        prop_assert!(span.start < span.end && span.end <= text.len());
        prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        prop_assert!(span.start >= end, "spans overlap or are out of order");
        end = span.end;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        holds(&text)?;
    }

    /// Characters that the finders look at, in any order.
    #[test]
    fn telling_characters(text in "[0-9A-Fa-fxXNSEW@.:,;/ ()+°′″'\"#\\-\\n\u{a0}–−éß]{0,120}") {
        holds(&text)?;
    }

    /// Pieces cut from text that holds everything, put together anew, with characters changed.
    #[test]
    fn damaged_text(
        cuts in proptest::collection::vec((0usize..700, 0usize..90), 1..8),
        changes in proptest::collection::vec((0usize..700, any::<char>()), 0..6),
    ) {
        let seed: Vec<char> = SEED.chars().collect();
        let mut text: Vec<char> = Vec::new();
        for (start, length) in cuts {
            let start = start % seed.len();
            text.extend(&seed[start..(start + length).min(seed.len())]);
        }
        for (place, c) in changes {
            if !text.is_empty() {
                let place = place % text.len();
                text[place] = c;
            }
        }
        holds(&text.into_iter().collect::<String>())?;
    }

    /// A number with its check digit is found, with any other last digit it is not.
    #[test]
    fn cards_round_trip(body in proptest::collection::vec(0u8..10, 14)) {
        let mut digits = vec![4];
        digits.extend(body);
        for check in 0..10 {
            let mut whole = digits.clone();
            whole.push(check);
            let text: String = whole.iter().map(|d| char::from(b'0' + d)).collect();
            let found = find(&format!("Card: {text}")).iter().any(|s| s.kind == Kind::CardNumber);
            prop_assert_eq!(found, check_digits::luhn(&whole));
        }
    }

    #[test]
    fn accounts_round_trip(bank in "[A-Z]{4}", number in "[0-9]{14}", wrong in 1u32..97) {
        let check: u32 = (2..99)
            .find(|c| check_digits::iban(&format!("GB{c:02}{bank}{number}")))
            .unwrap();
        let written = |check: u32| {
            let whole = format!("GB{check:02}{bank}{number}");
            let groups: Vec<&str> = (0..whole.len()).step_by(4)
                .map(|at| &whole[at..(at + 4).min(whole.len())])
                .collect();
            format!("IBAN: {}", groups.join(" "))
        };
        let found = |text: &str| find(text).iter().any(|s| s.kind == Kind::Iban);
        prop_assert!(found(&written(check)));
        let other = (check + wrong) % 100;
        if other != check && other % 97 != check % 97 {
            prop_assert!(!found(&written(other)));
        }
    }

    #[test]
    fn aadhaar_round_trip(body in proptest::collection::vec(0u8..10, 10), first in 2u8..10) {
        let mut digits = vec![first];
        digits.extend(body);
        for check in 0..10 {
            let mut whole = digits.clone();
            whole.push(check);
            let text: String = whole.iter().map(|d| char::from(b'0' + d)).collect();
            let text = format!("Aadhaar: {} {} {}", &text[..4], &text[4..8], &text[8..]);
            let found = find(&text).iter().any(|s| s.kind == Kind::NationalId);
            prop_assert_eq!(found, check_digits::verhoeff(&whole));
        }
    }
}

/// Twice the text takes about twice the time, whatever it is made of.
#[test]
fn hostile_text_is_read_to_its_end() {
    let pieces = [
        "1 ",
        "1-",
        "12.3456, ",
        "a@",
        "@",
        "Name: ",
        "Anna Smith ",
        "1,",
        "(1) ",
        "Rue ",
        "5 Rue ",
        "1 A\n",
        " ",
        "5 ",
        "::1",
        "(at)",
        "born on ",
        "+1 ",
        "GB82 ",
        "0",
        "x@a.",
        "51°30′",
        "a@b.com ",
        "a@b.com\n",
        "Box 1 ",
    ];
    for piece in pieces {
        let text = piece.repeat(400_000 / piece.len());
        let spans = find(&text);
        assert!(
            spans.windows(2).all(|w| w[0].end <= w[1].start),
            "{piece:?}"
        );
    }
}
