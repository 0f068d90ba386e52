//! What the stages of human feedback take, as far as it can be known before the models have answered.
//! Training is counted with the world's own answers in the place of theirs. How fast this machine
//! samples is not measured, so no time is given for it.

use super::text::Text;
use super::training::{Data, flops_per_token};
use super::world::OfFeedback;
use super::{SAMPLING, StageForecast, plain};
use crate::recipe::{
    DistillPlan, DpoPlan, FeedbackPlan, Material, Plan, PpoPlan, RejectionPlan, RewardPlan,
    SafetyScalingPlan, ScoreboardPlan, Stage,
};
use crate::run::HELD_OUT_SHARE;
use puna_align::preferences::Stream;
use puna_align::reward::HELPFUL_IN_SAFETY;
use puna_llama::Config;
use puna_text::Tokenizer;
use puna_text::chat::render_training;
use puna_train::{Dialogue, read_dialogues};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a forecast rests on.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Shape of its models.
    pub model: &'a Config,
    /// Operations a second in training, if measured.
    pub rate: Option<f64>,
    /// Its text, if it is there.
    pub text: Option<&'a Text>,
}

impl Basis<'_> {
    fn feedback(&self) -> Option<&OfFeedback> {
        self.text?.feedback.as_ref()
    }

    fn tokenizer(&self) -> Option<&Tokenizer> {
        self.text?.tokenizer.as_ref()
    }

    /// The world's prompts, where there are no others beside them.
    fn prompts(&self, material: &Material) -> Option<&[(Dialogue, bool)]> {
        let alone = material.of_world && material.prompts.is_empty();
        self.feedback()
            .filter(|_| alone)
            .map(|feedback| &feedback.prompts[..])
    }

    /// Comparisons of the fine-tuned model's answers in each stream, at most.
    fn sampled(&self) -> usize {
        let stages = self.plan.stages.iter();
        let mut sampled = stages.filter_map(|stage| match stage {
            Stage::Feedback(plan) => Some(plan.sampled),
            _ => None,
        });
        let prompts = self.feedback().map_or(0, |feedback| feedback.prompts.len());
        sampled.next().map_or(0, |sampled| sampled.min(prompts))
    }

    /// Comparisons to train on, by helpfulness and by safety, at most; the files of a recipe are not
    /// counted.
    fn comparisons(&self, material: &Material) -> Option<[f64; 2]> {
        let feedback = self.feedback()?;
        let alone = material.of_world && material.preferences.is_empty();
        let count = |stream: usize| {
            let all = feedback.comparisons[stream].count + self.sampled();
            (all as f64 * (1.0 - HELD_OUT_SHARE)).round()
        };
        alone.then(|| [count(0), count(1)])
    }

    /// So many comparisons of either stream, without those that are longer than a model may read.
    fn pairs(&self, count: [f64; 2], max_tokens: usize) -> Option<Pairs> {
        let (tokenizer, feedback) = (self.tokenizer()?, self.feedback()?);
        let tokens = |dialogue: &Dialogue| {
            let rendered = render_training(tokenizer, &dialogue.messages).ok()?;
            Some(rendered.ids.len()).filter(|&tokens| tokens <= max_tokens)
        };
        let mut pairs = Pairs {
            count: 0.0,
            tokens: 0.0,
        };
        for (count, comparisons) in count.into_iter().zip(&feedback.comparisons) {
            let some = &comparisons.some;
            let fitting = some
                .iter()
                .filter_map(|[a, b]| Some(tokens(a)? + tokens(b)?));
            let fitting: Vec<usize> = fitting.collect();
            let each = count / some.len().max(1) as f64;
            pairs.count += each * fitting.len() as f64;
            pairs.tokens += each * fitting.iter().sum::<usize>() as f64;
        }
        Some(pairs)
    }

    /// The dialogues that every round is trained on again.
    fn kept(&self, given: Option<&PathBuf>) -> Option<Vec<Dialogue>> {
        let mut kept = match given {
            Some(path) => read_dialogues(path).ok()?,
            None => self.text?.dialogues.clone()?,
        };
        let harmless = self.feedback().map_or(&[][..], |f| &f.harmless);
        kept.extend_from_slice(harmless);
        Some(kept)
    }
}

