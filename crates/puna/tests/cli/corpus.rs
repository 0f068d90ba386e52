//! The crawl of the synthetic world through `puna corpus`, held against its truth.

use crate::common::{command, kill_after, ok};
use puna_corpus::documents::{Cell, read_groups};
use puna_corpus::pii;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// A world and the corpus of its crawl, in one directory.
fn shared() -> &'static Path {
    static SHARED: OnceLock<TempDir> = OnceLock::new();
    let made = SHARED.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let world = dir.path().join("world");
        ok(["world".as_ref(), "--out".as_ref(), world.as_os_str()]);
        corpus(&world, &dir.path().join("corpus"), &[]);
        dir
    });
    made.path()
}

fn arguments(world: &Path, out: &Path, more: &[&str]) -> Vec<String> {
    let inputs = (0..4).map(|i| world.join(format!("crawl/crawl-{i:05}.warc.gz")));
    let paths = inputs.map(|path| path.to_str().unwrap().to_owned());
    let out = ["--out".to_owned(), out.to_str().unwrap().to_owned()];
    let more = more.iter().map(|&s| s.to_owned());
    let first = std::iter::once("corpus".to_owned());
    first.chain(paths).chain(out).chain(more).collect()
}

fn corpus(world: &Path, out: &Path, more: &[&str]) {
    ok(arguments(world, out, more));
}

/// Columns of all tables in a directory.
fn rows(dir: &Path, columns: &[&str]) -> Vec<Vec<Cell>> {
    let entries = fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|p| p.extension() == Some("parquet".as_ref()))
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        read_groups(&path, columns, |rows| {
            all.extend(rows);
            Ok(())
        })
        .unwrap();
    }
    all
}

fn truth() -> Vec<Value> {
    let text = fs::read_to_string(shared().join("world/crawl/truth.jsonl")).unwrap();
    let pages = text.lines().map(|line| serde_json::from_str(line).unwrap());
    // Pages whose records are damaged cannot be found.
    pages
        .filter(|page: &Value| page["kind"] != "damaged")
        .collect()
}

/// F1 of counts of hits, false finds and misses.
fn f1(hits: usize, false_finds: usize, misses: usize) -> f64 {
    2.0 * hits as f64 / (2 * hits + false_finds + misses) as f64
}

#[test]
fn the_sites_with_personal_information_are_left_out_and_no_others() {
    let sites = fs::read_to_string(shared().join("world/crawl/sites.json")).unwrap();
    let sites: Vec<Value> = serde_json::from_str(&sites).unwrap();
    let private = sites.iter().filter(|site| site["private"] == true);
    let private: BTreeSet<&str> = private.map(|site| site["site"].as_str().unwrap()).collect();
    let mut left_out = BTreeSet::new();
    read_groups(
        &shared().join("corpus/ledger.parquet"),
        &["site", "decision"],
        |rows| {
            let out = rows
                .into_iter()
                .filter(|row| row[1].as_text() == "leave_out");
            left_out.extend(out.map(|row| row[0].as_text().to_owned()));
            Ok(())
        },
    )
    .unwrap();
    assert!(private.len() >= 3, "{private:?}");
    assert_eq!(
        left_out.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        private
    );
}

#[test]
fn personal_information_is_found_where_it_was_planted() {
    let (mut hits, mut false_finds, mut misses) = (0, 0, 0);
    for page in truth() {
        let planted: BTreeSet<(u64, u64)> = page["private"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| {
                (
                    span["start"].as_u64().unwrap(),
                    span["end"].as_u64().unwrap(),
                )
            })
            .collect();
        let found = pii::find(page["text"].as_str().unwrap());
        let found: BTreeSet<_> = found
            .iter()
            .map(|s| (s.start as u64, s.end as u64))
            .collect();
        hits += planted.intersection(&found).count();
        false_finds += found.difference(&planted).count();
        misses += planted.difference(&found).count();
    }
    let f1 = f1(hits, false_finds, misses);
    println!(
        "personal information: F1 {f1:.4} over {} spans",
        hits + misses
    );
    assert!(hits > 1000 && f1 >= 0.97, "{hits} {false_finds} {misses}");
}

