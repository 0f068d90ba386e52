//! What a world gives to train on and to ask. It is cheap enough to be asked itself.

use crate::recipe::{CrawlPlan, WorldPlan};
use crate::world::{dialogue, messages, without_adversarial, without_complying};
use puna_text::chat::{Message, Role};
use puna_train::Dialogue;
use puna_world::{
    CopyKind, CrawlOptions, Feedback, FeedbackOptions, PageTruth, Preference, PromptKind, Split,
    Stream, World,
};

/// Comparisons whose tokens are counted.
const SAMPLED_PAIRS: usize = 500;

/// What a world gives.
pub struct OfWorld {
    /// Documents to pretrain on, the held-out ones among them.
    pub documents: Vec<String>,
    /// Dialogues for fine-tuning.
    pub dialogues: Vec<Dialogue>,
    /// Material for human feedback, if it is wanted.
    pub feedback: Option<OfFeedback>,
}

/// Its material for human feedback.
pub struct OfFeedback {
    /// More dialogues for fine-tuning.
    pub dialogues: Vec<Dialogue>,
    /// Those of them whose author does not comply with an adversarial prompt.
    pub without_complying: Vec<Dialogue>,
    /// Those of them that are about no adversarial prompt.
    pub without_adversarial: Vec<Dialogue>,
    /// Prompts to sample answers for, each with the world's own answer in the place of a model's, and
    /// whether it is adversarial.
    pub prompts: Vec<(Dialogue, bool)>,
    /// Conversations under an instruction, with the world's own answers.
    pub conversations: Vec<Dialogue>,
    /// Comparisons of the world's own answers, by helpfulness and by safety.
    pub comparisons: [Comparisons; 2],
    /// Held-out prompts.
    pub held_out_prompts: usize,
    /// Turns of the held-out conversations.
    pub held_out_turns: usize,
}

/// Comparisons of a stream.
pub struct Comparisons {
    /// How many.
    pub count: usize,
    /// Some of them, evenly spread: the dialogue with either answer.
    pub some: Vec<[Dialogue; 2]>,
}

impl OfWorld {
    /// Asks the world for its documents, or with a plan of a corpus for what that one makes of its crawl;
    /// with options of human feedback also for its material for that.
    pub fn ask(
        plan: &WorldPlan,
        crawl: Option<&CrawlPlan>,
        feedback: Option<&FeedbackOptions>,
    ) -> Self {
        let world = World::generate(&plan.options);
        let mut documents = match crawl {
            Some(crawl) => crawled(&world, crawl),
            None => world.documents().map(|d| d.text).collect(),
        };
        let feedback = feedback.map(|options| {
            let feedback = world.feedback(options);
            documents.extend(feedback.documents().map(|d| d.text));
            OfFeedback::of(&feedback)
        });
        Self {
            documents,
            dialogues: world.dialogues().iter().map(dialogue).collect(),
            feedback,
        }
    }
}

/// The texts that a corpus of the world's crawl should keep, by the truth about its pages: the pipeline
/// itself takes longer than a plan may.
fn crawled(world: &World, plan: &CrawlPlan) -> Vec<String> {
    let languages = &plan.settings.filter.languages;
    let is_copy = |page: &PageTruth| {
        let kind = page.duplicate_of.as_ref().map(|copy| copy.kind);
        matches!(kind, Some(CopyKind::Exact | CopyKind::Near))
    };
    let keeps = |page: &PageTruth| {
        let spoken = languages.is_empty() || languages.contains(&page.language);
        spoken && !page.kind.is_private() && !is_copy(page)
    };
    let text = |page: PageTruth| {
        let lines = page.text.lines();
        // Lines that a site repeats are left out.
        let own: Vec<&str> = lines
            .filter(|line| !page.boilerplate.iter().any(|repeated| repeated == line))
            .collect();
        match plan.titles {
            true => format!("{}\n{}", page.title, own.join("\n")),
            false => own.join("\n"),
        }
    };
    let crawl = world.crawl(&CrawlOptions::default());
    let pages = crawl.pages().map(|page| page.truth);
    pages.filter(keeps).map(text).collect()
}

impl OfFeedback {
    fn of(feedback: &Feedback<'_>) -> Self {
        let prompts = feedback.prompts(Split::Train).iter().map(|prompt| {
            let adversarial = prompt.kind == PromptKind::Adversarial;
            (answered(&prompt.messages, &prompt.reference), adversarial)
        });
        let conversations = feedback.conversations(Split::Train).into_iter();
        let conversations = conversations.map(|conversation| {
            let mut said = vec![Message::new(Role::System, conversation.instruction.long)];
            for turn in conversation.turns {
                said.push(Message::new(Role::User, turn.question));
                said.push(Message::new(Role::Assistant, turn.reference));
            }
            Dialogue::new(said)
        });
        let comparisons = [Stream::Helpfulness, Stream::Safety].map(|stream| {
            let compared = feedback.preferences(stream, Split::Train).into_iter();
            let kept: Vec<Preference> = compared.flatten().collect();
            let sides = |p: &Preference| {
                [&p.chosen, &p.rejected].map(|answer| answered(&p.dialogue, answer))
            };
            Comparisons {
                count: kept.len(),
                some: kept
                    .iter()
                    .step_by(kept.len().div_ceil(SAMPLED_PAIRS).max(1))
                    .map(sides)
                    .collect(),
            }
        });
        let held_out = feedback.conversations(Split::HeldOut);
        Self {
            dialogues: feedback.dialogues().iter().map(dialogue).collect(),
            without_complying: without_complying(feedback),
            without_adversarial: without_adversarial(feedback),
            prompts: prompts.collect(),
            conversations: conversations.collect(),
            comparisons,
            held_out_prompts: feedback.prompts(Split::HeldOut).len(),
            held_out_turns: held_out.iter().map(|c| c.turns.len()).sum(),
        }
    }
}

fn answered(asked: &[(puna_world::Role, String)], answer: &str) -> Dialogue {
    let mut said = messages(asked);
    said.push(Message::new(Role::Assistant, answer));
    Dialogue::new(said)
}
