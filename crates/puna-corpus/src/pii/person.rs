//! Names of persons beside other personal information: after a label, alone on a line above it,
//! or right before it. A name by itself is none of this.

use super::street_words::{COUNTRIES, ORDINARY_TYPES, PREFIXES, TYPES, UNITS};
use super::words::{Words, has, words};
use super::{Kind, Span, context};

/// Words that stand before a name, with a colon.
static LABELS: Words = words!(
    "name, full name, contact, contact person, contact name, customer, client, patient, employee, \
     owner, author, tenant, holder, account holder, cardholder, resident, member, applicant, nom, \
     nombre, nome, naam, namn, navn, nimi, ansprechpartner, billing address, shipping address"
);
/// Titles before a name.
static TITLES: Words = words!(
    "mr, mrs, ms, miss, dr, prof, professor, sir, dame, rev, herr, frau, monsieur, madame, mme, \
     mlle, señor, señora, sr, sra, dott, mx"
);
/// Capitalised words that are in no name.
static NO_NAMES: Words = words!(
    "phone, telephone, mobile, fax, email, mail, e-mail, contact, us, address, name, website, \
     web, site, home, page, office, service, services, customer, support, sales, team, info, \
     information, department, company, ltd, inc, llc, gmbh, corp, group, limited, co, plc, ag, \
     university, college, school, institute, hospital, clinic, church, bank, club, hotel, \
     restaurant, museum, library, association, society, foundation, council, ministry, agency, \
     personal, details, date, birth, please, call, hello, hi, dear, the, a, an, our, your, my, \
     his, her, their, for, to, at, in, on, by, is, are, was, if, and, or, with, from, of, this, \
     that, iban, card, number, id, account, ip, mac, server, host, monday, tuesday, wednesday, \
     thursday, friday, saturday, sunday, january, february, march, april, june, july, august, \
     september, october, november, december, directory, people, list, staff, members, welcome, \
     about, terms, privacy, policy, copyright, rights, reserved, coordinates, location, ssn, \
     passport, incorporated, partners, technologies, technology, industries, international, \
     solutions, systems, consulting, media, data, design, designs, unlimited, corporation, \
     holdings, ventures, labs, networks, global, brothers, capital, financial, insurance, energy, \
     science, sciences, research, explorer, stores, store, market, markets, times, news, press, \
     journal, magazine, manager, director, engineer, technician, officer, assistant, consultant, \
     secretary, president, editor, chairman, teacher, analyst, developer, administrator, nurse, \
     city, county, town, village, shop, pharmacy, reflections, quarters, new, north, south, east, \
     west, royal, national, central, united, saint, mount, last, first, born, full, visit, send, \
     write, ask, meet, see, find, telefon, adresse, tel, cell, hours, open, closed, desk, \
     helpdesk, reception, emergency, note, update, updated, posted, published, when, where, who, \
     what, how, why, we, he, she, it, they, i, you, not, but, so, as, no, yes, also, then, here, \
     there, all, any"
);

/// Bytes before a span in which a name is looked for on its line.
const REACH: usize = 96;
/// Lines above a span that are looked at.
const LINES: usize = 9;

