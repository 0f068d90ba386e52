//! Numbers with check digits that are right, from ranges in which nobody has one.

use crate::dice::Dice;

fn digits(dice: &mut Dice, count: usize) -> String {
    (0..count)
        .map(|_| char::from(b'0' + dice.below(10) as u8))
        .collect()
}

fn values(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// Groups of these lengths with `between` among them.
fn grouped(text: &str, lengths: &[usize], between: &str) -> String {
    let mut groups = Vec::new();
    let mut rest = text;
    for length in lengths {
        if rest.is_empty() {
            break;
        }
        let (group, after) = rest.split_at((*length).min(rest.len()));
        groups.push(group);
        rest = after;
    }
    if !rest.is_empty() {
        groups.push(rest);
    }
    groups.join(between)
}

/// The check digit of Luhn for the digits before it.
pub(super) fn luhn(before: &str) -> u32 {
    let sum: u32 = values(before)
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, d) {
            (0, 5..) => d * 2 - 9,
            (0, _) => d * 2,
            _ => d,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A card number of the ranges that card networks give for tests.
pub(super) fn card(dice: &mut Dice) -> String {
    let (prefix, length) = *dice.pick(&[("400000", 16), ("424242", 16), ("555555", 16)]);
    let mut number = format!("{prefix}{}", digits(dice, length - 7));
    number.push_str(&luhn(&number).to_string());
    let between = *dice.pick(&[" ", "-", ""]);
    grouped(&number, &[4, 4, 4, 4], between)
}

/// The check digits of an account number (ISO 13616) for a country and what follows the digits.
pub(super) fn iban_check(country: &str, account: &str) -> u32 {
    let rest = format!("{account}{country}00")
        .chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, value| match value {
            10.. => (rest * 100 + value) % 97,
            _ => (rest * 10 + value) % 97,
        });
    98 - rest
}

/// An account number at a bank whose number is given to none.
pub(super) fn iban(dice: &mut Dice) -> String {
    let (country, bank, length) = *dice.pick(&[
        ("DE", "00000000", 18),
        ("GB", "TEST000000", 18),
        ("NL", "TEST", 14),
        ("AT", "00000", 16),
    ]);
    let account = format!("{bank}{}", digits(dice, length - bank.len()));
    let number = format!("{country}{:02}{account}", iban_check(country, &account));
    match dice.chance(70) {
        true => grouped(&number, &[4; 6], " "),
        false => number,
    }
}

/// The check digit of a British health service number; none when the remainder has none.
pub(super) fn nhs_check(before: &str) -> Option<u32> {
    let sum: u32 = values(before).zip((2..=10).rev()).map(|(d, w)| d * w).sum();
    match 11 - sum % 11 {
        10 => None,
        11 => Some(0),
        check => Some(check),
    }
}

/// The letter of a Spanish identity number.
pub(super) fn dni_letter(number: u32) -> char {
    char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize])
}

/// What the number is called, and the number: a British one of the range kept for tests, or a
/// Spanish one lower than any in use.
pub(super) fn national_id(dice: &mut Dice) -> (&'static str, String) {
    match dice.chance(60) {
        true => loop {
            let before = format!("999{}", digits(dice, 6));
            if let Some(check) = nhs_check(&before) {
                let number = grouped(&format!("{before}{check}"), &[3, 3, 4], " ");
                return ("NHS number", number);
            }
        },
        false => {
            let number = dice.below(1_000) as u32;
            ("DNI", format!("{number:08}{}", dni_letter(number)))
        }
    }
}

/// A telephone number of the ranges kept for fiction in the United States and the United Kingdom.
pub(super) fn phone(dice: &mut Dice) -> String {
    let us = format!("01{}", digits(dice, 2));
    let uk = digits(dice, 3);
    let area = *dice.pick(&["212", "305", "415", "617", "808"]);
    match dice.below(7) {
        0 => format!("({area}) 555-{us}"),
        1 => format!("{area}-555-{us}"),
        2 => format!("+1 {area} 555 {us}"),
        3 => format!("020 7946 0{uk}"),
        4 => format!("+44 20 7946 0{uk}"),
        5 => format!("0161 496 0{uk}"),
        _ => format!("07700 900{uk}"),
    }
}

/// An address of the ranges kept for documentation.
pub(super) fn ip(dice: &mut Dice) -> String {
    let net = *dice.pick(&["192.0.2", "198.51.100", "203.0.113"]);
    match dice.chance(75) {
        true => format!("{net}.{}", dice.between(1, 254)),
        false => format!(
            "2001:db8::{:x}:{:x}",
            dice.between(1, 65_535),
            dice.between(1, 65_535)
        ),
    }
}

/// A hardware address of the range kept for documentation.
pub(super) fn mac(dice: &mut Dice) -> String {
    let last = dice.below(256);
    match dice.chance(70) {
        true => format!("00:00:5E:00:53:{last:02X}"),
        false => format!("00-00-5e-00-53-{last:02x}"),
    }
}

/// A place in the South Pacific.
pub(super) fn coordinates(dice: &mut Dice) -> String {
    format!(
        "-{}.{:04}, -{}.{:04}",
        dice.between(30, 48),
        dice.below(10_000),
        dice.between(95, 140),
        dice.below(10_000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Stream;

    #[test]
    fn known_numbers_have_their_check_digits() {
        assert_eq!(luhn("424242424242424"), 2);
        assert_eq!(luhn("555555555555444"), 4);
        assert_eq!(iban_check("DE", "370400440532013000"), 89);
        assert_eq!(iban_check("GB", "WEST12345698765432"), 82);
        assert_eq!(nhs_check("943476591"), Some(9));
        assert_eq!(dni_letter(12_345_678), 'Z');
    }

    #[test]
    fn what_is_drawn_has_the_shape_of_its_kind() {
        let mut dice = Dice::new(1, Stream::Crawl, 0);
        for _ in 0..200 {
            let card: String = card(&mut dice)
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            assert_eq!(card.len(), 16);
            assert_eq!(luhn(&card[..15]).to_string(), card[15..]);
            let iban: String = iban(&mut dice).replace(' ', "");
            let check = iban_check(&iban[..2], &iban[4..]);
            assert_eq!(format!("{check:02}"), iban[2..4]);
            let phone = phone(&mut dice);
            let fiction = ["555", "7946 0", "496 0", "7700 900"];
            assert!(fiction.iter().any(|range| phone.contains(range)), "{phone}");
        }
    }
}
