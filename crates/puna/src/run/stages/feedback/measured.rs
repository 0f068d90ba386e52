//! What is known of one chat model of a run: its answers to the held-out prompts and in the held-out
//! conversations, judged. They lie beside the model and are its own, so that the scoreboard can be shown
//! after every round and nothing is answered twice.

use super::super::super::manifest::VERSION;
use super::super::{Stand, in_model};
use super::judged::{Answer, judge_answers};
use super::judges::rewards;
use super::material::{measuring_inputs, plain};
use super::speaker::{Speaker, instructions_held};
use crate::recipe::ScoreboardPlan;
use crate::report::Reporter;
use anyhow::{Context, Result};
use puna_align::prompt::Prompt;
use puna_align::reward::RewardModels;
use puna_align::scoreboard::Rate;
use puna_align::self_bleu::diversity;
use puna_align::{read_json_lines, write_json_lines};
use puna_llama::{Model, SamplingOptions};
use puna_text::Tokenizer;
use puna_text::atomic_file::{remove_abandoned, write_atomically};
use puna_text::hash;
use puna_world::{Conversation, PromptKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the directory beside a model.
const MEASURED: &str = "measured";
/// Names in it: the answers, the conversations, and the rest, which is written last.
pub const ANSWERS: &str = "answers.jsonl";
pub const CONVERSATIONS: &str = "conversations.jsonl";
const STANDING: &str = "standing.json";

/// What is known of a model.
pub struct Measured {
    /// Name of its stage.
    pub name: String,
    /// Where its files are.
    pub dir: PathBuf,
    /// Its answers, a prompt each.
    pub answers: Vec<Answer>,
    /// The rest.
    pub standing: Standing,
}

/// What is known of a model beside its answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Standing {
    /// Hash of all that it follows from.
    of: String,
    /// Self-BLEU of several answers to helpful prompts, the mean over prompts.
    pub self_bleu: Option<f64>,
    /// Its standard deviation.
    pub self_bleu_deviation: Option<f64>,
    /// By turn, in what share of the conversations an instruction still holds.
    pub instructions_held: BTreeMap<usize, Rate>,
}

/// What was found before, if that is whole and follows from the same.
fn known(name: &str, dir: &Path, of: &str) -> Option<Measured> {
    let text = fs::read(dir.join(STANDING)).ok()?;
    let standing: Standing = serde_json::from_slice(&text).ok()?;
    let answers = read_json_lines(&dir.join(ANSWERS)).ok()?;
    let whole = standing.of == of && dir.join(CONVERSATIONS).exists();
    whole.then(|| Measured {
        name: name.into(),
        dir: dir.to_path_buf(),
        answers,
        standing,
    })
}

/// Who measures, and on what.
pub struct Measuring<'a> {
    stand: &'a Stand<'a>,
    plan: &'a ScoreboardPlan,
    tokenizer: Tokenizer,
    /// Loaded where a model is to be asked.
    judge: Option<RewardModels>,
    prompts: Vec<puna_world::Prompt>,
    asked: Vec<Prompt>,
    conversations: Vec<Conversation>,
}

impl<'a> Measuring<'a> {
    /// On the held-out prompts and conversations of the run's world.
    pub fn new(stand: &'a Stand<'a>, plan: &'a ScoreboardPlan) -> Result<Self> {
        let world = stand.of("world")?;
        let prompts: Vec<puna_world::Prompt> =
            read_json_lines(&world.join("prompts.held_out.jsonl"))?;
        Ok(Self {
            stand,
            plan,
            tokenizer: stand.tokenizer()?,
            judge: None,
            asked: prompts.iter().map(plain).collect(),
            prompts,
            conversations: read_json_lines(&world.join("conversations.held_out.jsonl"))?,
        })
    }

    /// What is known of the model of a stage; it is asked where that is not known yet.
    pub fn of(&mut self, name: &str, report: &mut Reporter) -> Result<Measured> {
        let stage = self.stand.of(name)?;
        let dir = stage.join(MEASURED);
        let of = self.follows_from(name)?;
        if let Some(known) = known(name, &dir, &of) {
            return Ok(known);
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        // Killed on the way, it is not to vouch for other answers.
        let standing = dir.join(STANDING);
        if standing.exists() {
            fs::remove_file(&standing)
                .with_context(|| format!("cannot remove {}", standing.display()))?;
        }
        remove_abandoned(&dir)?;
        let model = Model::load(&stage.join("model"))?;
        let tokenizer = self.tokenizer.clone();
        let mut speaker = Speaker::new(self.stand, &model, &tokenizer, self.plan.max_tokens)?;
        let texts = speaker.greedy(&self.asked)?;
        let judge = match &mut self.judge {
            Some(judge) => judge,
            none => none.insert(rewards(self.stand)?),
        };
        let answers = judge_answers(&self.prompts, &self.asked, &texts, judge, report)?;
        let (self_bleu, self_bleu_deviation) = self.diversity_of(&mut speaker)?;
        let said = speaker.converse(&self.conversations)?;
        let standing = Standing {
            of,
            self_bleu,
            self_bleu_deviation,
            instructions_held: instructions_held(&self.conversations, &said),
        };
        let said: Vec<_> = said.iter().map(|said| json!({"messages": said})).collect();
        write_json_lines(&dir.join(ANSWERS), &answers)?;
        write_json_lines(&dir.join(CONVERSATIONS), &said)?;
        let mut text = serde_json::to_vec_pretty(&standing)?;
        text.push(b'\n');
        write_atomically(&dir.join(STANDING), &text)?;
        Ok(Measured {
            name: name.into(),
            dir,
            answers,
            standing,
        })
    }

    /// Hash of the model, of who judges and on what, and of the settings.
    fn follows_from(&self, name: &str) -> Result<String> {
        let mut inputs = BTreeMap::new();
        measuring_inputs(self.stand, &mut inputs)?;
        let stage = self.stand.of(name)?;
        self.stand.add_outputs(&mut inputs, &stage, in_model)?;
        let all = serde_json::to_vec(&(VERSION, self.plan, inputs))?;
        Ok(hash::hex(Sha256::digest(&all)))
    }

    /// Self-BLEU of several answers to helpful prompts, and its deviation.
    fn diversity_of(&self, speaker: &mut Speaker<'_>) -> Result<(Option<f64>, Option<f64>)> {
        let each = self.prompts.iter().zip(&self.asked);
        let helpful = each.filter(|(prompt, _)| prompt.kind == PromptKind::Helpful);
        let helpful = helpful.map(|(_, asked)| asked.clone());
        let asked: Vec<Prompt> = helpful.take(self.plan.diversity_prompts).collect();
        let sampling = SamplingOptions {
            temperature: 1.0,
            seed: self.plan.seed,
            ..SamplingOptions::default()
        };
        let answers = speaker.answers(&asked, self.plan.diversity_answers, sampling)?;
        let texts: Vec<Vec<String>> = answers
            .into_iter()
            .filter(|answers| !answers.is_empty())
            .map(|answers| answers.into_iter().map(|answer| answer.text).collect())
            .collect();
        let found = diversity(&texts);
        Ok((found.as_ref().map(|d| d.mean), found.map(|d| d.deviation)))
    }
}