/// Names beside `spans`, which are sorted.
pub(super) fn beside(text: &str, spans: &[Span]) -> Vec<Span> {
    let mut names: Vec<Span> = Vec::new();
    let mut floor = 0;
    for span in spans {
        let contact = !matches!(
            span.kind,
            Kind::IpAddress | Kind::MacAddress | Kind::Coordinates
        );
        let line = text[floor..span.start]
            .rfind('\n')
            .map_or(floor, |at| floor + at + 1);
        let from = context::floor(text, span.start.saturating_sub(REACH)).max(line.min(span.start));
        let inline = before(text, from, span.start).or_else(|| {
            let line = &text[line.min(span.start)..];
            labelled(line, text.len() - line.len())
        });
        let found = match inline {
            Some(name) => Some(name),
            None if contact => above(text, line, floor),
            None => None,
        };
        names.extend(found.map(|(start, end)| Span::new(Kind::PersonName, start, end)));
        names.extend(
            below(text, span.end, spans)
                .map(|(start, end)| Span::new(Kind::PersonName, start, end)),
        );
        floor = span.end;
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// A label and a name on the line that starts at the text's `place`.
fn labelled(line: &str, place: usize) -> Option<(usize, usize)> {
    let reach = &line[..context::floor(line, 120)];
    let colon = reach.lines().next()?.find(':')?;
    let label = reach[..colon]
        .trim_matches([' ', '*', '-', '>', '•', '\t', '#', '|'])
        .to_lowercase();
    if !has(&LABELS, &label) {
        return None;
    }
    let value = line[colon + 1..].trim_start_matches([' ', '*', '\t']);
    let shift = place + line.len() - value.len();
    let (start, end) = name(&value[..context::floor(value, 64)], true)?;
    Some((shift + start, shift + end))
}

/// A label with a name on one of the two lines below `end`.
fn below(text: &str, end: usize, spans: &[Span]) -> Option<(usize, usize)> {
    let mut place = end;
    for _ in 0..2 {
        let window = &text[place..context::floor(text, place + 160)];
        place += window.find('\n')? + 1;
        let later = spans.partition_point(|s| s.end <= place);
        if spans.get(later).is_some_and(|s| s.start <= place) {
            return None;
        }
        if let Some(found) = labelled(&text[place..], place) {
            return Some(found);
        }
    }
    None
}

/// A name on one of the lines above the line that starts at `line`, alone on it or labelled.
fn above(text: &str, line: usize, floor: usize) -> Option<(usize, usize)> {
    let mut end = line.checked_sub(1)?;
    for _ in 0..LINES {
        if end < floor {
            return None;
        }
        let from = context::floor(text, end.saturating_sub(160));
        let start = text[from..end].rfind('\n').map_or(from, |at| from + at + 1);
        let content =
            text[start..end].trim_matches([' ', '\r', '>', '?', '*', '#', '\t', '|', '-']);
        let place = start + text[start..end].find(content).unwrap_or(0);
        if !content.is_empty() {
            if let Some(found) = labelled(&text[start..], start) {
                return Some(found);
            }
            if let Some((from, to)) = name(content, false) {
                let rest = content[to..].trim_start();
                let alone =
                    rest.is_empty() || rest.starts_with([',', '(', '–', '-']) && rest.len() < 40;
                if alone {
                    return Some((place + from, place + to));
                }
            }
            // Short lines may be a profession, a firm or a label; a sentence ends the search.
            if content.len() > 60 || content.len() > 40 && content.ends_with(['.', '!']) {
                return None;
            }
        }
        end = start.checked_sub(1)?;
    }
    None
}

/// A name that ends right before `end`, with nothing but labels and small words between.
fn before(text: &str, from: usize, end: usize) -> Option<(usize, usize)> {
    let head = &text[from..end];
    let mut best = None;
    let mut place = 0;
    while let Some(n) = head[place..].find(char::is_alphabetic) {
        place += n;
        let opens = !head[..place].ends_with(|c: char| c.is_alphanumeric() || c == '@' || c == '-');
        match name(&head[place..], false) {
            Some((start, end)) if opens && near(&head[place + end..]) => {
                best = Some((from + place + start, from + place + end));
                place += end;
            }
            _ => {
                place += head[place..]
                    .find(|c: char| !(c.is_alphabetic() || matches!(c, '\u{300}'..='\u{36f}')))
                    .unwrap_or(head.len() - place);
            }
        }
    }
    best
}

/// Whether the text between a name and what it belongs to is short and of one clause.
fn near(between: &str) -> bool {
    let words = between
        .split_whitespace()
        .filter(|w| w.chars().any(char::is_alphabetic));
    let links = [
        "at",
        "on",
        "phone",
        "tel",
        "email",
        "e-mail",
        "mail",
        "mobile",
        "fax",
        "lives",
        "is",
        "address",
        "or",
        "by",
        "via",
        "live",
        "lived",
        "resides",
        "of",
        "call",
        "direct",
        "cell",
        "ssn",
        "born",
        "dob",
        "iban",
        "card",
        "telephone",
        "home",
        "address",
        "in",
        "to",
    ];
    let mut count = 0;
    for word in words {
        let bare = word
            .trim_matches(|c: char| !c.is_alphabetic() && c != '-')
            .to_lowercase();
        if !links.contains(&bare.as_str()) {
            return false;
        }
        count += 1;
    }
    count <= 3 && !between.contains(['!', '?', ';'])
}

/// A name at the start of `text`, without the title that may stand before it: two to four
/// capitalised words; one is enough after a title.
fn name(text: &str, told: bool) -> Option<(usize, usize)> {
    let mut start = 0;
    let mut end = 0;
    let mut words = 0;
    let mut full = 0;
    let mut titled = false;
    let mut place = 0;
    while words < 5 {
        let rest = &text[place..];
        let length = rest
            .char_indices()
            .find(|&(_, c)| {
                !(c.is_alphabetic() || matches!(c, '-' | '\'' | '’' | '\u{300}'..='\u{36f}'))
            })
            .map_or(rest.len(), |(at, _)| at);
        let word = rest[..length].trim_end_matches(['-', '\'', '’']);
        let lower = word.to_lowercase();
        let mut next = place + length;
        let dot = text[next..].starts_with('.');
        if words == 0 && has(&TITLES, &lower) {
            titled = true;
            next += usize::from(dot);
        } else {
            let particle = matches!(
                lower.as_str(),
                "de" | "da"
                    | "van"
                    | "von"
                    | "der"
                    | "den"
                    | "del"
                    | "di"
                    | "la"
                    | "dos"
                    | "bin"
                    | "al"
                    | "el"
                    | "ter"
                    | "y"
            ) && words > 0;
            let capital = word.chars().next().is_some_and(char::is_uppercase);
            let initial = word.chars().count() == 1 && words > 0;
            if word.is_empty() || !(capital || particle) || !initial && is_no_name(&lower, word) {
                break;
            }
            if initial && dot {
                next += 1;
            } else if !initial && !particle {
                full += 1;
            }
            words += 1;
            if !particle {
                end = if initial && dot {
                    next
                } else {
                    place + word.len()
                };
            }
        }
        let gap = text[next..].len() - text[next..].trim_start_matches(' ').len();
        if gap != 1 {
            break;
        }
        place = next + gap;
        if words == 0 {
            start = place;
        }
    }
    let enough = full >= 2 || full >= 1 && (titled || told && words >= 1);
    (enough && words <= 4 && start < end).then_some((start, end))
}

fn is_no_name(lower: &str, word: &str) -> bool {
    let shouted = word.chars().count() > 3 && word.chars().all(char::is_uppercase);
    shouted
        || has(&NO_NAMES, lower)
        || has(&TYPES, lower) && lower.len() > 3
        || has(&ORDINARY_TYPES, lower)
            && !matches!(
                lower,
                "hill"
                    | "park"
                    | "court"
                    | "green"
                    | "banks"
                    | "bank"
                    | "glen"
                    | "dale"
                    | "cross"
                    | "row"
                    | "walk"
                    | "heath"
                    | "house"
                    | "orchard"
                    | "grove"
            )
        || has(&PREFIXES, lower)
        || has(&UNITS, lower)
        || has(&COUNTRIES, lower) && !matches!(lower, "jordan" | "georgia" | "chad" | "israel")
}
