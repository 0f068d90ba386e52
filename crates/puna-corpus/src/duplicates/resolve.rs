//! The decision over all shards: sorted by key, candidates by band, clusters by union-find.

use super::decisions::{BOILERPLATE, BOILERPLATE_MAGIC, DUPLICATES, DUPLICATES_MAGIC};
use super::shard::{LINES, SIGNATURES, header};
use super::{BoilerplateSettings, DuplicateSettings, MinHasher, estimated_jaccard};
use crate::error::{Error, Result};
use crate::external_sort::ExternalSorter;
use puna_text::atomic_file::AtomicFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Members of one bucket that others are compared with: a bucket of unlike documents (a shared
/// template) must not cost its square.
const LEADERS: usize = 8;

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Documents with at least one word.
    pub documents: u64,
    /// Documents whose normalised text stays elsewhere.
    pub exact: u64,
    /// Documents most of whose shingles stay elsewhere.
    pub near: u64,
    /// Candidate pairs that the whole signatures refused.
    pub refused_pairs: u64,
    /// Lines of sites that are boilerplate.
    pub boilerplate_lines: u64,
    /// How many clusters of copies there are, by the number of their documents.
    pub clusters: BTreeMap<u64, u64>,
}

/// Decides over the shards noted in `directories` and writes the files that `Decisions` opens into
/// `work_directory`. The outcome depends on the documents and their keys only.
pub fn resolve(
    directories: &[PathBuf],
    settings: &DuplicateSettings,
    work_directory: &Path,
) -> Result<Summary> {
    let shards = shards(directories)?;
    let mut summary = Summary::default();
    let documents = Documents::sort(&shards, settings, work_directory)?;
    summary.documents = documents.count.into();
    let mut clusters = Clusters::new(documents.count);
    let exact = documents.join_exact(settings, work_directory, &mut clusters)?;
    summary.refused_pairs = documents.join_near(settings, work_directory, &mut clusters)?;
    documents.write(settings, work_directory, exact, &mut clusters, &mut summary)?;
    // The lines need neither: 4 bytes a document in memory, a whole record of it on disk.
    drop((documents, clusters));
    summary.boilerplate_lines = boilerplate(&shards, settings, work_directory)?;
    Ok(summary)
}

/// The shards' files without extension, sorted.
fn shards(directories: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut shards = Vec::new();
    for directory in directories {
        for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
            let path = entry.map_err(Error::io("read", directory))?.path();
            let hidden = path
                .file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with('.'));
            if !hidden && path.extension().is_some_and(|e| e == SIGNATURES) {
                shards.push(path.with_extension(""));
            }
        }
    }
    shards.sort();
    shards.dedup();
    Ok(shards)
}

