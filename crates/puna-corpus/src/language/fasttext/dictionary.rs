//! The words and labels of a fastText model, and the rows of its input matrix that a text uses.

use super::reader::Reader;
use crate::error::Result;
use std::collections::HashMap;
use std::io::Read;

/// The word that ends a line.
const END_OF_LINE: &[u8] = b"</s>";
const LABEL: &[u8] = b"__label__";

/// How text becomes features.
#[derive(Debug)]
pub(super) struct Features {
    pub(super) word_ngrams: usize,
    pub(super) buckets: usize,
    pub(super) shortest: usize,
    pub(super) longest: usize,
}

#[derive(Debug)]
pub(super) struct Dictionary {
    /// Index of each word or label; labels come after the words.
    index: HashMap<Box<[u8]>, u32>,
    words: usize,
    labels: Vec<String>,
    label_counts: Vec<i64>,
    /// Rows of the buckets that pruning left, where there was pruning.
    pruned: Option<HashMap<u32, u32>>,
    features: Features,
}

impl Dictionary {
    pub(super) fn read(reader: &mut Reader<impl Read>, features: Features) -> Result<Self> {
        let size = reader.size32("the size of the dictionary", 0..=i32::MAX)?;
        let words = reader.size32("the number of words", 0..=i32::MAX)?;
        let label_count = reader.size32("the number of labels", 0..=i32::MAX)?;
        if words.checked_add(label_count) != Some(size) {
            return Err(reader.refuse(format_args!(
                "{words} words and {label_count} labels in a dictionary of {size}"
            )));
        }
        let _tokens = reader.i64()?;
        let pruned_size = reader.i64()?;
        // An entry has ten bytes at least: its end, a count and a type.
        if size as u64 > reader.left() / 10 {
            return Err(reader.refuse(format_args!("{size} entries are announced")));
        }
        let mut index = HashMap::with_capacity(size);
        let mut labels = Vec::with_capacity(label_count);
        let mut label_counts = Vec::with_capacity(label_count);
        for at in 0..size {
            let word = reader.word()?;
            let count = reader.i64()?;
            let is_label = reader.u8()? == 1;
            if is_label != (at >= words) {
                return Err(reader.refuse("words and labels are mixed"));
            }
            if is_label {
                labels.push(String::from_utf8_lossy(&word).into_owned());
                label_counts.push(count);
            }
            index.insert(word, at as u32);
        }
        let pruned = match u64::try_from(pruned_size) {
            // -1 says that nothing was pruned.
            Err(_) => None,
            Ok(count) if count > reader.left() / 8 => {
                return Err(reader.refuse(format_args!("{count} kept buckets are announced")));
            }
            Ok(count) => {
                let mut map = HashMap::with_capacity(count as usize);
                for _ in 0..count {
                    let bucket = reader.size32("a kept bucket", 0..=i32::MAX)?;
                    let row = reader.size32("the row of a kept bucket", 0..=i32::MAX)?;
                    if row as u64 >= count {
                        return Err(reader.refuse(format_args!("row {row} of {count}")));
                    }
                    map.insert(bucket as u32, row as u32);
                }
                Some(map)
            }
        };
        let dictionary = Self {
            index,
            words,
            labels,
            label_counts,
            pruned,
            features,
        };
        if dictionary.features.buckets == 0 && dictionary.uses_buckets() {
            return Err(reader.refuse("it uses n-grams and has no buckets for them"));
        }
        Ok(dictionary)
    }

    fn uses_buckets(&self) -> bool {
        self.features.word_ngrams > 1 || self.features.longest > 0
    }

    pub(super) fn is_pruned(&self) -> bool {
        self.pruned.is_some()
    }

    /// Rows that the input matrix must have.
    pub(super) fn rows_needed(&self) -> usize {
        match &self.pruned {
            Some(pruned) => self.words + pruned.len(),
            None if self.uses_buckets() => self.words + self.features.buckets,
            None => self.words,
        }
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(super) fn label_counts(&self) -> &[i64] {
        &self.label_counts
    }

    /// The rows of one line of text, in fastText's order, into `rows`.
    pub(super) fn line(&self, text: &str, rows: &mut Vec<usize>) {
        rows.clear();
        let mut hashes = Vec::new();
        let mut scratch = Vec::new();
        let words = text
            .as_bytes()
            .split(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c | 0))
            .filter(|word| !word.is_empty());
        for word in words.chain([END_OF_LINE]) {
            let entry = self.index.get(word).map(|&at| at as usize);
            let is_label = match entry {
                Some(at) => at >= self.words,
                None => word.starts_with(LABEL),
            };
            if is_label {
                continue;
            }
            rows.extend(entry);
            if word != END_OF_LINE && self.features.longest > 0 {
                scratch.clear();
                scratch.push(b'<');
                scratch.extend_from_slice(word);
                scratch.push(b'>');
                self.subwords(&scratch, rows);
            }
            if self.features.word_ngrams > 1 {
                hashes.push(hash(word));
            }
            if word == END_OF_LINE {
                break;
            }
        }
        self.word_ngrams(&hashes, rows);
    }

    /// Character n-grams of a word in its brackets.
    fn subwords(&self, word: &[u8], rows: &mut Vec<usize>) {
        let continues = |byte: u8| byte & 0xc0 == 0x80;
        for start in 0..word.len() {
            if continues(word[start]) {
                continue;
            }
            let mut hash = FNV_OFFSET;
            let mut end = start;
            for length in 1..=self.features.longest {
                if end == word.len() {
                    break;
                }
                hash = fnv(hash, word[end]);
                end += 1;
                while end < word.len() && continues(word[end]) {
                    hash = fnv(hash, word[end]);
                    end += 1;
                }
                let bracket_alone = length == 1 && (start == 0 || end == word.len());
                if length >= self.features.shortest && !bracket_alone {
                    self.push_bucket(hash as usize % self.features.buckets, rows);
                }
            }
        }
    }

    fn word_ngrams(&self, hashes: &[u32], rows: &mut Vec<usize>) {
        // The original keeps hashes in signed 32-bit integers and widens them with their sign.
        let widen = |hash: u32| i64::from(hash as i32) as u64;
        for (start, &first) in hashes.iter().enumerate() {
            let mut hash = widen(first);
            for &next in hashes[start + 1..]
                .iter()
                .take(self.features.word_ngrams - 1)
            {
                hash = hash.wrapping_mul(116_049_371).wrapping_add(widen(next));
                self.push_bucket((hash % self.features.buckets as u64) as usize, rows);
            }
        }
    }

    fn push_bucket(&self, bucket: usize, rows: &mut Vec<usize>) {
        let bucket = match &self.pruned {
            None => Some(bucket),
            Some(pruned) => pruned.get(&(bucket as u32)).map(|&row| row as usize),
        };
        rows.extend(bucket.map(|bucket| self.words + bucket));
    }
}

const FNV_OFFSET: u32 = 2_166_136_261;

/// One step of FNV-1a with fastText's twist: a byte is a signed number before it is widened.
fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ (byte as i8 as u32)).wrapping_mul(16_777_619)
}

fn hash(word: &[u8]) -> u32 {
    word.iter().fold(FNV_OFFSET, |hash, &byte| fnv(hash, byte))
}
