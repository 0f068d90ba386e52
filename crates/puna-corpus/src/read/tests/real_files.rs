//! The shared real files: every one is read or refused, and known ones give what is known.

use super::*;
use puna_needs::shared_data;
use std::path::Path;

fn read_file(path: &Path) -> Result<Read> {
    let input = Input::file(path)?;
    let bytes = input.bytes() as usize;
    Ok(drain(open(&input)?, bytes * 20))
}

/// Pages, damaged records, others. The numbers of records are those that warcio counts where it
/// reads the file to its end.
const KNOWN: &[(&str, usize, usize, u64)] = &[
    ("aut/src/test/resources/arc/example.arc.gz", 129, 0, 171),
    ("aut/src/test/resources/warc/example.warc.gz", 129, 0, 693),
    ("aut/src/test/resources/warc/issue-493.warc", 4, 0, 28),
    ("aut/src/test/resources/warc/issue-514.warc", 1, 0, 7),
    (
        "chatnoir-resiliparse/tests/data/block-sized-records.warc",
        0,
        0,
        3,
    ),
    (
        "chatnoir-resiliparse/tests/data/block-sized-records.warc.gz",
        0,
        0,
        3,
    ),
    (
        "chatnoir-resiliparse/tests/data/block-sized-records.warc.lz4",
        0,
        0,
        3,
    ),
    (
        "chatnoir-resiliparse/tests/data/clueweb-quirk.warc.gz",
        29,
        0,
        1,
    ),
    ("chatnoir-resiliparse/tests/data/warcfile.warc", 16, 0, 34),
    (
        "chatnoir-resiliparse/tests/data/warcfile.warc.gz",
        16,
        0,
        34,
    ),
    (
        "chatnoir-resiliparse/tests/data/warcfile.warc.lz4",
        16,
        0,
        34,
    ),
    (
        "dolma/tests/data/multiple_files/cc_en_head-0091.jsonl.gz",
        10,
        0,
        0,
    ),
    ("dolma/tests/data/provided/documents/000.json.gz", 10, 0, 0),
    ("dolma/tests/data/warc/sample-0000.warc.gz", 22, 0, 26),
    ("dolma/tests/data/warc/sample-0001.warc.gz", 15, 0, 19),
    ("warcio/test/data/example-digest.warc", 0, 0, 4),
    ("warcio/test/data/example-iana.org-chunked.warc", 1, 0, 2),
    ("warcio/test/data/example-resource.warc.gz", 1, 0, 2),
    (
        "warcio/test/data/example-space-in-target-uri.warc.gz",
        0,
        0,
        2,
    ),
    (
        "warcio/test/data/example-wget-bad-target-uri.warc.gz",
        1,
        0,
        5,
    ),
    ("warcio/test/data/example.arc", 1, 0, 1),
    ("warcio/test/data/example.arc.gz", 1, 0, 1),
    ("warcio/test/data/example.warc", 1, 0, 5),
    ("warcio/test/data/example.warc.gz", 1, 0, 5),
    ("warcio/test/data/post-test.warc.gz", 0, 0, 6),
    ("webarchive/examples/decode.warc", 2, 0, 10),
    ("webarchive/examples/hello-world.arc", 1, 0, 1),
    ("webarchive/examples/hello-world.warc", 1, 0, 5),
    (
        "webarchive/examples/jhove/valid/valid-warcrecorddigests-1.warc",
        7,
        0,
        0,
    ),
    ("whirlwind-python/whirlwind.warc", 1, 0, 3),
    ("whirlwind-python/whirlwind.warc.gz", 1, 0, 3),
    ("whirlwind-python/whirlwind.warc.wat", 0, 0, 2),
    ("whirlwind-python/whirlwind.warc.wat.gz", 0, 0, 2),
    ("whirlwind-python/whirlwind.warc.wet", 1, 0, 1),
    ("whirlwind-python/whirlwind.warc.wet.gz", 1, 0, 1),
    // warcio stops at these: gzip over the whole file, wrong lengths, broken ends.
    ("warcio/test/data/example-bad-non-chunked.warc.gz", 1, 0, 5),
    ("warcio/test/data/example-bad.warc.gz.bad", 1, 0, 5),
    ("warcio/test/data/example-wrong-chunks.warc.gz", 1, 0, 1),
    ("warcio/test/data/example-trunc.warc", 0, 1, 3),
    ("warcio/test/data/bad.arc", 0, 3, 1),
    ("webarchive/examples/hello-world2.arc", 1, 1, 0),
    ("chatnoir-resiliparse/tests/data/clipped.warc.gz", 0, 1, 0),
];