/// `shard` with `extension` after its name, which may hold dots itself.
fn file_of(shard: &Path, extension: &str) -> PathBuf {
    let mut name = shard.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Calls `each` with every record of a shard's file after its header.
fn each_record(
    path: &Path,
    header: &[u8],
    width: usize,
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut start = vec![0; header.len()];
    let whole = length >= header.len() as u64
        && (length - header.len() as u64).is_multiple_of(width as u64);
    if whole {
        reader
            .read_exact(&mut start)
            .map_err(Error::io("read", path))?;
    }
    if !whole || start != header {
        return Err(Error::Format {
            path: path.into(),
            what: "cut short, or made with other settings; run this shard again".into(),
        });
    }
    let mut record = vec![0; width];
    for _ in 0..(length - header.len() as u64) / width as u64 {
        reader
            .read_exact(&mut record)
            .map_err(Error::io("read", path))?;
        each(&record)?;
    }
    Ok(())
}

/// All documents in key order, on disk: key, exact key, signature.
struct Documents {
    file: File,
    width: usize,
    count: u32,
    directory: PathBuf,
}

impl Documents {
    fn sort(shards: &[PathBuf], settings: &DuplicateSettings, directory: &Path) -> Result<Self> {
        let width = 24 + 4 * settings.near.permutations;
        let mut sorter = ExternalSorter::new(width, settings.memory, directory)?;
        for shard in shards {
            let path = file_of(shard, SIGNATURES);
            each_record(&path, &header(settings), width, |r| sorter.push(r))?;
        }
        let write = || Error::io("write", directory);
        let file = tempfile::tempfile_in(directory).map_err(write())?;
        let mut writer = BufWriter::with_capacity(1 << 18, file);
        let (mut count, mut last) = (0u32, None);
        for record in sorter.finish()? {
            let record = record?;
            let key = key(&record);
            if last == Some(key) || count == u32::MAX {
                let path = match shards {
                    [only] => file_of(only, SIGNATURES),
                    _ => directory.into(),
                };
                return Err(Error::Format {
                    path,
                    what: format!(
                        "key {key} stands for two documents, or there are more than {}; give every \
                         document a key of its own and resolve fewer at once",
                        u32::MAX
                    ),
                });
            }
            last = Some(key);
            writer.write_all(&record).map_err(write())?;
            count += 1;
        }
        let file = writer.into_inner().map_err(|e| write()(e.into_error()))?;
        Ok(Self {
            file,
            width,
            count,
            directory: directory.into(),
        })
    }

    fn read(&self, row: u32, record: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(record, u64::from(row) * self.width as u64)
            .map_err(Error::io("read", &self.directory))
    }

    fn signature(&self, row: u32, bytes: &mut [u8]) -> Result<Vec<u32>> {
        self.read(row, bytes)?;
        Ok(numbers(&bytes[24..]))
    }

    /// Joins equal texts; gives the rows that are copies, in order.
    fn join_exact(
        &self,
        settings: &DuplicateSettings,
        directory: &Path,
        clusters: &mut Clusters,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>>> + use<>> {
        let mut texts = ExternalSorter::new(20, settings.memory, directory)?;
        let mut record = [0; 24];
        for row in 0..self.count {
            self.read(row, &mut record)?;
            let mut text = [0; 20];
            text[..16].copy_from_slice(&record[8..]);
            text[16..].copy_from_slice(&row.to_be_bytes());
            texts.push(&text)?;
        }
        let mut copies = ExternalSorter::new(4, settings.memory / 4, directory)?;
        let mut first: Option<Vec<u8>> = None;
        for text in texts.finish()? {
            let text = text?;
            match &first {
                Some(first) if first[..16] == text[..16] => {
                    clusters.join(row(&first[16..]), row(&text[16..]));
                    copies.push(&text[16..])?;
                }
                _ => first = Some(text),
            }
        }
        copies.finish()
    }

    /// Joins near duplicates; gives the number of candidate pairs refused.
    fn join_near(
        &self,
        settings: &DuplicateSettings,
        directory: &Path,
        clusters: &mut Clusters,
    ) -> Result<u64> {
        let hasher = MinHasher::new(&settings.near)?;
        let mut bands = ExternalSorter::new(12, settings.memory, directory)?;
        let mut bytes = vec![0; self.width];
        for row in 0..self.count {
            let signature = self.signature(row, &mut bytes)?;
            for bucket in hasher.buckets(&signature) {
                let mut entry = [0; 12];
                entry[..8].copy_from_slice(&bucket.to_be_bytes());
                entry[8..].copy_from_slice(&row.to_be_bytes());
                bands.push(&entry)?;
            }
        }
        let (mut refused, mut bucket) = (0, None);
        // Signatures of leaders are read once the bucket has a second member: most never have.
        let mut leaders: Vec<(u32, Option<Vec<u32>>)> = Vec::new();
        for entry in bands.finish()? {
            let entry = entry?;
            let member = row(&entry[8..]);
            if bucket != Some(key(&entry)) {
                bucket = Some(key(&entry));
                leaders.clear();
                leaders.push((member, None));
                continue;
            }
            let (mut signature, mut joined) = (None, false);
            for (leader, of_leader) in &mut leaders {
                if clusters.root(*leader) == clusters.root(member) {
                    joined = true;
                    continue;
                }
                if settings.near.verify {
                    if signature.is_none() {
                        signature = Some(self.signature(member, &mut bytes)?);
                    }
                    if of_leader.is_none() {
                        *of_leader = Some(self.signature(*leader, &mut bytes)?);
                    }
                    let (Some(a), Some(b)) = (&signature, &*of_leader) else {
                        continue;
                    };
                    if estimated_jaccard(a, b) < settings.near.jaccard {
                        refused += 1;
                        continue;
                    }
                }
                clusters.join(*leader, member);
                joined = true;
            }
            if !joined && leaders.len() < LEADERS {
                leaders.push((member, signature));
            }
        }
        Ok(refused)
    }

    fn write(
        &self,
        settings: &DuplicateSettings,
        directory: &Path,
        exact: impl Iterator<Item = Result<Vec<u8>>>,
        clusters: &mut Clusters,
        summary: &mut Summary,
    ) -> Result<()> {
        let mut out = AtomicFile::create(&directory.join(DUPLICATES))?;
        out.write_all(DUPLICATES_MAGIC)?;
        let mut exact = exact.peekable();
        let mut bytes = [0; 8];
        let mut roots = ExternalSorter::new(4, settings.memory / 4, directory)?;
        for member in 0..self.count {
            let is_exact = matches!(exact.peek(), Some(Ok(r)) if row(r) == member);
            if is_exact || matches!(exact.peek(), Some(Err(_))) {
                exact.next().transpose()?;
            }
            let root = clusters.root(member);
            if root == member {
                continue;
            }
            self.read(member, &mut bytes)?;
            out.write_all(&bytes)?;
            self.read(root, &mut bytes)?;
            out.write_all(&bytes)?;
            out.write_all(&[u8::from(!is_exact)])?;
            roots.push(&root.to_be_bytes())?;
            if is_exact {
                summary.exact += 1;
            } else {
                summary.near += 1;
            }
        }
        // Members of one cluster follow each other now, all but the root itself.
        let mut roots = roots.finish()?.peekable();
        while let Some(root) = roots.next().transpose()? {
            let mut documents = 2;
            while roots
                .next_if(|r| matches!(r, Ok(r) if *r == root))
                .is_some()
            {
                documents += 1;
            }
            *summary.clusters.entry(documents).or_default() += 1;
        }
        Ok(out.commit()?)
    }
}

/// Writes the lines repeated over their site; gives their number.
fn boilerplate(shards: &[PathBuf], settings: &DuplicateSettings, directory: &Path) -> Result<u64> {
    let BoilerplateSettings {
        min_documents,
        min_share,
    } = settings.boilerplate;
    let mut sorter = ExternalSorter::new(16, settings.memory, directory)?;
    for shard in shards {
        each_record(&file_of(shard, LINES), &[], 16, |r| sorter.push(r))?;
    }
    let mut out = AtomicFile::create(&directory.join(BOILERPLATE))?;
    out.write_all(BOILERPLATE_MAGIC)?;
    let (mut written, mut documents) = (0, 0);
    let mut sorted = sorter.finish()?.peekable();
    while let Some(record) = sorted.next() {
        let record = record?;
        let mut count = 1u64;
        while let Some(Ok(_)) = sorted.next_if(|r| matches!(r, Ok(r) if *r == record)) {
            count += 1;
        }
        if key(&record[8..]) == 0 {
            // Line 0 sorts first: the number of the site's documents.
            documents = count;
        } else if count >= min_documents && count as f64 >= min_share * documents as f64 {
            out.write_all(&record)?;
            written += 1;
        }
    }
    out.commit()?;
    Ok(written)
}

/// Union-find over rows, 4 bytes each; the smallest row, so the smallest key, is the root.
struct Clusters(Vec<u32>);

impl Clusters {
    fn new(count: u32) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut row: u32) -> u32 {
        while self.0[row as usize] != row {
            let parent = self.0[row as usize];
            self.0[row as usize] = self.0[parent as usize];
            row = self.0[row as usize];
        }
        row
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

fn key(record: &[u8]) -> u64 {
    record[..8].iter().fold(0, |n, &b| n << 8 | u64::from(b))
}

fn row(bytes: &[u8]) -> u32 {
    bytes[..4].iter().fold(0, |n, &b| n << 8 | u32::from(b))
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(row).collect()
}
