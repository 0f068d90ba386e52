//! Pages as HTML: navigation, sidebar, footer, cookie banner and comments around the main text,
//! in the layouts of several ages of the web, and with the mistakes people make.

use std::fmt::Write as _;

use super::content::Content;
use super::sheets::{any, sheets};
use super::site::{Site, SiteKind};
use super::text::{Paragraph, PrivateKind, Role};
use crate::dice::Dice;
use crate::world::World;

/// How many layouts there are.
pub(super) const SKINS: usize = 5;

/// A page to be laid out.
pub(super) struct Html<'a> {
    pub(super) world: &'a World,
    pub(super) site: &'a Site,
    pub(super) content: &'a Content,
    pub(super) date: &'a str,
    pub(super) charset: Option<&'static str>,
    pub(super) broken: bool,
    pub(super) dice: &'a mut Dice,
}

impl Html<'_> {
    pub(super) fn render(mut self) -> String {
        let mut out = String::with_capacity(4_096);
        self.head(&mut out);
        out.push_str("<body>\n");
        let cookie = &self.site.cookie;
        out.push_str("<div class=\"cookie-banner\" role=\"dialog\"><p>");
        escape(cookie, &mut out);
        out.push_str("</p><button>Accept all</button> <button>Settings</button></div>\n");
        self.header(&mut out);
        self.main(&mut out);
        self.comments(&mut out);
        self.sidebar(&mut out);
        self.footer(&mut out);
        // Browsers close what authors forget.
        if !self.broken {
            out.push_str("</body>\n</html>\n");
        }
        out
    }

    fn head(&mut self, out: &mut String) {
        let language = self.content.language;
        let _ = writeln!(out, "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>");
        if let Some(charset) = self.charset {
            let _ = match self.site.skin {
                0 | 1 => writeln!(out, "<meta charset=\"{charset}\">"),
                _ => writeln!(
                    out,
                    "<meta http-equiv=\"Content-Type\" content=\"text/html; charset={charset}\">"
                ),
            };
        }
        out.push_str("<title>");
        escape(&self.content.title, out);
        let _ = writeln!(out, " - {}</title>", self.site.name);
        out.push_str("<meta name=\"generator\" content=\"puna world (synthetic)\">\n");
        let date = self.date;
        let _ = writeln!(
            out,
            "<meta property=\"article:published_time\" content=\"{date}T08:00:00Z\">"
        );
        out.push_str("<style>body { margin: 0 } .nav li { display: inline }</style>\n");
        out.push_str(
            "<script>var seen = 1; if (seen < 2 && window) { seen++; }</script>\n</head>\n",
        );
    }

    fn header(&mut self, out: &mut String) {
        let _ = writeln!(
            out,
            "<header class=\"site-header\"><a href=\"/\">{}</a>\n<nav class=\"nav\"><ul>",
            self.site.name
        );
        for (i, entry) in self.site.navigation.iter().enumerate() {
            let _ = writeln!(out, "<li><a href=\"/n{i}\">{entry}</a></li>");
        }
        out.push_str("</ul></nav></header>\n");
    }

    /// The heading and the main text.
    fn main(&mut self, out: &mut String) {
        let (before, after) = match self.site.skin {
            0 => ("<main><article>\n", "</article></main>\n"),
            1 => (
                "<div class=\"post\"><div class=\"entry\">\n",
                "</div></div>\n",
            ),
            2 => ("<div id=\"content\">\n", "</div>\n"),
            3 => (
                "<table width=\"100%\"><tr><td class=\"main\" valign=top>\n",
                "</td></tr></table>\n",
            ),
            _ => (
                "<main id=\"main\"><div class=\"wrap\"><section>\n",
                "</section></div></main>\n",
            ),
        };
        out.push_str(before);
        out.push_str("<header><h1>");
        escape(&self.content.title, out);
        let _ = writeln!(
            out,
            "</h1>\n<p class=\"meta\"><time>{}</time></p></header>",
            self.date
        );
        let body = match self.site.skin {
            0 => "<div class=\"article-body\" itemprop=\"articleBody\">",
            1 => "<div class=\"entry-content\">",
            _ => "<div class=\"text\">",
        };
        let _ = writeln!(out, "{body}");
        let paragraphs = &self.content.main.paragraphs;
        let mut inside = false;
        for (i, paragraph) in paragraphs.iter().enumerate() {
            let next = paragraphs.get(i + 1);
            let goes_on = next.is_some_and(|next| self.is_one_block(paragraph, next));
            self.paragraph(paragraph, inside, goes_on, out);
            inside = goes_on;
        }
        out.push_str("</div>\n");
        out.push_str(after);
    }

    /// Whether two lines stand in one paragraph with a line break between them, as the greeting
    /// of a letter does, its signature, and what is spoken in turn.
    fn is_one_block(&self, line: &Paragraph, next: &Paragraph) -> bool {
        let short = |line: &Paragraph| line.text.len() < 48;
        let plain = |line: &Paragraph| line.role == Role::Ordinary;
        self.content.document.is_some()
            && plain(line)
            && plain(next)
            && (short(line) || short(next))
    }

    fn paragraph(&mut self, line: &Paragraph, inside: bool, goes_on: bool, out: &mut String) {
        // Nobody writes tags in capitals any more, but these pages exist.
        let (open, close, line_break) = match self.site.skin {
            3 => ("<P>", "</P>", "<BR>"),
            _ => ("<p>", "</p>", "<br>"),
        };
        if !inside {
            out.push_str(open);
        }
        self.inline(line, out);
        if goes_on {
            out.push_str(line_break);
        } else if !(self.broken && self.dice.chance(50)) {
            // The end tag of a paragraph may be left out.
            out.push_str(close);
        }
        out.push('\n');
    }

    /// The text, with links at e-mail addresses, and now and then an emphasised word.
    fn inline(&mut self, paragraph: &Paragraph, out: &mut String) {
        let text = &paragraph.text;
        if paragraph.private.is_empty() {
            let words: Vec<&str> = text.split(' ').collect();
            let marked = self.dice.below(words.len() * 2);
            for (i, word) in words.iter().enumerate() {
                if i > 0 {
                    // A line break in the source is a space.
                    out.push(if i % 14 == 0 { '\n' } else { ' ' });
                }
                if i == marked {
                    let (open, close) = match self.broken {
                        true => ("<b><i>", "</b></i>"),
                        false => ("<em>", "</em>"),
                    };
                    out.push_str(open);
                    escape(word, out);
                    out.push_str(close);
                } else {
                    escape(word, out);
                }
            }
            return;
        }
        let mut done = 0;
        for &(kind, start, end) in &paragraph.private {
            escape(&text[done..start], out);
            let value = &text[start..end];
            if kind == PrivateKind::Email {
                let _ = write!(out, "<a href=\"mailto:{value}\">{value}</a>");
            } else {
                escape(value, out);
            }
            done = end;
        }
        escape(&text[done..], out);
    }

    fn comments(&mut self, out: &mut String) {
        let has_comments = matches!(
            self.site.kind,
            SiteKind::News | SiteKind::Blog | SiteKind::Stories | SiteKind::Portraits
        );
        if !has_comments || self.dice.chance(40) {
            return;
        }
        out.push_str("<section id=\"comments\" class=\"comments\"><h3>Comments</h3>\n<ol>\n");
        for i in 0..self.dice.between(1, 3) {
            let comment = any(self.world, self.dice, sheets().site.section("comment"));
            let _ = write!(out, "<li class=\"comment\"><b>reader {i}</b> <p>");
            escape(&comment, out);
            out.push_str("</p> <a href=\"#reply\">Reply</a></li>\n");
        }
        out.push_str("</ol></section>\n");
    }

    fn sidebar(&mut self, out: &mut String) {
        out.push_str("<aside class=\"sidebar\"><h3>Most read</h3><ul>\n");
        for i in 0..4 {
            let number = self.dice.below(1_000);
            let _ = writeln!(out, "<li><a href=\"/{i}/{number}\">Page {number}</a></li>");
        }
        let advert = &self.site.advert;
        let _ = writeln!(
            out,
            "</ul><div class=\"ad\"><a href=\"/buy\">{advert}</a></div></aside>"
        );
    }

    fn footer(&mut self, out: &mut String) {
        let Site { name, footer, .. } = self.site;
        let entity = if self.broken { "&copy" } else { "&copy;" };
        let _ = writeln!(
            out,
            "<footer class=\"site-footer\"><p>\u{a9} {} {entity} {name}. {footer}</p></footer>",
            &self.date[..4],
        );
        if self.broken {
            out.push_str("</span></font>\n");
        }
    }
}

/// Text as HTML text.
fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}
