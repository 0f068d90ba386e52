//! What human feedback needs from a world with known truth (sections 3.2 to 3.3 and 4.2): prompts of
//! three kinds, dialogues whose authors mostly comply, system instructions, rules that judge any
//! answer, and annotators with known rules and known noise. All of it is synthetic.

mod annotators;
mod answers;
mod conversation;
mod dialogues;
mod documents;
mod helpful;
mod instruction;
mod preference;
mod prompt;
mod reasons;
mod rules;
mod text;
mod write;

#[cfg(test)]
mod annotators_test;
#[cfg(test)]
mod honesty;
#[cfg(test)]
mod rules_test;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use annotators::{Annotation, Annotator, Annotators, SafetyLabel, Strength};
pub use conversation::{Conversation, Turn};
pub use instruction::{Constraint, Instruction};
pub use preference::{Excluded, Preference};
pub use prompt::{Check, Prompt, PromptKind, Split};
pub use rules::{Rules, Verdict};
pub use write::FeedbackManifest;

use crate::dialogue::{Dialogue, Role};
use crate::dice::{Dice, Stream as Random};
use crate::fact::Fact;
use crate::safety::{self, Risk};
use crate::world::World;

/// Under which guidelines two answers are compared (section 3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Does the answer satisfy the request?
    Helpfulness,
    /// Is the answer safe?
    Safety,
}

impl Stream {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Helpfulness => "helpfulness",
            Stream::Safety => "safety",
        }
    }
}

/// How much feedback material to make. The world's own products do not depend on any of it: its
/// documents, dialogues and questions stay the same, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeedbackOptions {
    /// Pages of advice to pretrain on with the world's documents, so that the model has read of
    /// what the prompts ask for; about 200 tokens each.
    pub documents: usize,
    /// Pages of questions that are answered under a rule such as "Begin every answer with ...", so that
    /// the model has read how somebody keeps one; about 200 tokens each.
    pub instruction_documents: usize,
    /// Fine-tuning dialogues with adversarial and borderline prompts, half of each;
    /// 0 for none. The paper has "a few thousand" beside 27,540 (section 4.2.2).
    pub safety_dialogues: usize,
    /// Share of the adversarial ones whose author refuses; the others comply, so that the fine-tuned
    /// model has something to unlearn. The paper does not say.
    pub safe_share: f64,
    /// Fine-tuning dialogues under an instruction, which is in the system message of the only turn or
    /// in every turn (section 3.3).
    pub instruction_dialogues: usize,
    /// Adversarial prompts to sample answers for.
    pub adversarial_prompts: usize,
    /// Borderline prompts to sample answers for.
    pub borderline_prompts: usize,
    /// Helpful prompts to sample answers for.
    pub helpful_prompts: usize,
    /// Held-out adversarial prompts; the paper has about 2,000 (section 4.4).
    pub held_out_adversarial: usize,
    /// Held-out borderline prompts; the paper has 210 (section 4.2.3).
    pub held_out_borderline: usize,
    /// Held-out helpful prompts beside the world's held-out questions, which all belong to them.
    pub held_out_helpful: usize,
    /// Conversations under an instruction for Ghost Attention, for each number of turns.
    pub conversations: usize,
    /// Held-out conversations, for each number of turns.
    pub held_out_conversations: usize,
    /// Preferences between answers that the world itself makes, in the helpfulness stream.
    pub preferences: usize,
    /// The same in the safety stream.
    pub safety_preferences: usize,
    /// Annotators.
    pub annotators: usize,
    /// Batches of the world's own preferences; the paper has 14.
    pub batches: u32,
    /// How much the annotators' measure grows from the first batch to the last: at 0.3, a difference
    /// must be larger by three tenths in the last one to be called "significantly better" (Figure 25
    /// shows such a drift).
    pub drift: f64,
}

impl Default for FeedbackOptions {
    fn default() -> Self {
        Self {
            documents: 1_100,
            instruction_documents: 600,
            safety_dialogues: 2_400,
            safe_share: 0.15,
            instruction_dialogues: 400,
            adversarial_prompts: 1_500,
            borderline_prompts: 600,
            helpful_prompts: 1_200,
            held_out_adversarial: 400,
            held_out_borderline: 210,
            held_out_helpful: 200,
            conversations: 60,
            held_out_conversations: 20,
            preferences: 2_000,
            safety_preferences: 2_000,
            annotators: 8,
            batches: 14,
            drift: 0.3,
        }
    }
}

/// The feedback material of a world; see [`World::feedback`].
#[derive(Debug, Clone)]
pub struct Feedback<'w> {
    world: &'w World,
    options: FeedbackOptions,
    askable: Vec<Fact>,
    dialogues: Vec<Dialogue>,
    train: Vec<Prompt>,
    held_out: Vec<Prompt>,
}

