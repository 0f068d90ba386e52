//! A damaged record costs itself only.

use super::samples::*;
use super::*;
use proptest::prelude::*;

const RECORDS: usize = 24;

/// How records are laid out in a file.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Plain,
    Gzip,
    Zstd,
    ZstdDictionary,
}

/// The records of a file as stored, and what comes before them.
fn records(layout: Layout) -> (Vec<u8>, Vec<Vec<u8>>) {
    let plain = (0..RECORDS).map(page);
    let dictionary = page(1000).repeat(4);
    match layout {
        Layout::Plain => (Vec::new(), plain.collect()),
        Layout::Gzip => (Vec::new(), plain.map(|r| gzip(&r)).collect()),
        Layout::Zstd => (Vec::new(), plain.map(|r| zstd(&r, b"")).collect()),
        Layout::ZstdDictionary => {
            let held = zstd(&dictionary, b"");
            let mut frame = vec![0x5d, 0x2a, 0x4d, 0x18];
            frame.extend_from_slice(&(held.len() as u32).to_le_bytes());
            frame.extend_from_slice(&held);
            (frame, plain.map(|r| zstd(&r, &dictionary)).collect())
        }
    }
}

fn name(layout: Layout) -> &'static str {
    match layout {
        Layout::Plain => "a.warc",
        Layout::Gzip => "a.warc.gz",
        Layout::Zstd | Layout::ZstdDictionary => "a.warc.zst",
    }
}

#[derive(Debug, Clone)]
enum Harm {
    Flip(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Zero(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<usize>(), 1u8..).prop_map(|(at, by)| Harm::Flip(at, by)),
        (any::<usize>(), 1usize..300).prop_map(|(at, n)| Harm::Remove(at, n)),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 1..300))
            .prop_map(|(at, b)| Harm::Insert(at, b)),
        (any::<usize>(), 1usize..300).prop_map(|(at, n)| Harm::Zero(at, n)),
    ]
}

fn apply(harm: &Harm, bytes: &mut Vec<u8>) {
    let length = bytes.len();
    match harm {
        Harm::Flip(at, by) => bytes[at % length] ^= by,
        Harm::Remove(at, n) => drop(bytes.drain(at % length..length.min(at % length + n))),
        Harm::Insert(at, new) => drop(bytes.splice(at % length..at % length, new.iter().copied())),
        Harm::Zero(at, n) => bytes[at % length..length.min(at % length + n)].fill(0),
    }
}

/// The numbers of the pages that came out as they went in.
fn sound(read: &Read) -> Vec<usize> {
    let numbers = (0..RECORDS).filter(|n| {
        let text = page_text(*n);
        read.texts().contains(&text.as_str())
    });
    numbers.collect()
}

