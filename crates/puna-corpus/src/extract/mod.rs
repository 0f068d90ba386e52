//! The main text of an HTML page with its title, declared language and date (paper section 2.1:
//! what goes into the pretraining corpus).
//!
//! A page is cut down to what it says in three steps: what the names of elements mark as
//! surroundings goes (`prune`); the element that holds the running text is found (`select`);
//! its lines are kept or dropped one by one (`lines`). Where that leaves too little, less is cut.

mod attributes;
mod date;
mod dom;
mod json_ld;
mod lines;
mod metadata;
mod names;
mod prune;
mod select;
mod text;

use dom::Document;
use prune::Care;

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Its title, without the site's name.
    pub title: Option<String>,
    /// The language that it declares: a lower-case primary language subtag (`de` for `de-CH`).
    pub language: Option<String>,
    /// When it was published, as `YYYY-MM-DD`.
    pub date: Option<String>,
    /// Its main text: a line for each paragraph, heading, list item and table row (cells parted by
    /// tabs); preformatted text keeps its own lines.
    pub text: String,
}

/// A text with less than this many characters is held for a failed extraction.
const SHORT: usize = 250;
/// An article must have this share of what less careful cutting finds.
const LEAST_SHARE: f64 = 0.04;

/// Extracts the main text of a page. Never fails: a page without main text gives all its text
/// outside of navigation and code, and a page without text gives none.
pub fn extract(html: &str, url: Option<&str>) -> Extracted {
    let document = Document::parse(&attributes::bounded(html));
    let described = json_ld::read(&document);
    let metadata = metadata::read(&document, &described, url);
    let mut text = main_text(&document, metadata.title.as_deref());
    if let Some(body) = &described.body
        && text::width(body) > SHORT
        && (text::width(&text) as f64) < 0.5 * text::width(body) as f64
    {
        text = json_ld::plain(body);
    }
    Extracted {
        title: metadata.title,
        language: metadata.language,
        date: metadata.date,
        text,
    }
}

/// The main text, with as much care as leaves any.
fn main_text(document: &Document, title: Option<&str>) -> String {
    let article = attempt(document, Care::Article, title);
    let found = text::width(&article);
    if found >= SHORT {
        let answers = attempt(document, Care::Answers, title);
        return if (found as f64) < LEAST_SHARE * text::width(&answers) as f64 {
            answers
        } else {
            article
        };
    }
    let answers = attempt(document, Care::Answers, title);
    if text::width(&answers) >= SHORT {
        return answers;
    }
    let cut = prune::cut(document, Care::Everything);
    let everything = lines::join(&text::blocks(document, 0, &cut));
    if 3 * found >= text::width(&everything) {
        article
    } else {
        everything
    }
}

fn attempt(document: &Document, care: Care, title: Option<&str>) -> String {
    let cut = prune::cut(document, care);
    let blocks = text::blocks(document, 0, &cut);
    let root = select::main_element(document, &blocks, &cut);
    let end = document.nodes[root].end;
    let inside: Vec<_> = blocks
        .into_iter()
        .filter(|block| (root..end).contains(&block.start))
        .collect();
    lines::join(&lines::keep(inside, title))
}
