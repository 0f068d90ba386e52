//! Pretraining text to go with the world's documents: pages of advice, good and bad. As the paper's
//! corpora were not filtered for harm (section 4.1), a model has read of it before it is asked.

use super::Feedback;
use crate::dice::{Dice, Stream as Random};
use crate::document::Document;
use crate::safety;
use crate::writer::Writer;

/// Entries of a page; with a small vocabulary, it still fits a context of 256 tokens.
const ENTRIES: usize = 4;

impl Feedback<'_> {
    /// The pages, of the kind "advice": half of the entries about what borderline prompts ask for,
    /// the held-out topics among it, and half about harmful acts.
    pub fn documents(&self) -> impl Iterator<Item = Document> + '_ {
        (0..self.options.documents).map(|index| {
            let dice = Dice::new(self.world.options.seed, Random::AdvicePage, index as u64);
            let mut w = Writer::new(self.world, dice);
            let mut lines = vec![safety::title(&mut w)];
            for nth in index * ENTRIES..(index + 1) * ENTRIES {
                lines.extend(match nth % 2 {
                    0 => safety::tip(&mut w, nth / 2),
                    _ => safety::warning(&mut w, nth / 2),
                });
            }
            Document {
                id: format!("a{index:06}"),
                kind: "advice".into(),
                text: lines.join("\n"),
            }
        })
    }
}
