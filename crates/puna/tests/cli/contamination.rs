//! Evaluation sets through `puna contamination`, held against what was planted in the corpus.

use crate::common::{fails, kill_after, ok};
use puna_text::Tokenizer;
use puna_train::tokens::{TokenWriter, Vocabulary};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

const LENGTHS: [usize; 5] = [10, 20, 30, 40, 50];
/// Samples of the evaluation set, of words that no document of the world has.
const SAMPLES: usize = 120;

/// Numbers from a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// A world, its tokenizer, samples, and token files of its documents with pieces of the samples in
/// them: which sample, from where, how many tokens, and which of them differ.
struct Planted {
    dir: TempDir,
    tokenizer: Tokenizer,
    /// Contaminated tokens of each sample for each minimum length, and the document of its longest
    /// passage.
    truth: BTreeMap<String, ([usize; 5], Option<usize>)>,
}

impl Planted {
    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }
}

/// Words of letters in any order: ten tokens of them come once only.
fn nonsense(numbers: &mut Numbers, words: usize) -> String {
    let word = |numbers: &mut Numbers| -> String {
        let length = 3 + numbers.below(6);
        (0..length)
            .map(|_| char::from(b'a' + numbers.below(26) as u8))
            .collect()
    };
    let words: Vec<String> = (0..words).map(|_| word(numbers)).collect();
    words.join(" ")
}

fn shared() -> &'static Planted {
    static SHARED: OnceLock<Planted> = OnceLock::new();
    SHARED.get_or_init(plant)
}

fn plant() -> Planted {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let world = ["--documents", "1500", "--crawl-pages", "0", "--out"];
    ok(["world"].into_iter().chain(world).chain([&*path("world")]));
    let documents = path("world/documents.jsonl");
    let train = ["--vocab-size", "2000", "--out", &path("tokenizer")];
    ok(["tokenizer", "train", &documents].into_iter().chain(train));
    let tokenizer = Tokenizer::load(&dir.path().join("tokenizer")).unwrap();

    let mut numbers = Numbers(7);
    let texts: Vec<String> = (0..SAMPLES)
        .map(|_| {
            let words = 4 + numbers.below(14);
            nonsense(&mut numbers, words)
        })
        .collect();
    let lines = texts
        .iter()
        .enumerate()
        .map(|(i, text)| json!({"id": format!("q{i}"), "text": text}).to_string() + "\n");
    fs::write(path("planted.jsonl"), lines.collect::<String>()).unwrap();
    let samples: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text)).collect();

    // By document: what is put at its end.
    let mut planted: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    let mut truth = BTreeMap::new();
    for (i, sample) in samples.iter().enumerate() {
        let mut covered = vec![0; sample.len()];
        let mut longest: Option<(usize, usize)> = None;
        // A third is not in the corpus.
        for _ in 0..[0, 1, 2][i % 3] {
            let length = (6 + numbers.below(70)).min(sample.len());
            let start = numbers.below(sample.len() - length + 1);
            let mut piece = sample[start..start + length].to_vec();
            if length > 12 {
                for _ in 0..numbers.below(5) {
                    let place = 10 + numbers.below(length - 11);
                    piece[place] = tokenizer.unk();
                }
            }
            let document = 3 * numbers.below(400);
            let end = planted.entry(document).or_default();
            // No text has these: nothing before belongs to the passage, and behind it the budget is
            // spent before other text comes.
            end.push(tokenizer.unk());
            end.extend(&piece);
            end.extend([tokenizer.unk(); 5]);
            if length >= 10 {
                for token in &mut covered[start..start + length] {
                    *token = length.max(*token);
                }
                if longest.is_none_or(|(most, there)| {
                    (length, usize::MAX - document) > (most, usize::MAX - there)
                }) {
                    longest = Some((length, document));
                }
            }
        }
        let counts = LENGTHS.map(|l| covered.iter().filter(|&&c| c >= l).count());
        truth.insert(format!("q{i}"), (counts, longest.map(|l| l.1)));
    }
    let mut writer =
        TokenWriter::create(path("world.tokens").as_ref(), Vocabulary::of(&tokenizer)).unwrap();
    let text = fs::read_to_string(&documents).unwrap();
    for (number, line) in text.lines().enumerate() {
        let document: Value = serde_json::from_str(line).unwrap();
        let text = document["text"].as_str().unwrap();
        let mut tokens = tokenizer.encode(text);
        tokens.extend(planted.get(&number).into_iter().flatten());
        writer.push(&tokens, text.len() as u64).unwrap();
    }
    writer.finish().unwrap();
    Planted {
        dir,
        tokenizer,
        truth,
    }
}

fn arguments(corpus: &[&str], eval: &str, out: &Path, more: &[&str]) -> Vec<String> {
    let planted = shared();
    let words = [
        "contamination",
        "--tokenizer",
        &planted.path("tokenizer"),
        "--corpus",
    ];
    let rest = ["--eval", eval, "--out", out.to_str().unwrap()];
    let all = words.iter().chain(corpus).chain(&rest).chain(more);
    all.map(|&word| word.to_owned()).collect()
}

