//! Entries of a people directory, made from pools of names, streets and numbers with their check
//! digits, as labelled lines and as sentences: what is planted is what is found.

use std::collections::BTreeMap;

use puna_corpus::pii::{Kind, check_digits, find};

/// Small numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn pick<'a>(&mut self, pool: &[&'a str]) -> &'a str {
        pool[self.below(pool.len() as u64) as usize]
    }

    /// `#` becomes a digit, `%` a digit from 2 on.
    fn fill(&mut self, pattern: &str) -> String {
        pattern
            .chars()
            .map(|c| match c {
                '#' => char::from(b'0' + self.below(10) as u8),
                '%' => char::from(b'2' + self.below(8) as u8),
                c => c,
            })
            .collect()
    }

    /// The pattern with `?` as the digit that makes `fits` hold; drawn again if none does.
    fn checked(&mut self, pattern: &str, fits: fn(&str) -> bool) -> String {
        loop {
            let drawn = self.fill(pattern);
            let all = (0..10).map(|d| drawn.replacen('?', &d.to_string(), 1));
            let all = all.flat_map(|s| (0..10).map(move |d| s.replace('?', &d.to_string())));
            if let Some(found) = all.into_iter().find(|s| fits(s)) {
                return found;
            }
        }
    }
}

fn values(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| b - b'0')
        .collect()
}

fn name(dice: &mut Dice) -> String {
    let first = dice.pick(&[
        "Margaret",
        "José",
        "Anna-Lena",
        "Tom",
        "Siobhán",
        "Wei",
        "Olúfẹ́mi",
    ]);
    let last = dice.pick(&[
        "Thistlewick",
        "O'Hara",
        "van Dyck",
        "Müller",
        "Okafor",
        "Park",
        "Li",
    ]);
    format!("{first} {last}")
}

fn value(dice: &mut Dice, kind: Kind) -> String {
    let pattern = |dice: &mut Dice, all: &[&'static str]| {
        let pattern = dice.pick(all);
        dice.fill(pattern)
    };
    match kind {
        Kind::Email => pattern(
            dice,
            &[
                "j.doe##@example.com",
                "anna_li@mail.example.org",
                "x@a-b.example",
            ],
        ),
        Kind::Phone => pattern(
            dice,
            &[
                "(%12) %55-01##",
                "%12-555-01##",
                "+1 %15 555 01##",
                "020 7946 0###",
                "07700 900###",
                "+44 20 7946 0###",
                "0161 496 0###",
                "+49 30 #######",
                "01 99 00 ## ##",
                "+33 6 39 98 ## ##",
                "030 %######",
            ],
        ),
        Kind::StreetAddress => {
            let town = dice.pick(&["Ottersby", "Lower Wimble", "Candleford Regis", "Mossbucket"]);
            let street = dice.pick(&[
                "Foxglove Lane",
                "Three Bells Street",
                "Crooked Mill Road",
                "Old Ferry Avenue",
            ]);
            match dice.below(6) {
                0 => dice.fill(&format!("%# {street}")),
                1 => dice.fill(&format!("1## {street}, {town}")),
                2 => dice.fill(&format!("% {street}, {town} ZZ# #AB")),
                3 => dice.fill(&format!("Flat %, 1# {street}, {town}, ZZ# #AB")),
                4 => dice.fill(&format!(
                    "Lindenstraße %#, 5#### {}",
                    town.split(' ').next().unwrap_or(town)
                )),
                _ => dice.fill("% rue des Lilas, 75#%# Paris"),
            }
        }
        Kind::Iban => loop {
            let pattern = dice.pick(&[
                "DE?? 0000 #### #### #### ##",
                "GB?? TEST #### #### #### ##",
                "NL??TEST##########",
            ]);
            let fits = |s: &str| check_digits::iban(&s.replace(' ', ""));
            let drawn = dice.fill(pattern);
            let found = (2..99)
                .map(|n| drawn.replace("??", &format!("{n:02}")))
                .find(|s| fits(s));
            if let Some(found) = found {
                break found;
            }
        },
        Kind::CardNumber => {
            let pattern = dice.pick(&[
                "4242 42## #### ###?",
                "400000#########?",
                "5555-55##-####-###?",
            ]);
            dice.checked(pattern, |s| check_digits::luhn(&values(s)))
        }
        Kind::NationalId => dice.checked("999 ### ###?", |s| {
            let sum: u32 = values(s)
                .iter()
                .zip((1..=10).rev())
                .map(|(&d, w)| u32::from(d) * w)
                .sum();
            sum.is_multiple_of(11)
        }),
        Kind::IpAddress => match dice.below(2) {
            0 => format!("203.0.113.{}", dice.below(255)),
            _ => format!(
                "2001:db8::{:x}:{:x}",
                1 + dice.below(65_535),
                1 + dice.below(65_535)
            ),
        },
        Kind::MacAddress => match dice.below(2) {
            0 => format!("00:00:5E:00:53:{:02X}", dice.below(256)),
            _ => format!("00-00-5e-00-53-{:02x}", dice.below(256)),
        },
        Kind::Coordinates => pattern(dice, &["-3#.####, -12#.####", "4#.#####, 1#.#####"]),
        Kind::DateOfBirth => pattern(dice, &["19%#-01-1%", "1# March 19%#", "August 2#, 19%#"]),
        Kind::PersonName => name(dice),
    }
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "E-mail",
        Kind::Phone => "Phone",
        Kind::StreetAddress => "Address",
        Kind::Iban => "IBAN",
        Kind::CardNumber => "Card number",
        Kind::NationalId => "NHS number",
        Kind::IpAddress => "Last seen from IP address",
        Kind::MacAddress => "MAC address",
        Kind::Coordinates => "Coordinates",
        Kind::DateOfBirth => "Date of birth",
        Kind::PersonName => "Name",
    }
}