#[test]
fn whole_files_are_read_in_every_layout() {
    for layout in [
        Layout::Plain,
        Layout::Gzip,
        Layout::Zstd,
        Layout::ZstdDictionary,
    ] {
        let (before, records) = records(layout);
        let bytes = [before, records.concat()].concat();
        // Whatever the name says, the content decides.
        for name in [name(layout), "a", "b.txt", "c.html"] {
            let read = read_as(name, &bytes);
            assert_eq!(
                read.counts(),
                (RECORDS, 0, 0),
                "{layout:?} {:?}",
                read.damage
            );
            assert_eq!(sound(&read).len(), RECORDS);
            let page = &read.pages[3];
            assert_eq!(page.id, "urn:test:3");
            assert_eq!(page.url.as_deref(), Some("https://example.org/3"));
            assert_eq!(page.date.as_deref(), Some("2024-05-06T07:08:09Z"));
        }
        if !matches!(layout, Layout::Plain) {
            continue;
        }
        for whole in [gzip(&bytes), zstd(&bytes, b""), lz4(&bytes)] {
            assert_eq!(read_as("a.warc", &whole).counts(), (RECORDS, 0, 0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn other_records_survive(
        layout in prop_oneof![
            Just(Layout::Plain), Just(Layout::Gzip), Just(Layout::Zstd), Just(Layout::ZstdDictionary)
        ],
        hit in 0..RECORDS,
        harm in harm(),
    ) {
        let (before, mut records) = records(layout);
        apply(&harm, &mut records[hit]);
        let bytes = [before, records.concat()].concat();
        let read = read_as(name(layout), &bytes);
        let sound = sound(&read);
        let lost: Vec<usize> = (0..RECORDS).filter(|n| *n != hit && !sound.contains(n)).collect();
        prop_assert!(lost.is_empty(), "{lost:?} lost with {hit}: {:?}", read.damage);
        // What is compressed is checked: it comes out right or not at all.
        if !matches!(layout, Layout::Plain) {
            prop_assert!(read.texts().iter().all(|t| (0..RECORDS).any(|n| *t == page_text(n))));
            prop_assert!(sound.contains(&hit) || !read.damage.is_empty());
        }
    }

    #[test]
    fn what_comes_before_a_cut_survives(layout in prop_oneof![Just(Layout::Plain), Just(Layout::Gzip), Just(Layout::Zstd)], cut in 0.0..1.0f64) {
        let (_, records) = records(layout);
        let bytes = records.concat();
        let cut = (bytes.len() as f64 * cut) as usize;
        let mut end = 0;
        let whole = records.iter().take_while(|r| { end += r.len(); end <= cut }).count();
        if cut > 0 {
            let read = read_as(name(layout), &bytes[..cut]);
            prop_assert_eq!(sound(&read), (0..read.pages.len()).collect::<Vec<_>>());
            // The line ends behind a record may be cut off without harm.
            prop_assert!(read.pages.len() == whole || read.pages.len() == whole + 1);
        }
    }
}

#[test]
fn a_wrong_length_costs_one_record() {
    for length in [
        "0",
        "17",
        "2000",
        "99999",
        "67108865",
        "99999999999999",
        "-1",
        "x",
        "",
    ] {
        let mut records: Vec<Vec<u8>> = (0..RECORDS).map(page).collect();
        let head = String::from_utf8(records[7].clone()).unwrap();
        let right = format!(
            "Content-Length: {}",
            head.split("Content-Length: ")
                .nth(1)
                .unwrap()
                .lines()
                .next()
                .unwrap()
        );
        records[7] = head
            .replace(&right, &format!("Content-Length: {length}"))
            .into_bytes();
        for bytes in [
            records.concat(),
            records.iter().flat_map(|r| gzip(r)).collect(),
            gzip(&records.concat()),
        ] {
            let read = read_as("a.warc", &bytes);
            assert_eq!(
                sound(&read).len(),
                RECORDS - 1,
                "{length} {:?}",
                read.damage
            );
            assert_eq!(read.damage.len(), 1, "{length} {:?}", read.damage);
        }
    }
}

#[test]
fn a_damaged_first_magic_costs_one_record() {
    for layout in [Layout::Gzip, Layout::Zstd] {
        for at in 0..3 {
            let (_, mut records) = records(layout);
            records[0][at] ^= 0xff;
            let read = read_as(name(layout), &records.concat());
            assert_eq!(
                sound(&read),
                (1..RECORDS).collect::<Vec<_>>(),
                "{layout:?} {at}"
            );
            assert_eq!(read.damage.len(), 1);
        }
    }
}

#[test]
fn damage_is_named_with_the_offset_of_its_member() {
    let mut records: Vec<Vec<u8>> = (0..RECORDS).map(|n| gzip(&page(n))).collect();
    let middle = records[5].len() / 2;
    records[5][middle] ^= 0x55;
    let offset: usize = records[..5].iter().map(Vec::len).sum();
    let read = read_as("a.warc.gz", &records.concat());
    assert_eq!(read.damage[0].offset, offset as u64);
    assert_eq!(sound(&read).len(), RECORDS - 1);
}

#[test]
fn large_records_and_bombs_are_damage_and_nothing_more() {
    let limits = Limits { record: 100_000 };
    let large = response(90, "Content-Type: text/html\r\n", &b"<html>".repeat(50_000));
    let bomb = gzip(&b"<html>".repeat(50_000));
    let bomb = response(
        91,
        "Content-Type: text/html\r\nContent-Encoding: gzip\r\n",
        &bomb,
    );
    let parts = [page(0), large, page(1), bomb, page(2)];
    for bytes in [parts.concat(), parts.iter().flat_map(|p| gzip(p)).collect()] {
        let length = bytes.len();
        let read = drain(from_bytes("a.warc", bytes, limits).unwrap(), length);
        assert_eq!(sound(&read), [0, 1, 2]);
        assert_eq!(read.damage.len(), 2);
        assert!(
            read.damage
                .iter()
                .all(|d| d.what.contains("limit of 100000")),
            "{:?}",
            read.damage
        );
    }
    let line = format!("{{\"text\": \"{}\"}}\n", "a".repeat(200_000));
    let lines = [line.as_str(), "{\"text\": \"short\"}\n"].concat();
    let read = drain(
        from_bytes("a.jsonl", gzip(lines.as_bytes()), limits).unwrap(),
        lines.len(),
    );
    assert_eq!((read.texts(), read.damage.len()), (vec!["short"], 1));
}

#[test]
fn lines_behind_a_damaged_member_are_read() {
    let member = |from: usize| -> Vec<u8> {
        let lines = (from..from + 50).map(|n| {
            format!(
                "{{\"text\": \"line {n} {}\"}}\n",
                page_text(n).replace(['"', '\n'], "")
            )
        });
        gzip(lines.collect::<String>().as_bytes())
    };
    let mut members: Vec<Vec<u8>> = (0..4).map(|m| member(m * 50)).collect();
    let middle = members[1].len() / 2;
    members[1][middle] ^= 0x10;
    let read = read_as("a.jsonl.gz", &members.concat());
    let has = |n: usize| {
        read.texts()
            .iter()
            .any(|t| t.starts_with(&format!("line {n} ")))
    };
    assert!((0..50).chain(101..200).all(has));
    assert!(!read.damage.is_empty());
}
