//! Sampling dialogues turn by turn with their instruction before every turn, and what a model is
//! trained on (paper section 3.3).

use super::instruction::{Instruction, InstructionList, instructions};
use crate::blocks::{Blocks, OnBlock};
use crate::candidates::{Candidate, Fault, Policy, best, derived_seed};
use crate::error::{Error, Result, at_least_one};
use crate::json_lines;
use crate::judge::SAFETY_THRESHOLD;
use crate::placement::{Placement, before};
use crate::prompt::Prompt;
use crate::rollout::SampleOptions;
use puna_llama::SamplingOptions;
use puna_text::chat::{Message, Role};
use puna_train::{Dialogue, LossOn, permutation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Name of the file with the dialogues.
pub const DIALOGUES_FILE: &str = "dialogues.jsonl";

/// Settings of Ghost Attention; the defaults are the paper's where it speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GhostSettings {
    /// Most constraints of an instruction; 0 is one of every kind. The paper combines them at random.
    pub most_constraints: usize,
    /// Share of the dialogues whose instruction is the short one in training. Paper: half.
    pub short_share: f64,
    /// Where the instruction stands in training.
    pub placement: Placement,
    /// Which answers count in the loss. The paper: the last. On all of them, a dialogue teaches as much
    /// as all its beginnings would, each for its last answer.
    pub loss: LossOn,
    /// Share of the turns, the last of a dialogue aside, that are answered without the instruction and the
    /// turns before, and count in no loss: whoever sees that earlier answers do not keep an instruction learns
    /// to look at the instruction itself. For questions that stand alone. The paper has none.
    pub lapses: f64,
    /// Answers sampled at each turn, of which one goes on. The paper: as in rejection sampling,
    /// without a number.
    pub k: usize,
    /// Whether it is the best by the combined reward; otherwise the first that can be used, and no
    /// reward model reads the dialogue.
    pub judged: bool,
    /// Temperature; the paper does not say.
    pub temperature: f32,
    /// Nucleus of the sampling; the paper does not say.
    pub top_p: f32,
    /// Most tokens of an answer; the paper does not say.
    pub max_tokens: usize,
    /// Safety score below which it is the reward; see
    /// [`crate::rejection_sampling::RejectionSettings`].
    pub safety_threshold: f64,
    /// Dialogues of a block, which is the least that an interrupted run does again.
    pub block: usize,
    /// Seed of instructions and answers.
    pub seed: u64,
}

impl Default for GhostSettings {
    fn default() -> Self {
        Self {
            most_constraints: 0,
            short_share: 0.5,
            placement: Placement::SystemMessage,
            loss: LossOn::LastAnswer,
            lapses: 0.0,
            k: 1,
            judged: true,
            temperature: 1.0,
            top_p: 1.0,
            max_tokens: 1024,
            safety_threshold: SAFETY_THRESHOLD,
            block: 64,
            seed: 0,
        }
    }
}

/// What the user says in a dialogue, turn by turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GhostSeed {
    /// Name of the dialogue.
    pub id: String,
    /// The user's messages.
    pub turns: Vec<String>,
}

/// A sampled dialogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GhostDialogue {
    /// Name of its seed.
    pub id: String,
    /// Its instruction.
    pub instruction: Instruction,
    /// Whether training has the short wording.
    pub shortened: bool,
    /// The user's messages without the instruction, and the answers that were given with it, lapses aside.
    /// Fewer turns than the seed where an answer could not be used or no room was left, none where that was
    /// the first; the last is no lapse.
    pub messages: Vec<Message>,
    /// The turns, from 0, that were answered without the instruction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lapses: Vec<usize>,
}

impl GhostDialogue {
    /// What a model is trained on: the instruction once. Nothing where no turn was answered.
    pub fn training(&self, settings: &GhostSettings) -> Option<Dialogue> {
        let wording = match self.shortened {
            true => &self.instruction.short,
            false => &self.instruction.long,
        };
        let messages = settings.placement.place(wording, &self.messages);
        let mut dialogue = Dialogue::new(messages);
        dialogue.loss = settings.loss;
        let before = dialogue.messages.len() - self.messages.len();
        let answers = self.lapses.iter().map(|turn| before + 2 * turn + 1);
        dialogue.without_loss = answers.collect();
        (!self.messages.is_empty()).then_some(dialogue)
    }

    /// Takes lapses off the end, where a later answer could not be used.
    fn end_with_the_instruction_kept(&mut self) {
        while let Some(last) = self
            .lapses
            .pop_if(|turn| 2 * *turn + 2 == self.messages.len())
        {
            self.messages.truncate(2 * last);
        }
    }
}

