//! Answers that the world itself makes: good, bad, and good ones spoilt. With them preferences can be
//! made where there is no model yet.

use super::{Check, Feedback, Prompt, PromptKind};
use crate::dice::Dice;
use crate::safety::bare_refusal;
use crate::writer::Writer;

/// How an answer is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// The reference.
    Good,
    /// The reference without capital and full stop.
    Sloppy,
    /// The reference with a sentence said twice more.
    Repeating,
    /// The first words of the reference.
    Cut,
    /// Something true that was not asked.
    OffTopic,
    /// The reference with another value.
    Wrong,
    /// The words of the reference in disorder.
    Gibberish,
    /// "I will not do that."
    BareRefusal,
    /// The harm.
    Complied,
    /// The harm without form.
    CompliedSloppily,
    /// The harm, and an offer to help further.
    CompliedAndOffered,
    /// A refusal, and then the harm.
    RefusedThenComplied,
}

/// Makes for prompts that ask for no harm; what stands twice is twice as frequent.
const BENIGN: [Make; 10] = [
    Make::Good,
    Make::Good,
    Make::Sloppy,
    Make::Repeating,
    Make::Cut,
    Make::OffTopic,
    Make::Wrong,
    Make::Wrong,
    Make::Gibberish,
    Make::BareRefusal,
];

/// Safe makes for prompts that ask for harm.
const SAFE: [Make; 7] = [
    Make::Good,
    Make::Good,
    Make::Sloppy,
    Make::Repeating,
    Make::BareRefusal,
    Make::Gibberish,
    Make::OffTopic,
];

/// Unsafe ones.
const UNSAFE: [Make; 5] = [
    Make::Complied,
    Make::Complied,
    Make::CompliedSloppily,
    Make::CompliedAndOffered,
    Make::RefusedThenComplied,
];

/// Of a hundred pairs for an adversarial prompt, how many are both unsafe and both safe, so that
/// with the prompts of other kinds the paper's shares come about: 35 and 47 of a hundred.
const BOTH_UNSAFE: usize = 44;
const BOTH_SAFE: usize = 34;

impl Make {
    /// The "model" that a preference names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Make::Good => "world_good",
            Make::Sloppy => "world_sloppy",
            Make::Repeating => "world_repeating",
            Make::Cut => "world_cut",
            Make::OffTopic => "world_off_topic",
            Make::Wrong => "world_wrong",
            Make::Gibberish => "world_gibberish",
            Make::BareRefusal => "world_bare_refusal",
            Make::Complied => "world_complied",
            Make::CompliedSloppily => "world_complied_sloppily",
            Make::CompliedAndOffered => "world_complied_and_offered",
            Make::RefusedThenComplied => "world_refused_then_complied",
        }
    }
}

impl Feedback<'_> {
    /// Two answers to the prompt.
    pub(super) fn two_answers(&self, prompt: &Prompt, dice: &mut Dice) -> [(Make, String); 2] {
        let pools: [&[Make]; 2] = match (prompt.kind, dice.below(100)) {
            (PromptKind::Adversarial, throw) if throw < BOTH_UNSAFE => [&UNSAFE, &UNSAFE],
            (PromptKind::Adversarial, throw) if throw < BOTH_UNSAFE + BOTH_SAFE => [&SAFE, &SAFE],
            (PromptKind::Adversarial, _) => [&SAFE, &UNSAFE],
            _ => [&BENIGN, &BENIGN],
        };
        let first = *dice.pick(pools[0]);
        let mut second = *dice.pick(pools[1]);
        while second == first {
            second = *dice.pick(pools[1]);
        }
        let mut answers = [first, second].map(|make| (make, self.answer(make, prompt, dice)));
        if dice.chance(50) {
            answers.reverse();
        }
        answers
    }

    fn answer(&self, make: Make, prompt: &Prompt, dice: &mut Dice) -> String {
        let good = prompt.reference.as_str();
        let complied = prompt.complied.as_deref().unwrap_or(good);
        match make {
            Make::Good => good.to_owned(),
            Make::Sloppy => sloppy(good),
            Make::Repeating => format!("{good} {good} {good}"),
            Make::Cut => cut(good, dice),
            Make::OffTopic => self.off_topic(dice).unwrap_or_else(|| good.to_owned()),
            Make::Wrong => match &prompt.check {
                Check::Fact { accepted, rejected } if !rejected.is_empty() => {
                    let right = accepted.first().map_or("", String::as_str);
                    wrong(good, right, &rejected[dice.below(rejected.len())])
                }
                _ => self.off_topic(dice).unwrap_or_else(|| good.to_owned()),
            },
            Make::Gibberish => gibberish(good, dice),
            Make::BareRefusal => {
                let mut w = Writer::guarded(self.world, dice.clone());
                let refusal = bare_refusal(&mut w);
                *dice = w.dice;
                refusal
            }
            Make::Complied => complied.to_owned(),
            Make::CompliedSloppily => sloppy(complied),
            Make::CompliedAndOffered => format!("{complied} Is there another way I can help you?"),
            Make::RefusedThenComplied => {
                let first = good.split_inclusive('.').next().unwrap_or(good);
                format!("{first} Well. {complied}")
            }
        }
    }

    /// A true answer to another question.
    fn off_topic(&self, dice: &mut Dice) -> Option<String> {
        self.fact_turn(dice).map(|turn| turn.reference)
    }
}

fn sloppy(text: &str) -> String {
    let text = text.trim_end_matches(['.', '!', '?']);
    text.to_lowercase()
}

/// Half of the words or fewer, and no full stop.
fn cut(text: &str, dice: &mut Dice) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let keep = dice.between(1, (words.len() / 2).max(1));
    words[..keep].join(" ")
}

/// The other value in the place of the right one.
fn wrong(text: &str, right: &str, other: &str) -> String {
    match text.contains(right) && !right.is_empty() {
        true => text.replacen(right, other, 1),
        false => format!("It is {other}."),
    }
}

fn gibberish(text: &str, dice: &mut Dice) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let order = dice.permutation(words.len());
    let mut out: Vec<&str> = order.into_iter().map(|i| words[i]).collect();
    let again = out[dice.below(out.len())];
    out.insert(dice.below(out.len()), again);
    out.join(" ")
}
