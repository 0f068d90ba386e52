//! Low-rank adapters (Hu et al. 2021): a matrix `W` becomes `W + (alpha / rank) B A` with `A [rank,
//! n_in]` and `B [n_out, rank]` trained and `W` frozen.
//!
//! The sum is materialised before each step and the model trained as ever: with `s = alpha / rank`,
//! `dB = s dW Aᵀ` and `dA = s Bᵀ dW`. So adapters work with every kernel and every loss, and are
//! exact; the price is the memory of a full gradient and of a second copy of the parameters, where the
//! optimizer's two moments shrink to the adapters' size.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::params::{ParamKind, ParamSpec, Params};
use crate::random::Random;
use puna_compute::{Ops, Write};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A matrix of a layer, by its name in Hugging Face models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LoraTarget {
    /// Queries.
    #[serde(rename = "q_proj")]
    Q,
    /// Keys.
    #[serde(rename = "k_proj")]
    K,
    /// Values.
    #[serde(rename = "v_proj")]
    V,
    /// Attention output.
    #[serde(rename = "o_proj")]
    O,
    /// Gate of the feed-forward network.
    #[serde(rename = "gate_proj")]
    Gate,
    /// Its up projection.
    #[serde(rename = "up_proj")]
    Up,
    /// Its down projection.
    #[serde(rename = "down_proj")]
    Down,
}

impl LoraTarget {
    /// All, in the order of the model.
    pub const ALL: [Self; 7] = [
        Self::Q,
        Self::K,
        Self::V,
        Self::O,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// The module's name, "q_proj" for example.
    pub fn module(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The target of that name.
    pub fn parse(module: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.module() == module)
    }

    /// The tensor it is part of.
    fn kind(self, layer: usize) -> ParamKind {
        match self {
            Self::Q | Self::K | Self::V => ParamKind::Qkv(layer),
            Self::O => ParamKind::Output(layer),
            Self::Gate | Self::Up => ParamKind::GateUp(layer),
            Self::Down => ParamKind::Down(layer),
        }
    }
}

/// What adapters are made.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraOptions {
    /// Inner width.
    pub rank: usize,
    /// The product is scaled by `alpha / rank`.
    pub alpha: f32,
    /// The matrices that get one, in every layer.
    pub targets: Vec<LoraTarget>,
}

impl LoraOptions {
    /// Factor of the product.
    pub fn scale(&self) -> f32 {
        self.alpha / self.rank as f32
    }

    /// Values of all adapters of a model, or as many as the number holds.
    pub fn values(&self, config: &Config) -> u64 {
        let specs = self.of_a_layer(config);
        let shapes = specs.iter().flat_map(|spec| spec.shapes(self.rank));
        let add = |sum: u64, [rows, cols]: [usize; 2]| sum.saturating_add((rows * cols) as u64);
        shapes.fold(0, add).saturating_mul(config.layers as u64)
    }

    /// Refuses values out of range.
    pub(crate) fn validate(&self) -> Result<()> {
        self.problem()
            .map_or(Ok(()), |what| Err(Error::Config(what)))
    }

    /// What is out of range.
    pub fn problem(&self) -> Option<String> {
        if self.rank == 0 || self.rank > 1 << 20 {
            let rank = self.rank;
            return Some(format!(
                "LoRA rank is {rank}; it must be between 1 and 2^20"
            ));
        }
        if !self.alpha.is_finite() || self.alpha == 0.0 {
            let alpha = self.alpha;
            return Some(format!(
                "LoRA alpha is {alpha}; it must be a number other than 0"
            ));
        }
        let none = "LoRA has no targets; name at least one matrix";
        self.targets.is_empty().then(|| none.into())
    }

    /// Smallest side of the matrices of a model that get an adapter: of a larger rank nothing is new.
    pub fn highest_rank(&self, config: &Config) -> usize {
        let specs = self.of_a_layer(config);
        let sides = specs.iter().map(|spec| spec.n_in.min(spec.n_out));
        sides.min().unwrap_or(0)
    }

    /// The adapted matrices of one layer: layers are alike, and there may be too many to list.
    fn of_a_layer(&self, config: &Config) -> Vec<LoraSpec> {
        let layer = Config {
            layers: 1,
            ..config.clone()
        };
        specs(&layer, self)
    }
}

