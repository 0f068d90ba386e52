//! What the stages of human feedback take, as far as it can be known before the models have answered.
//! Training is counted with the world's own answers in the place of theirs. How fast this machine
//! samples is not measured, so no time is given for it.

use super::basis::Basis;
use super::memory::{self, scalar, sum};
use super::pairs::Pairs;
use super::training::{Data, flops_per_token};
use super::{SAMPLING, StageForecast, plain, untimed};
use crate::recipe::{
    DistillPlan, DpoPlan, FeedbackPlan, PpoPlan, RejectionPlan, RewardPlan, SafetyScalingPlan,
    ScoreboardPlan, Stage,
};
use puna_align::PAIR_ROWS;
use puna_align::preferences::Stream;
use puna_align::reward::HELPFUL_IN_SAFETY;
use puna_align::rollout::SLOTS;
use puna_align::safety_scaling::SafetyShare;
use puna_train::Dialogue;
use serde_json::json;

/// Comparing answers of the fine-tuned model.
pub fn comparisons(stage: &Stage, plan: &FeedbackPlan, basis: Basis<'_>) -> StageForecast {
    let prompts = match basis.feedback() {
        Some(_) => basis.sampled(),
        None => plan.sampled,
    };
    let details = json!({
        "prompts": prompts, "answers": 2 * prompts, "max_tokens": plan.max_tokens,
    });
    let peak = basis.peak(|held| sum([held.weights(), held.sampler(SLOTS, usize::MAX)]));
    untimed(stage, SAMPLING, peak, details)
}

/// A reward model.
pub fn reward(stage: &Stage, plan: &RewardPlan, basis: Basis<'_>) -> StageForecast {
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
    let pairs = pairs.as_ref();
    let steps = |pairs: &Pairs| Some(s.schedule(pairs.count as usize).ok()?.total);
    let details = json!({
        "pairs": pairs.map(|p| p.count as u64), "epochs": s.epochs, "batch_pairs": s.batch_pairs,
    });
    let peak = basis.peak(|held| {
        let model = &scalar(held.model);
        let training = basis
            .held(model)
            .trainer(&s.layout, rows(pairs), None)
            .total();
        sum([training, texts(pairs)])
    });
    let flops = |model| flops_per_token(&scalar(model), &s.layout, length(pairs));
    plain(stage, None, peak, None, details).training(
        pairs.map(|p| p.tokens * s.epochs as f64),
        pairs.and_then(steps),
        basis.model.map(flops),
        basis.rate,
    )
}

/// Direct preference optimization.
pub fn dpo(stage: &Stage, plan: &DpoPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.settings;
    let count = basis.comparisons(&plan.material);
    let pairs = count.and_then(|count| basis.pairs(count, s.max_tokens));
    let pairs = pairs.as_ref();
    let steps = |pairs: &Pairs| Some(s.schedule(pairs.count as usize).ok()?.total);
    let details = json!({
        "pairs": pairs.map(|p| p.count as u64), "epochs": s.epochs, "batch_pairs": s.batch_pairs,
    });
    // Of the reference only what it says of the answers stays.
    let peak = basis.peak(|held| {
        let training = held
            .trainer(&s.layout, rows(pairs), s.lora.as_ref())
            .total();
        sum([training, texts(pairs)])
    });
    // The reference reads every pair once, which is a third of a training pass.
    let reference = 1.0 + 1.0 / (3.0 * s.epochs as f64);
    let flops = basis.flops(&s.layout, length(pairs));
    plain(stage, None, peak, None, details).training(
        pairs.map(|p| p.tokens * s.epochs as f64),
        pairs.and_then(steps),
        flops.map(|flops| reference * flops),
        basis.rate,
    )
}

/// Rows of a micro-batch of pairs. Where there is nothing to know them by, they are as few as they can be,
/// so that no run is refused for pairs that are shorter.
fn rows(pairs: Option<&Pairs>) -> usize {
    pairs.map_or(PAIR_ROWS, |pairs| pairs.rows)
}

fn length(pairs: Option<&Pairs>) -> usize {
    pairs.map_or(0, Pairs::length)
}

/// Memory of pairs.
fn texts(pairs: Option<&Pairs>) -> u64 {
    pairs.map_or(0, |p| memory::dialogues(2.0 * p.count, p.tokens))
}