/// What a stage of human feedback takes, the one of this number in its plan.
pub fn stage(stage: &Stage, index: usize, basis: Basis<'_>) -> StageForecast {
    match stage {
        Stage::Feedback(plan) => comparisons(stage, plan, basis),
        Stage::Reward(plan) => reward(stage, plan, basis),
        Stage::Dpo(plan) => dpo(stage, plan, basis),
        Stage::Rejection(plan) => rejection(stage, plan, basis),
        Stage::Ppo(plan) => ppo(stage, plan),
        Stage::Distill(plan) => distill(stage, plan, basis),
        Stage::SafetyScaling(plan) => safety_scaling(stage, plan, basis),
        Stage::Scoreboard(plan) => scoreboard(stage, index, plan, basis),
        _ => plain(stage, None, None, None, json!({})),
    }
}

/// Comparing answers of the fine-tuned model.
fn comparisons(stage: &Stage, plan: &FeedbackPlan, basis: Basis<'_>) -> StageForecast {
    let prompts = match basis.feedback() {
        Some(_) => basis.sampled(),
        None => plan.sampled,
    };
    let details = json!({
        "prompts": prompts, "answers": 2 * prompts, "max_tokens": plan.max_tokens,
    });
    untimed(stage, SAMPLING, details)
}

/// Comparisons to train on, at most.
struct Pairs {
    count: f64,
    /// Of both dialogues of each.
    tokens: f64,
}

impl Pairs {
    /// Tokens of a dialogue on average; each is a sequence of its own.
    fn length(&self) -> usize {
        (self.tokens / self.count.max(1.0) / 2.0) as usize
    }
}

/// A reward model.
fn reward(stage: &Stage, plan: &RewardPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.settings;
    let pairs = basis.comparisons(&plan.material).and_then(|mut count| {
        // The paper's mixes: all of the model's own stream, and a part of the other.
        let (own, others) = match plan.stream {
            Stream::Helpfulness => (0, plan.others.unwrap_or(1.0)),
            Stream::Safety => (1, HELPFUL_IN_SAFETY / (1.0 - HELPFUL_IN_SAFETY)),
        };
        count[1 - own] = count[1 - own].min((others * count[own]).round());
        basis.pairs(count, s.max_tokens)
    });
    let steps = |pairs: &Pairs| Some(s.schedule(pairs.count as usize).ok()?.total);
    let length = pairs.as_ref().map_or(0, Pairs::length);
    let details = json!({
        "pairs": pairs.as_ref().map(|p| p.count as u64), "epochs": s.epochs, "batch_pairs": s.batch_pairs,
    });
    plain(stage, None, None, None, details).training(
        pairs.as_ref().map(|p| p.tokens * s.epochs as f64),
        pairs.as_ref().and_then(steps),
        flops_per_token(basis.model, &s.layout, length),
        basis.rate,
    )
}

/// Direct preference optimization.
fn dpo(stage: &Stage, plan: &DpoPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.settings;
    let count = basis.comparisons(&plan.material);
    let pairs = count.and_then(|count| basis.pairs(count, s.max_tokens));
    let steps = |pairs: &Pairs| Some(s.schedule(pairs.count as usize).ok()?.total);
    let length = pairs.as_ref().map_or(0, Pairs::length);
    let details = json!({
        "pairs": pairs.as_ref().map(|p| p.count as u64), "epochs": s.epochs, "batch_pairs": s.batch_pairs,
    });
    // The reference reads every pair once, which is a third of a training pass.
    let reference = 1.0 + 1.0 / (3.0 * s.epochs as f64);
    plain(stage, None, None, None, details).training(
        pairs.as_ref().map(|p| p.tokens * s.epochs as f64),
        pairs.as_ref().and_then(steps),
        reference * flops_per_token(basis.model, &s.layout, length),
        basis.rate,
    )
}

/// A round of rejection sampling.
fn rejection(stage: &Stage, plan: &RejectionPlan, basis: Basis<'_>) -> StageForecast {
    let prompts = basis.prompts(&plan.material).map(|all| of_round(plan, all));
    let ghost = plan.ghost.as_ref().and(basis.feedback());
    let conversations = ghost.map_or(&[][..], |feedback| &feedback.conversations);
    let dialogues = prompts.as_ref().and_then(|prompts| {
        let rounds = 0..plan.pools.rounds(plan.round);
        let answers = rounds.flat_map(|_| prompts.iter().map(|(dialogue, _)| dialogue.clone()));
        let mut all: Vec<Dialogue> = answers.collect();
        all.extend_from_slice(conversations);
        if plan.keep_dialogues {
            all.extend(basis.kept(plan.dialogues.as_ref())?);
        }
        Some(all)
    });
    let data = dialogues.and_then(|all| Data::of(&all, 1.0, basis.tokenizer()?, &plan.sft));
    let details = json!({
        "prompts": prompts.map(|prompts| prompts.len()), "k": plan.settings.k,
        "max_tokens": plan.settings.max_tokens, "conversations": conversations.len(),
        "dialogues": data.as_ref().map(|d| d.dialogues as u64), "epochs": plan.sft.epochs,
    });
    untimed(stage, SAMPLING, details).training(
        data.as_ref().map(|d| plan.sft.epochs as f64 * d.tokens),
        data.as_ref().map(|d| d.steps),
        flops_per_token(basis.model, &plan.sft.layout, plan.sft.seq_len),
        basis.rate,
    )
}

