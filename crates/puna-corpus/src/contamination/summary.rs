//! The report as data: `contamination.json`, and a line for each sample in `samples.jsonl`.

use super::analysis::Analysis;
use super::corpus::Part;
use super::cover::{Covers, Found};
use super::html::render_html;
use super::scan::Scanned;
use super::settings::Settings;
use super::statistics::{Outcome, SubsetRow, affected, subsets};
use crate::error::{Error, Result};
use puna_text::Tokenizer;
use puna_text::atomic_file::{AtomicFile, write_atomically};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Samples of a set that are shown with their passages.
const SHOWN: usize = 25;
/// Passages of a sample that are shown.
const PASSAGES: usize = 4;

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What kind of file this is.
    pub schema: String,
    /// Program and version.
    pub made_by: String,
    /// What counted as a match and as an effect.
    pub settings: Settings,
    /// Hash of the vocabulary.
    pub tokenizer: String,
    /// Documents of the corpus.
    pub documents: u64,
    /// Tokens of the corpus.
    pub tokens: u64,
    /// Damaged records of the corpus.
    pub damaged: u64,
    /// The files of the corpus.
    pub files: Vec<CorpusFile>,
    /// The evaluation sets.
    pub sets: Vec<SetReport>,
}

/// A file of the corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusFile {
    /// Its name.
    pub name: String,
    /// Its documents.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Records that could not be read.
    pub damaged: u64,
    /// Offset and fault of the first of them.
    pub damage: Vec<(u64, String)>,
}

/// An evaluation set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetReport {
    /// Its name.
    pub name: String,
    /// Its samples.
    pub samples: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Samples too short to hold a match: for them, clean means nothing.
    pub too_short: u64,
    /// Samples with a value of the metric.
    pub measured: u64,
    /// The numbers for each minimum length.
    pub lengths: Vec<LengthRow>,
    /// The largest minimum length at which the result is affected.
    pub largest_affected: Option<u32>,
    /// The samples with the largest contaminated share.
    pub most_contaminated: Vec<SampleReport>,
}

/// A set at one minimum length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LengthRow {
    /// The minimum length L.
    pub length: u32,
    /// Samples with a contaminated token.
    pub touched: u64,
    /// Contaminated tokens.
    pub contaminated: u64,
    /// Mean of the samples' contaminated shares.
    pub average_share: f64,
    /// Clean, not clean, not dirty, dirty.
    pub subsets: [SubsetRow; 4],
    /// Whether contamination has affected the result; `None` without values.
    pub affected: Option<bool>,
}

/// A sample and where it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleReport {
    /// Its id.
    pub id: String,
    /// Its tokens.
    pub tokens: u64,
    /// Its contaminated share for each minimum length.
    pub shares: Vec<f64>,
    /// How the model did on it.
    pub value: Option<f64>,
    /// Its longest matches, no token under more than one longer.
    pub passages: Vec<Passage>,
    /// Matches that are not shown.
    pub more_passages: u64,
}

/// A passage of a sample that a document of the corpus holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Its tokens.
    pub length: u32,
    /// Its first token in the sample.
    pub start: u32,
    /// The file of the corpus.
    pub file: String,
    /// The document in it.
    pub document: String,
    /// Its first token in the document.
    pub at: u32,
    /// What it says.
    pub pieces: Vec<Piece>,
}

/// Text that both say, or that the document says differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// In the sample.
    pub text: String,
    /// In the document, where it differs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instead: Option<String>,
}

/// Counts of the corpus by file.
#[derive(Debug, Default)]
pub(super) struct Corpus(Vec<CorpusFile>);

