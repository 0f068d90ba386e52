//! Shards merge to the same in any order; memory is bounded; any text is fine.

use proptest::prelude::*;

use puna_corpus::report::{
    About, Decision, Document, Reason, Report, SiteRow, TOP_SITES, Tally, Terms, render_html,
};

use crate::{about, english, list, report_of, rows};

#[test]
fn memory_is_bounded_and_totals_are_kept() {
    let terms = Terms::builtin().unwrap();
    let build = |order: &mut dyn Iterator<Item = u32>| {
        let mut tally = Tally::new(&terms);
        for i in order {
            let name = format!("{i:05}");
            let document = Document {
                source: &name,
                ..english(None)
            };
            tally.add(&terms, &document, "");
            tally.damaged(&name, 0, "x");
            tally.site(&SiteRow {
                site: &name,
                documents: u64::from(i % 100),
                bytes: 0,
                personal: &[],
                per_thousand_words: 0.0,
                decision: Decision::LeftOut,
                reason: "",
            });
        }
        tally
    };
    let tally = build(&mut (0..3000));
    assert_eq!(tally, build(&mut (0..3000).rev()));
    assert!(serde_json::to_string(&tally).unwrap().len() < 200_000);
    let report = Report::new(&tally, &About::default());
    assert_eq!(
        report
            .sources
            .iter()
            .map(|row| row.documents_kept)
            .sum::<u64>(),
        3000
    );
    assert_eq!(report.damage.records, 3000);
    assert_eq!(report.sites.largest.len(), TOP_SITES);
    assert_eq!(
        (
            report.sites.largest[0].site.as_str(),
            report.sites.largest[0].documents
        ),
        ("00099", 99)
    );
}

#[test]
fn tallies_of_different_lists_do_not_merge() {
    let mut tally = Tally::new(&Terms::builtin().unwrap());
    let other = Tally::new(&list(r#"{"religion": {"x": ["Jain"]}}"#));
    let error = tally.merge(&other).unwrap_err().to_string();
    assert!(
        error.contains("descriptors.json") && error.contains("built-in"),
        "{error}"
    );
}

/// One thing a tally is told.
#[derive(Debug, Clone)]
enum Event {
    Add(String, u8, Option<f32>, String),
    LeftOut(usize, String),
    Damaged(String, u64, String),
    Cluster(u64),
    Skipped(String),
}

fn event() -> impl Strategy<Value = Event> {
    let name = "[a-c]{0,2}";
    prop_oneof![
        (
            name,
            any::<u8>(),
            prop::option::of(0f32..=1.0),
            "(she |gay |American |white |\\PC){0,6}"
        )
            .prop_map(|(source, language, toxicity, text)| Event::Add(
                source, language, toxicity, text
            )),
        (0..Reason::ALL.len(), name).prop_map(|(reason, source)| Event::LeftOut(reason, source)),
        (name, 0..9u64, name).prop_map(|(file, offset, what)| Event::Damaged(file, offset, what)),
        (0..99u64).prop_map(Event::Cluster),
        name.prop_map(Event::Skipped),
    ]
}

fn tally_of(terms: &Terms, events: &[Event], first_site: usize) -> Tally {
    let mut tally = Tally::new(terms);
    for (i, event) in events.iter().enumerate() {
        match event {
            Event::Add(source, language, toxicity, text) => {
                let language = Some((
                    ["en", "de", "fr"][usize::from(language % 3)],
                    0.4 + f32::from(*language) / 300.0,
                ));
                let document = Document {
                    source,
                    language,
                    ..english(*toxicity)
                };
                tally.add(terms, &document, text);
            }
            Event::LeftOut(reason, source) => {
                let personal = [("email", 2)];
                let document = Document {
                    source,
                    personal: &personal,
                    ..english(None)
                };
                tally.left_out(Reason::ALL[*reason], &document, &[source, "b"]);
            }
            Event::Damaged(file, offset, what) => tally.damaged(file, *offset, what),
            Event::Cluster(size) => tally.clusters(*size, 1),
            Event::Skipped(reason) => tally.skipped(reason, 1),
        }
        // Every site is in one tally only, as a ledger has it.
        let site = format!("{}.example", first_site + i);
        tally.site(&SiteRow {
            site: &site,
            documents: i as u64 % 5,
            bytes: 1,
            personal: &[("email", i as u64 % 3)],
            per_thousand_words: 0.1,
            decision: [Decision::Kept, Decision::LeftOut][i % 2],
            reason: "r",
        });
    }
    tally
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_associative_and_commutative(
        a in prop::collection::vec(event(), 0..40),
        b in prop::collection::vec(event(), 0..40),
        c in prop::collection::vec(event(), 0..40),
    ) {
        let terms = Terms::builtin().unwrap();
        let [a, b, c] = [(a, 0), (b, 100), (c, 200)].map(|(events, first)| tally_of(&terms, &events, first));
        let merged = |parts: &[&Tally]| {
            let mut whole = parts[0].clone();
            for part in &parts[1..] {
                whole.merge(part).unwrap();
            }
            whole
        };
        let left = merged(&[&a, &b, &c]);
        prop_assert_eq!(&left, &merged(&[&a, &merged(&[&b, &c])]));
        prop_assert_eq!(&left, &merged(&[&c, &b, &a]));
        // Nothing is the neutral element, and JSON keeps everything.
        prop_assert_eq!(&left, &merged(&[&Tally::new(&terms), &left]));
        let json = serde_json::to_string(&left).unwrap();
        prop_assert_eq!(&left, &serde_json::from_str::<Tally>(&json).unwrap());
        prop_assert!(!render_html(&Report::new(&left, &about())).is_empty());
    }

    #[test]
    fn any_list_and_any_text_are_fine(json in "\\PC{0,60}", terms in prop::collection::vec("\\PC{0,12}", 1..8), text in "\\PC{0,200}") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.json");
        std::fs::write(&path, json).unwrap();
        let _ = Terms::load(&path);
        std::fs::write(&path, serde_json::json!({"religion": {"x": terms}}).to_string()).unwrap();
        if let Ok(list) = Terms::load(&path) {
            let text = format!("{text} {}", terms.join(" "));
            prop_assert!(!render_html(&report_of(&list, &[&text])).is_empty());
        }
    }

    /// Against the plain way: a word is a run of letters and digits.
    #[test]
    fn pronouns_agree_with_splitting(text in "((she|He|US|theirs|it|yours|x)[ ,.'é-]{0,2}){0,12}") {
        let words: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
        let has = |set: &[&str]| u64::from(words.iter().any(|word| set.contains(&word.as_str())));
        let report = report_of(&Terms::builtin().unwrap(), &[&text]);
        let found: Vec<u64> = rows(&report.pronouns.gender).into_iter().chain(rows(&report.pronouns.person)).map(|(_, n)| n).collect();
        let expected = [has(&["she"]), has(&["he"]), has(&["theirs"]), has(&["us"]), has(&["yours"]), has(&["she", "he", "theirs", "it"])];
        prop_assert_eq!(found, expected);
    }
}