/// As many of the prompts as a round draws, evenly spread.
fn of_round<'a>(plan: &RejectionPlan, all: &'a [(Dialogue, bool)]) -> Vec<&'a (Dialogue, bool)> {
    let wanted = match plan.settings.prompts {
        0 => all.len(),
        prompts => prompts.min(all.len()),
    };
    (0..wanted).map(|i| &all[i * all.len() / wanted]).collect()
}

/// PPO.
fn ppo(stage: &Stage, plan: &PpoPlan) -> StageForecast {
    let s = &plan.settings;
    let details = json!({
        "iterations": s.iterations, "answers": s.iterations * s.batch as u64,
        "max_tokens": s.max_tokens,
    });
    untimed(stage, "sampling and training by turns", details)
}

/// Context distillation.
fn distill(stage: &Stage, plan: &DistillPlan, basis: Basis<'_>) -> StageForecast {
    let prompts = basis
        .prompts(&plan.material)
        .map(|all| all.iter().filter(|(_, adversarial)| *adversarial).count());
    let details = json!({
        "prompts": prompts, "answers": prompts.map(|prompts| 2 * prompts),
        "max_tokens": plan.settings.max_tokens,
    });
    untimed(stage, "sampling, and training on what is kept", details)
}

/// Models of growing shares of the safety data.
fn safety_scaling(stage: &Stage, plan: &SafetyScalingPlan, basis: Basis<'_>) -> StageForecast {
    let data = plan.percents.iter().map(|percent| {
        let pool = basis.plan.stages.iter().find_map(|stage| match stage {
            Stage::Rejection(round) if stage.name() == plan.pool => Some(round),
            _ => None,
        })?;
        let prompts = of_round(pool, basis.prompts(&pool.material)?);
        let (safe, others): (Vec<_>, Vec<_>) = prompts
            .into_iter()
            .partition(|(_, adversarial)| *adversarial);
        let share = (safe.len() as f64 * percent / 100.0).round() as usize;
        let answers = safe.into_iter().take(share).chain(others);
        let mut all: Vec<Dialogue> = answers.map(|(dialogue, _)| dialogue.clone()).collect();
        all.extend(basis.kept(plan.dialogues.as_ref())?);
        Data::of(&all, 1.0, basis.tokenizer()?, &plan.sft)
    });
    let data: Option<Vec<Data>> = data.collect();
    let sum = |of: fn(&Data) -> f64| data.as_ref().map(|data| data.iter().map(of).sum::<f64>());
    let details = json!({
        "models": plan.percents.len(), "epochs": plan.sft.epochs, "max_tokens": plan.max_tokens,
    });
    untimed(stage, SAMPLING, details).training(
        sum(|d| d.tokens).map(|tokens| plan.sft.epochs as f64 * tokens),
        data.as_ref().map(|data| data.iter().map(|d| d.steps).sum()),
        flops_per_token(basis.model, &plan.sft.layout, plan.sft.seq_len),
        basis.rate,
    )
}

/// Measuring every chat model.
fn scoreboard(
    stage: &Stage,
    index: usize,
    plan: &ScoreboardPlan,
    basis: Basis<'_>,
) -> StageForecast {
    let before = basis.plan.stages[..index].iter();
    let chat = before.filter(|s| s.is_model() && !matches!(s, Stage::Pretrain(_)));
    let feedback = basis.feedback();
    let details = json!({
        "models": chat.count(),
        "prompts": feedback.map(|f| f.held_out_prompts),
        "turns": feedback.map(|f| f.held_out_turns),
        "diversity_answers": plan.diversity_prompts * plan.diversity_answers,
        "max_tokens": plan.max_tokens,
    });
    untimed(stage, SAMPLING, details)
}

/// A stage whose time, or some of it, nothing tells.
fn untimed(stage: &Stage, what: &'static str, details: Value) -> StageForecast {
    StageForecast {
        untimed: Some(what),
        ..plain(stage, None, None, None, details)
    }
}
