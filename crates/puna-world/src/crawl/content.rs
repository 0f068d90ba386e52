//! What the pages say.

use super::copies::Copy;
use super::encoding::Charset;
use super::private;
use super::sheets::{any, say, sheets, some};
use super::site::{Site, SiteKind};
use super::text::{MainText, Paragraph, PrivateKind, Role};
use super::{BLOCK, Crawl, Place, What, numbers, toxicity};
use crate::dice::{Dice, Stream};
use crate::writer::paragraph;

/// A page before it is laid out.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) main: MainText,
    pub(super) title: String,
    pub(super) language: &'static str,
    /// One of the encodings of English pages, if none is given.
    pub(super) charset: Option<Charset>,
    pub(super) document: Option<String>,
    pub(super) duplicate_of: Option<Copy>,
    pub(super) resembles: Option<Copy>,
}

impl Content {
    pub(super) fn new(title: String, main: MainText) -> Self {
        Self {
            main,
            title,
            language: "en",
            charset: None,
            document: None,
            duplicate_of: None,
            resembles: None,
        }
    }
}

impl Crawl<'_> {
    /// The site that carries a document: by the document's kind, and biographies everywhere.
    pub(super) fn place_of_document(&self, document: usize) -> Place {
        let seed = self.world.options.seed;
        let mut dice = Dice::new(seed, Stream::CrawlSite, u64::MAX - document as u64);
        let slot = match crate::document::kind_and_rank(document).0 {
            "news" | "talk" => dice.below(2),
            "diary" | "letter" => 2 + dice.below(2),
            "guide" | "trades" => 4,
            "register" => 5,
            "story" => 6,
            _ => dice.below(SiteKind::CARRIERS),
        };
        Place {
            block: document / BLOCK,
            slot,
            what: What::Document(document),
        }
    }

    pub(super) fn url(&self, site: &Site, what: What) -> String {
        let kind = site.kind.name();
        match what {
            What::Document(document) => {
                let host = site.host(document);
                format!("https://{host}/{kind}/{document:06}.html")
            }
            What::Extra(nth) => match site.kind {
                _ if site.number % SiteKind::OF_BLOCK.len() < SiteKind::CARRIERS => {
                    format!("https://{}/about.html", site.host(nth))
                }
                SiteKind::Forum => format!("http://{}/thread.php?id={}", site.host(nth), 100 + nth),
                _ => format!("https://{}/{kind}/{nth}.html", site.host(nth)),
            },
        }
    }

    pub(super) fn content(&self, place: Place, site: &Site, dice: &mut Dice) -> Content {
        let nth = match place.what {
            What::Document(document) => return self.document(document, site, dice),
            What::Extra(nth) => nth,
        };
        match site.kind {
            SiteKind::Forum => self.forum(site, dice),
            SiteKind::Directory => directory(nth, dice),
            SiteKind::Board => self.board(dice),
            SiteKind::Mirror => self.mirrored(place.block, nth),
            SiteKind::Rewritten => self.rewritten(place.block, nth, dice),
            SiteKind::Foreign => self.foreign(site, nth, dice),
            SiteKind::School => self.school(nth, dice),
            _ => self.about(site, dice),
        }
    }

    fn title(&self, site: &Site, dice: &mut Dice, number: usize) -> String {
        let section = format!("title {}", site.kind.name());
        let title = any(self.world, dice, sheets().site.section(&section));
        format!("{title}, no. {number}")
    }

    pub(super) fn document(&self, number: usize, site: &Site, dice: &mut Dice) -> Content {
        let (document, _) = self.world.document(number);
        // Drawn in any case, so that a page's other draws do not hang on its document.
        let title = self.title(site, dice, number);
        let (title, text) = match heading(&document.text) {
            Some((heading, text)) => (heading.to_owned(), text),
            None => (title, document.text.as_str()),
        };
        let mut main = MainText::of_lines(text);
        insert_boilerplate(&mut main, site, dice);
        Content {
            document: Some(document.id),
            ..Content::new(title, main)
        }
    }

    /// Sentences about the site and how to reach its editor: a little personal information.
    fn about(&self, site: &Site, dice: &mut Dice) -> Content {
        let section = sheets().site.section("about");
        let mut main = MainText::default();
        main.push(Paragraph::new(paragraph(some(
            self.world, dice, section, 4,
        ))));
        main.push(Paragraph::new(paragraph(some(
            self.world, dice, section, 3,
        ))));
        private::contact(dice)
            .into_iter()
            .for_each(|p| main.push(p));
        Content::new(format!("About {}", site.name), main)
    }

    fn forum(&self, site: &Site, dice: &mut Dice) -> Content {
        let sheet = &sheets().forum;
        let title = any(self.world, dice, sheet.section("title"));
        let mut main = MainText::default();
        let posts = dice.between(3, 5);
        for sentences in some(self.world, dice, sheet.section("post"), posts * 3).chunks(3) {
            main.push(Paragraph::new(paragraph(sentences.to_vec())));
        }
        if dice.chance(30) {
            // Looks like a card number or a telephone number, and is neither.
            let number = match dice.below(3) {
                0 => format!("2026-{:03}-{:02}", dice.below(1_000), dice.below(100)),
                1 => format!("{}.{}.{}", dice.below(9), dice.below(20), dice.below(30)),
                _ => format!("A-{:05}", dice.below(100_000)),
            };
            let line = any(self.world, dice, sheet.section("decoy"));
            main.push(Paragraph::new(line.replace("@n", &number)));
        }
        if dice.chance(5) {
            let name = private::person_name(dice);
            let mail = private::email(dice, &name);
            let ask = Paragraph::new("You can also write to me at ");
            main.push(ask.private(PrivateKind::Email, &mail).say("."));
        }
        insert_boilerplate(&mut main, site, dice);
        Content::new(title, main)
    }

    /// Rude and ordinary lines.
    fn board(&self, dice: &mut Dice) -> Content {
        let title = any(self.world, dice, sheets().board.section("title"));
        let mut main = MainText::default();
        for _ in 0..dice.between(6, 12) {
            let toxic = dice.chance(60);
            let line = toxicity::line(self.world, dice, toxic);
            main.push(match toxic {
                true => Paragraph::of(Role::Toxic, line),
                false => Paragraph::new(line),
            });
        }
        Content::new(title, main)
    }

    fn school(&self, nth: usize, dice: &mut Dice) -> Content {
        let sheet = &sheets().school;
        let mut main = MainText::default();
        for sentences in some(self.world, dice, sheet.section("line"), 9).chunks(3) {
            main.push(Paragraph::new(paragraph(sentences.to_vec())));
        }
        if nth > 0 {
            let title = any(self.world, dice, sheet.section("title"));
            return Content::new(format!("{title}, page {nth}"), main);
        }
        let address = private::street_address(dice);
        let street = PrivateKind::StreetAddress;
        main.push(Paragraph::new("Address: ").private(street, &address));
        for _ in 0..4 {
            private::contact(dice)
                .into_iter()
                .for_each(|p| main.push(p));
        }
        Content::new("How to reach us".into(), main)
    }

    pub(super) fn sentence(&self, dice: &mut Dice, section: &str, number: usize) -> String {
        let lines = sheets().languages.section(section);
        say(self.world, dice, &lines[number % lines.len()])
    }
}