impl Corpus {
    /// Adds a piece; pieces of one file follow each other.
    pub fn add(&mut self, name: &str, scanned: &Scanned) {
        if self.0.last().is_none_or(|last| last.name != name) {
            self.0.push(CorpusFile {
                name: name.to_owned(),
                documents: 0,
                tokens: 0,
                damaged: 0,
                damage: Vec::new(),
            });
        }
        if let Some(file) = self.0.last_mut() {
            file.documents += scanned.documents;
            file.tokens += scanned.tokens;
            file.damaged += scanned.damaged.len() as u64 + scanned.more_damaged;
            file.damage.extend(scanned.damaged.iter().cloned());
        }
    }
}

/// A line of `samples.jsonl`.
#[derive(Serialize)]
struct SampleLine<'a> {
    set: &'a str,
    id: &'a str,
    tokens: usize,
    shares: &'a [f64],
    longest: u32,
    file: Option<&'a str>,
    document: Option<&'a str>,
    value: Option<f64>,
}

/// Makes the report and writes its files.
pub(super) fn write(analysis: &Analysis<'_>, covers: &Covers, corpus: Corpus) -> Result<Report> {
    let out = &analysis.out;
    let mut lines = AtomicFile::create(&out.join("samples.jsonl"))?;
    let mut first = 0;
    let mut sets = Vec::new();
    for number in 0..analysis.sets.len() {
        sets.push(set(analysis, covers, number, first, &mut lines)?);
        first += analysis.sets[number].ids.len();
    }
    lines.commit()?;
    let files = corpus.0;
    let report = Report {
        schema: "puna contamination 1".to_owned(),
        made_by: concat!("puna ", env!("CARGO_PKG_VERSION")).to_owned(),
        settings: analysis.settings.clone(),
        tokenizer: analysis.tokenizer.hash_hex(),
        documents: files.iter().map(|file| file.documents).sum(),
        tokens: files.iter().map(|file| file.tokens).sum(),
        damaged: files.iter().map(|file| file.damaged).sum(),
        files,
        sets,
    };
    let path = out.join("contamination.json");
    let mut json = serde_json::to_vec_pretty(&report).map_err(not_json(&path))?;
    json.push(b'\n');
    write_atomically(&path, &json)?;
    write_atomically(
        &out.join("contamination.html"),
        render_html(&report).as_bytes(),
    )?;
    Ok(report)
}

fn not_json(path: &Path) -> impl FnOnce(serde_json::Error) -> Error + '_ {
    |e| Error::Format {
        path: path.into(),
        what: e.to_string(),
    }
}

