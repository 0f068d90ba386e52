//! Files that are one page each: plain text and HTML.

use super::window::Window;
use super::{Limits, Reader, Skipped, charset};
use crate::page::{Body, Damage, Page};
use std::io;

/// A file that is one page, or some, where a text is larger than the limit of a record.
pub(super) struct Whole {
    window: Window,
    is_html: bool,
    limits: Limits,
    number: u64,
    ended: bool,
}

impl Whole {
    pub fn new(window: Window, is_html: bool, limits: Limits) -> Self {
        Self {
            window,
            is_html,
            limits,
            number: 0,
            ended: false,
        }
    }

    /// Where a text as large as the limit is best parted: between paragraphs, lines, anywhere.
    fn part(&self, limit: usize) -> usize {
        let bytes = &self.window.bytes()[..limit];
        let paragraph = memchr::memmem::rfind(bytes, b"\n\n").map(|at| at + 2);
        let line = || memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        paragraph.or_else(line).unwrap_or(limit)
    }
}

impl Reader for Whole {
    fn next(&mut self, skipped: &mut Skipped) -> Option<Result<Page, Damage>> {
        while !self.ended {
            let limit = self.limits.record;
            let there = self.window.ensure(limit + 1);
            let failure = self.window.failure().map(|e| e.to_string());
            let broken = failure.or_else(|| self.window.broken().map(str::to_owned));
            if let Some(what) = broken {
                self.ended = true;
                let offset = self.window.offset();
                return Some(Err(Damage { offset, what }));
            }
            if there > limit && self.is_html {
                self.ended = true;
                let what = format!("page is larger than the limit of {limit} bytes");
                return Some(Err(Damage { offset: 0, what }));
            }
            let taken = if there > limit {
                self.part(limit)
            } else {
                there
            };
            self.ended = there <= limit;
            self.number += 1;
            let body = &self.window.bytes()[..taken];
            let is_empty = body.trim_ascii().is_empty();
            let text = charset::decode(body, None, self.is_html, None);
            self.window.consume(taken);
            match text {
                _ if is_empty => skipped.add("empty"),
                None => skipped.add("binary"),
                Some(text) => {
                    return Some(Ok(Page {
                        id: self.number.to_string(),
                        url: None,
                        date: None,
                        source: None,
                        body: if self.is_html {
                            Body::Html(text)
                        } else {
                            Body::Text(text)
                        },
                    }));
                }
            }
        }
        None
    }

    fn failure(&self) -> Option<io::Error> {
        self.window.failure()
    }

    fn read_so_far(&self) -> u64 {
        self.window.read_so_far()
    }
}
