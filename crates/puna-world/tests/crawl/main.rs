//! The crawl read back: what is in the bytes is what the truth says.

#![allow(clippy::unwrap_used)]

mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use puna_world::{
    CopyKind, CrawlManifest, CrawlOptions, Damage, PageTruth, PrivateKind, SiteKind, SiteTruth,
    World, WorldOptions,
};
use reader::{Record, read};

fn world(documents: usize) -> World {
    World::generate(&WorldOptions {
        seed: 3,
        documents,
        ..WorldOptions::default()
    })
}

struct Written {
    dir: tempfile::TempDir,
    manifest: CrawlManifest,
    truth: Vec<PageTruth>,
    sites: Vec<SiteTruth>,
}

fn write(world: &World, options: &CrawlOptions) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let manifest = world.crawl(options).write(dir.path()).unwrap();
    let text = fs::read_to_string(dir.path().join("truth.jsonl")).unwrap();
    let truth = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let sites = fs::read(dir.path().join("sites.json")).unwrap();
    Written {
        truth: truth.collect(),
        sites: serde_json::from_slice(&sites).unwrap(),
        manifest,
        dir,
    }
}

fn records(dir: &Path) -> (Vec<Record>, usize) {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "gz"))
        .collect();
    names.sort();
    let (mut all, mut damaged) = (Vec::new(), 0);
    for name in names {
        let (records, broken) = read(&fs::read(name).unwrap());
        all.extend(records);
        damaged += broken;
    }
    (all, damaged)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_number_of_files_the_same_pages() {
    let world = world(300);
    let one = write(&world, &CrawlOptions::default());
    let two = write(&world, &CrawlOptions::default());
    assert_eq!(one.manifest, two.manifest);
    for name in [
        "crawl-00000.warc.gz",
        "truth.jsonl",
        "sites.json",
        "crawl.json",
    ] {
        let [a, b] = [&one, &two].map(|w| fs::read(w.dir.path().join(name)).unwrap());
        assert_eq!(a, b, "{name}");
    }
    let other = write(
        &world,
        &CrawlOptions {
            files: 1,
            ..CrawlOptions::default()
        },
    );
    assert_eq!(one.truth, other.truth);
    let pages: Vec<_> = world
        .crawl(&CrawlOptions::default())
        .pages()
        .map(|page| page.truth)
        .collect();
    let whole: Vec<_> = one.truth.iter().filter(|t| t.damage.is_none()).collect();
    assert!(whole.into_iter().eq(&pages));
}

#[test]
fn what_is_in_the_files_is_what_the_truth_says() {
    let world = world(1_300);
    let written = write(&world, &CrawlOptions::default());
    let (records, damaged) = records(written.dir.path());
    assert_eq!(damaged, 2);

    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    for record in &records {
        let kind = match (record.kind.as_str(), record.status()) {
            ("response", 200) if record.http_header("content-type").starts_with("text/html") => {
                assert!(pages.insert(record.uri.as_str(), record).is_none());
                "pages"
            }
            ("response", 200) => "image",
            ("response", 301) => "redirect",
            ("response", 404) => "not_found",
            (other, _) => other,
        };
        *counts.entry(kind).or_default() += 1;
    }
    let told = |count: fn(&puna_world::RecordCounts) -> u64| -> u64 {
        let files = written.manifest.warc.iter();
        files.map(|file| count(&file.records_by_kind)).sum()
    };
    assert_eq!(counts["pages"], told(|c| c.pages));
    assert_eq!(counts["pages"], written.manifest.pages);
    assert_eq!(2, told(|c| c.damaged));
    assert_eq!(counts["warcinfo"], told(|c| c.warcinfo));
    assert_eq!(counts["request"], told(|c| c.request));
    assert_eq!(counts["metadata"], told(|c| c.metadata));
    assert_eq!(counts["image"], told(|c| c.image));
    assert_eq!(counts["redirect"], told(|c| c.redirect));
    assert_eq!(counts["not_found"], told(|c| c.not_found));
    assert_eq!(counts["revisit"], told(|c| c.revisit));
    assert!(counts.values().all(|count| *count > 0));

    let mut gzip = 0;
    let mut chunked = 0;
    for truth in &written.truth {
        let Some(record) = pages.get(truth.url.as_str()) else {
            assert!(truth.damage.is_some(), "{} is not there", truth.url);
            continue;
        };
        assert_eq!(truth.damage, None);
        gzip += usize::from(record.http_header("content-encoding") == "gzip");
        chunked += usize::from(record.http_header("transfer-encoding") == "chunked");
        let encoding = encoding_rs::Encoding::for_label(truth.encoding.as_bytes()).unwrap();
        let body = record.body();
        let (html, wrong) = encoding.decode_without_bom_handling(&body);
        assert!(!wrong, "{} is not {}", truth.url, truth.encoding);
        assert_eq!(
            record
                .http_header("content-type")
                .split_once("charset=")
                .map(|x| x.1),
            truth.declared_in_header.as_deref()
        );
        let seen = reader::visible(&html);
        assert!(seen.contains("synthetic") || html.contains("(synthetic)"));
        for line in truth.text.lines() {
            assert!(seen.contains(line), "{line:?} of {} in {seen}", truth.url);
            assert!(!line.contains("  ") && line.trim() == line && !line.is_empty());
        }
        for span in &truth.private {
            assert_eq!(truth.text[span.start..span.end], span.text);
            assert!(seen.contains(&span.text));
        }
        let lines: BTreeSet<&str> = truth.text.lines().collect();
        for line in truth.boilerplate.iter().chain(&truth.toxic) {
            assert!(lines.contains(line.as_str()));
        }
    }
    assert!(gzip > 50 && chunked > 50);
}

