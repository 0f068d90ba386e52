//! What is mutated: small files of each format, and real ones where a directory has them.

use crate::samples;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use puna_corpus::read;
use std::io::Read;

/// Larger files cost more time than they find.
const MOST_BYTES: u64 = 300_000;

/// A file as it is before it is mutated.
pub struct Seed {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Seed {
    fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.to_owned(), bytes.into());
        Self { name, bytes }
    }
}

/// Seeds by what reads them.
#[derive(Default)]
pub struct Seeds {
    pub warc: Vec<Seed>,
    pub arc: Vec<Seed>,
    pub wet: Vec<Seed>,
    pub json_lines: Vec<Seed>,
    pub parquet: Vec<Seed>,
    pub html: Vec<Seed>,
    pub text: Vec<Seed>,
}

/// A small page as a brotli encoder compresses it.
const BROTLI: &[u8] = b"\x1b\xbb\x00\x40\x8c\x93\x5c\xfd\xe2\x9c\xe5\x2d\xd5\x0b\x89\xd0\x3e\xf5\
    \x37\x8f\x60\xcf\x30\x43\x2d\x42\xd1\x34\x4f\x10\xd5\x30\x37\x38\x70\xf8\x40\x96\x7d\x1c\x1f\
    \xe4\x5f\x64\xc2\xf5\x64\x41\x09\xf6\xc3\x8c\x04\x3c\xa2\x41\x55\x30\x4c\x04\xb4\xac\x0d\x54\
    \xbe\x44\x54\x2a\x1d\x28\xa2\x36\x6a\xa1\x2c\x84\xad\x1d\x4e\x3d\x99\xcf\x86\x2f\x71\xe3\xe4\
    \x2a\x86\xa2\x03\x16\x3e\x33\xd8\x6a\xca\x7f\x4e\xda\x54\x0b\xca\xff\x4e\x91\x21\x85";

/// Text in scripts that have encodings of their own.
const SCRIPTS: [(&str, &str); 10] = [
    ("windows-1252", "Über den Flüssen – déjà vu, señor, £5"),
    ("windows-1251", "Съешь же ещё этих мягких французских булок"),
    ("koi8-r", "Съешь же ещё этих мягких французских булок"),
    ("shift_jis", "いろはにほへと ちりぬるを ｱｲｳｴｵ 漢字"),
    ("euc-jp", "いろはにほへと ちりぬるを 漢字"),
    ("iso-2022-jp", "いろはにほへと ちりぬるを 漢字"),
    ("gb18030", "天地玄黄 宇宙洪荒 日月盈昃"),
    ("big5", "天地玄黃 宇宙洪荒 日月盈昃"),
    ("euc-kr", "다람쥐 헌 쳇바퀴에 타고파"),
    ("windows-1255", "דג סקרן שט בים מאוכזב"),
];

impl Seeds {
    /// Samples of our own.
    pub fn built_in() -> Self {
        let pages: Vec<Vec<u8>> = (0..4).map(samples::page).collect();
        let plain = pages.concat();
        let brotli = samples::response(
            2,
            "Content-Type: text/html\r\nContent-Encoding: br\r\n",
            BROTLI,
        );
        let text = "The text of a page.\nIn two lines.";
        let conversion = samples::record("conversion", 5, "text/plain", text.as_bytes());
        let arc = b"filedesc://a 0.0.0.0 19990102030405 text/plain 2\nx\n\nhttp://a.org/ 1.2.3.4 \
                    19990102030405 text/html 12\n<html>x</p>\n\n";
        let lines =
            b"{\"text\": \"a\", \"date\": \"2020-01-02\"}\n{\"html\": \"<p>\", \"id\": 7}\n";
        let lines = lines.repeat(5);
        let gzip = |each: &[Vec<u8>]| {
            each.iter()
                .flat_map(|r| samples::gzip(r))
                .collect::<Vec<_>>()
        };
        let compressions = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4_RAW,
        ];
        let parquet = compressions.map(|c| Seed::new("a.parquet", samples::parquet(25, c)));
        let mut seeds = Self {
            warc: vec![
                Seed::new("a.warc", [plain.clone(), brotli].concat()),
                Seed::new("a.warc.gz", gzip(&pages)),
                Seed::new("a.warc.zst", samples::zstd(&plain, b"")),
                Seed::new("a.warc.lz4", samples::lz4(&plain)),
            ],
            arc: vec![
                Seed::new("a.arc", arc.as_slice()),
                Seed::new("a.arc.gz", samples::gzip(arc)),
            ],
            wet: vec![
                Seed::new("a.wet.gz", gzip(&[conversion.clone(), conversion.clone()])),
                Seed::new("a.wet", conversion),
            ],
            json_lines: vec![
                Seed::new("a.jsonl.gz", samples::gzip(&lines)),
                Seed::new("a.jsonl", lines),
            ],
            parquet: parquet.into(),
            html: vec![Seed::new("a.html", samples::page_text(1))],
            text: Vec::new(),
        };
        for (label, text) in SCRIPTS {
            let text = format!("{text}.\n").repeat(20);
            let bytes = Encoding::for_label(label.as_bytes()).map(|e| e.encode(&text).0);
            seeds.text.push(Seed::new(label, bytes.unwrap_or_default()));
            seeds.text.push(Seed::new("utf-8", text.as_bytes()));
            let units = || text.encode_utf16();
            let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
            seeds.text.push(Seed::new(UTF_16LE.name(), little));
            let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
            seeds.text.push(Seed::new(UTF_16BE.name(), big));
        }
        seeds
    }

    /// Adds a directory's files, by the format that their names tell; also what is inside those
    /// that are compressed, so that check sums do not keep mutations from what is behind them.
    pub fn add_directory(&mut self, directory: &str) -> puna_corpus::Result<()> {
        for input in read::expand(&[directory.to_owned()])? {
            let Ok(bytes) = std::fs::read(input.name()) else {
                continue;
            };
            if input.bytes() > MOST_BYTES || bytes.is_empty() {
                continue;
            }
            let name = input.name();
            let inside = name.strip_suffix(".gz");
            let plain = inside.unwrap_or(name);
            let is_page = plain.ends_with(".html");
            let list = match plain.rsplit('.').next() {
                Some("warc") => &mut self.warc,
                Some("arc") => &mut self.arc,
                Some("wet" | "wat") => &mut self.wet,
                Some("jsonl" | "json") => &mut self.json_lines,
                Some("parquet") => &mut self.parquet,
                Some("html") => &mut self.html,
                _ if plain.contains(".warc") => &mut self.warc,
                _ => continue,
            };
            if let Some(plain) = inside {
                let mut unpacked = Vec::new();
                let decoder = flate2::read::MultiGzDecoder::new(&*bytes);
                // A damaged file gives what comes before the damage.
                let _ = decoder.take(4 * MOST_BYTES).read_to_end(&mut unpacked);
                if !unpacked.is_empty() {
                    list.push(Seed::new(plain, unpacked));
                }
            }
            if !(is_page && inside.is_some()) {
                list.push(Seed::new(name, bytes));
            }
        }
        Ok(())
    }
}
