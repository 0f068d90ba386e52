//! What is found in directory entries and sentences, and what is not.

#![allow(clippy::unwrap_used)]

use puna_corpus::pii::{Kind, find};

/// The finds of a text as kind and words, in order.
fn finds(text: &str) -> Vec<(Kind, &str)> {
    find(text)
        .into_iter()
        .map(|s| (s.kind, &text[s.start..s.end]))
        .collect()
}

/// Each text holds exactly one find of the kind, between the marks `⟦` and `⟧`.
fn check(kind: Kind, marked: &[&str]) {
    let mut wrong = Vec::new();
    for marked in marked {
        let text = marked.replace(['⟦', '⟧'], "");
        let (from, rest) = marked.split_once('⟦').unwrap();
        let inside = rest.split_once('⟧').unwrap().0;
        let found: Vec<_> = find(&text)
            .into_iter()
            .filter(|s| s.kind != Kind::PersonName || kind == Kind::PersonName)
            .filter(|s| kind != Kind::PersonName || s.kind == kind)
            .collect();
        let expected = (kind, from.len(), from.len() + inside.len());
        if found.len() != 1 || (found[0].kind, found[0].start, found[0].end) != expected {
            wrong.push(format!("{marked:?}: {:?}", finds(&text)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[test]
fn emails() {
    check(
        Kind::Email,
        &[
            "Email: ⟦anna.smith@example.com⟧",
            "E-mail: ⟦a_b+news@mail.example.co.uk⟧.",
            "<⟦o'brien-jones@northwick.example⟧>",
            "mailto:⟦j.doe99@example.org⟧?subject=hi",
            "write to (⟦x@uni-köln.example.de⟧)"
                .replace("uni-köln", "uni-koeln")
                .as_str(),
            "contact ⟦jane.doe [at] example [dot] com⟧ today",
            "contact ⟦jane.doe(at)example.org⟧ today",
            "a,⟦b@example.net⟧,c",
        ],
    );
}

#[test]
fn phones() {
    check(
        Kind::Phone,
        &[
            "Phone: ⟦+44 20 7946 0958⟧",
            "Tel. ⟦020 7946 0958⟧",
            "⟦01632 960 123⟧",
            "Mobile: ⟦07700 900123⟧",
            "Mobile ⟦07700900123⟧",
            "⟦+44 (0)20 7946 0958⟧",
            "⟦+442079460958⟧",
            "Phone: ⟦(212) 555-0143⟧",
            "Call ⟦212-555-0143⟧ now",
            "⟦212.555.0143⟧",
            "⟦+1 212 555 0143⟧",
            "⟦+1-212-555-0143 ext. 12⟧",
            "⟦1-800-555-0199⟧",
            "⟦(415)555-0132⟧",
            "Phone: ⟦2125550143⟧",
            "Telefon: ⟦030 12345678⟧",
            "Tel.: ⟦0221/9876543⟧",
            "⟦+49 30 901820⟧",
            "⟦+49 (0) 171 1234567⟧",
            "Tél. : ⟦01 23 45 67 89⟧",
            "⟦06.12.34.56.78⟧",
            "⟦+33 1 23 45 67 89⟧",
            "Telefono: ⟦06 6982 1234⟧",
            "⟦+39 06 698 12345⟧",
            "Teléfono: ⟦912 345 678⟧",
            "⟦+34 612 34 56 78⟧",
            "Telefoon: ⟦020-1234567⟧",
            "⟦06-12345678⟧",
            "⟦+31 6 12345678⟧",
            "Telefon: ⟦08-123 456 78⟧",
            "⟦070-123 45 67⟧",
            "⟦+46 70 123 45 67⟧",
            "Telefone: ⟦(11) 91234-5678⟧",
            "⟦+55 11 91234-5678⟧",
            "Mobile: ⟦98765 43210⟧",
            "⟦+91 98765 43210⟧",
            "Phone: ⟦(02) 9374 4000⟧",
            "⟦0412 345 678⟧",
            "⟦+61 2 9374 4000⟧",
            "TEL: ⟦03-1234-5678⟧",
            "⟦090-1234-5678⟧",
            "⟦+81 3-1234-5678⟧",
            "Fax ⟦+41 44 668 18 00⟧",
            "⟦+48 22 123 45 67⟧",
            "⟦0043 1 5125460⟧ (Wien)",
            "Ring us on ⟦01632 960987⟧.",
            "Phone\n⟦555-0143⟧",
            "⟦555 0143⟧ (office)",
        ],
    );
}

#[test]
fn street_addresses() {
    check(
        Kind::StreetAddress,
        &[
            "Address: ⟦12 Mill Lane, Northwick, NW3 4QT⟧",
            "⟦12 Mill Lane, Northwick NW3 4QT⟧",
            "Lives at ⟦Flat 3, 12 Mill Lane, Northwick, NW3 4QT⟧.",
            "⟦221B Baker Street, London⟧",
            "⟦1600 Pennsylvania Avenue NW, Washington, DC 20500⟧",
            "⟦350 Fifth Avenue, New York, NY 10118⟧",
            "⟦742 Evergreen Terrace, Springfield, IL 62704, USA⟧",
            "⟦4510 Oak Drive, Apt. 4B, Austin, TX 78701⟧"
                .replace("4B", "4")
                .as_str(),
            "⟦77 Harbour Way, Unit 9, Sydney NSW 2000⟧",
            "Address: ⟦18 Old Orchard Road, Toronto, ON M5V 2T6⟧",
            "⟦Musterstraße 12, 12345 Musterort⟧",
            "Anschrift: ⟦Lindenallee 7a, 50667 Köln⟧",
            "⟦Am Alten Markt 3, 14467 Potsdam⟧",
            "⟦Berliner Str. 45, 10115 Berlin⟧",
            "⟦12 rue de la Paix, 75002 Paris⟧",
            "⟦5 bis, avenue Victor Hugo, 69003 Lyon⟧",
            "⟦8 place Bellecour, 69002 Lyon, France⟧",
            "⟦Via Roma 12, 00184 Roma⟧",
            "⟦Via Giuseppe Garibaldi, 24, 20121 Milano⟧",
            "⟦Calle Mayor 5, 28013 Madrid⟧",
            "⟦Calle de Alcalá, 48, 28014 Madrid⟧",
            "⟦Keizersgracht 123, 1015 CJ Amsterdam⟧",
            "⟦Storgatan 14, 114 55 Stockholm⟧",
            "⟦Rua Augusta, 100, São Paulo, SP 01304-000⟧",
            "⟦Nørregade 10, 1165 København⟧",
            "⟦ul. Długa 15, 00-238 Warszawa⟧",
            "⟦PO Box 123, Northwick, NW3 4QT⟧",
            "⟦P.O. Box 4510, Austin, TX 78701⟧",
            "⟦Postfach 12 34, 50667 Köln⟧",
            "⟦PSC 1234, Box 5678\nAPO AE 09012⟧",
            "⟦6750 Koskikatu 25 Apt. 864\nOulu\nFinland 90100⟧",
            "⟦14 Mill Lane\nNorthwick\nNW3 4QT⟧",
            "⟦7 Station Road, Little Hampton, LH2 7QP⟧",
            "She moved to ⟦31 Castle Street, Northwick⟧ in May.",
        ],
    );
}

#[test]
fn accounts_and_cards() {
    check(
        Kind::Iban,
        &[
            "IBAN: ⟦GB82 WEST 1234 5698 7654 32⟧",
            "⟦DE89370400440532013000⟧",
            "⟦DE89 3704 0044 0532 0130 00⟧.",
            "⟦FR14 2004 1010 0505 0001 3M02 606⟧",
            "iban ⟦nl91abna0417164300⟧",
            "⟦ES91 2100 0418 4502 0005 1332⟧",
            "⟦IT60 X054 2811 1010 0000 0123 456⟧",
            "⟦BR1800360305000010009795493C1⟧",
        ],
    );
    check(
        Kind::CardNumber,
        &[
            "Card: ⟦4111 1111 1111 1111⟧",
            "⟦5555555555554444⟧",
            "⟦5105-1051-0510-5100⟧",
            "⟦378282246310005⟧",
            "⟦3782 822463 10005⟧",
            "card ⟦6011111111111117⟧",
            "⟦3530111333300000⟧",
            "card no. ⟦30569309025904⟧",
            "card ⟦4222222222222⟧",
        ],
    );
}

#[test]
fn national_ids() {
    check(
        Kind::NationalId,
        &[
            "SSN: ⟦123-45-6789⟧",
            "social security number ⟦123 45 6789⟧",
            "SSN ⟦123456789⟧",
            "NI number: ⟦AB 12 34 56 C⟧",
            "⟦AB123456C⟧",
            "NHS number: ⟦943 476 5919⟧",
            "DNI ⟦12345678Z⟧",
            "DNI: ⟦00000123P⟧",
            "DNI: ⟦12.345.678-Z⟧",
            "NIE ⟦X1234567L⟧",
            "NIE ⟦X-1234567-L⟧",
            "Codice fiscale: ⟦RSSMRA85T10A562S⟧",
            "NIR: ⟦2 55 08 14 168 025 38⟧",
            "⟦255081416802538⟧",
            "Steuer-ID: ⟦86 095 742 719⟧",
            "Steuer-ID: ⟦86095742719⟧",
            "BSN: ⟦111222333⟧",
            "Personnummer: ⟦811218-9876⟧",
            "⟦19811218-9876⟧",
            "PESEL: ⟦44051401359⟧",
            "CPF: ⟦111.444.777-35⟧",
            "CPF ⟦11144477735⟧",
            "Aadhaar: ⟦2341 2341 2346⟧",
        ],
    );
}

#[test]
fn machines_and_places() {
    check(
        Kind::IpAddress,
        &[
            "IP: ⟦192.168.10.24⟧",
            "from ⟦203.0.113.77⟧:8080",
            "IP address: ⟦10.0.0.1⟧",
            "(⟦198.51.100.7⟧)",
            "IPv6: ⟦2001:db8:85a3::8a2e:370:7334⟧",
            "⟦fe80::1ff:fe23:4567:890a⟧",
            "⟦2001:0db8:0000:0000:0000:ff00:0042:8329⟧",
        ],
    );
    check(
        Kind::MacAddress,
        &[
            "MAC: ⟦00:1A:2B:3C:4D:5E⟧",
            "⟦aa-bb-cc-0d-ee-ff⟧",
            "⟦001a.2b3c.4d5e⟧",
            "⟦de:ad:be:ef:00:01⟧,",
        ],
    );
    check(
        Kind::Coordinates,
        &[
            "Coordinates: ⟦51.5074, -0.1278⟧",
            "⟦51.507400,-0.127800⟧",
            "(⟦48.8584, 2.2945⟧)",
            "⟦40.7128° N, 74.0060° W⟧",
            "⟦51°30′26″N 0°7′39″W⟧",
            "⟦40° 26' 46\" N, 79° 58' 56\" W⟧",
            "⟦geo:37.7860,-122.3996⟧",
            "GPS: ⟦-33.86, 151.21⟧",
            "⟦-33.8688 151.2093⟧",
        ],
    );
    check(
        Kind::DateOfBirth,
        &[
            "Date of birth: ⟦12/03/1984⟧",
            "DOB: ⟦1984-03-12⟧",
            "Born on ⟦12 March 1984⟧ in Leeds",
            "Date of birth: ⟦March 12, 1984⟧",
            "geboren am ⟦12.03.1984⟧",
        ],
    );
}

#[test]
fn names_beside_contact_data() {
    check(
        Kind::PersonName,
        &[
            "Name: ⟦Anna Smith⟧\nPhone: +44 20 7946 0958",
            "⟦Anna Smith⟧\nPhone: +44 20 7946 0958",
            "⟦Anna Smith⟧\nSales Manager\n12 Mill Lane, Northwick, NW3 4QT",
            "⟦Anna Smith⟧ <anna@example.com>",
            "⟦Anna Smith⟧ (anna@example.com)",
            "Contact ⟦Anna Smith⟧ at anna@example.com",
            "Mr ⟦John Q. Public⟧, tel. 212-555-0143",
            "Dr. ⟦Østergaard⟧, tel. 212-555-0143",
            "Phone: 212-555-0143\nContact: ⟦María-José O'Neill⟧",
            "- ⟦Jan van der Berg⟧ – 020-1234567",
            "⟦Anna Smith⟧ lives at 12 Mill Lane, Northwick.",
        ],
    );
    assert_eq!(
        finds("Anna Smith and John Brown met Dr. Watson in London."),
        []
    );
    assert_eq!(finds("Name: Anna Smith"), []);
}

/// Numbers and names that look like personal information and are none.
#[test]
fn near_misses() {
    let none = [
        "ISBN 978-0-306-40615-7",
        "ISBN 0-306-40615-2",
        "ISBN-10: 0306406152",
        "ISSN 2049-3630",
        "On 12/03/1984 and 2024-01-15 at 12:30:45 we met.",
        "on 01.02.2003 10:30",
        "2003-02-01 12:00:00.123456",
        "The price is $1,234.56, was €12.345,67 and £999.99.",
        "version 1.2.3.4 and v10.20.30.40",
        "Release 2.10.14.3 of section 4.3.2.1",
        "SKU 1234-5678-90, part no. 020-7946-0958",
        "Order number 212-555-0143",
        "Order 4111 1111 1111 1112",
        "Invoice 0123 456 7890",
        "from 1998-2003 and 1914 1918",
        "The score was 3-2, then 101-99 and 6-4 6-3 7-5.",
        "pp. 123-456 in vol. 12 (1999) 345-367",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "01 02 03 04 05 06 07",
        "10 000 000 people and 123 456 789 stars",
        "3.14159265358979",
        "x = 1.2345, y = 2.3456, z = 3.4567",
        "Table: 12.5678 13.4567 14.3456",
        "tracking 9400110200881234567890",
        "timestamp 1700000000 and id 1234567890123",
        "http://example.com/2125550143/4111111111111111?id=123-45-6789",
        "foo@2x.png and @user and user@host",
        "git@github.com:user/project.git",
        "https://user:secret@example.com/path",
        "pip install puna==1.2.3.4",
        "000-12-3456 and 666-12-3456 and 900-12-3456 and 123-00-4567",
        "QQ123456C is a sample",
        "12345678A",
        "RSSMRA85T10A562T",
        "GB28 WEST 1234 5698 7654 32",
        "std::fmt and a::b and 12:30:45 and ::1",
        "00:1A:2B:3C:4D",
        "In 1845 Wall Street was young.",
        "12 Angry Men and 101 Dalmatians are films.",
        "He scored 5 Points and drove 300 Miles.",
        "Chapter 12 The Road goes on",
        "On 5 March Street fairs began.",
        "at 10 A.M. and 7 P.M. on May 23, 1984",
        "He was born on the farm; 12 sheep lived there.",
        "Apollo 11 landed on July 20, 1969",
        "There were 3 Kings and 7 Dwarfs in the story.",
        "Windows 10 Home costs 100 dollars.",
        "Boeing 747-400 and Airbus A320-200",
        "The year 2023 2024 season",
        "RFC 2119, IEEE 802.11, ISO 8859-1",
        "192.168.1 and 256.1.1.1 and 1.2.3.4.5",
        "Dial M for Murder (1954)",
        "Call of Duty 4: Modern Warfare 2",
        "1,234,567 and 12,345,678.90",
        "#123456 and 0xDEADBEEF and 1e-10",
        "4 Privet, 5 apples, 6 pears",
        "Genesis 12:3-4, 24-25",
        "Route 66 via Chicago 1926",
        "MX-5, Mi 11, iPhone 14 Pro Max 256",
        "weights 0.1234, 0.5678, 0.9012",
    ];
    let wrong: Vec<_> = none
        .iter()
        .map(|text| (text, finds(text)))
        .filter(|(_, found)| !found.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// One entry of a directory, everything in it.
#[test]
fn a_directory_entry() {
    let text = "People of Northwick\nAnna Smith\nBaker\nAddress: 12 Mill Lane, Northwick, NW3 4QT\n\
        Phone: +44 20 7946 0958\nEmail: anna.smith@northwick.example\n\
        IBAN: GB82 WEST 1234 5698 7654 32\nNI number: AB 12 34 56 C\nCoordinates: 51.5074, -0.1278\n\
        Last login from: 203.0.113.77\nBen Jones\nCarpenter\nAddress: Lindenallee 7, 50667 Köln\n\
        Phone: 0221/9876543\nCard: 4111 1111 1111 1111\nDevice: 00:1A:2B:3C:4D:5E";
    let expected = [
        (Kind::PersonName, "Anna Smith"),
        (Kind::StreetAddress, "12 Mill Lane, Northwick, NW3 4QT"),
        (Kind::Phone, "+44 20 7946 0958"),
        (Kind::Email, "anna.smith@northwick.example"),
        (Kind::Iban, "GB82 WEST 1234 5698 7654 32"),
        (Kind::NationalId, "AB 12 34 56 C"),
        (Kind::Coordinates, "51.5074, -0.1278"),
        (Kind::IpAddress, "203.0.113.77"),
        (Kind::PersonName, "Ben Jones"),
        (Kind::StreetAddress, "Lindenallee 7, 50667 Köln"),
        (Kind::Phone, "0221/9876543"),
        (Kind::CardNumber, "4111 1111 1111 1111"),
        (Kind::MacAddress, "00:1A:2B:3C:4D:5E"),
    ];
    assert_eq!(finds(text), expected);
}
