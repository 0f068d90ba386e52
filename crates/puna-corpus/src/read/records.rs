//! Records with a head that says how long their block is: what WARC and ARC have in common, and
//! how reading goes on after one that is damaged.

use super::content::Outcome;
use super::window::Window;
use super::{Limits, Reader, Skipped};
use crate::page::{Damage, Page};
use std::io;

/// A head longer than this is no head.
const HEAD_LIMIT: usize = 1 << 20;
/// Bytes at which the begin of a record is told.
const LOOK_AHEAD: usize = 4 << 10;
/// Line ends after a block: two in WARC, one in ARC, and some writers differ.
const LINE_ENDS: usize = 16;

/// What tells the records of one format.
pub(super) trait Grammar: Send {
    /// The head of a record, parsed.
    type Head;

    /// Whether a blank line ends every record, so that it alone shows that a length is right. If
    /// not, the next record must be seen to begin, and at the begin of a line.
    const ENDS_WITH_BLANK_LINE: bool;

    /// Whether a record begins here; may err on the side of yes.
    fn begins(bytes: &[u8]) -> bool;

    /// The next place after the first byte where a record begins, with hardly a doubt.
    fn next_begin(bytes: &[u8]) -> Option<usize>;

    /// The length of the head that begins here, if its end is in these bytes.
    fn head_length(bytes: &[u8]) -> Option<usize>;

    /// Parses a head: what it says, and the length of the block.
    fn parse(&mut self, head: &[u8]) -> Result<(Self::Head, u64), String>;

    /// Makes a page of a record; `number` counts the records of the file from 1.
    fn page(
        &mut self,
        head: Self::Head,
        block: &[u8],
        number: u64,
        limits: &Limits,
    ) -> Outcome<Page>;
}

/// The records of a file.
pub(super) struct Records<G> {
    window: Window,
    grammar: G,
    limits: Limits,
    number: u64,
    ended: bool,
}

impl<G: Grammar> Records<G> {
    pub fn new(window: Window, grammar: G, limits: Limits) -> Self {
        Self {
            window,
            grammar,
            limits,
            number: 0,
            ended: false,
        }
    }

    /// Reads the record that begins here and moves behind it, or to where reading can go on.
    fn record(&mut self) -> Outcome<Page> {
        let window = &mut self.window;
        window.ensure(LOOK_AHEAD);
        if !G::begins(window.bytes()) {
            let what = "no record begins here".to_owned();
            return Outcome::Damaged(self.give_up(1, None, what));
        }
        let Some(head_length) = head_length::<G>(window) else {
            let what = "head of the record has no end".to_owned();
            return Outcome::Damaged(self.give_up(1, None, what));
        };
        let (head, length) = match self.grammar.parse(&window.bytes()[..head_length]) {
            Ok(parsed) => parsed,
            Err(what) => return Outcome::Damaged(self.give_up(head_length, None, what)),
        };
        if length > self.limits.record as u64 {
            let limit = self.limits.record;
            let what = format!("record of {length} bytes is larger than the limit of {limit}");
            return Outcome::Damaged(self.give_up(head_length, Some(length), what));
        }
        let total = head_length + length as usize;
        let there = window.ensure(total);
        if there < total {
            let what = format!("record ends {} bytes early", total - there);
            return Outcome::Damaged(self.give_up(head_length, None, what));
        }
        // What follows shows whether the length is right; in a file compressed record by record it
        // also has the check sum of this one compared.
        let mut next = total;
        loop {
            let there = window.ensure(next + 1);
            let is_line_end = window
                .bytes()
                .get(next)
                .is_some_and(|b| b"\r\n".contains(b));
            if there <= next || !is_line_end || next - total >= LINE_ENDS {
                break;
            }
            next += 1;
        }
        if window.breaks_within(total) {
            let what = "record is damaged".to_owned();
            return Outcome::Damaged(self.give_up(total, None, what));
        }
        window.ensure(next + LOOK_AHEAD);
        let (before, rest) = window.bytes().split_at(next);
        let ended_well = if G::ENDS_WITH_BLANK_LINE {
            let line_ends = before[total..].iter().filter(|b| **b == b'\n').count();
            // If no record follows, this one may still have swallowed the begin of the next.
            G::begins(rest)
                || line_ends >= 2 && G::next_begin(&before[head_length..total]).is_none()
        } else {
            before.ends_with(b"\n") && G::begins(rest)
        };
        if !rest.is_empty() && !ended_well {
            let what = "another record should follow this one and does not: \
                        its length is wrong or its end is damaged";
            return Outcome::Damaged(self.give_up(head_length, None, what.into()));
        }
        let block = &window.bytes()[head_length..total];
        let outcome = self.grammar.page(head, block, self.number, &self.limits);
        window.consume(next);
        outcome
    }

    /// Moves to the next begin of a record after `passed` bytes, or behind `length` more bytes if
    /// that comes first. Returns the reason, with the damage below it if there is some.
    ///
    /// Only what is passed is dropped: the block at hand may hold whole records behind this one.
    fn give_up(&mut self, passed: usize, length: Option<u64>, what: String) -> String {
        let window = &mut self.window;
        // A record may begin right behind what is passed, so the last byte of that is looked at.
        let mut left = length.map(|length| length.saturating_add(1));
        window.consume(passed - 1);
        loop {
            let there = window.ensure(2 * LOOK_AHEAD);
            let bytes = window.bytes();
            let near = left.map_or(there, |left| left.min(there as u64) as usize);
            if let Some(at) = G::next_begin(bytes).filter(|at| *at <= near) {
                window.consume(at);
                return what;
            }
            if left.is_some_and(|left| left <= there as u64) {
                window.consume(near);
                return what;
            }
            if there < 2 * LOOK_AHEAD {
                let below = window.broken().map(|b| format!("{what}: {b}"));
                window.recover();
                return below.unwrap_or(what);
            }
            // A begin may lie across the end of what is at hand.
            let step = there - LOOK_AHEAD;
            window.consume(step);
            left = left.map(|left| left.saturating_sub(step as u64));
        }
    }
}

fn head_length<G: Grammar>(window: &mut Window) -> Option<usize> {
    let mut wanted = LOOK_AHEAD;
    loop {
        let there = window.ensure(wanted);
        if let Some(length) = G::head_length(window.bytes()) {
            return Some(length);
        }
        if there < wanted || wanted >= HEAD_LIMIT {
            return None;
        }
        wanted = there.max(wanted) * 2;
    }
}

impl<G: Grammar> Reader for Records<G> {
    fn next(&mut self, skipped: &mut Skipped) -> Option<Result<Page, Damage>> {
        while !self.ended {
            while self.window.ensure(1) > 0 && b"\r\n".contains(&self.window.bytes()[0]) {
                self.window.consume(1);
            }
            let offset = self.window.offset();
            if self.window.bytes().is_empty() {
                if let Some(what) = self.window.broken().map(str::to_owned) {
                    self.window.recover();
                    return Some(Err(Damage { offset, what }));
                }
                self.ended = true;
                let what = self.window.failure()?.to_string();
                return Some(Err(Damage { offset, what }));
            }
            self.number += 1;
            match self.record() {
                Outcome::Kept(page) => return Some(Ok(page)),
                Outcome::Skipped(reason) => skipped.add(reason),
                Outcome::Damaged(what) => return Some(Err(Damage { offset, what })),
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