fn set(
    analysis: &Analysis<'_>,
    covers: &Covers,
    number: usize,
    first: usize,
    lines: &mut AtomicFile,
) -> Result<SetReport> {
    let (set, settings) = (&analysis.sets[number], &analysis.settings);
    let values = analysis.metric.of(number);
    let samples: Vec<&[u32]> = set.samples().collect();
    let counts: Vec<Vec<usize>> = (0..samples.len())
        .map(|sample| {
            let shortest = settings.lengths.iter().map(|&l| settings.shortest(l));
            shortest
                .map(|shortest| covers.contaminated(first + sample, shortest))
                .collect()
        })
        .collect();
    let share = |sample: usize, length: usize| match samples[sample].len() {
        0 => 0.0,
        tokens => counts[sample][length] as f64 / tokens as f64,
    };
    for (sample, tokens) in samples.iter().enumerate() {
        let shares: Vec<f64> = (0..settings.lengths.len())
            .map(|length| share(sample, length))
            .collect();
        let longest = by_length(covers, first + sample).into_iter().next();
        let line = SampleLine {
            set: &set.name,
            id: &set.ids[sample],
            tokens: tokens.len(),
            shares: &shares,
            longest: longest.map_or(0, |found| found.passage.length),
            file: longest.map(|found| analysis.parts[found.part as usize].name()),
            document: longest.map(|found| found.document.as_str()),
            value: values[sample],
        };
        let mut json = serde_json::to_vec(&line).map_err(not_json("samples.jsonl".as_ref()))?;
        json.push(b'\n');
        lines.write_all(&json)?;
    }
    let rows: Vec<LengthRow> = (0..settings.lengths.len())
        .map(|length| {
            let outcomes: Vec<Outcome> = (0..samples.len())
                .map(|sample| Outcome {
                    share: share(sample, length),
                    value: values[sample],
                })
                .collect();
            let rows = subsets(&outcomes, settings);
            let shares = outcomes.iter().map(|outcome| outcome.share);
            LengthRow {
                length: settings.lengths[length],
                touched: counts.iter().filter(|c| c[length] > 0).count() as u64,
                contaminated: counts.iter().map(|c| c[length] as u64).sum(),
                average_share: shares.sum::<f64>() / samples.len() as f64,
                affected: affected(&rows, settings),
                subsets: rows,
            }
        })
        .collect();
    let mut worst: Vec<usize> = (0..samples.len())
        .filter(|&sample| counts[sample][0] > 0)
        .collect();
    worst.sort_by(|&a, &b| {
        let shares = share(b, 0).total_cmp(&share(a, 0));
        // Of equally contaminated ones the longer says more.
        shares
            .then(samples[b].len().cmp(&samples[a].len()))
            .then(a.cmp(&b))
    });
    worst.truncate(SHOWN);
    let shortest = settings.shortest(settings.lengths[0]) as usize;
    let shown = worst.into_iter().map(|sample| {
        let found = by_length(covers, first + sample);
        let passages = found.iter().take(PASSAGES);
        SampleReport {
            id: set.ids[sample].clone(),
            tokens: samples[sample].len() as u64,
            shares: (0..settings.lengths.len())
                .map(|length| share(sample, length))
                .collect(),
            value: values[sample],
            passages: passages
                .map(|found| {
                    passage(
                        found,
                        samples[sample],
                        analysis.parts[found.part as usize].as_ref(),
                        analysis.tokenizer,
                    )
                })
                .collect(),
            more_passages: found.len().saturating_sub(PASSAGES) as u64,
        }
    });
    Ok(SetReport {
        name: set.name.clone(),
        samples: samples.len() as u64,
        tokens: samples.iter().map(|tokens| tokens.len() as u64).sum(),
        too_short: samples.iter().filter(|s| s.len() < shortest).count() as u64,
        measured: values.iter().flatten().count() as u64,
        most_contaminated: shown.collect(),
        largest_affected: rows
            .iter()
            .filter(|row| row.affected == Some(true))
            .map(|row| row.length)
            .max(),
        lengths: rows,
    })
}

/// A sample's matches, the longest first, then as the sample goes.
fn by_length(covers: &Covers, sample: usize) -> Vec<&Found> {
    let mut found: Vec<&Found> = covers.found(sample).collect();
    found.sort_by_key(|found| (std::cmp::Reverse(found.passage.length), found.passage.start));
    found
}

fn passage(found: &Found, sample: &[u32], part: &dyn Part, tokenizer: &Tokenizer) -> Passage {
    let matched = &found.passage;
    let tokens = &sample[matched.start as usize..][..matched.length as usize];
    let text = |tokens: &[u32]| {
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|&token| tokenizer.piece_bytes(token).iter().copied())
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (mut pieces, mut from) = (Vec::new(), 0);
    let same = |range: std::ops::Range<usize>, pieces: &mut Vec<Piece>| {
        if !range.is_empty() {
            pieces.push(Piece {
                text: text(&tokens[range]),
                instead: None,
            });
        }
    };
    for &(place, theirs) in &matched.differences {
        let place = place as usize;
        same(from..place, &mut pieces);
        pieces.push(Piece {
            text: text(&tokens[place..=place]),
            instead: Some(text(&[theirs])),
        });
        from = place + 1;
    }
    same(from..tokens.len(), &mut pieces);
    Passage {
        length: matched.length,
        start: matched.start,
        file: part.name().to_owned(),
        document: found.document.clone(),
        at: matched.at,
        pieces,
    }
}
