//! Invented people and what one could know about them.

use super::numbers;
use super::text::{Paragraph, PrivateKind as Kind};
use crate::dice::Dice;
use crate::pools::MONTHS;

/// First names that nobody in the world has.
const FIRST: &[&str] = &[
    "Margaret", "Thomas", "Eleanor", "William", "Rebecca", "Andrew", "Caroline", "Philip",
    "Harriet", "Stephen", "Judith", "Martin", "Susan", "Gregory", "Laura", "Patrick", "Helen",
    "Douglas", "Frances", "Raymond", "Diana", "Kenneth", "Joanna", "Leonard", "Angela", "Russell",
    "Monica", "Gerald", "Teresa", "Howard",
];
const SURNAME_FIRST: &[&str] = &[
    "Thistle", "Bramble", "Quill", "Moss", "Candle", "Otter", "Pebble", "Lantern", "Copper",
    "Willow", "Fennel", "Harrow", "Sparrow", "Tangle", "Mallow", "Bracken", "Cinder", "Whistle",
];
const SURNAME_LAST: &[&str] = &[
    "wick", "more", "bury", "worth", "combe", "field", "stead", "bottom", "thwaite", "ridge",
];
const STREETS: &[&str] = &[
    "Foxglove",
    "Tallow",
    "Lanternmaker",
    "Crooked Mill",
    "Old Ferry",
    "Heather",
    "Pigeon",
    "Saddler",
    "Mulberry",
    "Cobbler",
    "Three Bells",
    "Sorrel",
];
const STREET_TYPES: &[&str] = &["Street", "Road", "Lane", "Avenue"];
/// Towns that exist neither here nor in the world.
const TOWNS: &[&str] = &[
    "Mossbucket",
    "Quillhampton",
    "Ottersby",
    "Lower Wimble",
    "Gorsefold",
    "Pebblewick",
    "Tanglemere",
    "Candleford Regis",
];
const MAIL_HOSTS: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example.org",
    "quillbox.example",
];

/// "Margaret Thistlewick"
pub(super) fn person_name(dice: &mut Dice) -> String {
    format!(
        "{} {}{}",
        dice.pick(FIRST),
        dice.pick(SURNAME_FIRST),
        dice.pick(SURNAME_LAST)
    )
}

/// An address that may be the named person's.
pub(super) fn email(dice: &mut Dice, name: &str) -> String {
    let name = name.to_lowercase();
    let (first, last) = name.split_once(' ').unwrap_or((&name, "post"));
    let host = dice.pick(MAIL_HOSTS);
    match dice.below(4) {
        0 => format!("{first}.{last}@{host}"),
        1 => format!("{}.{last}@{host}", &first[..1]),
        2 => format!("{first}_{last}@{host}"),
        _ => format!("{last}{}@{host}", dice.between(10, 99)),
    }
}

/// A house in an invented town; no post code of the kind is in use.
pub(super) fn street_address(dice: &mut Dice) -> String {
    let street = format!(
        "{} {} {}",
        dice.between(2, 240),
        dice.pick(STREETS),
        dice.pick(STREET_TYPES)
    );
    let town = dice.pick(TOWNS);
    match dice.below(3) {
        0 => street,
        1 => format!("{street}, {town}"),
        _ => {
            let letters = ["AB", "DE", "HJ", "LN", "PQ"];
            let code = format!(
                "ZZ{} {}{}",
                dice.between(1, 9),
                dice.below(10),
                dice.pick(&letters)
            );
            format!("{street}, {town} {code}")
        }
    }
}

fn birth(dice: &mut Dice) -> String {
    let (year, month, day) = (
        dice.between(1938, 2003),
        dice.between(1, 12),
        dice.between(1, 28),
    );
    match dice.below(3) {
        0 => format!("{year}-{month:02}-{day:02}"),
        1 => format!("{day} {} {year}", MONTHS[month - 1]),
        _ => format!("{} {day}, {year}", MONTHS[month - 1]),
    }
}

/// All that a directory tells of a person: lines with labels, one paragraph of them, or sentences.
pub(super) fn entry(dice: &mut Dice) -> Vec<Paragraph> {
    let name = person_name(dice);
    let address = street_address(dice);
    let phone = numbers::phone(dice);
    let mail = email(dice, &name);
    let (id_label, id) = numbers::national_id(dice);
    let mut more = [
        ("Date of birth", Kind::DateOfBirth, birth(dice)),
        ("IBAN", Kind::Iban, numbers::iban(dice)),
        ("Card number", Kind::CardNumber, numbers::card(dice)),
        (id_label, Kind::NationalId, id),
        (
            "Last seen from IP address",
            Kind::IpAddress,
            numbers::ip(dice),
        ),
        ("MAC address", Kind::MacAddress, numbers::mac(dice)),
        ("Coordinates", Kind::Coordinates, numbers::coordinates(dice)),
    ];
    dice.shuffle(&mut more);
    let more = &more[..dice.between(3, 6)];
    if dice.chance(30) {
        let first = Paragraph::new("You can call ")
            .private(Kind::PersonName, &name)
            .say(" at ")
            .private(Kind::Phone, &phone)
            .say(" or write to ")
            .private(Kind::Email, &mail)
            .say(", and letters go to ")
            .private(Kind::StreetAddress, &address)
            .say(".");
        return vec![more.iter().fold(first, |one, (label, kind, value)| {
            one.say(&format!(" {label}: "))
                .private(*kind, value)
                .say(".")
        })];
    }
    let mut rows = vec![
        ("Name", Kind::PersonName, name),
        ("Address", Kind::StreetAddress, address),
        ("Phone", Kind::Phone, phone),
        ("E-mail", Kind::Email, mail),
    ];
    rows.extend_from_slice(more);
    let row = |(label, kind, value): &(&str, Kind, String)| {
        Paragraph::new(format!("{label}: ")).private(*kind, value)
    };
    if dice.chance(50) {
        return rows.iter().map(row).collect();
    }
    let one = Paragraph::default();
    let one = rows.iter().fold(one, |one, (label, kind, value)| {
        let between = if one.text.is_empty() { "" } else { " " };
        one.say(&format!("{between}{label}: "))
            .private(*kind, value)
            .say(".")
    });
    vec![one]
}

/// How a site can be reached: what every honest site tells.
pub(super) fn contact(dice: &mut Dice) -> Vec<Paragraph> {
    let name = person_name(dice);
    let mail = email(dice, &name);
    vec![
        Paragraph::new("Contact: ").private(Kind::PersonName, &name),
        Paragraph::new("E-mail: ").private(Kind::Email, &mail),
        Paragraph::new("Phone: ").private(Kind::Phone, &numbers::phone(dice)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools;

    #[test]
    fn no_name_is_one_of_the_world() {
        for name in FIRST.iter().chain(TOWNS) {
            let pools = [pools::SHE, pools::HE, pools::PLACES];
            assert!(!pools.iter().any(|pool| pool.contains(name)), "{name}");
        }
    }
}
