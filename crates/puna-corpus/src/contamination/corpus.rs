//! The corpus as this analysis reads it: pieces, each a stream of documents.

use crate::error::{Error, Result};
use crate::extract::extract;
use crate::page::{Body, Damage};
use crate::read::{self, Input, Pages};

/// What a piece of the corpus yields.
#[derive(Debug)]
pub enum Record {
    /// A document of which the tokens are known.
    Tokens {
        /// Unique within its file.
        id: String,
        /// Its tokens, all below `u32::MAX`.
        tokens: Vec<u32>,
    },
    /// A document still to be tokenised.
    Text {
        /// Unique within its file.
        id: String,
        /// What it says.
        text: String,
    },
    /// A record that could not be read.
    Damaged(Damage),
}

/// The records of a piece, in order.
pub trait Records: Iterator<Item = Result<Record>> + Send {
    /// Stored bytes read so far.
    fn read_so_far(&self) -> u64;
}

/// A piece of the corpus: a file, or a stretch of one.
pub trait Part {
    /// The file's name.
    fn name(&self) -> &str;

    /// Changes whenever the content does.
    fn identity(&self) -> Result<String>;

    /// Its size as stored.
    fn bytes(&self) -> u64;

    /// Begins to read it. [`Error::Format`] refuses it as a whole, which is damage of that piece.
    fn open(&self) -> Result<Box<dyn Records + '_>>;
}

/// A file of text in any format that [`read`] reads; of HTML the main text counts.
#[derive(Debug, Clone)]
pub struct InputPart(pub Input);

impl Part for InputPart {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn identity(&self) -> Result<String> {
        self.0.identity()
    }

    fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    fn open(&self) -> Result<Box<dyn Records + '_>> {
        Ok(Box::new(Texts {
            pages: read::open(&self.0)?,
            ended: false,
        }))
    }
}

struct Texts {
    pages: Pages,
    ended: bool,
}

impl Iterator for Texts {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        Some(Ok(match self.pages.next() {
            Some(Ok(page)) => Record::Text {
                text: match page.body {
                    Body::Text(text) => text,
                    Body::Html(html) => extract(&html, page.url.as_deref()).text,
                },
                id: page.id,
            },
            Some(Err(damage)) => Record::Damaged(damage),
            None => {
                self.ended = true;
                return self.pages.failure().map(Err::<Record, Error>);
            }
        }))
    }
}

impl Records for Texts {
    fn read_so_far(&self) -> u64 {
        self.pages.read_so_far()
    }
}