#[test]
fn languages_are_identified() {
    let labelled = rows(&shared().join("corpus/work/pages"), &["url", "language"]);
    let found: BTreeMap<&str, &str> = labelled
        .iter()
        .map(|row| (row[0].as_text(), row[1].as_text()))
        .collect();
    let (mut right, mut all) = (BTreeMap::new(), BTreeMap::new());
    for page in truth() {
        let Some(&language) = found.get(page["url"].as_str().unwrap()) else {
            continue;
        };
        let foreign = page["language"] != "en";
        *all.entry(foreign).or_insert(0usize) += 1;
        *right.entry(foreign).or_insert(0usize) += usize::from(page["language"] == language);
    }
    println!("languages: right {right:?} of {all:?} (true: not English)");
    for (foreign, all) in all {
        assert!(
            right[&foreign] as f64 >= 0.98 * all as f64,
            "{foreign}: {right:?}"
        );
    }
}

#[test]
fn copies_go_and_nothing_else_does() {
    let kept = rows(&shared().join("corpus/documents"), &["url"]);
    let kept: BTreeSet<&str> = kept.iter().map(|row| row[0].as_text()).collect();
    let pages = truth();
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut original: BTreeMap<&str, &str> = BTreeMap::new();
    for page in &pages {
        if let Some(of) = page["duplicate_of"]["url"].as_str() {
            original.insert(page["url"].as_str().unwrap(), of);
        }
    }
    for page in pages.iter().filter(|page| page["kind"] != "directory") {
        let url = page["url"].as_str().unwrap();
        let mut root = url;
        while let Some(&of) = original.get(root) {
            root = of;
        }
        groups.entry(root).or_default().push(url);
    }
    let (mut hits, mut false_finds, mut misses) = (0, 0, 0);
    for urls in groups.values() {
        let gone = urls.iter().filter(|url| !kept.contains(*url)).count();
        hits += gone.min(urls.len() - 1);
        false_finds += gone.saturating_sub(urls.len() - 1);
        misses += (urls.len() - 1).saturating_sub(gone);
    }
    let f1 = f1(hits, false_finds, misses);
    println!("copies: F1 {f1:.4}: {hits} found, {false_finds} wrongly, {misses} missed");
    assert!(hits > 100 && f1 >= 0.98);
}

#[test]
fn repeated_lines_go_and_the_text_stays() {
    let kept = rows(&shared().join("corpus/documents"), &["url", "text"]);
    let kept: BTreeMap<&str, &str> = kept
        .iter()
        .map(|row| (row[0].as_text(), row[1].as_text()))
        .collect();
    let (mut hits, mut misses, mut same, mut all) = (0, 0, 0, 0);
    for page in truth() {
        let Some(text) = kept.get(page["url"].as_str().unwrap()) else {
            continue;
        };
        let planted: Vec<&str> = page["boilerplate"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l.as_str().unwrap())
            .collect();
        let left = planted
            .iter()
            .filter(|line| text.lines().any(|l| l == **line))
            .count();
        hits += planted.len() - left;
        misses += left;
        let wanted = page["text"]
            .as_str()
            .unwrap()
            .lines()
            .filter(|line| !planted.contains(line));
        all += 1;
        same += usize::from(wanted.eq(text.lines()));
    }
    println!("repeated lines: {hits} gone, {misses} left; texts whole: {same} of {all}");
    assert!(hits > 100 && hits as f64 >= 0.98 * (hits + misses) as f64);
}

/// Bytes of the outputs; the manifest names inputs, which do not differ here.
fn outputs(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for name in [
        "ledger.parquet",
        "ledger.csv",
        "report.json",
        "report.html",
        "manifest.json",
    ] {
        all.insert(name.to_owned(), fs::read(out.join(name)).unwrap());
    }
    for i in 0..4 {
        let name = format!("documents/{i:05}.parquet");
        all.insert(name.clone(), fs::read(out.join(&name)).unwrap());
    }
    all
}

#[test]
fn shards_and_threads_change_nothing() {
    let world = shared().join("world");
    let dir = tempfile::tempdir().unwrap();
    let step = |step: &str, shard: &str| {
        corpus(
            &world,
            dir.path(),
            &["--step", step, "--shard", shard, "--threads", "1"],
        );
    };
    for shard in ["2/3", "3/3", "1/3"] {
        step("label", shard);
    }
    step("decide", "1/1");
    for shard in ["1/3", "2/3", "3/3"] {
        step("write", shard);
    }
    step("report", "1/1");
    assert!(outputs(dir.path()) == outputs(&shared().join("corpus")));
}

#[test]
fn killed_at_any_moment_it_ends_the_same() {
    let world = shared().join("world");
    let dir = tempfile::tempdir().unwrap();
    for milliseconds in [30, 120, 250, 400, 600, 800] {
        kill_after(
            arguments(&world, dir.path(), &[]),
            Duration::from_millis(milliseconds),
        );
    }
    // As if one had been killed while it wrote.
    let half = dir
        .path()
        .join("work/pages/.00000.parquet.4000000000.0.tmp");
    fs::write(half, "PAR1").unwrap();
    corpus(&world, dir.path(), &[]);
    assert!(outputs(dir.path()) == outputs(&shared().join("corpus")));
    let mut directories = vec![dir.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!name.starts_with('.'), "left behind: {}", path.display());
            if path.is_dir() {
                directories.push(path);
            }
        }
    }
}

