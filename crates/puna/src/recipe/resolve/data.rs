//! The stages that documents come from.

use super::super::error::Result;
use super::super::file::{CorpusSection, WorldSection};
use super::super::plan::{CrawlPlan, Source, Stage, TextsPlan, WorldPlan};
use super::Resolver;
use puna_world::WorldOptions;
use std::path::PathBuf;

impl Resolver<'_> {
    /// World, corpus, or both.
    pub(super) fn data(&self) -> Result<Vec<Stage>> {
        let file = &self.recipe.file;
        if file.base.is_some() && file.pretrain.is_none() && file.corpus.is_some() {
            let what = "nothing reads it: add [pretrain] to train the model of [base] on it, or leave it out";
            return Err(self.value("corpus", what));
        }
        match (&file.world, &file.corpus) {
            (Some(world), None) => Ok(vec![self.world(world, false)?]),
            (None, Some(corpus)) if !corpus.sources.is_empty() => Ok(vec![self.texts(corpus)?]),
            (None, Some(corpus)) if !corpus.crawl.is_empty() => {
                Ok(vec![self.crawl(corpus, false)?])
            }
            (Some(world), Some(corpus)) => {
                for (key, given) in [
                    ("corpus.sources", !corpus.sources.is_empty()),
                    ("corpus.crawl", !corpus.crawl.is_empty()),
                ] {
                    if given {
                        let what =
                            "beside [world] the corpus is made of the world's crawl; leave it out";
                        return Err(self.value(key, what));
                    }
                }
                Ok(vec![self.world(world, true)?, self.crawl(corpus, true)?])
            }
            (None, Some(_)) => {
                let what = "there is none; name at least one file, or pages in corpus.crawl";
                Err(self.value("corpus.sources", what))
            }
            // A model that is only fine-tuned needs none.
            (None, None) if file.base.is_some() && file.pretrain.is_none() => Ok(Vec::new()),
            (None, None) => Err(self.value("corpus", "there is no data; add [world] or [corpus], or [base] to tune a model that is there")),
        }
    }

    fn world(&self, section: &WorldSection, crawl: bool) -> Result<Stage> {
        let d = WorldOptions::default();
        let options = WorldOptions {
            seed: section.seed.unwrap_or(self.recipe.file.seed),
            people: section.people.unwrap_or(d.people),
            places: section.places.unwrap_or(d.places),
            trades: section.trades.unwrap_or(d.trades),
            documents: section.documents.unwrap_or(d.documents),
            instructions: section.instructions.unwrap_or(d.instructions),
            questions: section.questions.unwrap_or(d.questions),
        };
        let held_out = self.share("world.held_out", section.held_out)?;
        Ok(Stage::World(WorldPlan {
            options,
            held_out: (!crawl).then_some(held_out),
            feedback: self.recipe.file.feedback.as_ref().map(|f| f.world.clone()),
        }))
    }

    fn texts(&self, section: &CorpusSection) -> Result<Stage> {
        if !section.crawl.is_empty() {
            let what = "there are corpus.sources too; keep one of them";
            return Err(self.value("corpus.crawl", what));
        }
        let sources = section.sources.iter().map(|source| Source {
            path: self.recipe.resolve(&source.path),
            field: source.field.clone(),
            max_documents: source.max_documents,
            max_bytes: source.max_bytes,
        });
        Ok(Stage::Texts(TextsPlan {
            sources: sources.collect(),
            held_out: self.share("corpus.held_out", section.held_out)?,
            seed: section.seed.unwrap_or(self.recipe.file.seed),
        }))
    }

    fn crawl(&self, section: &CorpusSection, world: bool) -> Result<Stage> {
        let mut settings = section.settings.clone();
        let labels = &mut settings.labels;
        if labels.toxicity_classifier.is_some() && !section.toxicity_labels.is_empty() {
            let what = "there is corpus.settings.labels.toxicity_classifier too; keep one of them";
            return Err(self.value("corpus.toxicity_labels", what));
        }
        for path in [
            &mut labels.language_model,
            &mut labels.toxicity_classifier,
            &mut labels.identity_terms,
        ] {
            *path = path
                .as_ref()
                .map(|path| self.recipe.resolve(&path.to_string_lossy()));
        }
        settings.synthetic |= world;
        if settings.name.is_empty() {
            settings.name.clone_from(&self.recipe.file.name);
        }
        settings
            .validate()
            .map_err(|e| self.value("corpus.settings", e.to_string()))?;
        let here = |input: &String| match input.contains("://") {
            true => input.clone(),
            false => self.recipe.resolve(input).to_string_lossy().into_owned(),
        };
        let labelled = section.toxicity_labels.iter();
        Ok(Stage::Crawl(Box::new(CrawlPlan {
            inputs: section.crawl.iter().map(here).collect(),
            recipe_dir: self.recipe.resolve(""),
            toxicity_labels: labelled
                .map(|path| self.recipe.resolve(path))
                .collect::<Vec<PathBuf>>(),
            of_world: world,
            settings,
            titles: section.titles,
            held_out: self.share("corpus.held_out", section.held_out)?,
            seed: section.seed.unwrap_or(self.recipe.file.seed),
        })))
    }
}
