//! The tables of the report, made from the tally.

use super::counts::{self, Size};
use super::document::Reason;
use super::exposure::{BINS, edge};
use super::filter::Share;
use super::pronouns::PronounSet;
use super::summary::{
    About, AxisRow, Bin, ClusterSize, DamagedFile, Damages, DecisionRow, Duplicates, Headline,
    Identity, LanguageRow, PersonalRow, PronounTable, QualityRule, Row, SiteTable, SourceRow, Step,
    Subset, Toxicity,
};
use super::tally::Tally;
use super::terms::Axis;

/// Name of the row that stands for names past the limit.
const OTHERS: &str = "(all others)";

/// A fraction, as [`short`] has it; zero of nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        short(part as f64 / whole as f64)
    }
}

/// Nine decimals: short enough that any JSON parser reads back the same number.
pub(super) fn short(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// Most first, then by alphabet.
fn most_first<T>(rows: &mut [T], key: impl Fn(&T) -> (u64, &str)) {
    rows.sort_by(|a, b| {
        let ((a, a_name), (b, b_name)) = (key(a), key(b));
        b.cmp(&a).then_with(|| a_name.cmp(b_name))
    });
}

fn left_out_size(tally: &Tally) -> (u64, u64) {
    tally
        .reasons
        .values()
        .fold((0, 0), |(documents, bytes), size| {
            (documents + size.documents, bytes + size.bytes)
        })
}

pub(super) fn headline(tally: &Tally) -> Headline {
    let documents_in = tally.kept.documents + left_out_size(tally).0;
    let personal = personal(tally);
    Headline {
        documents_in,
        documents_kept: tally.kept.documents,
        kept: share(tally.kept.documents, documents_in),
        bytes_kept: tally.kept.bytes,
        words_kept: tally.kept.words,
        english: tally.english.all.documents,
        personal_found: personal.iter().map(|row| row.found).sum(),
        personal_kept: personal.iter().map(|row| row.kept).sum(),
        damaged: damage(tally).records,
    }
}

pub(super) fn steps(tally: &Tally) -> Vec<Step> {
    let documents_in = tally.kept.documents + left_out_size(tally).0;
    let none = Size::default();
    Reason::ALL
        .into_iter()
        .map(|reason| {
            let size = tally.reasons.get(&reason).unwrap_or(&none);
            Step {
                reason,
                documents: size.documents,
                share: share(size.documents, documents_in),
                bytes: size.bytes,
            }
        })
        .collect()
}

pub(super) fn quality_rules(tally: &Tally) -> Vec<QualityRule> {
    let row = |(rule, counts): (&str, &counts::Rule)| QualityRule {
        rule: rule.to_owned(),
        documents: counts.documents,
        alone: counts.alone,
    };
    let mut rows: Vec<_> = tally.rules.iter().map(row).collect();
    most_first(&mut rows, |row| (row.documents, &row.rule));
    rows.extend(tally.rules.others().map(|counts| row((OTHERS, counts))));
    rows
}

pub(super) fn languages(tally: &Tally) -> Vec<LanguageRow> {
    let row = |(code, counts): (&str, &counts::Language)| LanguageRow {
        code: code.to_owned(),
        documents: counts.kept,
        share: share(counts.kept, tally.kept.documents),
        left_out: counts.left_out,
        left_out_by_quality: counts.quality,
    };
    let mut rows: Vec<_> = tally.languages.iter().map(row).collect();
    most_first(&mut rows, |row| (row.documents, &row.code));
    rows.extend(tally.languages.others().map(|counts| row((OTHERS, counts))));
    rows
}

pub(super) fn toxicity(tally: &Tally) -> Toxicity {
    let all = &tally.english.all;
    let half: u64 = tally.english.histogram[BINS / 2..].iter().sum();
    Toxicity {
        documents: all.scored,
        not_scored: all.documents.saturating_sub(all.scored),
        at_least_half: Share::of(half, all.scored),
        bins: (0..BINS)
            .zip(tally.english.histogram)
            .map(|(bin, documents)| Bin {
                from: round(edge(bin)),
                to: round(edge(bin + 1)),
                documents,
                share: share(documents, all.scored),
            })
            .collect(),
    }
}

/// An edge or threshold as a reader writes it: 0.15, not 0.15000000596.
pub(super) fn round(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

pub(super) fn pronouns(tally: &Tally) -> PronounTable {
    let english = tally.english.all.documents;
    let count = |set| tally.english.pronouns.get(&set).map_or(0, |e| e.documents);
    let subset = |header, rows: [PronounSet; 3]| Subset {
        documents: count(header),
        share: share(count(header), english),
        rows: rows
            .map(|name| Row {
                name,
                documents: count(name),
                share: share(count(name), count(header)),
            })
            .to_vec(),
    };
    use PronounSet::{AnyGender, AnyPerson, First, He, Second, She, Third, Unspecified};
    PronounTable {
        documents: english,
        gender: subset(AnyGender, [She, He, Unspecified]),
        person: subset(AnyPerson, [First, Second, Third]),
    }
}

pub(super) fn identity(tally: &Tally) -> Identity {
    let english = tally.english.all.documents;
    let axis_row = |axis| {
        let documents = tally.english.axes.get(&axis).map_or(0, |e| e.documents);
        let rows = |ambiguous: bool, whole: u64| {
            let mut rows: Vec<Row<String>> = tally
                .english
                .terms
                .iter()
                .filter(|count| count.term.axis == axis && count.term.ambiguous == ambiguous)
                .filter(|count| count.exposure.documents > 0)
                .map(|count| Row {
                    name: count.term.term.clone(),
                    documents: count.exposure.documents,
                    share: share(count.exposure.documents, whole),
                })
                .collect();
            most_first(&mut rows, |row| (row.documents, &row.name));
            rows
        };
        let with_ambiguous = tally.english.axes_with_ambiguous.get(&axis).copied();
        let with_ambiguous = with_ambiguous.unwrap_or_default();
        AxisRow {
            axis,
            terms: Subset {
                documents,
                share: share(documents, english),
                rows: rows(false, documents),
            },
            documents_with_ambiguous: with_ambiguous,
            share_with_ambiguous: share(with_ambiguous, english),
            ambiguous: rows(true, english),
        }
    };
    Identity {
        list: tally.terms_name.clone(),
        list_sha256: tally.terms_digest.clone(),
        axes: Axis::ALL.map(axis_row).to_vec(),
    }
}

pub(super) fn personal(tally: &Tally) -> Vec<PersonalRow> {
    let row = |(kind, counts): (&str, &counts::Personal)| PersonalRow {
        kind: kind.to_owned(),
        found: counts.kept + counts.site + counts.other,
        left_out_with_sites: counts.site,
        left_out_otherwise: counts.other,
        kept: counts.kept,
        documents: counts.documents,
    };
    let mut rows: Vec<_> = tally.personal.iter().map(row).collect();
    most_first(&mut rows, |row| (row.found, &row.kind));
    rows.extend(tally.personal.others().map(|counts| row((OTHERS, counts))));
    rows
}

pub(super) fn sites(tally: &Tally) -> SiteTable {
    let decisions = tally.sites.by_decision.iter();
    SiteTable {
        decisions: decisions
            .map(|(decision, counts)| DecisionRow {
                decision: *decision,
                sites: counts.sites,
                documents: counts.documents,
                bytes: counts.bytes,
                personal: counts
                    .personal
                    .iter()
                    .chain(counts.personal.others().map(|n| (OTHERS, n)))
                    .map(|(kind, count)| (kind.to_owned(), *count))
                    .collect(),
            })
            .collect(),
        largest: tally.sites.largest.clone(),
        left_out: tally.sites.left_out.clone(),
    }
}

pub(super) fn duplicates(tally: &Tally) -> Duplicates {
    Duplicates {
        clusters: tally.clusters.values().sum(),
        largest_cluster: tally.largest_cluster,
        cluster_sizes: tally
            .clusters
            .iter()
            .map(|(&log, &clusters)| ClusterSize {
                from: 1u64.checked_shl(log).unwrap_or(u64::MAX),
                to: u64::MAX >> (63 - log.min(63)),
                clusters,
            })
            .collect(),
        boilerplate_documents: tally.boilerplate.documents,
        boilerplate_lines: tally.boilerplate.lines,
        boilerplate_bytes: tally.boilerplate.bytes,
    }
}

pub(super) fn sources(tally: &Tally, about: &About) -> Vec<SourceRow> {
    let row = |(source, counts): (&str, &counts::Source)| SourceRow {
        source: source.to_owned(),
        documents_in: counts.kept.documents + counts.left_out.documents,
        documents_kept: counts.kept.documents,
        bytes_kept: counts.kept.bytes,
        share: share(counts.kept.bytes, tally.kept.bytes),
        weight: about.weights.get(source).copied().unwrap_or(1.0),
        mixture_share: 0.0,
    };
    let mut rows: Vec<_> = tally.sources.iter().map(row).collect();
    most_first(&mut rows, |row| (row.documents_kept, &row.source));
    rows.extend(tally.sources.others().map(|counts| row((OTHERS, counts))));
    let weighted: f64 = rows
        .iter()
        .map(|row| row.weight * row.bytes_kept as f64)
        .sum();
    for row in &mut rows {
        if weighted > 0.0 {
            row.mixture_share = short(row.weight * row.bytes_kept as f64 / weighted);
        }
    }
    rows
}

pub(super) fn damage(tally: &Tally) -> Damages {
    let in_other_files = tally.damage.others().map_or(0, |others| others.records);
    let files: Vec<_> = tally
        .damage
        .iter()
        .map(|(file, counts)| {
            let (first_offset, first) = counts.first.clone().unwrap_or_default();
            DamagedFile {
                file: file.to_owned(),
                records: counts.records,
                first_offset,
                first,
            }
        })
        .collect();
    let skipped = tally.skipped.iter();
    Damages {
        records: in_other_files + files.iter().map(|file| file.records).sum::<u64>(),
        files,
        in_other_files,
        skipped: skipped
            .chain(tally.skipped.others().map(|n| (OTHERS, n)))
            .map(|(reason, records)| (reason.to_owned(), *records))
            .collect(),
    }
}
