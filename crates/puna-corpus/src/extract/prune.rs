//! Which parts of a page are no part of what it says: code, navigation, forms, and what names
//! mark as surroundings.

use html5ever::{LocalName, local_name};

use super::dom::{Document, Kind};
use super::names::{Place, place};
use super::text::width;

/// A named surrounding that holds more than this share of the page's paragraphs is none.
const SHARE_OF_PARAGRAPHS: f64 = 0.4;

/// Readers' answers may well be most of a page.
const SHARE_OF_ANSWERS: f64 = 0.97;

/// How much to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// All that looks like surroundings, and readers' answers.
    Article,
    /// Surroundings, but readers' answers stay: they are the content of a forum.
    Answers,
    /// Only code, navigation and footers.
    Everything,
}

/// For each node, whether it is taken away.
pub(super) fn cut(document: &Document, care: Care) -> Vec<bool> {
    let nodes = &document.nodes;
    let mut cut = vec![false; nodes.len()];
    let paragraphs = paragraph_widths(document);
    let total = paragraphs[0];
    let mut index = 0;
    while index < nodes.len() {
        let node = &nodes[index];
        let Some(name) = node.name() else {
            index += 1;
            continue;
        };
        let share = paragraphs[index] as f64 / total.max(1) as f64;
        let answers = care == Care::Article
            && share < SHARE_OF_ANSWERS
            && place(node) == Place::Answers
            && !holds_article(document, index);
        let heavy = share > SHARE_OF_PARAGRAPHS && !answers;
        if is_code(name) || (!heavy && surrounds(document, index, name, care)) {
            cut[index..node.end].fill(true);
            index = node.end;
        } else {
            index += 1;
        }
    }
    cut
}

/// Characters of running text, outside links, in the paragraphs below each node.
fn paragraph_widths(document: &Document) -> Vec<usize> {
    let nodes = &document.nodes;
    let mut widths = vec![0; nodes.len()];
    let mut index = 0;
    let mut paragraph_end = 0;
    while index < nodes.len() {
        let node = &nodes[index];
        match &node.kind {
            Kind::Element(name, _) if is_code(name) || *name == local_name!("a") => {
                index = node.end;
                continue;
            }
            Kind::Element(name, _)
                if matches!(
                    *name,
                    local_name!("p") | local_name!("pre") | local_name!("blockquote")
                ) =>
            {
                paragraph_end = paragraph_end.max(node.end);
            }
            Kind::Text(text) if index < paragraph_end => widths[index] = width(text),
            _ => {}
        }
        index += 1;
    }
    for index in (1..nodes.len()).rev() {
        widths[nodes[index].parent] += widths[index];
    }
    widths
}

/// Elements whose text nobody reads.
fn is_code(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("head")
            | local_name!("script")
            | local_name!("style")
            | local_name!("noscript")
            | local_name!("template")
            | local_name!("iframe")
            | local_name!("svg")
            | local_name!("button")
            | local_name!("select")
            | local_name!("textarea")
            | local_name!("object")
            | local_name!("canvas")
            | local_name!("audio")
            | local_name!("video")
            | local_name!("title")
            | local_name!("datalist")
            | local_name!("noframes")
            | local_name!("noembed")
            | local_name!("rp")
            | local_name!("rt")
    )
}

fn surrounds(document: &Document, index: usize, name: &LocalName, care: Care) -> bool {
    let node = &document.nodes[index];
    if matches!(
        *name,
        local_name!("nav") | local_name!("footer") | local_name!("dialog")
    ) {
        return true;
    }
    if let Some(role) = node.attribute(&local_name!("role"))
        && matches!(
            role.trim(),
            "navigation" | "contentinfo" | "search" | "dialog" | "alert" | "menu" | "menubar"
        )
    {
        return true;
    }
    if node.attribute(&local_name!("hidden")).is_some()
        || is_invisible(node.attribute(&local_name!("style")))
    {
        return true;
    }
    if care == Care::Everything
        || matches!(
            *name,
            local_name!("html") | local_name!("body") | local_name!("main")
        )
    {
        return false;
    }
    if matches!(
        *name,
        local_name!("aside")
            | local_name!("form")
            | local_name!("figcaption")
            | local_name!("header")
            | local_name!("label")
    ) || matches!(
        node.attribute(&local_name!("role")).map(str::trim),
        Some("banner" | "complementary" | "form" | "toolbar")
    ) || node.attribute(&local_name!("aria-hidden")) == Some("true")
    {
        return true;
    }
    match place(node) {
        // A quotation is part of the text, whatever widget shows it.
        Place::Around => *name != local_name!("blockquote"),
        Place::Answers => care == Care::Article,
        Place::Body | Place::Unknown => false,
    }
}

/// Whether an element that claims to hold readers' answers holds the article as well.
fn holds_article(document: &Document, index: usize) -> bool {
    document.nodes[index + 1..document.nodes[index].end]
        .iter()
        .any(|node| match node.name() {
            Some(&local_name!("h1")) => true,
            Some(_) => place(node) == Place::Body,
            None => false,
        })
}

fn is_invisible(style: Option<&str>) -> bool {
    style.is_some_and(|style| {
        let style: String = style
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_lowercase())
            .collect();
        style.contains("display:none") || style.contains("visibility:hidden")
    })
}