#[test]
fn every_file_is_read_or_refused_with_a_reason() {
    let Some(web) = shared_data("web") else {
        return;
    };
    let inputs = expand(&[web.to_string_lossy().into_owned()]).unwrap();
    assert!(inputs.len() >= 300);
    let mut refused = Vec::new();
    for input in &inputs {
        match read_file(input.name().as_ref()) {
            Err(refusal) => {
                assert!(refusal.to_string().contains(input.name()));
                refused.push(
                    input
                        .name()
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
            Ok(read) => {
                let all = read.pages.len() + read.damage.len() + read.skipped.len();
                // A file of two line ends has nothing to say.
                assert!(all > 0 || input.bytes() <= 2, "{}", input.name());
                assert!(read.damage.iter().all(|d| !d.what.is_empty()));
                assert!(read.pages.iter().all(|p| !text(p).trim().is_empty()));
            }
        }
    }
    assert_eq!(refused, ["ground-truth.json"]);
}

#[test]
fn known_files_give_their_known_records() {
    let Some(web) = shared_data("web") else {
        return;
    };
    for (name, pages, damaged, others) in KNOWN {
        let read = read_file(&web.join(name)).unwrap();
        assert_eq!(
            read.counts(),
            (*pages, *damaged, *others),
            "{name} {:?}",
            read.damage
        );
    }
}

#[test]
fn every_valid_file_is_read_without_damage() {
    let Some(web) = shared_data("web") else {
        return;
    };
    let valid = web.join("webarchive/examples/jhove/valid");
    for input in expand(&[valid.to_string_lossy().into_owned()]).unwrap() {
        let read = read_file(input.name().as_ref()).unwrap();
        // The lengths in this one fit no record; the file is about the case of names.
        if !input.name().ends_with("upper-lower-case.warc") {
            assert_eq!(read.damage, [], "{}", input.name());
        }
    }
}

#[test]
fn the_same_records_are_the_same_pages_however_stored() {
    let Some(web) = shared_data("web") else {
        return;
    };
    for (one, other) in [
        (
            "whirlwind-python/whirlwind.warc",
            "whirlwind-python/whirlwind.warc.gz",
        ),
        (
            "whirlwind-python/whirlwind.warc.wet",
            "whirlwind-python/whirlwind.warc.wet.gz",
        ),
        (
            "chatnoir-resiliparse/tests/data/warcfile.warc",
            "chatnoir-resiliparse/tests/data/warcfile.warc.gz",
        ),
        (
            "chatnoir-resiliparse/tests/data/warcfile.warc",
            "chatnoir-resiliparse/tests/data/warcfile.warc.lz4",
        ),
        (
            "warcio/test/data/example.warc",
            "warcio/test/data/example.warc.gz",
        ),
        (
            "warcio/test/data/example.warc",
            "warcio/test/data/example-bad-non-chunked.warc.gz",
        ),
        (
            "warcio/test/data/example.arc",
            "warcio/test/data/example.arc.gz",
        ),
    ] {
        let [one, other] = [one, other].map(|name| read_file(&web.join(name)).unwrap());
        assert!(!one.pages.is_empty());
        assert_eq!(one.pages, other.pages);
        assert_eq!(one.skipped, other.skipped);
    }
    // One crawl written in both formats: the same pages but for their ids.
    let [arc, warc] = ["arc/example.arc.gz", "warc/example.warc.gz"]
        .map(|name| read_file(&web.join("aut/src/test/resources").join(name)).unwrap());
    let told = |read: &Read| {
        let tell = |p: &Page| (p.url.clone(), p.date.clone(), p.body.clone());
        read.pages.iter().map(tell).collect::<Vec<_>>()
    };
    assert_eq!(told(&arc), told(&warc));
}

#[test]
fn a_page_of_common_crawl_is_known_in_full() {
    let Some(web) = shared_data("web") else {
        return;
    };
    let read = read_file(&web.join("whirlwind-python/whirlwind.warc.gz")).unwrap();
    let page = &read.pages[0];
    assert_eq!(
        page.url.as_deref(),
        Some("https://an.wikipedia.org/wiki/Escopete")
    );
    assert_eq!(page.date.as_deref(), Some("2024-05-18T01:58:10Z"));
    assert!(page.id.starts_with("urn:uuid:"));
    assert!(matches!(&page.body, Body::Html(html) if html.contains("<title>Escopete")));
    let read = read_file(&web.join("whirlwind-python/whirlwind.warc.wet")).unwrap();
    assert_eq!(read.pages[0].url, page.url);
    assert!(matches!(&read.pages[0].body, Body::Text(text) if text.contains("Escopete")));
}