/// One adapted matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoraSpec {
    /// The tensor it is in.
    pub kind: ParamKind,
    /// Hugging Face name of the matrix, without ".weight".
    pub module: String,
    /// Its first row in that tensor.
    pub first_row: usize,
    /// Its rows.
    pub n_out: usize,
    /// Its columns.
    pub n_in: usize,
}

impl LoraSpec {
    /// Shapes of `A` and `B`.
    pub fn shapes(&self, rank: usize) -> [[usize; 2]; 2] {
        [[rank, self.n_in], [self.n_out, rank]]
    }
}

/// Adapters of a model. `tensors` holds `A` and `B` of every spec in turn, and is to an optimizer
/// what the model's own parameters are.
pub struct Lora<B> {
    options: LoraOptions,
    specs: Vec<LoraSpec>,
    /// `A [rank, n_in]`, `B [n_out, rank]` of each spec.
    pub tensors: Params<B>,
}

/// The adapted matrices of a model of this shape, in its order.
pub(crate) fn specs(config: &Config, options: &LoraOptions) -> Vec<LoraSpec> {
    let mut out = Vec::new();
    for layer in 0..config.layers {
        for target in LoraTarget::ALL
            .into_iter()
            .filter(|t| options.targets.contains(t))
        {
            let kind = target.kind(layer);
            let tensor = ParamSpec::of(config, kind);
            let mut first_row = 0;
            for (name, rows) in &tensor.parts {
                let module = name.strip_suffix(".weight").unwrap_or(name);
                if module.ends_with(target.module()) {
                    let (n_out, n_in) = (*rows, tensor.n_in);
                    out.push(LoraSpec {
                        kind,
                        module: module.into(),
                        first_row,
                        n_out,
                        n_in,
                    });
                }
                first_row += rows;
            }
        }
    }
    out
}

impl<B> Lora<B> {
    /// Adapters that change nothing yet: `A` uniform within `1 / sqrt(n_in)`, `B` zero.
    pub fn init<O: Ops<Buf = B>>(
        ops: &O,
        config: &Config,
        options: &LoraOptions,
        seed: u64,
    ) -> Result<Self> {
        let mut lora = Self::zeros(ops, config, options)?;
        for (i, spec) in lora.specs.iter().enumerate() {
            let mut a = vec![0.0; options.rank * spec.n_in];
            Random::new(seed, i as u64).fill_uniform(&mut a, 1.0 / (spec.n_in as f64).sqrt());
            ops.upload(&mut lora.tensors.tensors[2 * i], &a);
        }
        Ok(lora)
    }

    /// Zeros: adapters to be filled, gradients or moments of adapters.
    pub fn zeros<O: Ops<Buf = B>>(ops: &O, config: &Config, options: &LoraOptions) -> Result<Self> {
        options.validate()?;
        let specs = specs(config, options);
        let mut tensors = Vec::with_capacity(2 * specs.len());
        for spec in &specs {
            tensors.push(ops.zeros(options.rank * spec.n_in)?);
            tensors.push(ops.zeros(spec.n_out * options.rank)?);
        }
        Ok(Self {
            options: options.clone(),
            specs,
            tensors: Params { tensors },
        })
    }

    /// Rank, alpha and targets.
    pub fn options(&self) -> &LoraOptions {
        &self.options
    }

    /// The adapted matrices, in the order of the tensors.
    pub fn specs(&self) -> &[LoraSpec] {
        &self.specs
    }

    /// Number of values of each tensor.
    pub fn lengths(&self) -> Vec<usize> {
        let shapes = self.shapes().into_iter();
        shapes.map(|[rows, cols]| rows * cols).collect()
    }

    /// Rows and columns of each tensor.
    pub fn shapes(&self) -> Vec<[usize; 2]> {
        let each = self.specs.iter();
        each.flat_map(|spec| spec.shapes(self.options.rank))
            .collect()
    }

    /// Sets the adapted tensors of `effective` to those of `base` plus the adapters' products; the
    /// others are left as they are, so `effective` begins as a copy of `base`.
    pub fn apply<O: Ops<Buf = B>>(
        &self,
        ops: &mut O,
        config: &Config,
        base: &Params<B>,
        effective: &mut Params<B>,
    ) -> Result<()> {
        for group in self.groups() {
            let kind = self.specs[group.start].kind;
            let out = effective.get_mut(kind, config);
            let len = ParamSpec::of(config, kind).len();
            ops.copy(out, base.get(kind, config), len);
            self.add_product(ops, config, group, out)?;
        }
        Ok(())
    }

