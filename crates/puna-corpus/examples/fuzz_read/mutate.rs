//! Random numbers from a seed, and changes to bytes that parsers stumble over.

/// Random numbers from a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// What readers of records, encodings and charsets decide by.
pub const OF_RECORDS: &[&[u8]] = &[
    b"\r\n\r\n",
    b"\n",
    b"WARC/1.0\r\n",
    b"WARC-Type: revisit\r\n",
    b"WARC-Type: conversion\r\n",
    b"http://a.org/ 1.2.3.4 19990102030405 text/html 12\n",
    b"filedesc://a 0.0.0.0 19990102030405 text/plain 2\n",
    b"Content-Length: 99999999999\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: br\r\n",
    b"Content-Encoding: deflate, zstd\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"ffffffff\r\n",
    b"0\r\n\r\n",
    b"charset=utf-16le",
    b"<meta charset=iso-2022-jp>",
    b"<?xml encoding='gb18030'?>",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x1b$B",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\x5d\x2a\x4d\x18\xff\xff\xff\x00",
    b"{\"text\": \"",
    b"\\ud800",
    b"[[[[[[[[",
    b"1e999",
    b"PAR1",
    b"\0",
];

/// What the parser of HTML and the extraction decide by.
pub const OF_MARKUP: &[&[u8]] = &[
    b"</",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"<table><tr><td>",
    b"<table><p><table>",
    b"</p>",
    b"<b><i></b></i>",
    b"<a href='",
    b"<select><option>",
    b"<template>",
    b"</template>",
    b"<svg><foreignObject>",
    b"<math><mi><table>",
    b"<script>",
    b"<script type='application/ld+json'>{\"@graph\":[",
    b"<textarea>",
    b"<plaintext>",
    b"<noscript>",
    b"<frameset>",
    b"<article><div class='comment sidebar'>",
    b"<time datetime='2024-13-45T99'>",
    b"<meta property='og:title' content='",
    b"<meta name=date content='0000-00-00'>",
    b"<html lang='",
    b"<pre>\n",
    b"<ul><li>",
    b"<br>",
    b"&#x110000;",
    b"&#0;",
    b"&nbsp",
    b"\xe2\x80\x8b",
    b"\xcc\x81",
    b"\0",
];

/// Changes bytes in one to eight places.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], tokens: &[&[u8]], random: &mut Random) {
    for _ in 0..1 + random.below(8) {
        if bytes.is_empty() {
            bytes.push(random.next() as u8);
        }
        let at = random.below(bytes.len());
        let end = bytes.len().min(at + 1 + random.below(200));
        match random.below(10) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            4 => {
                let from = random.below(other.len());
                let part = &other[from..other.len().min(from + 500)];
                bytes.splice(at..at, part.iter().copied());
            }
            5 if random.below(4) == 0 => bytes.truncate(at),
            6 => {
                let digit = bytes[at..].iter().position(u8::is_ascii_digit);
                if let Some(digit) = digit {
                    bytes[at + digit] = b'0' + random.below(10) as u8;
                }
            }
            // Depth: what nests is put in many times over.
            7 if random.below(8) == 0 => {
                let many = random.of(tokens).repeat(1 + random.below(2000));
                bytes.splice(at..at, many);
            }
            _ => {
                let token = random.of(tokens);
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
}