/// Reads sampled dialogues.
///
/// # Errors
/// Names file, line and field.
pub fn read_ghost_dialogues(path: &Path) -> Result<Vec<GhostDialogue>> {
    let records = json_lines::read(path)?.into_iter();
    Ok(records.map(|(_, dialogue)| dialogue).collect())
}

/// Who can tell whether an answer keeps an instruction.
#[derive(Clone, Copy)]
pub struct InstructionCheck<'a> {
    /// Names it. Work that was begun with another is refused instead of mixed.
    pub name: &'a str,
    /// Tells it.
    pub keeps: &'a dyn Fn(&Instruction, &str) -> bool,
}

/// Dialogues to sample, or to go on with.
pub struct GhostJob<'a, 't> {
    /// Directory of the files. What it holds is not done again.
    pub dir: &'a Path,
    /// The latest model. With one answer a turn, what the judge says is not used.
    pub policy: Policy<'a, 't>,
    /// What the users say.
    pub seeds: &'a [GhostSeed],
    /// What instructions are made of.
    pub lists: &'a [InstructionList],
    /// Settings.
    pub settings: &'a GhostSettings,
    /// Of the answers of a turn that is no lapse only those that keep the instruction count, if somebody can
    /// tell; a dialogue ends before the first such turn without one. The paper does not say that it looked.
    pub check: Option<InstructionCheck<'a>>,
    /// Set it, and the run ends after the current block with [`puna_train::Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears how far it is.
    pub on_block: OnBlock<'a>,
}

/// Samples a dialogue for each seed, and writes them to [`DIALOGUES_FILE`].
///
/// # Errors
/// Settings without meaning; a seed without a turn; a directory that was begun with something else;
/// what sampler and judge refuse.
pub fn ghost_dialogues(job: GhostJob<'_, '_>) -> Result<Vec<GhostDialogue>> {
    let (settings, seeds) = (job.settings, job.seeds);
    check(settings, seeds)?;
    let n = seeds.len();
    let made = instructions(job.lists, n, settings.most_constraints, settings.seed)?;
    // Exactly the share, not each by a throw of its own.
    let short = (n as f64 * settings.short_share).round() as u32;
    let order = permutation(n as u32, derived_seed(settings.seed, "short", 0), 0);
    let mut begun: Vec<GhostDialogue> = seeds
        .iter()
        .zip(made)
        .map(|(seed, instruction)| GhostDialogue {
            id: seed.id.clone(),
            instruction,
            shortened: false,
            messages: Vec::new(),
            lapses: Vec::new(),
        })
        .collect();
    for &i in &order[..short as usize] {
        begun[i as usize].shortened = true;
    }
    let mut policy = job.policy;
    policy.load()?;
    let mut identity = policy.identity(settings, &(seeds, job.lists));
    if let Some(check) = &job.check {
        identity.insert("instruction_check".into(), check.name.into());
    }
    let blocks = Blocks::open(job.dir, settings.block, &identity)?;
    // So few at once that the sampler remembers them all from turn to turn.
    let at_once = (policy.rollouts.at_once() / settings.k).max(1);
    let dialogues = blocks.run("dialogues", n, job.stop, job.on_block, |range| {
        let mut sampled = Vec::with_capacity(range.len());
        for first in range.clone().step_by(at_once) {
            let together = first..range.end.min(first + at_once);
            sampled.extend(converse(
                &mut policy,
                settings,
                job.check,
                &seeds[together.clone()],
                &begun[together],
                first,
            )?);
        }
        Ok(sampled)
    })?;
    json_lines::write(&job.dir.join(DIALOGUES_FILE), &dialogues)?;
    Ok(dialogues)
}

impl GhostSettings {
    /// Refuses what has no meaning.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate(&self) -> Result<()> {
        at_least_one([
            ("k", self.k),
            ("max_tokens", self.max_tokens),
            ("block", self.block),
        ])?;
        for (name, share) in [
            ("short_share", self.short_share),
            ("lapses", self.lapses),
            ("safety_threshold", self.safety_threshold),
        ] {
            if !(0.0..=1.0).contains(&share) {
                let what = format!("it is {share}; it must be from 0 to 1");
                return Err(Error::setting(name, what));
            }
        }
        Ok(self.sampling(0).validate()?)
    }

    fn sampling(&self, seed: u64) -> SamplingOptions {
        SamplingOptions::nucleus(self.temperature, self.top_p, seed)
    }
}

fn check(settings: &GhostSettings, seeds: &[GhostSeed]) -> Result<()> {
    settings.validate()?;
    match seeds.iter().find(|seed| seed.turns.is_empty()) {
        Some(seed) => Err(Error::Data(format!("dialogue {} has no turn", seed.id))),
        None => Ok(()),
    }
}