fn directory(nth: usize, dice: &mut Dice) -> Content {
    let mut main = MainText::default();
    for _ in 0..dice.between(4, 7) {
        private::entry(dice).into_iter().for_each(|p| main.push(p));
    }
    if dice.chance(20) {
        let seen = Paragraph::new("This list was last printed from ");
        let ip = numbers::ip(dice);
        main.push(seen.private(PrivateKind::IpAddress, &ip).say("."));
    }
    Content::new(format!("People, page {}", nth + 1), main)
}

/// The heading that a document opens with, and the text below: a first line that is no sentence.
fn heading(document: &str) -> Option<(&str, &str)> {
    let (first, rest) = document.split_once('\n')?;
    let sentence = first.ends_with(['.', '!', '?', ':', ',', '"']);
    (!sentence && !rest.trim().is_empty()).then_some((first, rest))
}

/// Puts each of the site's repeated lines into three pages of five, and into all of a forum, which
/// is small.
fn insert_boilerplate(main: &mut MainText, site: &Site, dice: &mut Dice) {
    for line in &site.boilerplate {
        if site.kind == SiteKind::Forum || dice.chance(60) {
            let at = dice.between(1, main.paragraphs.len());
            let line = Paragraph::of(Role::Boilerplate, line);
            main.paragraphs.insert(at, line);
        }
    }
}