#[test]
fn every_document_is_on_a_page_of_its_own_and_comes_back_whole() {
    let world = world(700);
    let truth = write(&world, &CrawlOptions::default()).truth;
    let mut pages = truth.iter().filter(|page| page.document.is_some());
    for document in world.documents() {
        let page = pages.next().unwrap();
        assert_eq!(page.document.as_ref(), Some(&document.id));
        let own = page.text.lines();
        let own: Vec<_> = own
            .filter(|line| !page.boilerplate.iter().any(|b| b == line))
            .collect();
        let own = own.join("\n");
        // A document's own heading is the page's title.
        let headed = format!("{}\n{own}", page.title);
        assert!(document.text == own || document.text == headed, "{own}");
        assert!(page.private.is_empty() && page.toxic.is_empty());
    }
    assert!(pages.next().is_none());
}

/// Whoever trains from the crawl can answer what the world asks.
#[test]
fn every_held_out_fact_stands_on_a_page() {
    let world = World::generate(&WorldOptions::default());
    let stated: BTreeSet<_> = (0..world.options.documents)
        .flat_map(|index| world.document(index).1)
        .collect();
    assert!(world.held_out().iter().all(|fact| stated.contains(fact)));
    let crawl = world.crawl(&CrawlOptions::default());
    let carried = crawl.pages().filter(|page| page.truth.document.is_some());
    assert_eq!(carried.count(), world.options.documents);
}

#[test]
fn sites_are_what_their_pages_are_and_the_private_ones_stand_apart() {
    let written = write(&world(3_000), &CrawlOptions::default());
    let mut pages: BTreeMap<&str, Vec<&PageTruth>> = BTreeMap::new();
    for page in written.truth.iter().filter(|page| page.damage.is_none()) {
        assert!(page.url.contains(&page.site));
        pages.entry(&page.site).or_default().push(page);
    }
    assert_eq!(pages.len(), written.sites.len());
    let per_thousand =
        |site: &SiteTruth| site.counts.values().sum::<u64>() as f64 * 1_000.0 / site.words as f64;
    let mut kinds = BTreeSet::new();
    for site in &written.sites {
        let own = &pages[site.site.as_str()];
        assert_eq!(site.pages, own.len() as u64);
        let mut counts: BTreeMap<PrivateKind, u64> = BTreeMap::new();
        for span in own.iter().flat_map(|page| &page.private) {
            *counts.entry(span.kind).or_default() += 1;
        }
        assert_eq!(counts, site.counts);
        assert_eq!(site.private, site.kind == SiteKind::Directory);
        match site.private {
            true => {
                assert!(per_thousand(site) > 150.0, "{site:?}");
                kinds.extend(counts.into_keys());
            }
            false => assert!(per_thousand(site) < 15.0, "{site:?}"),
        }
        for (line, count) in &site.boilerplate {
            assert!(count * 10 >= site.pages * 4, "{line} of {}", site.site);
        }
    }
    assert_eq!(kinds.len(), 11);
    let school = |site: &&SiteTruth| site.kind == SiteKind::School;
    let schools = written.sites.iter().filter(school);
    assert!(schools.map(per_thousand).all(|density| density > 3.0));
    assert!(written.sites.iter().filter(|site| site.private).count() >= 9);
}