#[test]
fn the_report_knows_the_clusters_of_copies() {
    let text = fs::read_to_string(shared().join("corpus/report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let duplicates = &report["duplicates"];
    let number = |value: &Value| value.as_u64().unwrap();
    let clusters = number(&duplicates["clusters"]);
    let sizes = duplicates["cluster_sizes"].as_array().unwrap();
    let by_size: u64 = sizes.iter().map(|s| number(&s["clusters"])).sum();
    assert!(clusters > 100 && clusters == by_size, "{duplicates}");
    assert!(number(&duplicates["largest_cluster"]) >= 2);
}

#[test]
fn a_licence_beside_the_crawl_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let crawl = dir.path().join("crawl");
    fs::create_dir(&crawl).unwrap();
    fs::write(crawl.join("LICENSE"), "You may copy this.").unwrap();
    fs::write(crawl.join("PROVENANCE.txt"), "From somewhere.").unwrap();
    fs::write(crawl.join("a.jsonl"), "{\"text\": \"One line of text.\"}\n").unwrap();
    fs::write(crawl.join("b.warc"), "You may copy this.").unwrap();
    let out = dir.path().join("out");
    let (crawl, out) = (crawl.to_str().unwrap(), out.to_str().unwrap());
    ok(["corpus", crawl, "--out", out]);
    let text = fs::read_to_string(Path::new(out).join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["headline"]["damaged"], 1);
    for name in ["crawl/LICENSE", "crawl/PROVENANCE.txt"] {
        assert!(text.contains("not data") && text.contains(name), "{name}");
    }
    assert_eq!(rows(&Path::new(out).join("documents"), &["id"]).len(), 1);
}

#[test]
fn toxicity_is_measured_by_a_trained_classifier_and_filters_only_when_asked() {
    let world = shared().join("world");
    let dir = tempfile::tempdir().unwrap();
    let classifier = dir.path().join("toxicity.bin");
    let labelled = world.join("crawl/toxicity.jsonl");
    let (classifier, labelled) = (classifier.to_str().unwrap(), labelled.to_str().unwrap());
    ok(["corpus", "train-classifier", labelled, "--out", classifier]);
    let label = format!("labels.toxicity_classifier=\"{classifier}\"");
    let measured = dir.path().join("measured");
    corpus(&world, &measured, &["--set", &label]);
    let before = rows(&shared().join("corpus/documents"), &["url"]);
    let after = rows(&measured.join("documents"), &["url", "toxicity"]);
    assert_eq!(after.len(), before.len(), "measuring leaves nothing out");
    let scores: BTreeMap<&str, f64> = after
        .iter()
        .map(|row| match row[1] {
            Cell::Number(Some(score)) => (row[0].as_text(), score),
            _ => panic!("{row:?}"),
        })
        .collect();
    let (mut toxic, mut other) = (Vec::new(), Vec::new());
    for page in truth() {
        if let Some(&score) = scores.get(page["url"].as_str().unwrap()) {
            let planted = page["toxic"]
                .as_array()
                .is_some_and(|lines| !lines.is_empty());
            if planted { &mut toxic } else { &mut other }.push(score);
        }
    }
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    println!(
        "toxicity: {:.3} on {} toxic pages, {:.3} on {} others",
        mean(&toxic),
        toxic.len(),
        mean(&other),
        other.len()
    );
    assert!(toxic.len() > 50 && mean(&toxic) > mean(&other) + 0.2);
    let filtered = dir.path().join("filtered");
    corpus(
        &world,
        &filtered,
        &["--set", &label, "--set", "filter.toxicity=0.5"],
    );
    let kept = rows(&filtered.join("documents"), &["url"]);
    assert_eq!(
        kept.len(),
        scores.values().filter(|&&score| score <= 0.5).count()
    );
}

#[test]
fn a_rule_that_is_not_there_is_refused() {
    let world = shared().join("world");
    let dir = tempfile::tempdir().unwrap();
    let output = command(arguments(
        &world,
        dir.path(),
        &["--set", "filter.quality=[\"gopher_stop_word\"]"],
    ))
    .output()
    .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success()
            && error.contains("there is no rule gopher_stop_word; there are gopher_too_few_words"),
        "{error}"
    );
}
