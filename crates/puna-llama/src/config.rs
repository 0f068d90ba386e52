//! The shape of a Llama (paper section 2.2, Table 1).

use crate::error::{Error, Result};
use crate::params::{ParamKind, ParamSpec};
use puna_compute::AttentionShape;

/// What the last hidden state becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadKind {
    /// A logit for every token.
    #[default]
    LanguageModel,
    /// One number: a reward (paper section 3.2.2) or a value (section 3.2.3).
    Scalar,
}

/// Every number that fixes the architecture. 7B, 13B, 34B and 70B differ in nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; fewer than `heads` is grouped-query attention.
    pub kv_heads: usize,
    /// Width of a head; `dim / heads` in every published Llama 2.
    pub head_dim: usize,
    /// Width of the feed-forward network.
    pub hidden_dim: usize,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Longest sequence the model is made for.
    pub context: usize,
    /// Added to the mean square in RMSNorm; 1e-5 in Llama 2.
    pub norm_eps: f32,
    /// Base of the rotary frequencies; 10000 in Llama 2.
    pub rope_theta: f32,
    /// Whether the output head is the embedding table; false in Llama 2, and with a scalar head.
    pub tied: bool,
    /// What the last hidden state becomes.
    pub head: HeadKind,
}

impl Config {
    /// The feed-forward width by the release's rule: two thirds of `4 dim`, times `multiplier`,
    /// rounded up to a multiple.
    pub fn ffn_width(dim: usize, multiple_of: usize, multiplier: Option<f64>) -> usize {
        let mut width = 2 * (4 * dim) / 3;
        if let Some(m) = multiplier {
            width = (m * width as f64) as usize;
        }
        width.div_ceil(multiple_of) * multiple_of
    }

    /// Refuses shapes that cannot be a Llama.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: String| Err(Error::Config(what));
        let sizes = [
            ("dim", self.dim),
            ("layers", self.layers),
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("hidden_dim", self.hidden_dim),
            ("vocab_size", self.vocab_size),
            ("context", self.context),
        ];
        for (name, value) in sizes {
            if value == 0 || value > 1 << 30 {
                return fail(format!("{name} is {value}; it must be between 1 and 2^30"));
            }
        }
        // Far above any model there is; below, no product of sizes can overflow.
        let parameters = self.parameter_bound();
        if self.layers > 1 << 16 || parameters > 1 << 50 {
            return fail(format!(
                "{} layers and some {parameters} parameters are more than any model has",
                self.layers
            ));
        }
        if self.tied && self.head == HeadKind::Scalar {
            return fail("a scalar head cannot be tied to the embedding table".into());
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return fail(format!(
                "{} query heads cannot share {} key-value heads evenly",
                self.heads, self.kv_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            return fail(format!(
                "head_dim is {}; rotary positions need an even width",
                self.head_dim
            ));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return fail(format!(
                "norm_eps is {}; it must be between 0 and 1",
                self.norm_eps
            ));
        }
        if !(self.rope_theta > 1.0 && self.rope_theta.is_finite()) {
            return fail(format!(
                "rope_theta is {}; it must be above 1",
                self.rope_theta
            ));
        }
        Ok(())
    }

    /// At least the number of parameters, computed without overflow.
    fn parameter_bound(&self) -> u128 {
        let [dim, layers, heads, kv_heads, head_dim, hidden, vocab] = [
            self.dim,
            self.layers,
            self.heads,
            self.kv_heads,
            self.head_dim,
            self.hidden_dim,
            self.vocab_size,
        ]
        .map(|n| n as u128);
        let attention = 2 * (heads + kv_heads) * head_dim * dim;
        2 * vocab * dim + layers * (attention + 3 * hidden * dim + 2 * dim) + dim
    }

    /// Rows of the head: logits of a token, or one number.
    pub fn head_outputs(&self) -> usize {
        match self.head {
            HeadKind::LanguageModel => self.vocab_size,
            HeadKind::Scalar => 1,
        }
    }

    /// Refuses a model that cannot write text.
    pub fn require_language_model(&self) -> Result<()> {
        match self.head {
            HeadKind::LanguageModel => Ok(()),
            HeadKind::Scalar => Err(Error::Config(
                "the model has a scalar head, as reward models have, and predicts no tokens; use a \
                 language model"
                    .into(),
            )),
        }
    }

    /// Heads as the kernels want them.
    pub fn attention(&self) -> AttentionShape {
        AttentionShape {
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
        }
    }

    /// Every parameter tensor, in the order of [`crate::Params`].
    pub fn param_specs(&self) -> Vec<ParamSpec> {
        let mut specs = vec![ParamSpec::of(self, ParamKind::Embedding)];
        for layer in 0..self.layers {
            specs.extend(ParamKind::of_layer(layer).map(|kind| ParamSpec::of(self, kind)));
        }
        specs.push(ParamSpec::of(self, ParamKind::Norm));
        if !self.tied {
            specs.push(ParamSpec::of(self, ParamKind::Head));
        }
        specs
    }

    /// Number of parameters.
    pub fn n_params(&self) -> u64 {
        self.param_specs()
            .iter()
            .map(|spec| spec.len() as u64)
            .sum()
    }

    /// Floating-point operations to train on one token of a sequence of `seq` tokens, forward and
    /// backward, without recomputation: 6 per weight of every matrix that multiplies (so not the
    /// embedding table), and `6 layers heads head_dim seq` for causal attention.
    pub fn train_flops_per_token(&self, seq: usize) -> f64 {
        let matrices: usize = self
            .param_specs()
            .iter()
            .filter(|spec| spec.n_in > 1 && (spec.kind != ParamKind::Embedding || self.tied))
            .map(ParamSpec::len)
            .sum();
        let attended = (self.layers * self.heads * self.head_dim) as f64 * seq as f64;
        6.0 * matrices as f64 + 6.0 * attended
    }
}