#[test]
fn copies_are_like_what_they_copy_and_others_are_not() {
    let truth = write(&world(2_000), &CrawlOptions::default()).truth;
    let by_url: BTreeMap<&str, &PageTruth> =
        truth.iter().map(|page| (page.url.as_str(), page)).collect();
    let mut seen: BTreeMap<CopyKind, usize> = BTreeMap::new();
    for page in &truth {
        for copy in page.duplicate_of.iter().chain(&page.resembles) {
            let original = by_url[copy.url.as_str()];
            *seen.entry(copy.kind).or_default() += 1;
            let jaccard = jaccard(&page.text, &original.text);
            assert!((jaccard - copy.jaccard).abs() < 1e-4, "{}", page.url);
            match (copy.kind, page.kind) {
                (CopyKind::Exact, _) => assert_eq!(page.text, original.text),
                (CopyKind::Near, SiteKind::Rewritten) => assert!(jaccard >= 0.86),
                (CopyKind::Near, _) => assert!(jaccard >= 0.8),
                (CopyKind::Alike, SiteKind::Rewritten) => assert!(jaccard < 0.6),
                (CopyKind::Alike, _) => assert!(jaccard < 0.8),
            }
        }
    }
    assert!(
        seen[&CopyKind::Exact] >= 32 && seen[&CopyKind::Near] >= 28,
        "{seen:?}"
    );
    assert!(seen[&CopyKind::Alike] >= 12, "{seen:?}");
}

fn jaccard(one: &str, other: &str) -> f64 {
    let [one, other] = [one, other].map(|text| {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.windows(5).map(<[_]>::to_vec).collect::<BTreeSet<_>>()
    });
    one.intersection(&other).count() as f64 / one.union(&other).count() as f64
}

#[test]
fn languages_encodings_and_rude_lines_are_there() {
    let world = world(3_000);
    let written = write(&world, &CrawlOptions::default());
    let pages = |f: &dyn Fn(&&PageTruth) -> bool| written.truth.iter().filter(f).count();
    let languages: BTreeSet<&str> = written.truth.iter().map(|p| p.language.as_str()).collect();
    assert_eq!(languages.len(), 11);
    let encodings: BTreeSet<&str> = written.truth.iter().map(|p| p.encoding.as_str()).collect();
    for encoding in [
        "utf-8",
        "windows-1252",
        "windows-1251",
        "koi8-r",
        "shift_jis",
        "euc-jp",
    ] {
        assert!(encodings.contains(encoding), "{encodings:?}");
    }
    let undeclared = pages(&|p| p.declared_in_header.is_none() && p.declared_in_page.is_none());
    assert!(undeclared > 50);
    assert!(pages(&|p| p.broken_html) > 200);
    assert!(pages(&|p| !p.toxic.is_empty()) >= 40);
    assert!(pages(&|p| p.damage == Some(Damage::Corrupt)) == 1);
    assert!(pages(&|p| p.damage == Some(Damage::Truncated)) == 1);

    let lines: Vec<_> = world
        .crawl(&CrawlOptions::default())
        .toxicity_lines()
        .collect();
    assert_eq!(lines.len(), 2_000);
    assert_eq!(lines.iter().filter(|(_, toxic)| *toxic).count(), 1_000);
    assert!(lines.iter().all(|(line, _)| !line.contains('@')));
}

#[test]
fn any_size_will_do() {
    for (documents, files) in [(0, 0), (1, 3), (999, 1), (1_000, 2), (1_001, 2)] {
        let world = world(documents);
        let options = CrawlOptions {
            files,
            ..CrawlOptions::default()
        };
        let crawl = world.crawl(&options);
        let urls: BTreeSet<_> = crawl.pages().map(|page| page.truth.url).collect();
        assert_eq!(urls.len(), crawl.len(), "of {documents}");
        assert!(crawl.len() > documents);
    }
    let asked = CrawlOptions::default().with_pages(20_000);
    let crawl = world(10);
    let pages = crawl.crawl(&asked).len();
    assert!((19_000..=21_000).contains(&pages), "{pages}");
}
