//! A flat document tree from HTML in document order, so that a subtree is a range of indices and
//! no walk ever recurses.
//!
//! The tokenizer is html5ever's (entities, raw text and broken markup as the HTML standard has
//! it). The tree builder is a small one of our own: what text extraction needs of the standard's
//! implied ends, with a depth limit, so that its time is linear in the page.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::{Attribute, LocalName, local_name};

/// Elements nested deeper than this become siblings, as in browsers.
const DEPTH_LIMIT: usize = 512;

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    /// An element with its attributes.
    Element(LocalName, Vec<Attribute>),
    /// Text, entities decoded.
    Text(StrTendril),
}

/// A node of the tree.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Index of the parent; the root is its own.
    pub(super) parent: usize,
    /// One past the last index of the subtree.
    pub(super) end: usize,
}

impl Node {
    /// The element's name, unless this is text.
    pub(super) fn name(&self) -> Option<&LocalName> {
        match &self.kind {
            Kind::Element(name, _) => Some(name),
            Kind::Text(_) => None,
        }
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, wanted: &LocalName) -> Option<&str> {
        match &self.kind {
            Kind::Element(_, attributes) => attributes
                .iter()
                .find(|attribute| attribute.name.local == *wanted)
                .map(|attribute| &*attribute.value),
            Kind::Text(_) => None,
        }
    }
}

/// The tree; node 0 is a root element without a name.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
}

impl Document {
    /// Parses a page. Never fails: broken markup gives some tree.
    pub(super) fn parse(html: &str) -> Document {
        let root = Node {
            kind: Kind::Element(local_name!(""), Vec::new()),
            parent: 0,
            end: 0,
        };
        let tokenizer = Tokenizer::new(
            Builder(RefCell::new(Tree {
                nodes: vec![root],
                open: vec![0],
                too_deep: 0,
            })),
            TokenizerOpts::default(),
        );
        let queue = BufferQueue::default();
        queue.push_back(StrTendril::from_slice(html));
        // Scripts are never run, so the tokenizer never has a reason to stop early.
        while !queue.is_empty() {
            let _ = tokenizer.feed(&queue);
        }
        tokenizer.end();
        let mut tree = tokenizer.sink.0.into_inner();
        tree.close_to(0);
        tree.nodes[0].end = tree.nodes.len();
        Document { nodes: tree.nodes }
    }

    /// All text of a subtree, as it stands.
    pub(super) fn raw_text(&self, node: usize) -> String {
        let mut text = String::new();
        for inner in &self.nodes[node..self.nodes[node].end] {
            if let Kind::Text(part) = &inner.kind {
                text.push_str(part);
            }
        }
        text
    }
}

struct Builder(RefCell<Tree>);

struct Tree {
    nodes: Vec<Node>,
    /// Open elements, the root first.
    open: Vec<usize>,
    /// Open elements past the depth limit, which have no entry in `open`.
    too_deep: usize,
}

