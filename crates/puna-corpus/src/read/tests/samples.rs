//! Writes files of every format, in small.

use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic::Compression as ParquetCompression;
use parquet::column::writer::ColumnWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

/// A WARC/1.1 record.
pub fn record(kind: &str, number: usize, media_type: &str, block: &[u8]) -> Vec<u8> {
    let head = format!(
        "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:test:{number}>\r\n\
         WARC-Date: 2024-05-06T07:08:09Z\r\nWARC-Target-URI: https://example.org/{number}\r\n\
         Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        block.len()
    );
    [head.as_bytes(), block, b"\r\n\r\n"].concat()
}

/// A record with an HTTP response.
pub fn response(number: usize, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    let block = [head.as_bytes(), body].concat();
    record(
        "response",
        number,
        "application/http; msgtype=response",
        &block,
    )
}

/// A record with a page that says its number, long enough for damage in many places.
pub fn page(number: usize) -> Vec<u8> {
    let body = page_text(number);
    response(
        number,
        "Content-Type: text/html; charset=utf-8\r\n",
        body.as_bytes(),
    )
}

/// What that page says; the words differ, so that compression has something to keep.
pub fn page_text(number: usize) -> String {
    let mut text = format!("<html><body><p>page {number}</p>\n");
    let mut state = number as u64 + 1;
    for _ in 0..60 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text += &format!("<p>{:x}</p>\n", state >> 20);
    }
    text + "</body></html>"
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut encoder =
        zstd::stream::write::Encoder::with_dictionary(Vec::new(), 3, dictionary).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn brotli_stored(bytes: &[u8]) -> Vec<u8> {
    // A window of 16 bits; then meta-blocks of up to 64 KiB as they are; then the empty last one.
    let mut out = Vec::new();
    let mut first = true;
    for chunk in bytes.chunks(1 << 16) {
        let length = (chunk.len() - 1) as u32;
        // ISLAST 0, MNIBBLES 0 (four), MLEN-1 in 16 bits, ISUNCOMPRESSED 1; WBITS 0 before the first.
        let (bits, count) = if first {
            (1 << 20 | length << 4, 21)
        } else {
            (1 << 19 | length << 3, 20)
        };
        let header = bits.to_le_bytes();
        let used = usize::div_ceil(count, 8);
        out.extend_from_slice(&header[..used]);
        out.extend_from_slice(chunk);
        first = false;
    }
    out.push(3);
    out
}

/// Rows of id, text and day, with a text missing in every fifth, in row groups of ten.
pub fn parquet(rows: usize, compression: ParquetCompression) -> Vec<u8> {
    let schema = "message m { required int64 id; optional binary text (utf8); \
                  optional group metadata { optional binary url (utf8); } required int32 date (date); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(
        WriterProperties::builder()
            .set_compression(compression)
            .build(),
    );
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let numbers: Vec<usize> = (0..rows).collect();
    for group in numbers.chunks(10) {
        let mut row_group = writer.next_row_group().unwrap();
        let texts = |prefix: &str, every: usize| {
            let there = group.iter().filter(|n| *n % every != 0);
            there
                .map(|n| format!("{prefix}{n}").as_str().into())
                .collect::<Vec<_>>()
        };
        let levels = |every: usize, full: i16| {
            let level = group.iter().map(|n| if n % every == 0 { 0 } else { full });
            level.collect::<Vec<i16>>()
        };
        // In the order of the schema.
        let mut index = 0;
        while let Some(mut column) = row_group.next_column().unwrap() {
            match (index, column.untyped()) {
                (0, ColumnWriter::Int64ColumnWriter(w)) => {
                    let ids: Vec<i64> = group.iter().map(|n| *n as i64 * 7).collect();
                    w.write_batch(&ids, None, None).unwrap();
                }
                (1, ColumnWriter::ByteArrayColumnWriter(w)) => {
                    w.write_batch(&texts("text of row ", 5), Some(&levels(5, 1)), None)
                        .unwrap();
                }
                (2, ColumnWriter::ByteArrayColumnWriter(w)) => {
                    w.write_batch(&texts("https://example.org/", 3), Some(&levels(3, 2)), None)
                        .unwrap();
                }
                (3, ColumnWriter::Int32ColumnWriter(w)) => {
                    let days: Vec<i32> = group.iter().map(|n| 18_000 + *n as i32).collect();
                    w.write_batch(&days, None, None).unwrap();
                }
                (index, _) => panic!("no column {index}"),
            }
            column.close().unwrap();
            index += 1;
        }
        row_group.close().unwrap();
    }
    writer.into_inner().unwrap()
}
