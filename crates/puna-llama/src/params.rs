//! The parameters as the engine holds them: one list of tensors, with queries, keys and values in
//! one matrix and gate and up in another, so that each is one product.

use crate::config::{Config, HeadKind};
use puna_compute::{HostBuf, Ops, Result as ComputeResult};

/// What a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Token embedding `[vocab, dim]`.
    Embedding,
    /// Norm before attention `[dim]`.
    AttentionNorm(usize),
    /// Queries, keys and values stacked `[(heads + 2 kv_heads) head_dim, dim]`.
    Qkv(usize),
    /// Attention output `[dim, heads head_dim]`.
    Output(usize),
    /// Norm before the feed-forward network `[dim]`.
    FfnNorm(usize),
    /// Gate and up stacked `[2 hidden, dim]`.
    GateUp(usize),
    /// Down `[dim, hidden]`.
    Down(usize),
    /// Norm before the head `[dim]`.
    Norm,
    /// Language-model head `[vocab, dim]`, or scalar head `[1, dim]`.
    Head,
}

impl ParamKind {
    /// The tensors of one layer, in order.
    pub fn of_layer(l: usize) -> [Self; 6] {
        [
            Self::AttentionNorm(l),
            Self::Qkv(l),
            Self::Output(l),
            Self::FfnNorm(l),
            Self::GateUp(l),
            Self::Down(l),
        ]
    }
}

/// Shape and names of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// What it is.
    pub kind: ParamKind,
    /// Rows (outputs); the length of a vector.
    pub n_out: usize,
    /// Columns (inputs); 1 for a vector.
    pub n_in: usize,
    /// The Hugging Face tensors it stacks, top to bottom, each with its rows.
    pub parts: Vec<(String, usize)>,
}

impl ParamSpec {
    /// The tensor of that kind in a model of this shape.
    pub fn of(config: &Config, kind: ParamKind) -> Self {
        let c = config;
        let q = c.heads * c.head_dim;
        let kv = c.kv_heads * c.head_dim;
        let (n_in, parts) = match kind {
            ParamKind::Embedding => (
                c.dim,
                vec![("model.embed_tokens.weight".into(), c.vocab_size)],
            ),
            ParamKind::AttentionNorm(l) => (
                1,
                vec![(format!("model.layers.{l}.input_layernorm.weight"), c.dim)],
            ),
            ParamKind::Qkv(l) => (
                c.dim,
                [("q", q), ("k", kv), ("v", kv)]
                    .map(|(p, rows)| (format!("model.layers.{l}.self_attn.{p}_proj.weight"), rows))
                    .into(),
            ),
            ParamKind::Output(l) => (
                q,
                vec![(format!("model.layers.{l}.self_attn.o_proj.weight"), c.dim)],
            ),
            ParamKind::FfnNorm(l) => (
                1,
                vec![(
                    format!("model.layers.{l}.post_attention_layernorm.weight"),
                    c.dim,
                )],
            ),
            ParamKind::GateUp(l) => (
                c.dim,
                ["gate", "up"]
                    .map(|p| {
                        (
                            format!("model.layers.{l}.mlp.{p}_proj.weight"),
                            c.hidden_dim,
                        )
                    })
                    .into(),
            ),
            ParamKind::Down(l) => (
                c.hidden_dim,
                vec![(format!("model.layers.{l}.mlp.down_proj.weight"), c.dim)],
            ),
            ParamKind::Norm => (1, vec![("model.norm.weight".into(), c.dim)]),
            ParamKind::Head => {
                let name = match c.head {
                    HeadKind::LanguageModel => "lm_head.weight",
                    HeadKind::Scalar => "score.weight",
                };
                (c.dim, vec![(name.into(), c.head_outputs())])
            }
        };
        Self {
            kind,
            n_out: parts.iter().map(|(_, rows)| rows).sum(),
            n_in,
            parts,
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.n_out * self.n_in
    }

    /// Never: a validated configuration has no empty tensor.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Weight decay applies to matrices and not to the gains of norms.
    pub fn decays(&self) -> bool {
        self.n_in > 1
    }

    /// A name for messages: the first Hugging Face name it stacks.
    pub fn name(&self) -> &str {
        &self.parts[0].0
    }
}

/// One buffer per tensor of [`Config::param_specs`], in that order. Gradients and optimizer moments
/// have the same form.
pub struct Params<B> {
    /// The buffers.
    pub tensors: Vec<B>,
}

impl<B> Params<B> {
    /// Zeros for every tensor.
    pub fn zeros<O: Ops<Buf = B>>(ops: &O, config: &Config) -> ComputeResult<Self> {
        let tensors = config
            .param_specs()
            .iter()
            .map(|spec| ops.zeros(spec.len()))
            .collect::<ComputeResult<_>>()?;
        Ok(Self { tensors })
    }

    /// Position of a tensor in the list.
    pub fn index(kind: ParamKind, config: &Config) -> usize {
        let in_layer = |l: usize, offset: usize| 1 + 6 * l + offset;
        match kind {
            ParamKind::Embedding => 0,
            ParamKind::AttentionNorm(l) => in_layer(l, 0),
            ParamKind::Qkv(l) => in_layer(l, 1),
            ParamKind::Output(l) => in_layer(l, 2),
            ParamKind::FfnNorm(l) => in_layer(l, 3),
            ParamKind::GateUp(l) => in_layer(l, 4),
            ParamKind::Down(l) => in_layer(l, 5),
            ParamKind::Norm => in_layer(config.layers, 0),
            ParamKind::Head if config.tied => 0,
            ParamKind::Head => in_layer(config.layers, 1),
        }
    }

    /// The tensor of that kind; for a tied head, the embedding table.
    pub fn get(&self, kind: ParamKind, config: &Config) -> &B {
        &self.tensors[Self::index(kind, config)]
    }

    /// The same, to write.
    pub fn get_mut(&mut self, kind: ParamKind, config: &Config) -> &mut B {
        &mut self.tensors[Self::index(kind, config)]
    }
}

impl Params<HostBuf> {
    /// A copy, if there is memory for one.
    pub fn try_clone(&self) -> ComputeResult<Self> {
        let tensors = self.tensors.iter().map(|t| HostBuf::from_slice(t));
        Ok(Self {
            tensors: tensors.collect::<ComputeResult<_>>()?,
        })
    }
}
