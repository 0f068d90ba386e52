//! The three steps together, against what was planted and against brute force.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(2) | 1;
    move |n| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % n
    }
}

/// Families of documents: an original, and copies with ever more words changed.
fn documents(families: u64) -> Vec<String> {
    let mut draw = numbers(3);
    let mut out = Vec::new();
    for _ in 0..families {
        let original: Vec<u64> = (0..300).map(|_| draw(20_000)).collect();
        for changes in [0, 0, 2, 5, 9, 25, 60] {
            let mut copy = original.clone();
            for _ in 0..changes {
                let at = draw(300) as usize;
                copy[at] = draw(20_000);
            }
            out.push(copy.iter().map(|w| format!("w{w} ")).collect());
        }
    }
    out
}

fn decide(
    texts: &[String],
    shards: usize,
    memory: usize,
) -> (Vec<u8>, Vec<u8>, Summary, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let notes = dir.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    let settings = DuplicateSettings {
        memory,
        ..Default::default()
    };
    for s in 0..shards {
        let mut writer = ShardWriter::new(&notes, &format!("crawl.warc-{s}"), &settings).unwrap();
        for (key, text) in texts.iter().enumerate().filter(|(k, _)| k % shards == s) {
            writer.add(key as u64, "a.example", text).unwrap();
        }
        writer.finish().unwrap();
    }
    let summary = resolve(&[notes], &settings, dir.path()).unwrap();
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    (
        read("duplicates.bin"),
        read("boilerplate.bin"),
        summary,
        dir,
    )
}

fn open(dir: &Path) -> Decisions {
    Decisions::open(dir).unwrap()
}

#[test]
fn shards_and_memory_do_not_change_the_outcome() {
    let texts = documents(40);
    let one = decide(&texts, 1, 64 << 20);
    for (shards, memory) in [(8, 64 << 20), (3, 10_000)] {
        let other = decide(&texts, shards, memory);
        assert_eq!((&one.0, &one.1, &one.2), (&other.0, &other.1, &other.2));
    }
    assert!(one.2.exact >= 40);
}

#[test]
fn pairs_agree_with_brute_force() {
    let texts = documents(400);
    let (_, _, summary, dir) = decide(&texts, 2, 1 << 20);
    let decisions = open(dir.path());
    let shingles: Vec<BTreeSet<Vec<&str>>> = texts
        .iter()
        .map(|t| {
            let words: Vec<&str> = t.split_whitespace().collect();
            words.windows(5).map(<[_]>::to_vec).collect()
        })
        .collect();
    let (mut found, mut planted, mut wrong, mut far) = (0, 0, 0, 0);
    for key in 0..texts.len() {
        let family = key / 7 * 7;
        let decided = decisions.duplicate_of(key as u64);
        if let Some((kept, reason)) = decided {
            assert!(kept < key as u64 && decisions.duplicate_of(kept).is_none());
            assert_eq!(reason == Reason::Exact, texts[key] == texts[kept as usize]);
        }
        if key == family {
            assert_eq!(decided, None);
            continue;
        }
        let (a, b) = (&shingles[family], &shingles[key]);
        let shared = a.intersection(b).count();
        let jaccard = shared as f64 / (a.len() + b.len() - shared) as f64;
        if jaccard >= 0.85 {
            planted += 1;
            found += usize::from(decided.is_some());
        } else if jaccard < 0.7 {
            far += 1;
            wrong += usize::from(decided.is_some());
        }
    }
    println!("{found} of {planted} at 0.85 and over, {wrong} of {far} under 0.7: {summary:?}");
    assert!(found as f64 >= 0.95 * planted as f64);
    assert!(wrong as f64 <= 0.01 * far as f64);
}

#[test]
fn lines_repeated_over_a_site_are_boilerplate() {
    let texts: Vec<String> = (0..20)
        .map(|i| {
            format!(
                "Home | About | Contact\nStory {i} is its own\n--\n{}",
                if i < 3 { "thrice" } else { "" }
            )
        })
        .collect();
    let (_, _, summary, dir) = decide(&texts, 4, 1 << 20);
    let decisions = open(dir.path());
    assert_eq!(summary.boilerplate_lines, 1);
    assert!(decisions.is_boilerplate("a.example", "home  about, contact"));
    assert!(!decisions.is_boilerplate("b.example", "home about contact"));
    assert!(!decisions.is_boilerplate("a.example", "thrice"));
    assert!(!decisions.is_boilerplate("a.example", "--"));
}

#[test]
fn damage_and_other_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let settings = DuplicateSettings::default();
    let mut writer = ShardWriter::new(dir.path(), "x", &settings).unwrap();
    writer.add(1, "s", "one two three").unwrap();
    writer.add(1, "s", "four five six").unwrap();
    writer.finish().unwrap();
    let again = resolve(&[dir.path().into()], &settings, dir.path()).unwrap_err();
    assert!(again.to_string().contains("key 1"), "{again}");
    let mut other = settings.clone();
    other.near.seed = 9;
    assert!(resolve(&[dir.path().into()], &other, dir.path()).is_err());
    std::fs::write(dir.path().join("duplicates.bin"), b"PUNA").unwrap();
    assert!(Decisions::open(dir.path()).is_err());
}