impl TokenSink for Builder {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut tree = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => tree.text(text),
            Token::TagToken(tag) => match tag.kind {
                TagKind::StartTag => return tree.start(tag),
                TagKind::EndTag => tree.end(&tag.name),
            },
            // A null byte is no text; comments and the rest say nothing to a reader.
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Tree {
    fn name(&self, position: usize) -> &LocalName {
        static NONE: LocalName = local_name!("");
        self.nodes[self.open[position]].name().unwrap_or(&NONE)
    }

    fn top(&self) -> usize {
        self.open[self.open.len() - 1]
    }

    fn text(&mut self, text: StrTendril) {
        let parent = self.top();
        if let Some(last) = self.nodes.last_mut()
            && last.parent == parent
            && let Kind::Text(before) = &mut last.kind
        {
            before.push_tendril(&text);
            return;
        }
        self.push(Kind::Text(text));
    }

    fn push(&mut self, kind: Kind) -> usize {
        let index = self.nodes.len();
        let parent = self.top();
        self.nodes.push(Node {
            kind,
            parent,
            end: index + 1,
        });
        index
    }

    /// Closes every element above the given position of the stack, that one stays open.
    fn close_to(&mut self, position: usize) {
        let end = self.nodes.len();
        for &node in &self.open[position + 1..] {
            self.nodes[node].end = end;
        }
        self.open.truncate(position + 1);
    }

    /// Closes the innermost open element among `names`, unless one of `walls` is nearer.
    fn close_implied(
        &mut self,
        names: impl Fn(&LocalName) -> bool,
        walls: impl Fn(&LocalName) -> bool,
    ) {
        for position in (1..self.open.len()).rev() {
            let name = self.name(position);
            if names(name) {
                self.close_to(position - 1);
                return;
            }
            if walls(name) {
                return;
            }
        }
    }

    fn start(&mut self, tag: Tag) -> TokenSinkResult<()> {
        let name = tag.name;
        match name {
            local_name!("html") | local_name!("body") => {
                self.close_implied(|n| *n == local_name!("head"), |_| false);
            }
            local_name!("li") => self.close_implied(
                |n| *n == local_name!("li"),
                |n| {
                    matches!(
                        *n,
                        local_name!("ul") | local_name!("ol") | local_name!("menu")
                    )
                },
            ),
            local_name!("dt") | local_name!("dd") => self.close_implied(
                |n| matches!(*n, local_name!("dt") | local_name!("dd")),
                |n| *n == local_name!("dl"),
            ),
            local_name!("option") => self.close_implied(
                |n| *n == local_name!("option"),
                |n| *n == local_name!("select"),
            ),
            local_name!("td") | local_name!("th") => self.close_implied(
                |n| matches!(*n, local_name!("td") | local_name!("th")),
                |n| matches!(*n, local_name!("table") | local_name!("tr")),
            ),
            local_name!("tr") => {
                self.close_implied(|n| *n == local_name!("tr"), |n| *n == local_name!("table"))
            }
            local_name!("tbody") | local_name!("thead") | local_name!("tfoot") => self
                .close_implied(
                    |n| {
                        matches!(
                            *n,
                            local_name!("tbody") | local_name!("thead") | local_name!("tfoot")
                        )
                    },
                    |n| *n == local_name!("table"),
                ),
            local_name!("a") => self.close_implied(|n| *n == local_name!("a"), is_block),
            _ => {}
        }
        if is_block(&name) {
            self.close_implied(|n| *n == local_name!("p"), is_block);
        }
        let result = match name {
            local_name!("script") => TokenSinkResult::RawData(RawKind::ScriptData),
            local_name!("style")
            | local_name!("xmp")
            | local_name!("iframe")
            | local_name!("noembed")
            | local_name!("noframes") => TokenSinkResult::RawData(RawKind::Rawtext),
            local_name!("title") | local_name!("textarea") => {
                TokenSinkResult::RawData(RawKind::Rcdata)
            }
            _ => TokenSinkResult::Continue,
        };
        let childless = is_void(&name) || (tag.self_closing && is_foreign(&name));
        if self.open.len() >= DEPTH_LIMIT && !childless {
            self.too_deep += 1;
        }
        let node = self.push(Kind::Element(name, tag.attrs));
        if !childless && self.open.len() < DEPTH_LIMIT {
            self.open.push(node);
        }
        result
    }

    fn end(&mut self, name: &LocalName) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let table_part = is_table_part(name);
        let block = is_block(name);
        for position in (1..self.open.len()).rev() {
            let open = self.name(position);
            let wall = if table_part {
                *open == local_name!("table")
            } else if block {
                is_table_part(open)
            } else {
                is_block(open)
            };
            if open == name {
                self.close_to(position - 1);
                return;
            }
            if wall {
                return;
            }
        }
    }
}

fn is_table_part(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("table")
            | local_name!("tbody")
            | local_name!("thead")
            | local_name!("tfoot")
            | local_name!("tr")
            | local_name!("td")
            | local_name!("th")
            | local_name!("caption")
    )
}

fn is_void(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("area")
            | local_name!("base")
            | local_name!("br")
            | local_name!("col")
            | local_name!("embed")
            | local_name!("hr")
            | local_name!("img")
            | local_name!("input")
            | local_name!("link")
            | local_name!("meta")
            | local_name!("param")
            | local_name!("source")
            | local_name!("track")
            | local_name!("wbr")
    )
}

/// Drawing and formula elements, which may close themselves.
fn is_foreign(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("svg")
            | local_name!("path")
            | local_name!("use")
            | local_name!("g")
            | local_name!("rect")
            | local_name!("circle")
            | local_name!("line")
            | local_name!("polygon")
            | local_name!("math")
    )
}

/// Elements that stand on lines of their own.
pub(super) fn is_block(name: &LocalName) -> bool {
    is_table_part(name)
        || matches!(
            *name,
            local_name!("p")
                | local_name!("div")
                | local_name!("section")
                | local_name!("article")
                | local_name!("main")
                | local_name!("aside")
                | local_name!("nav")
                | local_name!("header")
                | local_name!("footer")
                | local_name!("h1")
                | local_name!("h2")
                | local_name!("h3")
                | local_name!("h4")
                | local_name!("h5")
                | local_name!("h6")
                | local_name!("ul")
                | local_name!("ol")
                | local_name!("menu")
                | local_name!("li")
                | local_name!("dl")
                | local_name!("dt")
                | local_name!("dd")
                | local_name!("blockquote")
                | local_name!("pre")
                | local_name!("figure")
                | local_name!("figcaption")
                | local_name!("address")
                | local_name!("details")
                | local_name!("summary")
                | local_name!("fieldset")
                | local_name!("form")
                | local_name!("hr")
                | local_name!("center")
                | local_name!("dir")
                | local_name!("body")
                | local_name!("html")
                | local_name!("head")
                | local_name!("noscript")
        )
}