/// A round of rejection sampling.
pub fn rejection(stage: &Stage, plan: &RejectionPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.sft;
    let prompts = basis.prompts(&plan.material).map(|all| of_round(plan, all));
    let conversations = plan.ghost.as_ref().and_then(|ghost| match &ghost.own {
        None => Some(basis.feedback()?.conversations.clone()),
        // As long as the dialogues of fine-tuning that they are made from.
        Some(own) => {
            let mut from = basis.dialogues(plan.dialogues.as_ref(), |_| &[])?;
            from.truncate(own.dialogues);
            Some(from)
        }
    });
    let conversations = conversations.unwrap_or_default();
    let dialogues = prompts.as_ref().and_then(|prompts| {
        let rounds = 0..plan.pools.rounds(plan.round);
        let answers = rounds.flat_map(|_| prompts.iter().map(|(dialogue, _)| dialogue.clone()));
        let mut all: Vec<Dialogue> = answers.collect();
        all.extend_from_slice(&conversations);
        if plan.keep_dialogues {
            all.extend(basis.dialogues(plan.dialogues.as_ref(), |f| &f.without_complying)?);
        }
        Some(all)
    });
    let data = dialogues.and_then(|all| Data::of(&all, 1.0, basis.tokenizer()?, s));
    let data = data.as_ref();
    let details = json!({
        "prompts": prompts.map(|prompts| prompts.len()), "k": plan.settings.k,
        "max_tokens": plan.settings.max_tokens, "conversations": conversations.len(),
        "dialogues": data.map(|d| d.dialogues as u64), "epochs": s.epochs,
    });
    // First it samples, then the next model is trained.
    let peak = basis.peak(|held| {
        let sampler = held.sampler(SLOTS, s.seq_len);
        let sampling = sum([held.weights(), sampler, held.judges()]);
        let training = held.fine_tuner(s).total();
        sampling.max(sum([training, data.map_or(0, Data::bytes)]))
    });
    untimed(stage, SAMPLING, peak, details).training(
        data.map(|d| s.epochs as f64 * d.tokens),
        data.map(|d| d.steps),
        basis.flops(&s.layout, s.seq_len),
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
pub fn ppo(stage: &Stage, plan: &PpoPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.settings;
    let details = json!({
        "iterations": s.iterations, "answers": s.iterations * s.batch as u64,
        "max_tokens": s.max_tokens,
    });
    let peak = basis.peak(|held| {
        let critic = &scalar(held.model);
        let learners = [held, basis.held(critic)];
        let learners = learners.map(|held| held.trainer(&s.layout, s.seq_len, None).total());
        // The reference, and the policy of the best look.
        let copies = 1 + u64::from(s.held_out.keep_best);
        let slots = s.slots.min(s.batch.div_ceil(held.threads));
        let sampling = [copies * held.weights(), held.sampler(slots, s.seq_len)];
        // The reference's probabilities and the critic's values.
        let passes = sum([held.passes(), basis.held(critic).passes()]);
        sum([sum(learners), sum(sampling), held.judges(), passes])
    });
    untimed(stage, "sampling and training by turns", peak, details)
}

/// Context distillation.
pub fn distill(stage: &Stage, plan: &DistillPlan, basis: Basis<'_>) -> StageForecast {
    let prompts = basis
        .prompts(&plan.material)
        .map(|all| all.iter().filter(|(_, adversarial)| *adversarial).count());
    let details = json!({
        "prompts": prompts, "answers": prompts.map(|prompts| 2 * prompts),
        "max_tokens": plan.settings.max_tokens,
    });
    // First it samples, then the model that it sampled from is trained.
    let peak = basis.peak(|held| {
        let sampler = held.sampler(SLOTS, usize::MAX);
        let sampling = sum([held.weights(), sampler, held.judges()]);
        sampling.max(held.fine_tuner(&plan.sft).total())
    });
    let what = "sampling, and training on what is kept";
    untimed(stage, what, peak, details)
}

/// Models of growing shares of the safety data.
pub fn safety_scaling(stage: &Stage, plan: &SafetyScalingPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.sft;
    let data = of_shares(plan, basis);
    let data = data.as_ref();
    let details = json!({
        "models": plan.percents.len(), "epochs": s.epochs, "max_tokens": plan.max_tokens,
    });
    // One model after the other, each trained and then asked.
    let peak = basis.peak(|held| {
        let most = data.and_then(|data| data.iter().map(Data::bytes).max());
        let training = held.fine_tuner(s).total();
        let training = sum([training, most.unwrap_or(0)]);
        let asking = sum([held.weights(), held.sampler(SLOTS, usize::MAX)]);
        sum([held.judges(), training.max(asking)])
    });
    untimed(stage, SAMPLING, peak, details).training(
        data.map(|data| s.epochs as f64 * data.iter().map(|d| d.tokens).sum::<f64>()),
        data.map(|data| data.iter().map(|d| d.steps).sum()),
        basis.flops(&s.layout, s.seq_len),
        basis.rate,
    )
}

/// What each of these models is trained on.
fn of_shares(plan: &SafetyScalingPlan, basis: Basis<'_>) -> Option<Vec<Data>> {
    let pool = basis.plan.stages.iter().find_map(|stage| match stage {
        Stage::Rejection(round) if stage.name() == plan.pool => Some(round),
        _ => None,
    })?;
    let prompts = of_round(pool, basis.prompts(&pool.material)?);
    let (safe, others): (Vec<_>, Vec<_>) = prompts
        .into_iter()
        .partition(|(_, adversarial)| *adversarial);
    let kept = basis.dialogues(plan.dialogues.as_ref(), |f| &f.without_adversarial)?;
    let tokenizer = basis.tokenizer()?;
    let each = plan.percents.iter().map(|&percent| {
        let seed = plan.seed;
        let share = SafetyShare { percent, seed }.of(&safe).ok()?;
        let answers = share.into_iter().chain(others.iter().copied());
        let mut all: Vec<Dialogue> = answers.map(|(dialogue, _)| dialogue.clone()).collect();
        all.extend_from_slice(&kept);
        Data::of(&all, 1.0, tokenizer, &plan.sft)
    });
    each.collect()
}

/// Measuring every chat model.
pub fn scoreboard(
    stage: &Stage,
    index: usize,
    plan: &ScoreboardPlan,
    basis: Basis<'_>,
) -> StageForecast {
    let feedback = basis.feedback();
    let details = json!({
        "models": basis.plan.chat_models(index).count(),
        "prompts": feedback.map(|f| f.held_out_prompts),
        "turns": feedback.map(|f| f.held_out_turns),
        "diversity_answers": plan.diversity_prompts * plan.diversity_answers,
        "max_tokens": plan.max_tokens,
    });
    let peak = basis.peak(|held| {
        sum([
            held.judges(),
            held.weights(),
            held.sampler(SLOTS, usize::MAX),
        ])
    });
    untimed(stage, SAMPLING, peak, details)
}
