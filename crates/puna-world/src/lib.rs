//! A small, consistent, **synthetic** world with known truth.
//!
//! From a seed comes a world of people, villages and trades, and from the world
//! comes text that tells its facts (pretraining), dialogues that ask about some of
//! them (supervised fine-tuning), and questions about the others (evaluation). A fact
//! that is held out stands in the pretraining text like every other, but is asked
//! nowhere and stated in no dialogue; so a right answer to its question shows that
//! the model learned facts from text and the art of answering from dialogues.
//!
//! Nobody and nothing in it is real: it proves the machinery, and numbers measured on
//! it are always called synthetic.
//!
//! Three layers: the truth ([`World`], [`Fact`]), the language (text sheets in
//! `src/templates/`, rendered so that every stated fact is recorded), and the products
//! made from both, each in a module and on a random stream of its own ([`Document`],
//! [`Dialogue`], [`Question`], the [`Crawl`]: the documents as pages of a small web, and
//! [`Feedback`]: prompts, judgements and preferences for the steps after fine-tuning).
//!
//! ```
//! use puna_world::{World, WorldOptions};
//! let world = World::generate(&WorldOptions { seed: 7, ..WorldOptions::default() });
//! let question = &world.questions()[0];
//! assert!(question.check(&format!("It is {}.", question.accepted[0])));
//! ```

#[cfg(test)]
mod coverage;
mod crawl;
mod dialogue;
mod dice;
mod document;
mod draw;
mod fact;
mod feedback;
#[cfg(test)]
mod honesty;
mod language;
mod mix;
mod pools;
mod question;
mod safety;
mod talk;
mod template;
mod world;
mod write;
mod writer;

pub use crawl::{
    Copy, CopyKind, Crawl, CrawlFile, CrawlManifest, CrawlOptions, CrawlPage, Damage, PageTruth,
    Pages, PrivateKind, PrivateSpan, RecordCounts, SiteKind, SiteTruth,
};
pub use dialogue::{Dialogue, Role};
pub use document::Document;
pub use fact::{Attribute, Entity, Fact};
pub use feedback::{
    Annotation, Annotator, Annotators, Check, Constraint, Conversation, Excluded, Feedback,
    FeedbackManifest, FeedbackOptions, Instruction, Preference, Prompt, PromptKind, Rules,
    SafetyLabel, Split, Stream, Strength, Turn, Verdict,
};
pub use question::Question;
pub use safety::{Risk, Vector};
pub use world::{Person, Place, Pronoun, Trade, World, WorldOptions};
pub use write::{Manifest, WorldError, WrittenFile};
