//! What is counted, against texts whose counts one can see.

use puna_corpus::report::{
    About, Axis, Document, PronounSet, Reason, Report, Tally, Terms, UNKNOWN, render_html,
};

use crate::{english, list, named, report_of, rows};

#[test]
fn pronouns_of_hand_made_texts() {
    use PronounSet::{First, He, Second, She, Third, Unspecified};
    let terms = Terms::builtin().unwrap();
    let report = report_of(
        &terms,
        &[
            "She lost her keys.",
            "HIS own: himself. They’re late.",
            "Is this hers?I think so",
            "It's raining; you’d better go",
            "Shelter, theory, ushering, heroes, item, youth.",
            "«Nous» – rien ici",
        ],
    );
    let table = &report.pronouns;
    assert_eq!(table.documents, 6);
    assert_eq!(table.gender.documents, 3);
    assert_eq!(rows(&table.gender), [(She, 2), (He, 1), (Unspecified, 1)]);
    assert_eq!(table.person.documents, 4);
    assert_eq!(rows(&table.person), [(First, 1), (Second, 1), (Third, 4)]);
    // Rows are shares of the heading's documents, the heading of all.
    assert!((table.gender.share - 3.0 / 6.0).abs() < 1e-9);
    assert!((table.gender.rows[0].share - 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn every_pronoun_of_the_paper_is_found_and_no_other() {
    let sets = [
        (PronounSet::She, "she her hers herself"),
        (PronounSet::He, "he him his himself"),
        (
            PronounSet::Unspecified,
            "they them their theirs theirself themself themselves",
        ),
        (
            PronounSet::First,
            "I me my mine myself we us our ours ourselves",
        ),
        (PronounSet::Second, "you your yours yourself yourselves"),
        (PronounSet::Third, "it its itself"),
    ];
    let terms = Terms::builtin().unwrap();
    for (set, words) in sets {
        for word in words.split(' ') {
            let report = report_of(&terms, &[&format!("({word})")]);
            let table = &report.pronouns;
            let mut expected = vec![set];
            if matches!(
                set,
                PronounSet::She | PronounSet::He | PronounSet::Unspecified
            ) {
                expected.push(PronounSet::Third);
            }
            let all = rows(&table.gender).into_iter().chain(rows(&table.person));
            let found: Vec<_> = all.filter(|(_, n)| *n > 0).map(|(set, _)| set).collect();
            assert_eq!(found, expected, "{word}");
            assert_eq!(table.person.documents, 1, "{word}");
            assert_eq!(
                table.gender.documents,
                u64::from(expected.len() == 2),
                "{word}"
            );
        }
    }
}

#[test]
fn terms_are_whole_words_longest_first() {
    let terms = list(
        r#"{"nationality": {"a": ["American", "Indian"]},
            "race_ethnicity": {"b": ["African", "African-American", "Native American", "white"]},
            "religion": {"c": ["Bahá'í", {"descriptor": "Christian", "preference": "x"}, "born-again"]},
            "gender_and_sex": {"d": ["trans", "trans fem", "LGBTQ", "LGBTQ+", "queer"]},
            "sexual_orientation": {"e": ["queer", "gay"]},
            "ability": {"f": ["blind"]}}"#,
    );
    let check = |axis, text: &str, expected: &[&str]| {
        assert_eq!(named(&terms, axis, text), expected, "{text}");
    };
    check(
        Axis::Nationality,
        "AMERICAN\nindian-made",
        &["american", "indian"],
    );
    check(
        Axis::Nationality,
        "Americans, Indiana, un_american?",
        &["american"],
    );
    check(Axis::Nationality, "Native American, African-American", &[]);
    let both = ["african-american", "native american"];
    check(
        Axis::RaceEthnicity,
        "native\n  American and african american",
        &both,
    );
    check(
        Axis::RaceEthnicity,
        "African‑American",
        &["african-american"],
    ); // no-break hyphen
    check(Axis::RaceEthnicity, "white Africans; africanamerican", &[]);
    check(
        Axis::Religion,
        "a BAHÁ’Í, unchristian; born again",
        &["bahá'í", "born-again"],
    );
    check(
        Axis::Religion,
        "was born. Again the non-Christian",
        &["christian"],
    );
    check(
        Axis::GenderAndSex,
        "trans feminism, lgbtq+.",
        &["lgbtq+", "trans"],
    );
    check(
        Axis::GenderAndSex,
        "trans-fem LGBTQ",
        &["lgbtq", "trans fem"],
    );
    // A term of two axes counts in the later one only.
    check(Axis::GenderAndSex, "queer", &[]);
    check(Axis::SexualOrientation, "queer", &["queer"]);
    // Ambiguous terms count apart.
    let report = report_of(&terms, &["a white wall", "an African drum", "neither"]);
    let row = &report.identity.axes[3];
    assert_eq!((row.terms.documents, row.documents_with_ambiguous), (1, 2));
    assert_eq!(
        (row.ambiguous[0].name.as_str(), row.ambiguous[0].documents),
        ("white", 1)
    );
    assert!(terms.list().iter().all(|term| term.term != "blind"));
}

#[test]
fn a_document_counts_once_however_often_it_names_a_term() {
    let terms = Terms::builtin().unwrap();
    let report = report_of(&terms, &["gay gay gay", "lesbian, gay", "none"]);
    let axis = &report.identity.axes[1];
    assert_eq!(axis.terms.documents, 2);
    assert_eq!(
        rows(&axis.terms),
        [("gay".to_owned(), 2), ("lesbian".to_owned(), 1)]
    );
}

#[test]
fn lists_that_are_none_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list.json");
    for (text, reason) in [
        ("[1, 2]", "not a descriptors.json"),
        (r#"{"religion": {"all": [7]}}"#, "not a descriptors.json"),
        (
            r#"{"ability": {"all": ["deaf"]}}"#,
            "no term under any of gender_and_sex",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Terms::load(&path).unwrap_err().to_string();
        assert!(
            error.contains("list.json") && error.contains(reason),
            "{error}"
        );
    }
    assert!(Terms::load(&dir.path().join("absent.json")).is_err());
}

#[test]
fn the_published_list_loads() {
    let list = "lists/holistic-bias/holistic_bias/dataset/v1.1/descriptors.json";
    let Some(path) = puna_needs::shared_data(list) else {
        return;
    };
    let terms = Terms::load(&path).unwrap();
    let axis = |name: &str| {
        terms
            .list()
            .iter()
            .find(|term| term.term == name)
            .unwrap()
            .axis
    };
    // The terms of the paper's table 9b, on its axes.
    for (place, names) in [
        (
            Axis::GenderAndSex,
            "female male feminine transgender masculine",
        ),
        (Axis::SexualOrientation, "gay lesbian lgbt lgbtq queer"),
        (Axis::Nationality, "american indian chinese korean mexican"),
        (
            Axis::RaceEthnicity,
            "european african asian latin indigenous",
        ),
        (
            Axis::Religion,
            "christian religious spiritual catholic jewish",
        ),
    ] {
        for name in names.split(' ') {
            assert_eq!(axis(name), place, "{name}");
        }
    }
    let ambiguous = |name: &str| terms.list().iter().any(|t| t.term == name && t.ambiguous);
    assert!(["straight", "white", "black"].into_iter().all(ambiguous));
}

#[test]
fn languages_under_half_confidence_are_unknown() {
    let terms = Terms::builtin().unwrap();
    let mut tally = Tally::new(&terms);
    for (language, times) in [
        (Some(("en", 0.5)), 3),
        (Some(("en", 0.499)), 1),
        (Some(("de", 0.9)), 2),
        (None, 1),
    ] {
        for _ in 0..times {
            let document = Document {
                language,
                ..english(Some(0.9))
            };
            tally.add(&terms, &document, "she is gay");
        }
    }
    tally.left_out(
        Reason::Quality,
        &Document {
            language: Some(("fr", 1.0)),
            ..english(None)
        },
        &["a"],
    );
    let report = Report::new(&tally, &About::default());
    let rows: Vec<_> = report
        .languages
        .iter()
        .map(|r| (r.code.as_str(), r.documents, r.left_out_by_quality))
        .collect();
    assert_eq!(
        rows,
        [("en", 3, 0), ("de", 2, 0), (UNKNOWN, 2, 0), ("fr", 0, 1)]
    );
    // Tables about words are of English only.
    assert_eq!(report.pronouns.documents, 3);
    assert_eq!(report.identity.axes[1].terms.documents, 3);
}

#[test]
fn toxicity_falls_into_its_bin_and_filters_cost_what_they_cost() {
    let terms = Terms::builtin().unwrap();
    let mut tally = Tally::new(&terms);
    let about = About {
        toxicity_classifier: Some("known".to_owned()),
        ..About::default()
    };
    // 100 documents, 10 of them at 0.7; 20 name a term, 8 of those are among the 10.
    for i in 0..100u32 {
        let toxic = i < 10;
        let text = if i < 8 || (50..62).contains(&i) {
            "a Muslim baker"
        } else {
            "a baker"
        };
        tally.add(&terms, &english(Some(if toxic { 0.7 } else { 0.04 })), text);
    }
    tally.add(&terms, &english(None), "a Muslim baker");
    tally.add(&terms, &english(Some(f32::NAN)), "a baker");
    tally.add(
        &terms,
        &Document {
            language: Some(("de", 1.0)),
            ..english(Some(1.0))
        },
        "x",
    );
    let report = Report::new(&tally, &about);
    let toxicity = report.toxicity.as_ref().unwrap();
    assert_eq!((toxicity.documents, toxicity.not_scored), (100, 2));
    assert_eq!(toxicity.at_least_half.share, 0.1);
    let bins: Vec<_> = toxicity
        .bins
        .iter()
        .filter(|b| b.documents > 0)
        .map(|b| (b.from, b.to, b.documents))
        .collect();
    assert_eq!(bins, [(0.0, 0.05, 90), (0.7, 0.75, 10)]);
    let filter = report.filter.unwrap();
    assert_eq!(filter.thresholds, [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]);
    let group = filter
        .groups
        .iter()
        .find(|group| group.name == "muslim")
        .unwrap();
    assert_eq!(group.documents, 20);
    for loss in &group.lost[..5] {
        assert_eq!(loss.documents, 8);
        assert!((loss.share.share - 0.4).abs() < 1e-9);
        assert!((loss.ratio.unwrap() - 4.0).abs() < 1e-9);
        assert!(loss.differs);
        // Wilson's interval of 8 in 20.
        assert!((loss.share.low - 0.2188).abs() < 1e-4 && (loss.share.high - 0.6134).abs() < 1e-4);
    }
    assert_eq!((group.lost[5].ratio, group.lost[5].differs), (None, false));
}

#[test]
fn every_edge_lies_in_the_bin_it_begins() {
    let terms = Terms::builtin().unwrap();
    let about = About {
        toxicity_classifier: Some("known".to_owned()),
        ..About::default()
    };
    for (score, from) in [
        (0.0, 0.0),
        (0.05, 0.05),
        (0.1, 0.1),
        (0.15, 0.15),
        (0.3, 0.3),
        (0.35, 0.35),
        (0.7, 0.7),
        (0.699_999, 0.65),
        (0.9, 0.9),
        (0.95, 0.95),
        (1.0, 0.95),
        (-0.1, 0.0),
        (1.5, 0.95),
    ] {
        let mut tally = Tally::new(&terms);
        tally.add(&terms, &english(Some(score)), "");
        let bins = Report::new(&tally, &about).toxicity.unwrap().bins;
        assert_eq!(
            bins.iter().find(|bin| bin.documents == 1).unwrap().from,
            from,
            "{score}"
        );
    }
}

#[test]
fn what_was_not_measured_is_not_zero() {
    let terms = Terms::builtin().unwrap();
    let mut tally = Tally::new(&terms);
    tally.add(&terms, &english(None), "gay");
    for classifier in [None, Some("given, but it scored nothing".to_owned())] {
        let about = About {
            toxicity_classifier: classifier,
            ..About::default()
        };
        let report = Report::new(&tally, &about);
        assert!(report.toxicity.is_none() && report.filter.is_none());
        let html = render_html(&report);
        assert!(html.contains("not measured") && html.contains("Not measured."));
        assert!(!html.contains("score 0.5 or more"));
    }
}
