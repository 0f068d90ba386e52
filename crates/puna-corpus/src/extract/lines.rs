//! Which lines of the main element are main text, each judged by its links, its length and its
//! place among the others.

use std::collections::HashSet;

use super::select::{ends_sentence, weight};
use super::text::Block;

/// Lines up to this width may be labels.
const LABEL: usize = 60;

/// No more lines than this above the first paragraph are held for labels.
const FIRST_LABELS: usize = 12;
/// No more lines than this below the last paragraph are held for labels.
const LAST_LABELS: usize = 5;
/// A line wider than this says the same twice only where a page holds its text twice.
const REPEATABLE: usize = 80;

/// Drops what is no running text: link lists, labels before the first paragraph, headings with
/// nothing below.
pub(super) fn keep(blocks: Vec<Block>, title: Option<&str>) -> Vec<Block> {
    let first = blocks
        .iter()
        .position(is_paragraph)
        .filter(|&first| first <= FIRST_LABELS);
    let last = blocks
        .iter()
        .rposition(|block| weight(block) > 0.0)
        // A single line below it may be a signature, and what has names and values only, such as how
        // to reach somebody, is told.
        .filter(|last| {
            let below = &blocks[last + 1..];
            (2..=LAST_LABELS).contains(&below.len()) && !below.iter().all(is_field)
        });
    let mut seen = HashSet::new();
    let mut kept: Vec<Block> = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.into_iter().enumerate() {
        let opening = first.is_some_and(|first| index < first);
        if block.heading == Some(1)
            || title.is_some_and(|title| title == block.text)
            || ((opening || last.is_some_and(|last| index > last)) && is_label(&block))
            || (block.width > REPEATABLE && !seen.insert(block.text.clone()))
            || is_links(&block)
            || is_phrase(&block.text)
        {
            continue;
        }
        kept.push(block);
    }
    while kept.last().is_some_and(|last| last.heading.is_some()) {
        kept.pop();
    }
    kept
}

fn is_paragraph(block: &Block) -> bool {
    weight(block) > 0.0 && (block.width >= 80 || ends_sentence(&block.text))
}

fn is_label(block: &Block) -> bool {
    block.heading.is_none()
        && !block.listed
        && block.width < LABEL
        && !block
            .text
            .ends_with(['.', '!', '?', '。', '！', '？', '"', '”', ':', ','])
}

/// A short name with its value, as in "Phone: 555 0100"; a link only where it is an address of mail.
fn is_field(block: &Block) -> bool {
    let Some((name, value)) = block.text.split_once(": ") else {
        return false;
    };
    block.heading.is_none()
        && block.width < LABEL
        && name.split(' ').count() <= 3
        && name.starts_with(char::is_alphabetic)
        && !value.contains("://")
        && (block.link_width == 0 || value.contains('@'))
        && !is_phrase(&block.text)
}

fn is_links(block: &Block) -> bool {
    let density = block.link_density();
    density > 0.9 || (density > 0.5 && block.width < 200 && block.listed)
}

/// Openings of lines that speak of the page rather than of its subject.
const PHRASES: &[&str] = &[
    "advertisement",
    "share this",
    "read more",
    "read also",
    "also read",
    "see also:",
    "related:",
    "sign up for",
    "subscribe to",
    "follow us",
    "copyright ©",
    "all rights reserved",
    "click here to",
    "more from",
    "recommended:",
    "watch:",
    "listen:",
    "photo:",
    "image:",
    "loading...",
    "share on",
    "this article was originally published",
    "recommended stories",
    "©",
    "story continues below",
    "article continues below",
    "skip to",
    "posted in",
    "filed under",
    "tags:",
    "updated:",
    "published:",
    "by using this site",
];

/// Lines that are labels wherever they stand.
const LABELS: &[&str] = &[
    "advert",
    "ad",
    "comments",
    "tags",
    "share",
    "tweet",
    "email",
    "print",
    "subscribe",
    "don't miss",
    "related",
    "more",
    "facebook",
    "twitter",
    "whatsapp",
    "pinterest",
    "linkedin",
    "reddit",
    "back to top",
    "loading",
];

fn is_phrase(line: &str) -> bool {
    if line.len() < 16 && LABELS.contains(&line.trim_end_matches(':').to_lowercase().as_str()) {
        return true;
    }
    if line.len() > 160 {
        return false;
    }
    let lower = line.to_lowercase();
    PHRASES.iter().any(|phrase| lower.starts_with(phrase))
}

/// The blocks as lines.
pub(super) fn join(blocks: &[Block]) -> String {
    let mut text = String::with_capacity(blocks.iter().map(|block| block.text.len() + 1).sum());
    for block in blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&block.text);
    }
    text
}
