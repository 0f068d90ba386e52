//! A subtree as lines of text: a line for each paragraph, heading, list item, table row.

use html5ever::local_name;

use super::dom::{Document, Kind, is_block};

/// Characters that are no white space.
pub(super) fn width(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// One line (or preformatted block) of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) text: String,
    /// Characters that are no white space.
    pub(super) width: usize,
    /// Those of them inside links.
    pub(super) link_width: usize,
    /// Node that the block belongs to: the nearest block element around its first text.
    pub(super) owner: usize,
    /// First text node.
    pub(super) start: usize,
    /// Inside an `h1` to `h6`: the level.
    pub(super) heading: Option<u8>,
    /// Inside a list item.
    pub(super) listed: bool,
}

impl Block {
    pub(super) fn link_density(&self) -> f64 {
        self.link_width as f64 / self.width.max(1) as f64
    }
}

/// The blocks of a subtree, without what is cut.
pub(super) fn blocks(document: &Document, root: usize, cut: &[bool]) -> Vec<Block> {
    let nodes = &document.nodes;
    let mut blocks = Vec::new();
    let mut block = Block::default();
    // Open elements that change how text is read, with their ends.
    let mut open: Vec<usize> = Vec::new();
    let mut link_end = 0;
    let mut pre_end = 0;
    let mut heading = (0, 0);
    let mut list_end = 0;
    let mut index = root;
    let end = nodes[root].end;
    while index < end {
        while let Some(&last) = open.last()
            && nodes[last].end <= index
        {
            open.pop();
            finish(
                &mut block,
                &mut blocks,
                nodes[last]
                    .name()
                    .is_some_and(|n| matches!(*n, local_name!("td") | local_name!("th"))),
            );
        }
        if cut[index] {
            // What is cut still parts what stands around it.
            if nodes[index].name().is_some_and(is_block) {
                finish(&mut block, &mut blocks, false);
            }
            index = nodes[index].end;
            continue;
        }
        let node = &nodes[index];
        match &node.kind {
            Kind::Element(name, _) => {
                if is_block(name) {
                    let cell = matches!(*name, local_name!("td") | local_name!("th"));
                    finish(&mut block, &mut blocks, cell);
                    open.push(index);
                }
                match *name {
                    local_name!("a") => link_end = link_end.max(node.end),
                    local_name!("pre") => pre_end = pre_end.max(node.end),
                    local_name!("h1") => heading = (node.end, 1),
                    local_name!("h2") => heading = (node.end, 2),
                    local_name!("h3") => heading = (node.end, 3),
                    local_name!("h4") => heading = (node.end, 4),
                    local_name!("h5") => heading = (node.end, 5),
                    local_name!("h6") => heading = (node.end, 6),
                    local_name!("li") => list_end = list_end.max(node.end),
                    local_name!("br") => {
                        if index < pre_end {
                            block.text.push('\n');
                        } else {
                            finish(&mut block, &mut blocks, false);
                        }
                    }
                    _ => {}
                }
            }
            Kind::Text(text) => {
                let chars = width(text);
                if block.width == 0 && chars > 0 {
                    block.owner = open.last().copied().unwrap_or(root);
                    block.start = index;
                    block.heading = (index < heading.0).then_some(heading.1);
                    block.listed = index < list_end;
                }
                block.width += chars;
                if index < link_end {
                    block.link_width += chars;
                }
                if index < pre_end {
                    block
                        .text
                        .extend(text.chars().filter(|&c| c != '\r' && c != '\0'));
                } else {
                    push_collapsed(&mut block.text, text);
                }
            }
        }
        index += 1;
    }
    finish(&mut block, &mut blocks, false);
    blocks
}

/// Appends text with every run of white space as one space.
fn push_collapsed(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(char::is_whitespace) {
                out.push(' ');
            }
        } else if !c.is_control() && !matches!(c, '\u{200b}' | '\u{feff}' | '\u{ad}') {
            out.push(c);
        }
    }
}

/// Ends a line; a table cell's end is a tab within its row instead.
fn finish(block: &mut Block, blocks: &mut Vec<Block>, cell: bool) {
    if cell && block.width > 0 && block.width < 80 {
        if !block.text.ends_with('\t') {
            let kept = block.text.trim_end().len();
            block.text.truncate(kept);
            block.text.push('\t');
        }
        return;
    }
    let mut done = std::mem::take(block);
    if done.width == 0 {
        return;
    }
    let text = done.text.trim_end();
    done.text = if done.text.contains('\n') {
        text.trim_matches('\n').to_owned()
    } else {
        text.trim_start().to_owned()
    };
    blocks.push(done);
}
