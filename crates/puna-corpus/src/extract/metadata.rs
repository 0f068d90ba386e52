//! A page's title, declared language and date, from what it says of itself.

use html5ever::{LocalName, local_name};

use super::date;
use super::dom::Document;
use super::json_ld::Described;

/// What a page says of itself.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) title: Option<String>,
    pub(super) language: Option<String>,
    pub(super) date: Option<String>,
}

/// Names of meta elements that give the time of publication, the surest first.
const PUBLISHED: &[&str] = &[
    "article:published_time",
    "og:published_time",
    "datepublished",
    "date.published",
    "publish-date",
    "publishdate",
    "pubdate",
    "publish_date",
    "parsely-pub-date",
    "sailthru.date",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dc.date.created",
    "dc.date",
    "dcterms.date",
    "citation_publication_date",
    "article.published",
    "cxenseparse:recs:publishtime",
    "date",
];

/// Reads them; each comes from its surest source that has it.
pub(super) fn read(document: &Document, described: &Described, url: Option<&str>) -> Metadata {
    let metas = metas(document);
    let meta = |wanted: &str| {
        metas
            .iter()
            .find(|(name, content)| name == wanted && !content.trim().is_empty())
            .map(|&(_, content)| content)
    };
    let element = |name: LocalName| first(document, &name);
    let heading = element(local_name!("h1")).map(|node| collapsed(&document.raw_text(node)));
    let written = element(local_name!("title")).map(|node| collapsed(&document.raw_text(node)));
    let site = meta("og:site_name").map(collapsed);
    let title = [
        meta("og:title").map(collapsed),
        described.headline.as_deref().map(collapsed),
        meta("twitter:title").map(collapsed),
    ]
    .into_iter()
    .flatten()
    .chain(written.clone())
    .find(|title| !title.is_empty())
    .map(|title| without_site(&title, site.as_deref(), heading.as_deref()))
    .or_else(|| heading.clone().filter(|heading| !heading.is_empty()));

    let language = element(local_name!("html"))
        .and_then(|node| {
            let node = &document.nodes[node];
            node.attribute(&local_name!("lang"))
                .or_else(|| node.attribute(&LocalName::from("xml:lang")))
        })
        .into_iter()
        .chain(meta("content-language"))
        .chain(meta("og:locale"))
        .chain(meta("language"))
        .chain(described.language.as_deref())
        .find_map(primary_language);

    let times = || {
        document
            .nodes
            .iter()
            .filter(|node| node.name() == Some(&local_name!("time")))
            .filter_map(|node| node.attribute(&local_name!("datetime")))
            .take(8)
    };
    let properties = || {
        document
            .nodes
            .iter()
            .filter(|node| node.attribute(&local_name!("itemprop")) == Some("datePublished"))
            .filter_map(|node| {
                node.attribute(&local_name!("content"))
                    .or_else(|| node.attribute(&local_name!("datetime")))
            })
            .take(8)
    };
    let date = PUBLISHED
        .iter()
        .take(1)
        .filter_map(|name| meta(name))
        .chain(described.published.as_deref())
        .chain(PUBLISHED.iter().skip(1).filter_map(|name| meta(name)))
        .chain(properties())
        .find_map(date::normalised)
        .or_else(|| url.and_then(date::of_address))
        .or_else(|| {
            canonical(document)
                .or_else(|| meta("og:url"))
                .and_then(date::of_address)
        })
        .or_else(|| times().find_map(date::normalised));
    Metadata {
        title,
        language,
        date,
    }
}

/// Lower-case names (or properties) of the meta elements with their contents.
fn metas(document: &Document) -> Vec<(String, &str)> {
    let mut metas = Vec::new();
    for node in &document.nodes {
        if node.name() != Some(&local_name!("meta")) {
            continue;
        }
        let Some(content) = node.attribute(&local_name!("content")) else {
            continue;
        };
        for attribute in [
            local_name!("property"),
            local_name!("name"),
            local_name!("itemprop"),
            local_name!("http-equiv"),
        ] {
            if let Some(name) = node.attribute(&attribute) {
                metas.push((name.trim().to_ascii_lowercase(), content));
            }
        }
    }
    metas
}

fn first(document: &Document, name: &LocalName) -> Option<usize> {
    document
        .nodes
        .iter()
        .position(|node| node.name() == Some(name))
}

fn canonical(document: &Document) -> Option<&str> {
    document
        .nodes
        .iter()
        .filter(|node| node.name() == Some(&local_name!("link")))
        .find(|node| node.attribute(&local_name!("rel")) == Some("canonical"))
        .and_then(|node| node.attribute(&local_name!("href")))
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The title without the site's name at either end. Where the page's own heading is a part of the
/// title, that is where the title ends.
fn without_site(title: &str, site: Option<&str>, heading: Option<&str>) -> String {
    const BARS: [&str; 8] = [" | ", " - ", " – ", " — ", " :: ", " · ", " » ", " « "];
    for bar in BARS {
        for (kept, dropped) in [
            title.rsplit_once(bar),
            title.split_once(bar).map(|(a, b)| (b, a)),
        ]
        .into_iter()
        .flatten()
        {
            let is_site = site.is_some_and(|site| site.eq_ignore_ascii_case(dropped.trim()));
            let is_heading = heading.is_some_and(|heading| heading == kept.trim());
            if (is_site || is_heading) && !kept.trim().is_empty() {
                return kept.trim().to_owned();
            }
        }
    }
    // A bar has no other use in a title.
    match title.rsplit_once(" | ") {
        Some((kept, site)) if kept.chars().count() > site.chars().count() => kept.trim().to_owned(),
        _ => title.to_owned(),
    }
}

/// `de` of `de-CH` or `de_CH`.
fn primary_language(tag: &str) -> Option<String> {
    let primary = tag.trim().split(['-', '_', ',', ' ', ';']).next()?;
    ((2..=3).contains(&primary.len()) && primary.chars().all(|c| c.is_ascii_alphabetic()))
        .then(|| primary.to_ascii_lowercase())
}
