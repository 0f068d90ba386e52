//! Personal information in text, by kind, with its place (paper section 2.1: sites that hold
//! much of it are left out).
//!
//! One pass over the bytes stops at digits and at signs only, so text without either costs
//! little. What a number is, its check digits, its shape and the words around it decide. Names
//! count beside such data only, never alone.

mod address;
mod address_box;
mod address_tail;
mod address_words;
mod birth;
mod card;
pub mod check_digits;
mod context;
mod coordinates;
mod email;
mod iban;
mod national_id;
mod network;
mod number;
mod person;
mod phone;
mod scan;
mod street_words;
mod words;

use serde::{Deserialize, Serialize};

/// A kind of personal information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone or fax number, with its extension.
    Phone,
    /// A street address or post-office box, with town, state, postcode and country as far as given.
    StreetAddress,
    /// An international bank account number.
    Iban,
    /// A payment card number.
    CardNumber,
    /// A number that a state gives to a person.
    NationalId,
    /// An IPv4 or IPv6 address.
    IpAddress,
    /// The hardware address of a network interface.
    MacAddress,
    /// Geographic coordinates.
    Coordinates,
    /// A date told to be someone's date of birth.
    DateOfBirth,
    /// A person's name beside another of these.
    PersonName,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 11] = [
        Self::Email,
        Self::Phone,
        Self::StreetAddress,
        Self::Iban,
        Self::CardNumber,
        Self::NationalId,
        Self::IpAddress,
        Self::MacAddress,
        Self::Coordinates,
        Self::DateOfBirth,
        Self::PersonName,
    ];

    /// The name in reports and ledgers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::StreetAddress => "street_address",
            Self::Iban => "iban",
            Self::CardNumber => "card_number",
            Self::NationalId => "national_id",
            Self::IpAddress => "ip_address",
            Self::MacAddress => "mac_address",
            Self::Coordinates => "coordinates",
            Self::DateOfBirth => "date_of_birth",
            Self::PersonName => "person_name",
        }
    }

    /// Which kind keeps a place that two claim: the lower. Check digits outweigh shapes.
    fn rank(self) -> u8 {
        match self {
            Self::Email => 0,
            Self::Iban => 1,
            Self::IpAddress | Self::MacAddress => 2,
            Self::CardNumber => 3,
            Self::NationalId => 4,
            Self::Coordinates => 5,
            Self::DateOfBirth => 6,
            Self::Phone => 7,
            Self::StreetAddress => 8,
            Self::PersonName => 9,
        }
    }
}

/// A piece of personal information in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Past the last byte.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

impl Span {
    fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self { start, end, kind }
    }
}

/// Finds personal information: sorted by place, no two overlap, bounds on characters.
///
/// Time is linear in the length of the text, whatever it holds.
pub fn find(text: &str) -> Vec<Span> {
    let spans = settle(scan::candidates(text));
    if spans.is_empty() {
        return spans;
    }
    let names = person::beside(text, &spans);
    if names.is_empty() {
        return spans;
    }
    settle(spans.into_iter().chain(names).collect())
}

/// Keeps of overlapping candidates the one whose kind ranks first, then the longest.
fn settle(mut candidates: Vec<Span>) -> Vec<Span> {
    candidates.sort_by_key(|s| (s.kind.rank(), std::cmp::Reverse(s.end - s.start), s.start));
    let mut kept = std::collections::BTreeMap::<usize, Span>::new();
    for span in candidates {
        let before = kept.range(..span.end).next_back();
        if before.is_none_or(|(_, other)| other.end <= span.start) {
            kept.insert(span.start, span);
        }
    }
    kept.into_values().collect()
}
