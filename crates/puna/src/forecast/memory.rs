//! What stages hold in memory while they work.

use puna_align::reward::PASS_ROWS;
use puna_compute::Cpu;
use puna_llama::{Config, GenerateOptions, HeadKind};
use puna_train::{
    FleetOptions, LayoutSettings, LoraSettings, MemoryPlan, SftSettings, Trained, memory_bytes,
};

/// Bytes of a dialogue beside its tokens, and bytes of each token: text, id, target, weight.
const DIALOGUE: f64 = 300.0;
const DIALOGUE_TOKEN: f64 = 18.0;

/// Dialogues to train on, with so many tokens in all.
pub fn dialogues(count: f64, tokens: f64) -> u64 {
    (count * DIALOGUE + tokens * DIALOGUE_TOKEN) as u64
}

/// All of these bytes, or as many as the number holds: no machine has that.
pub fn sum<const N: usize>(bytes: [u64; N]) -> u64 {
    bytes.into_iter().fold(0, u64::saturating_add)
}

/// The shape of the reward models and of the critic.
pub fn scalar(model: &Config) -> Config {
    Config {
        head: HeadKind::Scalar,
        tied: false,
        ..model.clone()
    }
}

/// What is held of models of a shape on so many threads.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    /// The shape.
    pub model: &'a Config,
    /// The threads.
    pub threads: usize,
}

impl Held<'_> {
    /// A model.
    pub fn weights(self) -> u64 {
        4 * self.model.n_params()
    }

    /// A model as decoding reads it.
    pub fn packed(self) -> u64 {
        let specs = self.model.param_specs().into_iter();
        let packed = specs.map(|spec| Cpu::packed_values(spec.n_out, spec.n_in) as u64);
        4 * packed.sum::<u64>()
    }

    /// A sampler, each of whose threads has a packed model and writes so many answers at once, with room for
    /// a dialogue of so many tokens each, or of the context where that is less.
    pub fn sampler(self, slots: usize, longest: usize) -> u64 {
        let (c, shape) = (self.model, self.model.attention());
        let cached = 4 * 2 * c.layers * c.kv_heads * c.head_dim;
        let cache = (cached as u64).saturating_mul((slots * longest.min(c.context)) as u64);
        let row = 2 * c.dim + shape.qkv_width() + shape.q_width() + 3 * c.hidden_dim;
        let reading = 4 * GenerateOptions::default().prefill_rows * row;
        let each = sum([self.packed(), cache, reading as u64]);
        each.saturating_mul(self.threads as u64)
    }

    /// Both reward models, with the workers that score.
    pub fn judges(self) -> u64 {
        let model = scalar(self.model);
        let judge = Held {
            model: &model,
            ..self
        };
        sum([judge.weights(), judge.passes()]).saturating_mul(2)
    }

    /// The workers of passes without a gradient.
    pub fn passes(self) -> u64 {
        let workers = FleetOptions {
            lanes: self.threads,
            threads: self.threads,
            micro_batch_rows: PASS_ROWS,
            recompute: true,
        };
        let pass = memory_bytes(self.model, &workers, Trained::Weights);
        sum([pass.activations, pass.kernels])
    }

    /// A model in training, with all that belongs to it, for sequences of so many rows: all of it is
    /// trained, or adapters are.
    pub fn trainer(
        self,
        layout: &LayoutSettings,
        rows: usize,
        lora: Option<&LoraSettings>,
    ) -> MemoryPlan {
        let values = lora.and_then(|lora| Some(lora.options(self.model).ok()?.values(self.model)));
        let trained = values.map_or(Trained::Weights, Trained::Adapters);
        memory_bytes(self.model, &layout.fleet(rows, self.threads), trained)
    }

    /// The same by the numbers of fine-tuning.
    pub fn fine_tuner(self, s: &SftSettings) -> MemoryPlan {
        self.trainer(&s.layout, s.seq_len, s.lora.as_ref())
    }
}
