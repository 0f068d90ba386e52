//! The report as JSON and as a page.

use puna_corpus::report::{
    About, Decision, Document, Reason, Report, SCHEMA, SiteRow, Tally, Terms, render_html,
};

use crate::{about, english, list};

/// A tally with something of everything.
fn full(terms: &Terms) -> Tally {
    let mut tally = Tally::new(terms);
    let personal = [("email", 2), ("iban", 0)];
    for i in 0..60u8 {
        let document = Document {
            source: if i % 3 == 0 { "encyclopedia" } else { "web" },
            language: Some((["en", "en", "en", "de"][usize::from(i % 4)], 0.9)),
            toxicity: Some(f32::from(i) / 60.0),
            personal: &personal,
            boilerplate_lines: 3,
            boilerplate_bytes: 60,
            ..english(None)
        };
        let text = [
            "She is gay.",
            "He is a Christian American.",
            "They are white.",
        ][usize::from(i % 3)];
        tally.add(terms, &document, text);
    }
    for (i, reason) in Reason::ALL.into_iter().enumerate() {
        for _ in 0..=i {
            tally.left_out(
                reason,
                &Document {
                    personal: &personal,
                    ..english(None)
                },
                &[],
            );
        }
    }
    tally.left_out(
        Reason::Quality,
        &english(None),
        &["too_short", "few_letters"],
    );
    tally.left_out(Reason::Quality, &english(None), &["too_short"]);
    for (site, documents, decision) in [
        ("a.example", 9, Decision::Kept),
        ("b.example", 4, Decision::LeftOut),
        ("c.example", 2, Decision::KeptByList),
        ("d.example", 1, Decision::LeftOutByList),
    ] {
        tally.site(&SiteRow {
            site,
            documents,
            bytes: documents * 1000,
            personal: &[("email", documents * 3)],
            per_thousand_words: 1.5,
            decision,
            reason: "as the ledger says",
        });
    }
    for size in [2, 2, 5, 40] {
        tally.clusters(size, 1);
    }
    tally.skipped("request", 4);
    tally.damaged("b.warc.gz", 70, "gzip member ends early");
    tally.damaged("b.warc.gz", 7, "no content length");
    tally
}

/// The page as a reader without colours has it: its text, one line for each cell or paragraph.
fn text_of(html: &str) -> String {
    let body = &html[html.find("<body>").unwrap()..];
    let mut text = String::new();
    let mut rest = body;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let close = open + rest[open..].find('>').unwrap();
        let inline = [
            "<strong", "</strong", "<em", "</em", "<code", "</code", "<i", "</i",
        ];
        if !inline.iter().any(|tag| rest[open..].starts_with(tag)) {
            text.push('\n');
        }
        rest = &rest[close + 1..];
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_report_is_as_it_was() {
    let terms = Terms::builtin().unwrap();
    let report = Report::new(&full(&terms), &about());
    assert_eq!(report.schema, SCHEMA);
    let json = report.to_json().unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    insta::assert_snapshot!("report.json", json);
    insta::assert_snapshot!("report.html", text_of(&render_html(&report)));
}

#[test]
fn documents_add_up() {
    let terms = Terms::builtin().unwrap();
    let report = Report::new(&full(&terms), &about());
    let left_out: u64 = report.left_out.iter().map(|step| step.documents).sum();
    assert_eq!(
        report.headline.documents_in,
        report.headline.documents_kept + left_out
    );
    let of =
        |f: fn(&puna_corpus::report::SourceRow) -> u64| report.sources.iter().map(f).sum::<u64>();
    assert_eq!(of(|row| row.documents_in), report.headline.documents_in);
    assert_eq!(of(|row| row.documents_kept), report.headline.documents_kept);
    let languages: u64 = report.languages.iter().map(|row| row.documents).sum();
    assert_eq!(languages, report.headline.documents_kept);
    let mixture: f64 = report.sources.iter().map(|row| row.mixture_share).sum();
    assert!((mixture - 1.0).abs() < 1e-9);
    for kind in &report.personal_information {
        assert_eq!(
            kind.found,
            kind.kept + kind.left_out_with_sites + kind.left_out_otherwise
        );
    }
    assert_eq!(report.damage.files[0].first_offset, 7);
}

#[test]
fn an_empty_report_renders() {
    let terms = Terms::builtin().unwrap();
    let html = render_html(&Report::new(&Tally::new(&terms), &About::default()));
    assert!(html.contains("No document was kept.") && !html.contains("NaN"));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let hostile = "<script>alert('x')</script>\"><img src=x onerror=y>&";
    let terms = list(&serde_json::json!({"religion": {"x": [hostile]}}).to_string());
    let mut tally = Tally::new(&terms);
    let document = Document {
        source: hostile,
        language: Some((hostile, 0.9)),
        personal: &[(hostile, 3)],
        ..english(None)
    };
    tally.add(&terms, &document, hostile);
    tally.add(&terms, &english(Some(0.8)), hostile);
    tally.left_out(Reason::Quality, &document, &[hostile]);
    for decision in [Decision::Kept, Decision::LeftOut] {
        tally.site(&SiteRow {
            site: hostile,
            documents: 1,
            bytes: 1,
            personal: &[(hostile, 1)],
            per_thousand_words: f64::NAN,
            decision,
            reason: hostile,
        });
    }
    tally.skipped(hostile, 1);
    tally.damaged(hostile, 1, hostile);
    let about = About {
        name: hostile.to_owned(),
        made_by: hostile.to_owned(),
        inputs: vec![hostile.to_owned()],
        language_identifier: hostile.to_owned(),
        toxicity_classifier: Some(hostile.to_owned()),
        settings: vec![(hostile.to_owned(), hostile.to_owned())],
        ..About::default()
    };
    let html = render_html(&Report::new(&tally, &about));
    let body = &html[html.find("</style>").unwrap()..];
    for bad in ["<script", "<img", "\"><img", "&<"] {
        assert!(!body.contains(bad), "{bad}");
    }
    assert!(html.contains("&lt;script&gt;alert('x')&lt;/script&gt;&quot;&gt;&lt;img"));
    // Self-contained: nothing is loaded from anywhere, and nothing runs.
    for bad in [
        "<link",
        "src=\"",
        "url(",
        "@import",
        "javascript:",
        "onload=",
    ] {
        assert!(!html.contains(bad), "{bad}");
    }
}
