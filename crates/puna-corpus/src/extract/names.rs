//! What class names, ids and roles say about an element: its place on the page, in the words that
//! site builders everywhere use.

use html5ever::local_name;

use super::dom::Node;

/// Words of a name that mark what surrounds an article.
const AROUND: &[&str] = &[
    "ad",
    "ads",
    "adslot",
    "adunit",
    "advert",
    "advertisement",
    "advertising",
    "adbox",
    "banner",
    "addthis",
    "affiliate",
    "affiliates",
    "author",
    "authors",
    "authorbox",
    "avatar",
    "bio",
    "biography",
    "breadcrumb",
    "breadcrumbs",
    "byline",
    "caption",
    "captions",
    "carousel",
    "categories",
    "contributor",
    "contributors",
    "cookie",
    "cookies",
    "consent",
    "copyright",
    "credit",
    "credits",
    "crumbs",
    "cta",
    "dateline",
    "disclaimer",
    "disclosure",
    "donate",
    "donation",
    "dropdown",
    "feedback",
    "figcaption",
    "follow",
    "followus",
    "footer",
    "footnav",
    "gdpr",
    "hidden",
    "jumplinks",
    "keywords",
    "login",
    "masthead",
    "menu",
    "meta",
    "metadata",
    "modal",
    "mostpopular",
    "mostread",
    "nav",
    "navbar",
    "navigation",
    "newsletter",
    "noprint",
    "offscreen",
    "outbrain",
    "overlay",
    "pager",
    "pagination",
    "paywall",
    "permalink",
    "popup",
    "popular",
    "prevnext",
    "profile",
    "promo",
    "promos",
    "promoted",
    "promotion",
    "pubdate",
    "readmore",
    "readnext",
    "recirc",
    "recirculation",
    "recommend",
    "recommendation",
    "recommendations",
    "recommended",
    "register",
    "related",
    "relatedposts",
    "relatedlinks",
    "relatedarticles",
    "rss",
    "screenreader",
    "share",
    "sharebar",
    "sharedaddy",
    "sharing",
    "shares",
    "shoutbox",
    "sidebar",
    "signin",
    "signup",
    "skip",
    "skyscraper",
    "slideshow",
    "social",
    "socials",
    "sponsor",
    "sponsored",
    "sponsors",
    "sronly",
    "subscribe",
    "subscription",
    "subscriptions",
    "survey",
    "syndication",
    "tag",
    "taglist",
    "tags",
    "taboola",
    "teaser",
    "teasers",
    "ticker",
    "timestamp",
    "toolbar",
    "tools",
    "tooltip",
    "trending",
    "upsell",
    "widget",
    "widgets",
    "yarpp",
    "zergnet",
];

/// Words that mark readers' answers to an article.
const ANSWERS: &[&str] = &[
    "comment",
    "comments",
    "commentlist",
    "commentary",
    "discussion",
    "disqus",
    "livefyre",
    "reply",
    "replies",
    "respond",
    "responses",
    "reviews",
    "trackback",
    "trackbacks",
    "webmention",
];

/// Names, letters and digits only, that mark the body of an article.
const BODY: &[&str] = &[
    "articlebody",
    "articlecontent",
    "articletext",
    "articlecopy",
    "articlemain",
    "storybody",
    "storycontent",
    "storytext",
    "storycopy",
    "entrycontent",
    "entrybody",
    "entrytext",
    "postbody",
    "postcontent",
    "posttext",
    "postentry",
    "pagecontent",
    "bodycontent",
    "bodytext",
    "bodycopy",
    "contentbody",
    "contenttext",
    "maincontent",
    "newsbody",
    "newstext",
    "newscontent",
    "blogbody",
    "blogcontent",
    "blogpost",
    "blogpostbody",
    "articlecontentbody",
    "contentarticle",
    "bodyarticle",
    "mwcontenttext",
    "mwparseroutput",
    "textcontent",
    "articledetail",
    "richtext",
    "fulltext",
    "singlecontent",
    "hentrycontent",
    "econtent",
];

/// What a name says of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing.
    Unknown,
    /// The body of an article.
    Body,
    /// What surrounds an article: navigation, sharing, promotion, lines on the author.
    Around,
    /// What readers wrote below it.
    Answers,
}

/// The place that an element's class and id name.
pub(super) fn place(node: &Node) -> Place {
    let mut place = Place::Unknown;
    for name in [
        node.attribute(&local_name!("class")),
        node.attribute(&local_name!("id")),
    ]
    .into_iter()
    .flatten()
    .flat_map(str::split_ascii_whitespace)
    .take(24)
    {
        match of_name(name) {
            Place::Body => return Place::Body,
            Place::Unknown => {}
            found if place == Place::Unknown => place = found,
            _ => {}
        }
    }
    place
}

fn of_name(name: &str) -> Place {
    if name.len() > 100 {
        return Place::Unknown;
    }
    let mut joined = String::with_capacity(name.len());
    let mut ends = Vec::with_capacity(8);
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && lower_before) {
            ends.push(joined.len());
        }
        lower_before = c.is_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            joined.push(c.to_ascii_lowercase());
        }
    }
    ends.push(joined.len());
    if BODY.contains(&joined.as_str()) {
        return Place::Body;
    }
    // A state or a layout ("has-sidebar", "no-comments", "with-ads") is no place.
    let mut start = 0;
    let mut place = Place::Unknown;
    for (index, &end) in ends.iter().enumerate() {
        let word = &joined[start..end];
        start = end;
        if word.is_empty() {
            continue;
        }
        if index == 0 && matches!(word, "has" | "no" | "with" | "is" | "js" | "without") {
            return Place::Unknown;
        }
        if place == Place::Unknown {
            if ANSWERS.contains(&word) {
                place = Place::Answers;
            } else if AROUND.contains(&word) {
                place = Place::Around;
            }
        }
    }
    place
}
