//! Input that no writer should write: reading never panics and always ends.

use super::samples::*;
use super::*;
use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Small files of every format, the shared real ones among them where they are there.
static SEEDS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let plain: Vec<u8> = (0..4).flat_map(page).collect();
    let http = response(
        1,
        "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n",
        b"5\r\n\x1f\x8b\x08\0\0\r\n0\r\n\r\n",
    );
    let brotli = response(
        2,
        "Content-Type: text/html\r\nContent-Encoding: br\r\n",
        &brotli_stored(b"<p>x</p>"),
    );
    let arc = b"filedesc://a 0.0.0.0 19990102030405 text/plain 2\nx\n\nhttp://a.org/ 1.2.3.4 19990102030405 text/html 12\n<html>x</p>\n\n";
    let lines =
        b"{\"text\": \"a\", \"date\": \"2020-01-02\"}\n{\"html\": \"<p>\", \"id\": 7}\n".repeat(5);
    let mut seeds = vec![
        ("a.warc".to_owned(), [plain.clone(), http, brotli].concat()),
        (
            "a.warc.gz".to_owned(),
            (0..4).flat_map(|n| gzip(&page(n))).collect(),
        ),
        (
            "a.warc.zst".to_owned(),
            (0..4).flat_map(|n| zstd(&page(n), b"")).collect(),
        ),
        ("a.warc.lz4".to_owned(), lz4(&plain)),
        ("a.arc".to_owned(), arc.to_vec()),
        ("a.jsonl".to_owned(), lines.clone()),
        ("a.jsonl.gz".to_owned(), gzip(&lines)),
        ("a.html".to_owned(), page_text(1).into_bytes()),
    ];
    if let Some(web) = puna_needs::shared_data("web") {
        for input in expand(&[web.to_string_lossy().into_owned()]).unwrap() {
            if input.bytes() < 20_000 {
                seeds.push((
                    input.name().to_owned(),
                    std::fs::read(input.name()).unwrap(),
                ));
            }
        }
    }
    seeds
});

/// Parquet, whose reader is another's, in every compression.
static PARQUET: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let all = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ];
    all.map(|c| ("a.parquet".to_owned(), parquet(25, c))).into()
});

fn mutated(
    seeds: &'static LazyLock<Vec<(String, Vec<u8>)>>,
) -> impl Strategy<Value = (String, Vec<u8>)> {
    let edit = (
        0..6u8,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<u8>(),
    );
    (
        any::<prop::sample::Index>(),
        prop::collection::vec(edit, 0..8),
    )
        .prop_map(|(seed, edits)| {
            let (name, mut bytes) = seeds[seed.index(seeds.len())].clone();
            for (kind, at, to, value) in edits {
                if bytes.is_empty() {
                    break;
                }
                let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
                let (from, end) = (at.min(to), at.max(to));
                match kind {
                    0 => bytes[at] ^= value,
                    1 => bytes.truncate(at),
                    2 => drop(bytes.drain(from..end.min(from + usize::from(value)))),
                    3 => bytes[from..end.min(from + usize::from(value))].fill(value),
                    4 => {
                        let part = bytes[from..end.min(from + 400)].to_vec();
                        bytes.splice(at..at, part);
                    }
                    _ => {
                        let digits = bytes.iter().enumerate().filter(|b| b.1.is_ascii_digit());
                        if let Some(digit) = digits.map(|d| d.0).find(|d| *d >= at) {
                            bytes[digit] = b'0' + value % 10;
                        }
                    }
                }
            }
            (name, bytes)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_are_read_or_refused((name, bytes) in prop_oneof![9 => mutated(&SEEDS), 1 => mutated(&PARQUET)]) {
        // Some KB may inflate to many records; no more than their limit in all.
        let limits = Limits { record: 1 << 16 };
        let bound = 64 * bytes.len() + 4096;
        if let Ok(pages) = from_bytes(&name, bytes, limits) {
            drain(pages, bound);
        }
    }
}
