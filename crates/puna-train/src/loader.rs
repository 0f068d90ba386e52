//! Documents to training sequences (paper section 2.2; how Llama 2 packed its documents is not
//! disclosed): in a random order that is new in every epoch, packed without padding, with a cursor
//! that leads back to exactly the same sequences.
//!
//! A document's tokens each predict the next. A document cut by the end of a sequence goes on in the
//! next one; its predictions are made once in an epoch, none twice.

use crate::error::{Error, Result};
use crate::sequence::Sequence;
use crate::shuffle::permutation;
use crate::tokens::TokenFile;
use serde::{Deserialize, Serialize};

/// Where a reader of epochs stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Epochs done.
    pub epoch: u64,
    /// Items (documents, or packed sequences) done in this epoch.
    pub item: u64,
    /// Rows done of the next item.
    pub row: u64,
}

/// How documents become sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Rows of a sequence.
    pub seq_len: usize,
    /// Whether attention stays within a document. Without, EOS is a row too, so that what follows
    /// sees it; it predicts nothing.
    pub document_mask: bool,
    /// Order of the documents; `None` leaves them as they are.
    pub seed: Option<u64>,
}

/// Reads sequences from token files.
pub struct Loader<'a> {
    files: &'a [TokenFile],
    /// Documents in the files before each.
    starts: Vec<u64>,
    documents: u32,
    options: LoaderOptions,
    order: Option<Vec<u32>>,
    cursor: Cursor,
    scratch: Vec<u32>,
}

impl<'a> Loader<'a> {
    /// A loader at the beginning of the first epoch.
    pub fn new(files: &'a [TokenFile], options: LoaderOptions) -> Result<Self> {
        if options.seq_len == 0 {
            return Err(Error::setting("seq_len", "it is 0 and must be at least 1"));
        }
        let (mut starts, mut documents) = (Vec::new(), 0);
        for file in files {
            starts.push(documents);
            documents += file.documents() as u64;
        }
        let documents = u32::try_from(documents).map_err(|_| {
            Error::Data(format!(
                "{documents} documents are more than 2^32; join short ones"
            ))
        })?;
        let cursor = Cursor::default();
        let mut loader = Self {
            files,
            starts,
            documents,
            options,
            order: None,
            cursor,
            scratch: Vec::new(),
        };
        if loader.rows_per_epoch() == 0 {
            return Err(Error::Data(
                "the token files hold nothing to predict".into(),
            ));
        }
        loader.shuffle();
        Ok(loader)
    }

    /// Rows of an epoch.
    pub fn rows_per_epoch(&self) -> u64 {
        let tokens: usize = self.files.iter().map(TokenFile::tokens).sum();
        let without = if self.options.document_mask {
            u64::from(self.documents)
        } else {
            0
        };
        tokens as u64 - without
    }

    /// Leaves out all but the first documents.
    pub(crate) fn limit(&mut self, documents: u32) {
        self.documents = documents.min(self.documents);
        self.shuffle();
    }

    /// Where the loader stands.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Makes what follows sequences of `seq_len` rows, with or without a document mask.
    pub fn reshape(&mut self, seq_len: usize, document_mask: bool) {
        self.options.seq_len = seq_len;
        self.options.document_mask = document_mask;
    }

    /// Goes to where a loader over the same files with the same seed stood.
    pub fn seek(&mut self, cursor: Cursor) -> Result<()> {
        let rows = (cursor.item < u64::from(self.documents)).then(|| {
            self.cursor = cursor;
            self.shuffle();
            self.document().1.len()
        });
        match rows {
            // The last row may be left to a loader without a mask.
            Some(rows) if cursor.row < rows as u64 || cursor.row == 0 => Ok(()),
            _ => Err(Error::Data(format!(
                "the token files have no place {cursor:?}; they have changed"
            ))),
        }
    }

    /// The next sequence of `seq_len` rows, going on to the next epoch where one ends.
    pub fn next_sequence(&mut self) -> Sequence {
        let mut sequence = Sequence::default();
        while sequence.rows() < self.options.seq_len {
            self.append(&mut sequence);
        }
        sequence
    }

    /// The next sequence of that epoch, the last one shorter; `None` when the loader is past it.
    pub fn next_in_epoch(&mut self, epoch: u64) -> Option<Sequence> {
        let mut sequence = Sequence::default();
        while sequence.rows() < self.options.seq_len && self.cursor.epoch == epoch {
            self.append(&mut sequence);
        }
        (sequence.rows() > 0).then_some(sequence)
    }

    /// Appends what fits of the document at the cursor, and moves on.
    fn append(&mut self, sequence: &mut Sequence) {
        let (file, range, rows) = self.document();
        let done = self.cursor.row as usize;
        let take = (rows - done).min(self.options.seq_len - sequence.rows());
        if take > 0 {
            self.scratch.clear();
            let first = range.start + done;
            self.files[file].read(first..(first + take + 1).min(range.end), &mut self.scratch);
            // Without a mask the last row is EOS, which predicts nothing: any target will do.
            let predictions = self.scratch.len() - 1;
            self.scratch.resize(take + 1, self.scratch[0]);
            let weights = (0..take).map(|row| if row < predictions { 1.0 } else { 0.0 });
            let (tokens, targets) = (&self.scratch[..take], &self.scratch[1..]);
            sequence.push(tokens, targets, weights, self.options.document_mask);
        }
        self.cursor.row += take as u64;
        if self.cursor.row == rows as u64 {
            self.cursor.row = 0;
            self.cursor.item += 1;
            if self.cursor.item == u64::from(self.documents) {
                self.cursor.item = 0;
                self.cursor.epoch += 1;
                self.shuffle();
            }
        }
    }

    /// File, place and rows of the document at the cursor.
    fn document(&self) -> (usize, std::ops::Range<usize>, usize) {
        let item = self.cursor.item;
        let index = self
            .order
            .as_ref()
            .map_or(item, |order| u64::from(order[item as usize]));
        let file = self.starts.partition_point(|&start| start <= index) - 1;
        let range = self.files[file].document((index - self.starts[file]) as usize);
        let rows = range.len() - usize::from(self.options.document_mask);
        (file, range, rows)
    }

    fn shuffle(&mut self) {
        let epoch = self.cursor.epoch;
        self.order = self
            .options
            .seed
            .map(|seed| permutation(self.documents, seed, epoch));
    }
}
