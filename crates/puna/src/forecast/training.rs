//! Steps, operations, memory and time of the stages that train.

use super::basis::Basis;
use super::memory;
use super::{PROGRAM, StageForecast, plain};
use crate::recipe::{BasePlan, PretrainPlan, SftPlan, Stage};
use puna_llama::Config;
use puna_text::Tokenizer;
use puna_train::{Dialogue, Examples, LayoutSettings, MemoryPlan, SftSettings};
use serde_json::{Value, json};

/// Bytes of weights a second that are hashed, read and written.
const COPYING: f64 = 2e8;

/// Reading and writing a model.
pub fn base(stage: &Stage, plan: &BasePlan, basis: Basis<'_>) -> StageForecast {
    let weights = basis.held(&plan.model).weights();
    let details = json!({"parameters": plan.model.n_params()});
    let seconds = weights as f64 / COPYING;
    plain(stage, None, Some(PROGRAM + weights), Some(seconds), details)
}

/// Pretraining.
pub fn pretrain(stage: &Stage, plan: &PretrainPlan, basis: Basis<'_>) -> StageForecast {
    let (s, text) = (&plan.settings, basis.text);
    let rows = s.rows_per_step();
    let steps = s
        .steps
        .or_else(|| Some((s.epochs? * text?.tokens() / rows as f64).ceil() as u64));
    let tokens = steps.map(|steps| steps as f64 * rows as f64);
    let training = basis
        .held(&plan.model)
        .trainer(&s.layout, s.longest(), None);
    // The files are mapped, and what is read of them stays while there is room.
    let width = if plan.model.vocab_size <= 1 << 16 {
        2.0
    } else {
        4.0
    };
    let mapped = text.map_or(0.0, |t| t.tokens() * width);
    let details = json!({
        "parameters": plan.model.n_params(),
        "batch_tokens": rows,
        "sequence_length": s.seq_len,
        "long": s.long().map(|l| json!({ "sequence_length": l.seq_len, "every": l.every })),
        "warmup_steps": s.warmup_steps,
        "warmup_tokens": s.warmup_steps * rows,
        "peak_lr": s.lr,
        "final_lr": s.lr * s.min_lr_ratio,
        "memory": parts(&training),
    });
    let peak = memory::sum([PROGRAM, training.total(), mapped as u64]);
    let per = |seq_len| flops_per_token(&plan.model, &s.layout, seq_len);
    let short = per(s.seq_len);
    let more = s
        .long()
        .map_or(0.0, |l| (per(l.seq_len) - short) / l.every as f64);
    let per_token = short + more;
    plain(stage, None, Some(peak), None, details).training(
        tokens,
        steps,
        Some(per_token),
        basis.rate,
    )
}

/// Fine-tuning.
pub fn sft(stage: &Stage, plan: &SftPlan, basis: Basis<'_>) -> StageForecast {
    let s = &plan.settings;
    let data = Data::measure(plan, basis).or_else(|| {
        let (count, mean) = plan.expected?;
        Some(Data::expect(plan, count as f64, mean))
    });
    let training = basis.held(&plan.model).fine_tuner(s);
    let tokens = data.as_ref().map(|d| s.epochs as f64 * d.tokens);
    let steps = data.as_ref().map(|d| d.steps);
    let details = json!({
        "dialogues": data.as_ref().map(|d| d.dialogues.round()),
        "epochs": s.epochs,
        "batch_tokens": s.seq_len * s.batch_sequences,
        "peak_lr": s.lr,
        "memory": parts(&training),
    });
    let dialogues = data.as_ref().map_or(0, Data::bytes);
    let peak = memory::sum([PROGRAM, training.total(), dialogues]);
    let per_token = flops_per_token(&plan.model, &s.layout, s.seq_len);
    plain(stage, None, Some(peak), None, details).training(
        tokens,
        steps,
        Some(per_token),
        basis.rate,
    )
}

/// Dialogues to train on.
pub struct Data {
    /// How many.
    pub dialogues: f64,
    /// Their tokens, of one pass.
    pub tokens: f64,
    /// Steps of all passes.
    pub steps: u64,
}

impl Data {
    /// Counts the dialogues that are there.
    fn measure(plan: &SftPlan, basis: Basis<'_>) -> Option<Self> {
        let dialogues = basis.dialogues(
            plan.dialogues.as_ref(),
            match plan.of_feedback {
                true => |feedback| &feedback.dialogues,
                false => |_| &[],
            },
        )?;
        let share = 1.0 - plan.held_out;
        Self::of(&dialogues, share, basis.tokenizer()?, &plan.settings)
    }

    /// Counts a share of dialogues.
    pub fn of(
        dialogues: &[Dialogue],
        share: f64,
        tokenizer: &Tokenizer,
        settings: &SftSettings,
    ) -> Option<Self> {
        let examples = Examples::render(tokenizer, dialogues, settings).ok()?;
        let steps = examples.schedule(settings).ok()?.total as f64 * share;
        Some(Self {
            dialogues: examples.len() as f64 * share,
            tokens: examples.rows().0 as f64 * share,
            steps: steps.ceil() as u64,
        })
    }

    /// Memory of the dialogues.
    pub fn bytes(&self) -> u64 {
        memory::dialogues(self.dialogues, self.tokens)
    }

    /// Trusts the recipe: sequences are filled with whole dialogues, so half a dialogue stays empty.
    fn expect(plan: &SftPlan, count: f64, mean: f64) -> Self {
        let s = &plan.settings;
        let dialogues = count * (1.0 - plan.held_out);
        let room = (s.seq_len as f64 - mean / 2.0).max(mean);
        let sequences = (dialogues * mean / room).ceil();
        let steps = s.epochs * (sequences / s.batch_sequences as f64).ceil() as u64;
        Self {
            dialogues,
            tokens: dialogues * mean,
            steps,
        }
    }
}

/// Operations to train on a token of a sequence of so many.
pub fn flops_per_token(config: &Config, layout: &LayoutSettings, seq_len: usize) -> f64 {
    // Computing the forward pass again is a third more.
    let again = if layout.recompute { 4.0 / 3.0 } else { 1.0 };
    again * config.train_flops_per_token(seq_len)
}

fn parts(memory: &MemoryPlan) -> Value {
    json!({
        "parameters": memory.parameters, "moments": memory.moments, "gradients": memory.gradients,
        "activations": memory.activations, "kernels": memory.kernels,
    })
}
