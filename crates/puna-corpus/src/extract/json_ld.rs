//! What a page's JSON-LD (schema.org) says of it.

use html5ever::local_name;
use serde_json::Value;

use super::dom::Document;
use super::prune::{Care, cut};
use super::{lines, text};

/// Objects looked at per page.
const OBJECT_LIMIT: usize = 2_000;

/// The parts of the description that extraction uses.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// `articleBody` of the article, as written.
    pub(super) body: Option<String>,
    /// `headline`.
    pub(super) headline: Option<String>,
    /// `datePublished`, as written.
    pub(super) published: Option<String>,
    /// `inLanguage`, as written.
    pub(super) language: Option<String>,
}

/// Reads every JSON-LD script of the page; broken ones say nothing.
pub(super) fn read(document: &Document) -> Described {
    let mut described = Described::default();
    for (index, node) in document.nodes.iter().enumerate() {
        if node.name() == Some(&local_name!("script"))
            && node.attribute(&local_name!("type")).is_some_and(|kind| {
                kind.trim()
                    .to_ascii_lowercase()
                    .starts_with("application/ld+json")
            })
            && let Some(value) = parse(&document.raw_text(index))
        {
            collect(value, &mut described);
        }
    }
    described
}

/// The JSON of a script, also where raw line ends stand inside its strings.
fn parse(script: &str) -> Option<Value> {
    let script = script
        .trim()
        .trim_start_matches("<!--")
        .trim_start_matches("//<![CDATA[")
        .trim_start_matches("<![CDATA[")
        .trim_end_matches("-->")
        .trim_end_matches("//]]>")
        .trim_end_matches("]]>")
        .trim()
        .trim_end_matches(';');
    serde_json::from_str(script)
        .or_else(|_| {
            let mended: String = script
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            serde_json::from_str(&mended)
        })
        .ok()
}

fn collect(value: Value, described: &mut Described) {
    let mut waiting = vec![value];
    let mut seen = 0;
    while let Some(value) = waiting.pop() {
        seen += 1;
        if seen > OBJECT_LIMIT {
            return;
        }
        match value {
            Value::Array(values) => waiting.extend(values.into_iter().rev()),
            Value::Object(mut object) => {
                if object.get("@type").is_some_and(is_article) {
                    for (key, place) in [
                        ("articleBody", &mut described.body),
                        ("headline", &mut described.headline),
                        ("datePublished", &mut described.published),
                        ("inLanguage", &mut described.language),
                    ] {
                        if place.is_none()
                            && let Some(Value::String(text)) = object.remove(key)
                            && !text.trim().is_empty()
                        {
                            *place = Some(text);
                        }
                    }
                }
                for key in ["@graph", "mainEntity", "mainEntityOfPage", "hasPart"] {
                    if let Some(inner) = object.remove(key) {
                        waiting.push(inner);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_article(kind: &Value) -> bool {
    match kind {
        Value::String(kind) => {
            kind.ends_with("Article")
                || kind.ends_with("Posting")
                || matches!(kind.as_str(), "Report" | "WebPage" | "BlogPost")
        }
        Value::Array(kinds) => kinds
            .iter()
            .any(|kind| kind.is_string() && is_article(kind)),
        _ => false,
    }
}

/// A body's text, whose markup and entities some sites leave in.
pub(super) fn plain(body: &str) -> String {
    let marked_up: String;
    let html = if body.contains('<') || body.contains('&') {
        body
    } else {
        marked_up = body.replace('\n', "<br>");
        &marked_up
    };
    let document = Document::parse(html);
    let cut = cut(&document, Care::Everything);
    lines::join(&text::blocks(&document, 0, &cut))
}
