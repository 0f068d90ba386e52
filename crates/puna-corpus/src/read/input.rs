//! Inputs as the user names them: files, directories, globs, addresses.

use super::ReadSeek;
use super::format::{HTML_ENDINGS, TEXT_ENDINGS, last_part, without_codec};
use crate::error::{Error, Result};
use puna_text::hash;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// One file or object to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    name: String,
    bytes: u64,
    #[serde(skip)]
    place: Place,
    /// Whether it tells of the data beside it, and was not asked for by its name.
    #[serde(skip)]
    about_data: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    #[cfg(feature = "object-store")]
    Object,
}

impl Input {
    /// The file at a path.
    pub fn file(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
        Ok(Self {
            name: path.to_string_lossy().into_owned(),
            bytes: metadata.len(),
            place: Place::File(path.into()),
            about_data: false,
        })
    }

    #[cfg(feature = "object-store")]
    pub(super) fn object(address: String, bytes: u64) -> Self {
        Self {
            name: address,
            bytes,
            place: Place::Object,
            about_data: false,
        }
    }

    /// The same input as what the user wrote found it: a licence or the like that lies in a directory,
    /// or that a wildcard matches, is about the data; one whose name was written is data.
    pub(super) fn found_by(mut self, written: &str) -> Self {
        self.about_data = tells_of_data(&self.name) && last_part(&self.name) != last_part(written);
        self
    }

    pub(super) fn is_about_data(&self) -> bool {
        self.about_data
    }

    /// The same input, with its name counted from a directory that it lies below: so that outputs do
    /// not tell where that is.
    #[must_use]
    pub fn named_from(mut self, directory: &Path) -> Self {
        if let Ok(name) = Path::new(&self.name).strip_prefix(directory) {
            self.name = name.to_string_lossy().into_owned();
        }
        self
    }

    /// As it is written in outputs: the path as the user gave it, or the address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds: SHA-256 of a file; of an object, whose contents are elsewhere, its name and
    /// size. Equal identities need no reading again.
    pub fn identity(&self) -> Result<String> {
        match &self.place {
            Place::File(path) => Ok(hash::of_file(path)?),
            #[cfg(feature = "object-store")]
            Place::Object => Ok(format!("{} of {} bytes", self.name, self.bytes)),
        }
    }

    /// Its size as stored.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn stored(&self) -> Result<Box<dyn ReadSeek>> {
        match &self.place {
            Place::File(path) => Ok(Box::new(File::open(path).map_err(Error::io("read", path))?)),
            #[cfg(feature = "object-store")]
            Place::Object => super::object::open(&self.name, self.bytes),
        }
    }
}

/// A wildcard stands for part of one name, and not for the dot of a hidden file.
pub(super) const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The inputs named by paths, directories (with all below them), globs and addresses; sorted by
/// name, each file once. A directory's hidden files are left out.
pub fn expand(inputs: &[String]) -> Result<Vec<Input>> {
    // By what they are in the end, so that a file named in two ways is read once.
    let mut found: BTreeMap<PathBuf, Input> = BTreeMap::new();
    let mut objects: BTreeMap<String, Input> = BTreeMap::new();
    for input in inputs {
        let fail = |what: String| Error::Input {
            input: input.clone(),
            what,
        };
        if is_address(input) {
            for object in list_address(input)? {
                let object = object.found_by(input);
                let kept = objects.entry(object.name.clone());
                let kept = kept.or_insert_with(|| object.clone());
                kept.about_data &= object.about_data;
            }
            continue;
        }
        let mut paths = Vec::new();
        if Path::new(input).exists() {
            paths.push(PathBuf::from(input));
        } else if input.contains(['*', '?', '[']) {
            let matches =
                glob::glob_with(input, GLOB).map_err(|e| fail(format!("no glob: {e}")))?;
            for path in matches {
                paths.push(path.map_err(|e| {
                    let path = e.path().to_path_buf();
                    Error::io("read", &path)(e.into())
                })?);
            }
        }
        let mut files = Vec::new();
        for path in &paths {
            walk(path, &mut BTreeSet::new(), &mut files)?;
        }
        if files.is_empty() {
            let what = if paths.is_empty() {
                "names nothing; give a file, a directory, a glob or an address"
            } else {
                "has no files in it"
            };
            return Err(fail(what.into()));
        }
        for file in files {
            let real = fs::canonicalize(&file).map_err(Error::io("read", &file))?;
            let input = Input::file(&file)?.found_by(input);
            let kept = found.entry(real).or_insert_with(|| input.clone());
            let about_data = kept.about_data && input.about_data;
            // Of many names the shortest: links make them longer.
            if (input.name.len(), &input.name) < (kept.name.len(), &kept.name) {
                *kept = input;
            }
            kept.about_data = about_data;
        }
    }
    let mut all: Vec<Input> = found.into_values().chain(objects.into_values()).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// All files at and below a path, through links, but never round in circles.
fn walk(path: &Path, above: &mut BTreeSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.into());
        return Ok(());
    }
    let real = fs::canonicalize(path).map_err(Error::io("read", path))?;
    if !above.insert(real.clone()) {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
        let entry = entry.map_err(Error::io("read", path))?;
        // A link to nothing is no file.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") && entry.path().exists() {
            walk(&entry.path(), above, files)?;
        }
    }
    above.remove(&real);
    Ok(())
}

/// What lies beside data and tells of it, by its whole name before the ending, in lower case.
const ABOUT: [&str; 9] = [
    "changelog",
    "citation",
    "copying",
    "licence",
    "license",
    "notice",
    "notices",
    "provenance",
    "readme",
];

/// Whether a file's name says that it tells of the data beside it: a text or a page so called. Others
/// of these names hold records (`readme.jsonl`), or are of no format by name (`LICENSE`).
fn tells_of_data(name: &str) -> bool {
    let name = last_part(name).to_ascii_lowercase();
    let name = without_codec(&name);
    let mut endings = TEXT_ENDINGS.iter().chain(&HTML_ENDINGS);
    let stem = endings.find_map(|ending| name.strip_suffix(ending));
    stem.is_some_and(|stem| ABOUT.contains(&stem))
}

/// Whether an input is an address rather than a path.
fn is_address(input: &str) -> bool {
    let scheme = input.split_once("://").map_or("", |s| s.0);
    let schemes = [
        "s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "http", "https",
    ];
    schemes.iter().any(|s| scheme.eq_ignore_ascii_case(s))
}

#[cfg(feature = "object-store")]
fn list_address(address: &str) -> Result<Vec<Input>> {
    super::object::list(address)
}

#[cfg(not(feature = "object-store"))]
fn list_address(address: &str) -> Result<Vec<Input>> {
    Err(Error::Input {
        input: address.into(),
        what: "an address, and this program was built without the feature object-store; build it \
               with --features object-store, or copy the files here"
            .into(),
    })
}