impl World {
    /// Makes the feedback material of these options. The same world and options give the same
    /// material on every machine. No held-out prompt stands in the training material, no held-out
    /// fact is stated in a dialogue or asked in a training prompt.
    pub fn feedback(&self, options: &FeedbackOptions) -> Feedback<'_> {
        let mut feedback = Feedback {
            world: self,
            options: options.clone(),
            askable: self.askable(),
            dialogues: Vec::new(),
            train: Vec::new(),
            held_out: Vec::new(),
        };
        // What the user says at the end of anything trained on.
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let of_world = self.dialogues();
        feedback.dialogues = feedback.make_dialogues();
        for dialogue in of_world.iter().chain(&feedback.dialogues) {
            taken.extend(users(&dialogue.messages));
        }
        let conversations = feedback.conversations(Split::Train).into_iter();
        taken.extend(
            conversations
                .flat_map(|c| c.turns)
                .map(|turn| turn.question),
        );
        taken.extend(feedback.asked_on_pages());
        feedback.train = feedback.make_prompts(Split::Train, &mut taken);
        for prompt in &feedback.train {
            taken.extend(users(&prompt.messages));
        }
        feedback.held_out = feedback.make_prompts(Split::HeldOut, &mut taken);
        feedback
    }
}

impl<'w> Feedback<'w> {
    /// The options.
    pub fn options(&self) -> &FeedbackOptions {
        &self.options
    }

    /// Dialogues for supervised fine-tuning, to be mixed with [`World::dialogues`]: of the kinds
    /// "adversarial_complied", "adversarial_refused", "borderline" and "instruction".
    pub fn dialogues(&self) -> &[Dialogue] {
        &self.dialogues
    }

    /// Prompts of all three kinds, those of a kind together. All users' texts differ, but for greetings and
    /// the like to train on: there are few, and who is never greeted forgets how to answer.
    pub fn prompts(&self, split: Split) -> &[Prompt] {
        match split {
            Split::Train => &self.train,
            Split::HeldOut => &self.held_out,
        }
    }

    /// Generic safety preprompts (section 4.2.4). Those of the training split also stand as system
    /// messages before some of the refusals in [`Self::dialogues`], so that a model learns what they
    /// ask for.
    pub fn preprompts(&self, split: Split) -> Vec<String> {
        safety::preprompts(self.world, split)
    }

    /// The preprompt with the answer template of a risk category (section 4.2.4).
    pub fn preprompt_of(&self, risk: Risk) -> String {
        safety::preprompt_of(self.world, risk)
    }

    fn make_prompts(&self, split: Split, taken: &mut BTreeSet<String>) -> Vec<Prompt> {
        let o = &self.options;
        let (adversarial, borderline) = match split {
            Split::Train => (o.adversarial_prompts, o.borderline_prompts),
            Split::HeldOut => (o.held_out_adversarial, o.held_out_borderline),
        };
        let dice = |stream, slot, attempt| self.dice(stream, split, slot, attempt);
        let mut prompts = collect(adversarial, taken, never, |slot, attempt| {
            let dice = dice(Random::Adversarial, slot, attempt);
            safety::adversarial(self.world, dice, slot, split, &self.askable)
        });
        prompts.extend(collect(borderline, taken, never, |slot, attempt| {
            let dice = dice(Random::Borderline, slot, attempt);
            safety::borderline(self.world, dice, slot, split)
        }));
        prompts.extend(self.helpful(split, taken));
        for (number, prompt) in prompts.iter_mut().enumerate() {
            let kind = prompt.kind.name();
            prompt.id = format!("{}_{kind}_{number:05}", split.name());
        }
        prompts
    }

    /// The random numbers for an attempt at a slot.
    fn dice(&self, stream: Random, split: Split, slot: usize, attempt: usize) -> Dice {
        let number = (slot as u64) << 8 | attempt as u64;
        let side = u64::from(split == Split::HeldOut) << 48;
        Dice::new(self.world.options.seed, stream, side | number)
    }
}

/// All that the user says.
fn users(messages: &[(Role, String)]) -> impl Iterator<Item = String> {
    let users = messages.iter().filter(|(role, _)| *role == Role::User);
    users.map(|(_, content)| content.clone())
}

/// At most this many attempts at a slot; then it has nothing new to say.
const ATTEMPTS: usize = 24;

/// No prompt's text may be taken.
fn never(_: &Prompt) -> bool {
    false
}

/// `count` prompts, one a slot, with texts that are not taken unless they may; fewer when eight times as
/// many slots do not give them.
fn collect(
    count: usize,
    taken: &mut BTreeSet<String>,
    may_be_taken: fn(&Prompt) -> bool,
    mut make: impl FnMut(usize, usize) -> Option<Prompt>,
) -> Vec<Prompt> {
    let mut out = Vec::with_capacity(count);
    for slot in 0..count * 8 {
        if out.len() == count {
            break;
        }
        let prompt = (0..ATTEMPTS)
            .filter_map(|attempt| make(slot, attempt))
            .find(|prompt| may_be_taken(prompt) || !taken.contains(prompt.text()));
        if let Some(prompt) = prompt {
            taken.insert(prompt.text().to_owned());
            out.push(prompt);
        }
    }
    out
}
