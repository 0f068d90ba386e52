//! What turns a page into a labelled document: extraction, language, quality, toxicity, personal
//! information.

use super::row::Row;
use crate::error::Result;
use crate::language::Identifier;
use crate::page::{Body, Page};
use crate::read::Input;
use crate::settings::{LabelSettings, Settings};
use crate::toxicity::Classifier;
use crate::{extract, ledger, quality, site};

/// The labellers of a corpus, loaded once.
pub(super) struct Labellers<'a> {
    settings: &'a LabelSettings,
    language: Identifier,
    toxicity: Option<Classifier>,
}

impl<'a> Labellers<'a> {
    /// Loads what the settings name.
    pub fn load(settings: &'a Settings) -> Result<Self> {
        let settings = &settings.labels;
        let language = match &settings.language_model {
            Some(path) => Identifier::load(path)?,
            None => Identifier::builtin(),
        };
        let toxicity = settings.toxicity_classifier.as_deref();
        Ok(Self {
            settings,
            language,
            toxicity: toxicity.map(Classifier::load).transpose()?,
        })
    }

    /// Extracts and labels a page.
    pub fn label(&self, input: &Input, page: Page) -> Row {
        let (title, date, declared_language, text) = match page.body {
            Body::Html(html) => {
                let found = extract::extract(&html, page.url.as_deref());
                (found.title, found.date, found.language, found.text)
            }
            Body::Text(text) => (None, None, None, text),
        };
        let registered = page.url.as_deref().and_then(site::registered_domain);
        let language = self.language.identify(&text);
        let toxicity = self.toxicity.as_ref();
        let toxicity = toxicity.filter(|_| !text.is_empty());
        let broken = self.settings.quality.verdicts(&quality::measure(&text));
        Row {
            id: format!("{}#{}", input.name(), page.id),
            url: page.url,
            site: registered.unwrap_or_else(|| input.name().to_owned()),
            date: date.or(page.date),
            title,
            language: language.map(|l| (l.code, f64::from(l.confidence))),
            declared_language,
            source: page.source.unwrap_or_else(|| "web".into()),
            words: text.split_whitespace().count() as u64,
            toxicity: toxicity.map(|c| f64::from(c.score_document(&text))),
            quality: broken.join(" "),
            personal: ledger::count(&text),
            text,
        }
    }
}