/// Samples some dialogues, a turn of all of them at a time.
fn converse(
    policy: &mut Policy<'_, '_>,
    settings: &GhostSettings,
    check: Option<InstructionCheck<'_>>,
    seeds: &[GhostSeed],
    begun: &[GhostDialogue],
    first: usize,
) -> Result<Vec<GhostDialogue>> {
    let room = policy.rollouts.options().capacity;
    let mut dialogues = begun.to_vec();
    let mut going: Vec<usize> = (0..seeds.len()).collect();
    for turn in 0.. {
        let lapse = |i: usize| is_lapse(settings, first + i, turn, seeds[i].turns.len());
        let mut asked = Vec::new();
        let mut tokens = Vec::new();
        let mut asking = Vec::new();
        for &i in going.iter().filter(|&&i| turn < seeds[i].turns.len()) {
            let prompt = match lapse(i) {
                true => Prompt::new(seeds[i].id.as_str(), seeds[i].turns[turn].as_str()),
                false => instructed(&dialogues[i], &seeds[i].turns[turn]),
            };
            let rendered = prompt.render(policy.rollouts.tokenizer())?;
            if rendered.len() < room {
                asked.push(prompt);
                tokens.push(rendered);
                asking.push(i);
            }
        }
        if asking.is_empty() {
            break;
        }
        let options = SampleOptions {
            k: settings.k,
            max_tokens: settings.max_tokens,
            sampling: settings.sampling(derived_seed(settings.seed, "turn", turn as u64)),
            numbers: asking.iter().map(|i| (first + i) as u32).collect(),
        };
        let prompts: Vec<&Prompt> = asked.iter().collect();
        let mut answers = policy.candidates(&prompts, &tokens, &options)?;
        if let Some(check) = check {
            let each = asking.iter().zip(&mut answers);
            for (&i, answers) in each.filter(|(i, _)| !lapse(**i)) {
                let broken = |c: &&mut Candidate| {
                    c.is_usable() && !(check.keeps)(&dialogues[i].instruction, &c.text)
                };
                for answer in answers.iter_mut().filter(broken) {
                    answer.fault = Some(Fault::BreaksInstruction);
                }
            }
        }
        if settings.judged && settings.k > 1 {
            policy.score(&prompts, &mut answers)?;
        }
        going.clear();
        for (i, answers) in asking.into_iter().zip(answers) {
            let Some((chosen, _)) = best(&answers, false, settings.safety_threshold) else {
                continue;
            };
            let pair = [
                Message::new(Role::User, seeds[i].turns[turn].as_str()),
                Message::new(Role::Assistant, answers[chosen].text.as_str()),
            ];
            dialogues[i].messages.extend(pair);
            if lapse(i) {
                dialogues[i].lapses.push(turn);
            }
            going.push(i);
        }
    }
    for dialogue in &mut dialogues {
        dialogue.end_with_the_instruction_kept();
    }
    Ok(dialogues)
}

/// Whether this dialogue forgets its instruction at this turn.
fn is_lapse(settings: &GhostSettings, dialogue: usize, turn: usize, turns: usize) -> bool {
    let seed = derived_seed(settings.seed, "lapse", turn as u64);
    let throw = derived_seed(seed, "dialogue", dialogue as u64) as f64 / u64::MAX as f64;
    turn + 1 < turns && throw < settings.lapses
}

/// The dialogue so far and the user's next message, the instruction before every one of the user's.
fn instructed(dialogue: &GhostDialogue, next: &str) -> Prompt {
    let mut messages = dialogue.messages.clone();
    messages.push(Message::new(Role::User, next));
    for message in messages.iter_mut().filter(|m| m.role == Role::User) {
        message.content = before(&dialogue.instruction.long, &message.content);
    }
    Prompt {
        messages,
        ..Prompt::new(dialogue.id.as_str(), "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialogue_ends_with_a_turn_that_is_no_lapse() {
        for (turns, lapses, left) in [
            (3, vec![0], 3),
            (3, vec![0, 2], 2),
            (3, vec![1, 2], 1),
            (2, vec![0, 1], 0),
            (0, vec![], 0),
        ] {
            let turn = [
                Message::new(Role::User, "Who?"),
                Message::new(Role::Assistant, "Ida."),
            ];
            let mut dialogue = GhostDialogue {
                id: String::new(),
                instruction: Instruction {
                    asks: Vec::new(),
                    long: String::new(),
                    short: String::new(),
                },
                shortened: false,
                messages: vec![turn; turns].concat(),
                lapses: lapses.clone(),
            };
            dialogue.end_with_the_instruction_kept();
            assert_eq!(dialogue.messages.len(), 2 * left);
            let kept: Vec<usize> = lapses.into_iter().filter(|&turn| turn < left).collect();
            assert_eq!(dialogue.lapses, kept);
        }
    }
}
