//! Extraction against the gold pages, against hostile pages, and field by field.

use std::time::Instant;

use proptest::prelude::*;
use puna_corpus::extract::extract;

mod gold;

/// What the whole gold set reached when this was written was 0.9622.
const LEAST_F1: f64 = 0.957;

#[test]
fn the_gold_pages() {
    let Some(directory) = puna_needs::shared_data("web/scrapinghub-gold") else {
        return;
    };
    let pages = gold::read(&directory).unwrap();
    let matches: Vec<_> = pages
        .iter()
        .map(|page| gold::Match::of(&page.body, &extract(&page.html, Some(&page.url)).text))
        .collect();
    let f1 = gold::Score::mean(&matches).f1();
    assert!(f1 >= LEAST_F1, "F1 {f1:.4}");
}

#[test]
fn the_metric() {
    let same = gold::Match::of("a b c d e", "a b c d e");
    assert_eq!((same.precision(), same.recall()), (1.0, 1.0));
    let half = gold::Match::of("a b c d e", "a b c d");
    assert_eq!((half.precision(), half.recall()), (1.0, 0.5));
    let none = gold::Match::of("a b c d e", "");
    assert_eq!(
        (none.precision(), none.recall(), none.f1()),
        (0.0, 0.0, 0.0)
    );
    let mean = gold::Score::mean(&[same, half, none]);
    assert_eq!((mean.precision, mean.recall), (1.0, 0.5));
}

const PARAGRAPH: &str = "The river rose by two metres in the night, and the old bridge, built in \
    1871, was closed to all traffic before the first commuters arrived in the morning.";

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=de-CH><head><title>River rises | The Herald</title>\
        <meta property=article:published_time content=2019-11-24T08:00:00+01:00></head>\
        <body><nav><a href=/>Home</a> <a href=/news>News</a></nav>{body}\
        <footer>Imprint and contact</footer></body></html>"
    )
}

#[test]
fn an_article_and_its_surroundings() {
    let html = page(&format!(
        "<div class=sidebar><p>Sign up for our newsletter, it is free and comes every week.</p></div>\
         <article><h1>River rises</h1><p class=byline>By Jane Doe</p>\
         <p>{PARAGRAPH}</p><p>{PARAGRAPH} &amp; so <b>on</b>&nbsp;it\n  went.</p>\
         <ul><li>First item of a list, with a comma.</li><li>Second item of the list, too.</li></ul>\
         <table><tr><td>Level</td><td>2.1</td></tr><tr><td>Flow</td><td>88</td></tr></table>\
         <pre>let x = 1;\n  let y = 2;</pre><p>{PARAGRAPH} That was the end of it.</p>\
         <div class=share-buttons><a href=#>Share</a></div></article>\
         <section id=comments><p>I saw that too, what a night it was for all of us, really.</p></section>"
    ));
    let found = extract(&html, None);
    assert_eq!(found.title.as_deref(), Some("River rises"));
    assert_eq!(found.language.as_deref(), Some("de"));
    assert_eq!(found.date.as_deref(), Some("2019-11-24"));
    assert_eq!(
        found.text,
        format!(
            "{PARAGRAPH}\n{PARAGRAPH} & so on it went.\nFirst item of a list, with a comma.\n\
             Second item of the list, too.\nLevel\t2.1\nFlow\t88\nlet x = 1;\n  let y = 2;\n\
             {PARAGRAPH} That was the end of it."
        )
    );
}

#[test]
fn how_to_reach_somebody_is_told_and_labels_go() {
    let text = format!("{PARAGRAPH}\n{PARAGRAPH} That was the end of it.");
    let [first, second] = [0, 1].map(|line| text.lines().nth(line).unwrap());
    let found = |below: &str| {
        let html = format!("<article><p>{first}</p><p>{second}</p>{below}</article>");
        extract(&page(&html), None).text
    };
    let mail = "<p>E-mail: <a href=mailto:jane@example.com>jane@example.com</a></p>";
    assert_eq!(
        found(&format!(
            "<p>Contact: Jane Doe</p>{mail}<p>Phone: 555 0100</p>"
        )),
        format!("{text}\nContact: Jane Doe\nE-mail: jane@example.com\nPhone: 555 0100")
    );
    for below in [
        "<p>The Herald</p><p>Monday</p>",
        "<p>Source: Agencies</p><p>Monday</p>",
        "<p>Source: Agencies</p><p>Tags: rivers</p>",
        "<p>Source: Agencies</p><p>Topic: <a href=/rivers>Rivers</a></p>",
        "<p>Names in this article: Jane Doe</p><p>Researcher: John Doe</p>",
    ] {
        assert_eq!(found(below), text, "{below}");
    }
}

