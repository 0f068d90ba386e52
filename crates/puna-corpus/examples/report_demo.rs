//! A report of a few hundred made-up documents, to look at in a browser:
//! `cargo run -p puna-corpus --example report_demo -- DIR [descriptors.json] [--no-toxicity]`.

use std::path::Path;

use puna_corpus::report::{
    About, Decision, Document, Reason, Report, SiteRow, Tally, Terms, render_html,
};

/// Numbers that look random and are always the same.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[(self.next() % words.len() as u64) as usize]
    }
}

const PEOPLE: [&str; 12] = [
    "She said her",
    "He said his",
    "He thinks that his",
    "They told us their",
    "I think my",
    "You know your",
    "We saw that the",
    "It is known that the",
    "He asked him for the",
    "They said the",
    "The",
    "His",
];
const GROUPS: [&str; 24] = [
    "American",
    "American",
    "American",
    "European",
    "Christian",
    "Christian",
    "Muslim",
    "Jewish",
    "gay",
    "lesbian",
    "transgender",
    "female",
    "female",
    "male",
    "Mexican",
    "Indian",
    "Chinese",
    "African-American",
    "Asian",
    "religious",
    "white",
    "black",
    "straight",
    "Latino",
];
const THINGS: [&str; 8] = [
    "baker",
    "harbour",
    "school",
    "garden",
    "football club",
    "museum",
    "doctor",
    "ferry",
];
/// Groups whose texts the made-up classifier takes for toxic too often.
const FLAGGED: [&str; 7] = [
    "Muslim",
    "gay",
    "lesbian",
    "transgender",
    "black",
    "African-American",
    "Jewish",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, paths): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let dir = Path::new(
        paths
            .first()
            .ok_or("usage: report_demo DIR [descriptors.json] [--no-toxicity]")?,
    );
    let scored = !flags.iter().any(|flag| flag == "--no-toxicity");
    let terms = match paths.get(1) {
        Some(list) => Terms::load(Path::new(list))?,
        None => Terms::builtin()?,
    };
    let mut tally = Tally::new(&terms);
    let mut random = Sequence(1);
    for i in 0..2400 {
        document(&mut tally, &terms, &mut random, i, scored);
    }
    ledger(&mut tally);
    let about = About {
        name: "A made-up crawl".to_owned(),
        made_by: concat!("puna ", env!("CARGO_PKG_VERSION")).to_owned(),
        synthetic: true,
        inputs: vec!["crawl/*.warc.gz".to_owned(), "notes.jsonl".to_owned()],
        language_identifier: "the built-in identifier".to_owned(),
        toxicity_classifier: scored.then(|| "a made-up classifier".to_owned()),
        weights: [("encyclopedia".to_owned(), 3.0)].into(),
        settings: vec![
            (
                "near-duplicate Jaccard similarity".to_owned(),
                "0.8".to_owned(),
            ),
            (
                "personal information per 1,000 words".to_owned(),
                "at most 5".to_owned(),
            ),
        ],
    };
    let report = Report::new(&tally, &about);
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("report.json"), report.to_json()?)?;
    std::fs::write(dir.join("report.html"), render_html(&report))?;
    Ok(())
}

fn document(tally: &mut Tally, terms: &Terms, random: &mut Sequence, i: u64, scored: bool) {
    let source = random.pick(&["web", "web", "web", "forum", "news", "encyclopedia"]);
    let code = random.pick(&[
        "en", "en", "en", "en", "en", "en", "en", "en", "de", "fr", "sv", "zh",
    ]);
    let mut text = String::new();
    let mut flagged = false;
    for _ in 0..1 + random.next() % 3 {
        let group = if random.share() < 0.3 {
            random.pick(&GROUPS)
        } else {
            "old"
        };
        flagged |= FLAGGED.contains(&group);
        let (people, thing) = (random.pick(&PEOPLE), random.pick(&THINGS));
        text.push_str(&format!("{people} {group} {thing} was there.\n"));
    }
    let toxicity = random.share().powi(if flagged { 3 } else { 9 });
    let personal = [
        ("email", u64::from(random.share() < 0.1)),
        ("telephone", u64::from(random.share() < 0.06)),
        ("street_address", u64::from(random.share() < 0.02)),
    ];
    let words = text.split_whitespace().count() as u64;
    let facts = Document {
        source,
        language: Some((code, if i.is_multiple_of(13) { 0.3 } else { 0.95 })),
        bytes: text.len() as u64,
        words,
        toxicity: scored.then_some(toxicity),
        personal: &personal,
        boilerplate_lines: u64::from(random.share() < 0.2) * 4,
        boilerplate_bytes: 0,
    };
    match random.next() % 40 {
        0 => tally.left_out(Reason::Empty, &facts, &[]),
        1..=2 => tally.left_out(Reason::Quality, &facts, &["mean_word_length"]),
        3 => tally.left_out(
            Reason::Quality,
            &facts,
            &["mean_word_length", "symbol_to_word_ratio"],
        ),
        4..=5 => tally.left_out(Reason::ExactDuplicate, &facts, &[]),
        6..=7 => tally.left_out(Reason::NearDuplicate, &facts, &[]),
        8..=9 => {
            let personal = [
                ("email", 4),
                ("telephone", 7),
                ("street_address", 5),
                ("iban", 1),
            ];
            let facts = Document {
                personal: &personal,
                ..facts
            };
            tally.left_out(Reason::Site, &facts, &[]);
        }
        _ => tally.add(terms, &facts, &text),
    }
}

fn ledger(tally: &mut Tally) {
    let rows: [(&str, u64, u64, f64, Decision, &str); 6] = [
        (
            "people-finder.example",
            96,
            1500,
            88.4,
            Decision::LeftOut,
            "88.40 per 1,000 words, at most 5",
        ),
        (
            "<script>alert(1)</script>.example",
            24,
            210,
            31.0,
            Decision::LeftOut,
            "31.00 per 1,000 words, at most 5",
        ),
        (
            "old-directory.example",
            3,
            9,
            2.0,
            Decision::LeftOutByList,
            "named in the list",
        ),
        (
            "town-hall.example",
            40,
            80,
            6.2,
            Decision::KeptByList,
            "public offices' addresses",
        ),
        (
            "news.example",
            410,
            51,
            0.4,
            Decision::Kept,
            "under the threshold",
        ),
        (
            "forum.example",
            390,
            77,
            0.6,
            Decision::Kept,
            "under the threshold",
        ),
    ];
    for (site, documents, found, density, decision, reason) in rows {
        tally.site(&SiteRow {
            site,
            documents,
            bytes: documents * 900,
            personal: &[("email", found / 3), ("telephone", found - found / 3)],
            per_thousand_words: density,
            decision,
            reason,
        });
    }
    for size in [2, 2, 2, 2, 3, 2, 2, 5, 9, 2, 3, 17] {
        tally.clusters(size, 1);
    }
    tally.skipped("request", 2400);
    tally.skipped("image", 311);
    tally.damaged("crawl/0003.warc.gz", 1_048_576, "gzip member ends early");
    tally.damaged("crawl/0003.warc.gz", 2_097_152, "no content length");
    tally.damaged("notes.jsonl", 17, "field text is missing");
}