    /// Adds the adapters' products to the model's own parameters, for good.
    pub fn merge<O: Ops<Buf = B>>(
        &self,
        ops: &mut O,
        config: &Config,
        params: &mut Params<B>,
    ) -> Result<()> {
        for group in self.groups() {
            let kind = self.specs[group.start].kind;
            self.add_product(ops, config, group, params.get_mut(kind, config))?;
        }
        Ok(())
    }

    /// `out += scale B A` for matrices stacked in one tensor, as one product: `B` block-diagonal,
    /// `A` stacked.
    fn add_product<O: Ops<Buf = B>>(
        &self,
        ops: &mut O,
        config: &Config,
        group: Range<usize>,
        out: &mut B,
    ) -> Result<()> {
        let (rank, scale) = (self.options.rank, self.options.scale());
        let tensor = ParamSpec::of(config, self.specs[group.start].kind);
        let (n_out, n_in, inner) = (tensor.n_out, tensor.n_in, group.len() * rank);
        let mut b = vec![0.0; n_out * inner];
        let mut a = vec![0.0; inner * n_in];
        for (block, i) in group.enumerate() {
            let spec = &self.specs[i];
            let len = rank * n_in;
            ops.download(&mut a[block * len..][..len], &self.tensors.tensors[2 * i]);
            let mut part = vec![0.0; spec.n_out * rank];
            ops.download(&mut part, &self.tensors.tensors[2 * i + 1]);
            for (row, values) in part.chunks_exact(rank).enumerate() {
                let at = (spec.first_row + row) * inner + block * rank;
                for (to, v) in b[at..at + rank].iter_mut().zip(values) {
                    *to = scale * v;
                }
            }
        }
        let (mut a_buf, mut b_buf) = (ops.zeros(a.len())?, ops.zeros(b.len())?);
        ops.upload(&mut a_buf, &a);
        ops.upload(&mut b_buf, &b);
        ops.linear_backward_input(out, &b_buf, &a_buf, n_out, n_in, inner, Write::Add);
        Ok(())
    }

    /// Adds to `grads` (of the adapters' form) what the gradient `full` of the effective parameters
    /// means for the adapters.
    pub fn gradient<O: Ops<Buf = B>>(
        &self,
        ops: &mut O,
        config: &Config,
        full: &Params<B>,
        grads: &mut Params<B>,
    ) -> Result<()> {
        let (rank, scale) = (self.options.rank, self.options.scale());
        for (i, spec) in self.specs.iter().enumerate() {
            let (a, b) = (
                &self.tensors.tensors[2 * i],
                &self.tensors.tensors[2 * i + 1],
            );
            let (a_len, b_len) = (rank * spec.n_in, spec.n_out * rank);
            let rows: Vec<usize> = (spec.first_row..spec.first_row + spec.n_out).collect();
            let mut dw = ops.zeros(spec.n_out * spec.n_in)?;
            ops.gather_rows(&mut dw, full.get(spec.kind, config), &rows, spec.n_in);
            // The scale goes to the small factors.
            let scaled = |ops: &O, buf: &B, len: usize| -> Result<B> {
                let mut values = vec![0.0; len];
                ops.download(&mut values, buf);
                values.iter_mut().for_each(|v| *v *= scale);
                let mut out = ops.zeros(len)?;
                ops.upload(&mut out, &values);
                Ok(out)
            };
            let (a, b) = (scaled(ops, a, a_len)?, scaled(ops, b, b_len)?);
            let da = &mut grads.tensors[2 * i];
            ops.linear_backward_weight(da, &b, &dw, spec.n_out, spec.n_in, rank, Write::Add);
            let db = &mut grads.tensors[2 * i + 1];
            ops.linear(db, &dw, &a, spec.n_out, spec.n_in, rank, Write::Add);
        }
        Ok(())
    }

    /// Ranges of specs that are parts of the same tensor.
    fn groups(&self) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = Vec::new();
        for (i, spec) in self.specs.iter().enumerate() {
            match groups.last_mut() {
                Some(last) if self.specs[last.start].kind == spec.kind => last.end = i + 1,
                _ => groups.push(i..i + 1),
            }
        }
        groups
    }
}