#[test]
fn what_is_planted_is_found() {
    let mut dice = Dice(7);
    let mut misses = BTreeMap::<Kind, Vec<String>>::new();
    let (mut planted, mut found, mut right) = (0, 0, 0);
    for _ in 0..400 {
        let mut text = String::from("People of the valley\n");
        let mut expected = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let sentences = dice.below(2) == 0;
            let mut kinds = vec![
                Kind::PersonName,
                Kind::StreetAddress,
                Kind::Phone,
                Kind::Email,
            ];
            let rest = [
                Kind::DateOfBirth,
                Kind::Iban,
                Kind::CardNumber,
                Kind::NationalId,
                Kind::IpAddress,
                Kind::MacAddress,
                Kind::Coordinates,
            ];
            kinds.extend(rest.into_iter().filter(|_| dice.below(2) == 0));
            for kind in kinds {
                let value = value(&mut dice, kind);
                text.push_str(label(kind));
                text.push_str(": ");
                expected.push((kind, text.len(), text.len() + value.len()));
                text.push_str(&value);
                text.push_str(if sentences { ". " } else { "\n" });
            }
            text.push('\n');
        }
        let spans: Vec<_> = find(&text)
            .iter()
            .map(|s| (s.kind, s.start, s.end))
            .collect();
        planted += expected.len();
        found += spans.len();
        right += spans.iter().filter(|s| expected.contains(s)).count();
        let show = |list: &[(Kind, usize, usize)], other: &[(Kind, usize, usize)], mark: &str| {
            list.iter()
                .filter(|s| !other.contains(s))
                .map(|s| (s.0, format!("{mark} {:?} in {text:?}", &text[s.1..s.2])))
                .collect::<Vec<_>>()
        };
        for (kind, what) in show(&expected, &spans, "missed")
            .into_iter()
            .chain(show(&spans, &expected, "wrong"))
        {
            misses.entry(kind).or_default().push(what);
        }
    }
    let f1 = 2.0 * f64::from(right as u32) / f64::from((planted + found) as u32);
    let few: Vec<_> = misses
        .iter()
        .map(|(kind, all)| (kind, all.len(), all.iter().take(3).collect::<Vec<_>>()))
        .collect();
    assert!(f1 >= 0.995, "F1 {f1:.4} by exact bounds; {few:#?}");
}
