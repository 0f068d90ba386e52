//! Answers that the world itself makes: good, bad, and good ones spoilt. With them preferences can be
//! made where there is no model yet.

use super::helpful::is_small_talk;
use super::{Check, Feedback, Prompt, PromptKind};
use crate::dice::Dice;
use crate::question::UNKNOWN_PERSON;
use crate::safety::bare_refusal;
use crate::writer::{Writer, sloppy};

/// How an answer is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// The reference.
    Good,
    /// The reference without capital and full stop.
    Sloppy,
    /// The reference with a sentence said twice more.
    Repeating,
    /// The reference with some words of a sentence said twice more before it goes on.
    Stuttering,
    /// The first words of the reference.
    Cut,
    /// Something true that was not asked.
    OffTopic,
    /// The good answer to another prompt that only looks harmful, or to a greeting.
    Beside,
    /// "I do not know anyone by that name."
    Unknowing,
    /// The reference with another value, or about somebody else than was asked for.
    Wrong,
    /// The words of the reference in disorder.
    Gibberish,
    /// "I will not do that."
    BareRefusal,
    /// A whole refusal of another request: its reason is about something else.
    OtherRefusal,
    /// The refusal of an unsafe request, with its reason and its offer.
    FalseRefusal,
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
const BENIGN: [Make; 16] = [
    Make::Good,
    Make::Good,
    Make::Good,
    Make::Sloppy,
    Make::Repeating,
    Make::Stuttering,
    Make::Cut,
    Make::OffTopic,
    Make::Beside,
    Make::Unknowing,
    Make::Wrong,
    Make::Wrong,
    Make::Wrong,
    Make::Gibberish,
    Make::BareRefusal,
    Make::FalseRefusal,
];

/// Safe makes for prompts that ask for harm. Those that pass the question over stand among them, or a
/// reward model would take them for as good as a refusal, and whoever is trained by it would too.
const SAFE: [Make; 13] = [
    Make::Good,
    Make::Good,
    Make::Good,
    Make::OtherRefusal,
    Make::OtherRefusal,
    Make::Sloppy,
    Make::Repeating,
    Make::BareRefusal,
    Make::Gibberish,
    Make::OffTopic,
    Make::Beside,
    Make::Beside,
    Make::Unknowing,
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

/// Of a hundred answers about somebody else, how many have one of two names twice.
const TWICE_THE_SAME: usize = 25;

impl Make {
    /// The "model" that a preference names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Make::Good => "world_good",
            Make::Sloppy => "world_sloppy",
            Make::Repeating => "world_repeating",
            Make::Stuttering => "world_stuttering",
            Make::Cut => "world_cut",
            Make::OffTopic => "world_off_topic",
            Make::Beside => "world_beside",
            Make::Unknowing => "world_unknowing",
            Make::Wrong => "world_wrong",
            Make::Gibberish => "world_gibberish",
            Make::BareRefusal => "world_bare_refusal",
            Make::OtherRefusal => "world_other_refusal",
            Make::FalseRefusal => "world_false_refusal",
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
            Make::Stuttering => stuttering(good, dice),
            Make::Cut => cut(good, dice),
            Make::OffTopic => self.off_topic(dice).unwrap_or_else(|| good.to_owned()),
            Make::Beside => {
                let other = match dice.chance(50) {
                    true => self.reference_of(PromptKind::Helpful, dice, |p| {
                        is_small_talk(p) && !is_small_talk(prompt)
                    }),
                    false => {
                        self.reference_of(PromptKind::Borderline, dice, |p| p.topic != prompt.topic)
                    }
                };
                other.unwrap_or_else(|| UNKNOWN_PERSON.into())
            }
            Make::Unknowing => UNKNOWN_PERSON.into(),
            Make::Wrong => match &prompt.check {
                Check::Fact { accepted, rejected } if !rejected.is_empty() => {
                    let right = accepted.first().map_or("", String::as_str);
                    wrong(good, right, &rejected[dice.below(rejected.len())])
                }
                Check::Names { names, .. } if !names.is_empty() => {
                    self.about_another(good, names, dice)
                }
                _ => self.off_topic(dice).unwrap_or_else(|| good.to_owned()),
            },
            Make::Gibberish => gibberish(good, dice),
            Make::FalseRefusal | Make::OtherRefusal => {
                let other =
                    self.reference_of(PromptKind::Adversarial, dice, |p| p.topic != prompt.topic);
                other.unwrap_or_else(|| self.answer(Make::BareRefusal, prompt, dice))
            }
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

    /// The good answer to some training prompt of a kind, of which this holds.
    fn reference_of(
        &self,
        kind: PromptKind,
        dice: &mut Dice,
        holds: impl Fn(&Prompt) -> bool,
    ) -> Option<String> {
        // Prompts of a kind stand together, in this order.
        let start = self.train.partition_point(|p| p.kind < kind);
        let end = self.train.partition_point(|p| p.kind <= kind);
        let of_kind = self.train[start..end].iter();
        let some: Vec<&Prompt> = of_kind.filter(|prompt| holds(prompt)).collect();
        let at = dice.below(some.len().max(1));
        some.get(at).map(|prompt| prompt.reference.clone())
    }

    /// The text with one of the names changed for another of its kind, wherever it stands; now and then
    /// for the other name that was asked for ("One day Ida went to see Ida").
    fn about_another(&self, text: &str, names: &[String], dice: &mut Dice) -> String {
        let name = dice.pick(names).as_str();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let twice = asked.len() > 1 && dice.chance(TWICE_THE_SAME);
        let mut others = match twice {
            true => asked.clone(),
            false => self.world.names_like(name),
        };
        others.retain(|other| *other != name && (twice || !asked.contains(other)));
        match others.is_empty() {
            true => text.to_owned(),
            false => renamed(text, name, others[dice.below(others.len())]),
        }
    }

    /// A true answer to another question.
    fn off_topic(&self, dice: &mut Dice) -> Option<String> {
        self.fact_turn(dice).map(|turn| turn.reference)
    }
}

/// The text with a name changed wherever it stands as a word, also in the plural.
fn renamed(text: &str, name: &str, other: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let ends = |text: &str| !text.starts_with(char::is_alphanumeric);
        let whole = !before.ends_with(char::is_alphanumeric)
            && (ends(after) || after.strip_prefix('s').is_some_and(ends));
        out.push_str(before);
        out.push_str(if whole { other } else { name });
        rest = after;
    }
    out + rest
}

/// "Ida played the harp, and the harp, and the harp."
fn stuttering(text: &str, dice: &mut Dice) -> String {
    let sentences: Vec<&str> = text.split_inclusive(['.', '!', '?']).collect();
    let has_words = |&i: &usize| sentences[i].contains(char::is_alphanumeric);
    let of_words: Vec<usize> = (0..sentences.len()).filter(has_words).collect();
    let Some(&at) = of_words.get(dice.below(of_words.len())) else {
        return text.to_owned();
    };
    let sentence = sentences[at].trim_end_matches(['.', '!', '?']);
    let end = &sentences[at][sentence.len()..];
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let again = words[words.len() - dice.between(1, words.len().min(5))..].join(" ");
    let [before, after] = [&sentences[..at], &sentences[at + 1..]].map(<[&str]>::concat);
    format!("{before}{sentence}, and {again}, and {again}{end}{after}")
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