#[test]
fn pages_that_are_no_articles_give_their_text() {
    assert_eq!(extract("Just a line.", None).text, "Just a line.");
    assert_eq!(extract("", None).text, "");
    assert_eq!(
        extract(&page("<div>Tiny page.</div>"), None).text,
        "Tiny page."
    );
    let posts: String = (0..20)
        .map(|n| format!("<div class=post><b>user{n}</b><div>Answer {n}: {PARAGRAPH}</div></div>"))
        .collect();
    let found = extract(&page(&format!("<div id=thread>{posts}</div>")), None).text;
    for n in 0..20 {
        assert!(found.contains(&format!("Answer {n}: ")), "{found}");
    }
    let comments = posts.replace("class=post", "class=comment");
    let found = extract(&page(&comments), None).text;
    assert!(
        found.contains("Answer 0: ") && found.contains("Answer 19: "),
        "{found}"
    );
    let items: String = (0..30)
        .map(|n| format!("<li><a href=/{n}>Title number {n}</a></li>"))
        .collect();
    let found = extract(&page(&format!("<ul>{items}</ul>")), None).text;
    assert!(found.contains("Title number 29"), "{found}");
}

#[test]
fn json_ld_speaks_where_the_page_is_silent() {
    let html = format!(
        "<script type=application/ld+json>{{\"@context\":\"https://schema.org\",\"@graph\":[\
         {{\"@type\":\"NewsArticle\",\"headline\":\"A headline\",\"datePublished\":\"2020-02-29\",\
         \"articleBody\":\"{PARAGRAPH} {PARAGRAPH} {PARAGRAPH}\"}}]}}</script><div id=app></div>"
    );
    let found = extract(&html, None);
    assert_eq!(found.text, [PARAGRAPH; 3].join(" "));
    assert_eq!(found.title.as_deref(), Some("A headline"));
    assert_eq!(found.date.as_deref(), Some("2020-02-29"));
}

/// Quadratic work on these would take minutes, and recursion would overflow the stack; the times
/// are printed, none is asserted.
#[test]
fn hostile_pages_cost_linear_time() {
    type Shape = (&'static str, fn(usize) -> String);
    let shapes: [Shape; 12] = [
        ("divs", |n| "<div>".repeat(n) + "deep"),
        ("paragraphs in divs", |n| "<div><p>words, words".repeat(n)),
        ("inline", |n| "<b><i>x".repeat(n)),
        ("links", |n| "<a href=x>y".repeat(n)),
        ("list items", |n| "<ul><li>x".repeat(n)),
        ("tables", |n| "<table><tr><td>x".repeat(n)),
        ("unopened ends", |n| "</div></p></b></td>".repeat(n)),
        ("attributes", |n| {
            let names: String = (0..n * 4).map(|k| format!(" a{k}=1")).collect();
            format!("<div{names}>text</div>")
        }),
        ("classes", |n| {
            format!("<div class='{}'>text</div>", "a-b ".repeat(n))
        }),
        ("open tags", |n| "<div ".repeat(n)),
        ("entities", |n| "&amp;&notanentity;&#0;\0".repeat(n)),
        ("comment containers", |n| {
            "<div class=comments><p>words, words, and words again.</p>".repeat(n)
        }),
    ];
    for (name, shape) in shapes {
        let html = shape(100_000);
        let started = Instant::now();
        let _ = extract(&html, None);
        let took = started.elapsed().as_secs_f64();
        println!("{name}: {:.1} MB in {took:.2} s", html.len() as f64 / 1e6);
    }
}

const SEED: &str = "<!doctype html><html lang=en><head><title>A &amp; b</title><meta name=date \
    content='Nov 24, 2019'><script type='application/ld+json'>{\"@type\":\"Article\",\"headline\":\
    \"x\",\"articleBody\":\"y\"}</script></head><body><nav>n</nav><article class='post-content'>\
    <h1>Ümläut</h1><p>日本語、text.</p><table><tr><td>1<td>2</table><pre>\n a\n</pre><ul><li>i<li>j\
    </ul><a href=x>link</a><br><form><input></form><svg><path/></svg><textarea>t</textarea>\
    </article><!-- c --><footer>f</footer></body></html>";

proptest! {
    #[test]
    fn mutated_pages_never_panic(edits in prop::collection::vec(
        (0usize..SEED.len(), 0usize..40, "(<[/!]?[a-z]{1,6}|>|\"|'|&#?x?[0-9a-z]{0,6};?|[\\x00-\\x1f]|\\PC){0,4}"), 1..12,
    )) {
        let mut page: Vec<char> = SEED.chars().collect();
        for (at, gone, text) in edits {
            let at = at.min(page.len());
            let end = (at + gone).min(page.len());
            page.splice(at..end, text.chars());
        }
        let page: String = page.into_iter().collect();
        let found = extract(&page, Some(&page));
        prop_assert!(!found.text.contains('\0'));
        if let Some(date) = found.date {
            prop_assert_eq!(date.len(), 10);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(page in "(\\PC|[<>/&;=\"'!\\x00]){0,400}") {
        let _ = extract(&page, None);
    }
}
