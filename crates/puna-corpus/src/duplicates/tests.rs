//! The three steps together, against what was planted and against brute force.

use super::*;
use proptest::prelude::*;
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
    let hasher = MinHasher::new(&settings.near).unwrap();
    for s in 0..shards {
        let mut writer = ShardWriter::new(&notes, &format!("crawl.warc-{s}"), &settings).unwrap();
        for (key, text) in texts.iter().enumerate().filter(|(k, _)| k % shards == s) {
            let notes = Notes::new(&hasher, "a.example", text);
            writer.add(key as u64, &notes).unwrap();
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
    // Each document is in one cluster: the copies that go, and one for each cluster that stays.
    let clusters = one.2.clusters.iter();
    let copies: u64 = clusters.map(|(size, number)| (size - 1) * number).sum();
    assert_eq!(copies, one.2.exact + one.2.near);
    assert_eq!(one.2.clusters.values().sum::<u64>(), 40);
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
    let hasher = MinHasher::new(&settings.near).unwrap();
    for text in ["one two three", "four five six"] {
        writer.add(1, &Notes::new(&hasher, "s", text)).unwrap();
    }
    writer.finish().unwrap();
    let again = resolve(&[dir.path().into()], &settings, dir.path()).unwrap_err();
    assert!(again.to_string().contains("key 1"), "{again}");
    let mut other = settings.clone();
    other.near.seed = 9;
    assert!(resolve(&[dir.path().into()], &other, dir.path()).is_err());
    std::fs::write(dir.path().join("duplicates.bin"), b"PUNA").unwrap();
    assert!(Decisions::open(dir.path()).is_err());
}

/// The files of one small shard, and what was decided of them.
fn small(directory: &Path) -> (DuplicateSettings, Vec<(&'static str, Vec<u8>)>) {
    let settings = DuplicateSettings::default();
    let hasher = MinHasher::new(&settings.near).unwrap();
    let mut writer = ShardWriter::new(directory, "x", &settings).unwrap();
    for (key, text) in documents(2).iter().enumerate() {
        let notes = Notes::new(&hasher, "a.example", text);
        writer.add(key as u64, &notes).unwrap();
    }
    writer.finish().unwrap();
    resolve(&[directory.into()], &settings, directory).unwrap();
    let names = [
        "x.signatures",
        "x.lines",
        "duplicates.bin",
        "boilerplate.bin",
    ];
    let files = names.map(|name| (name, std::fs::read(directory.join(name)).unwrap()));
    (settings, files.into())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Bytes of the files between the steps are changed, cut off or put in: they are refused by name,
    /// or read as other documents; nothing panics and the answers stay in bounds.
    #[test]
    fn damaged_files_are_named_or_harmless(
        file in 0..4usize,
        edits in prop::collection::vec((0..3u8, any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (settings, mut files) = small(dir.path());
        let (name, bytes) = &mut files[file];
        let before = bytes.len();
        for (kind, at, value) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] ^= value,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, value),
            }
        }
        std::fs::write(dir.path().join(*name), &bytes).unwrap();
        let opened = Decisions::open(dir.path());
        match &opened {
            Ok(decisions) => for key in 0..20 {
                let _ = decisions.duplicate_of(key);
                let _ = decisions.is_boilerplate("a.example", "w1 w2");
            },
            Err(e) => prop_assert!(e.to_string().contains(*name), "{e}"),
        }
        let resolved = resolve(&[dir.path().into()], &settings, dir.path());
        match resolved {
            Ok(summary) => prop_assert!(summary.exact + summary.near <= summary.documents),
            Err(e) if before != bytes.len() => prop_assert!(e.to_string().contains(*name), "{e}"),
            // A key that is changed may stand twice now.
            Err(e) => prop_assert!(!e.to_string().is_empty()),
        }
    }
}