/// What a run wrote that people read.
fn outputs(out: &Path) -> Vec<(String, Vec<u8>)> {
    ["contamination.json", "contamination.html", "samples.jsonl"]
        .map(|name| (name.to_owned(), fs::read(out.join(name)).unwrap()))
        .into()
}

fn samples(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("samples.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_was_planted_is_found_exactly() {
    let planted = shared();
    let out = tempfile::tempdir().unwrap();
    let (corpus, eval) = (planted.path("world.tokens"), planted.path("planted.jsonl"));
    ok(arguments(&[&corpus], &eval, out.path(), &[]));
    let (mut touched, mut whole) = (0, 0);
    let found = samples(out.path());
    assert_eq!(found.len(), SAMPLES);
    for sample in found {
        let (counts, document) = &planted.truth[sample["id"].as_str().unwrap()];
        let tokens = sample["tokens"].as_f64().unwrap();
        let shares = counts.map(|count| json!(count as f64 / tokens));
        assert_eq!(sample["shares"], json!(shares), "{sample}");
        let expected = document.map(|document| document.to_string());
        assert_eq!(sample["document"], json!(expected), "{sample}");
        touched += usize::from(counts[0] > 0);
        whole += usize::from(counts[4] > 0);
    }
    assert!(touched > 60 && whole > 5, "{touched} {whole}");
}

#[test]
fn neither_threads_nor_shards_nor_kills_change_a_byte() {
    let planted = shared();
    let text = fs::read_to_string(planted.path("world/documents.jsonl")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // Files enough for shards, of text and of tokens.
    let lines: Vec<&str> = text.lines().collect();
    let mut corpus = vec![planted.path("world.tokens")];
    for (i, lines) in lines.chunks(200).enumerate() {
        let path = dir.path().join(format!("{i}.jsonl"));
        fs::write(&path, lines.join("\n")).unwrap();
        corpus.push(path.display().to_string());
    }
    let corpus: Vec<&str> = corpus.iter().map(String::as_str).collect();
    // Questions on the world, so that its documents hold many short passages of them.
    let questions = planted.path("world/questions.jsonl");
    let eval = dir.path().join("questions.jsonl");
    let text = fs::read_to_string(questions).unwrap();
    let lines = text
        .lines()
        .zip(lines)
        .enumerate()
        .map(|(i, (question, document))| {
            let question: Value = serde_json::from_str(question).unwrap();
            let document: Value = serde_json::from_str(document).unwrap();
            let completion: String = document["text"]
                .as_str()
                .unwrap()
                .chars()
                .take(90)
                .collect();
            let line =
                json!({"id": i, "prompt": question.to_string() + "\n", "completion": completion});
            line.to_string() + "\n"
        });
    fs::write(&eval, lines.collect::<String>()).unwrap();
    let eval = eval.to_str().unwrap();
    let run = |name: &str, more: &[&str]| -> PathBuf {
        let out = dir.path().join(name);
        ok(arguments(&corpus, eval, &out, more));
        out
    };
    let one = outputs(&run("one", &["--threads", "1"]));
    let report: Value = serde_json::from_slice(&one[0].1).unwrap();
    assert!(report["sets"][0]["lengths"][0]["touched"].as_u64().unwrap() > 10);
    assert_eq!(report["files"].as_array().unwrap().len(), corpus.len());

    assert!(outputs(&run("three", &["--threads", "3"])) == one);
    for shard in ["2/3", "3/3", "1/3"] {
        run("sharded", &["--shard", shard]);
    }
    assert!(!dir.path().join("sharded/contamination.json").exists());
    assert!(outputs(&run("sharded", &[])) == one);

    let killed = dir.path().join("killed");
    for milliseconds in [5, 20, 40, 80, 160] {
        kill_after(
            arguments(&corpus, eval, &killed, &[]),
            Duration::from_millis(milliseconds),
        );
    }
    assert!(outputs(&run("killed", &[])) == one);
}

#[test]
fn a_corpus_directory_is_searched_and_the_document_named() {
    let planted = shared();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let text = fs::read_to_string(planted.path("planted.jsonl")).unwrap();
    let sample: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let words = sample["text"].as_str().unwrap();
    let mut world = fs::read_to_string(planted.path("world/documents.jsonl")).unwrap();
    let stolen = json!({"id": "stolen", "text": format!("One could read: {words} And so on.")});
    world += &format!("{stolen}\nnot json\n");
    fs::write(path("pages.jsonl"), world).unwrap();
    ok(["corpus", &path("pages.jsonl"), "--out", &path("corpus")]);
    ok(arguments(
        &[&path("corpus")],
        &planted.path("planted.jsonl"),
        &dir.path().join("out"),
        &[],
    ));
    for found in samples(&dir.path().join("out")) {
        if found["id"] == sample["id"] {
            let document = found["document"].as_str().unwrap();
            assert!(document.ends_with("stolen"), "{found}");
            // The first word's token may differ from one in the middle of a text.
            assert!(found["shares"][0].as_f64().unwrap() > 0.9, "{found}");
        } else {
            assert_eq!(found["longest"], 0, "{found}");
        }
    }
    // The page as crawled says the same, and its damaged line is told.
    let out = dir.path().join("pages");
    let eval = planted.path("planted.jsonl");
    ok(arguments(&[&path("pages.jsonl")], &eval, &out, &[]));
    let report = fs::read(out.join("contamination.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["damaged"], 1);
    assert_eq!(
        report["sets"][0]["most_contaminated"][0]["id"],
        sample["id"]
    );
    let page = fs::read_to_string(out.join("contamination.html")).unwrap();
    assert!(page.contains("stolen") && page.contains("Damaged records"));
}

#[test]
fn a_result_that_contamination_moved_is_said_to_be() {
    let planted = shared();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let metric = dir.path().join("metric.jsonl");
    // Right on what the corpus holds, wrong on most of the rest.
    let values = planted
        .truth
        .iter()
        .enumerate()
        .map(|(i, (id, (counts, _)))| {
            json!({"id": id, "value": counts[0] > 0 || i % 9 == 0}).to_string() + "\n"
        });
    fs::write(&metric, values.collect::<String>()).unwrap();
    let (corpus, eval) = (planted.path("world.tokens"), planted.path("planted.jsonl"));
    let told = ok(arguments(
        &[&corpus],
        &eval,
        &out,
        &["--metric", metric.to_str().unwrap(), "--json"],
    ));
    let done: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert!(
        done["sets"][0]["largest_affected"].as_u64() >= Some(10),
        "{done}"
    );
    // Nothing is searched again for another question about the same.
    let told = ok(arguments(&[&corpus], &eval, &out, &["--longer-than"]));
    assert!(!told.contains("affected"), "{told}");
    let report = fs::read(out.join("contamination.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["settings"]["minimum"], "longer_than");
}

#[test]
fn bad_input_is_named_with_its_line() {
    let planted = shared();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (corpus, eval) = (planted.path("world.tokens"), planted.path("planted.jsonl"));
    let out = dir.path().join("out");
    let file = path("bad.jsonl");
    for (text, told) in [
        (
            "{\"id\": 1, \"text\": \"a\"}\n{\"id\": 2}\n",
            "bad.jsonl, line 2, record: it must be {\"text\": ...} or",
        ),
        (
            "{\"text\": \"a\"}\n\nnonsense\n",
            "bad.jsonl, line 3, record: expected",
        ),
        (
            "{\"id\": 1, \"text\": \"a\"}\n{\"id\": \"1\", \"text\": \"b\"}\n",
            "line 2, id: \"1\" is the id of an earlier sample",
        ),
        (
            "{\"id\": 1.5, \"text\": \"a\"}\n",
            "line 1, record: an id must be text or a whole number",
        ),
        ("{\"text\": 3}\n", "line 1, record: invalid type"),
        ("\n", "bad.jsonl: there are no samples in it"),
    ] {
        fs::write(&file, text).unwrap();
        let message = fails(arguments(&[&corpus], &file, &out, &[]));
        assert!(message.contains(told), "{message}");
    }
    for (text, told) in [
        (
            "{\"id\": \"q0\", \"value\": 1}\n{\"id\": \"no\", \"value\": 1}\n",
            "line 2, id: \"no\" is the id of no sample",
        ),
        (
            "{\"id\": \"q0\", \"value\": \"good\"}\n",
            "line 1, record: a value must be a number",
        ),
        (
            "{\"id\": \"q0\", \"value\": 1}\n{\"id\": \"q0\", \"value\": 0}\n",
            "line 2, id: \"q0\" has a value already",
        ),
        ("", "there are no values in it"),
    ] {
        fs::write(&file, text).unwrap();
        let message = fails(arguments(&[&corpus], &eval, &out, &["--metric", &file]));
        assert!(message.contains(told), "{message}");
    }
    for (more, told) in [
        (
            ["--lengths", "20,10"],
            "setting lengths: [20, 10] do not ascend",
        ),
        (
            ["--lengths", "5"],
            "setting lengths: [5]: give lengths of 10 and more",
        ),
        (["--shard", "4/3"], "\"4/3\" is not i/n"),
        (["--eval", &eval], "two evaluation sets have this name"),
    ] {
        let message = fails(arguments(&[&corpus], &eval, &out, &more));
        assert!(message.contains(told), "{message}");
    }
    let missing = path("missing");
    let message = fails(arguments(&[&missing], &eval, &out, &[]));
    assert!(message.contains("missing: names nothing"), "{message}");
    let message = fails(arguments(&[&corpus], &missing, &out, &[]));
    assert!(
        message.contains("cannot read the evaluation sets"),
        "{message}"
    );
    // A token file of another tokenizer.
    let documents = planted.path("world/documents.jsonl");
    let train = ["--vocab-size", "500", "--out", &path("other")];
    ok(["tokenizer", "train", &documents].into_iter().chain(train));
    let mut words = arguments(&[&corpus], &eval, &out, &[]);
    words[2] = path("other");
    let message = fails(words);
    assert!(message.contains("another tokenizer"), "{message}");
    assert_eq!(planted.tokenizer.vocab_size(), 2000);
    assert!(!out.join("contamination.json").exists());
}
