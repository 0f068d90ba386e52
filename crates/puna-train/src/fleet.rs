//! A step of training on many workers: micro-batches are dealt to a fixed number of lanes, lanes to
//! workers, and the lanes' gradients are added in the lanes' order. The result depends on the
//! number of lanes, never on the number of workers.

use crate::error::{Error, Result};
use crate::in_turn::{InTurn, add};
use crate::sequence::{Sequence, batch, deal, even_micro_batches, micro_batches};
use puna_compute::{Cpu, HostBuf, Ops, Write};
use puna_llama::{Config, HeadKind, Params, Worker, WorkerOptions};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a fleet is laid out.
#[derive(Clone, Copy, Debug)]
pub struct FleetOptions {
    /// Accumulation lanes; part of the recipe, since it fixes the order of additions.
    pub lanes: usize,
    /// Workers (threads); at most `lanes` are used.
    pub threads: usize,
    /// Most rows of a micro-batch.
    pub micro_batch_rows: usize,
    /// See [`WorkerOptions::recompute`].
    pub recompute: bool,
}

impl FleetOptions {
    /// Workers in use.
    pub fn workers(&self) -> usize {
        self.threads.min(self.lanes)
    }

    /// Sets of gradients held at once: one a lane, or one a worker and the total.
    pub fn gradient_sets(&self) -> usize {
        self.lanes.min(self.workers() + 1)
    }

    pub(crate) fn worker(&self) -> WorkerOptions {
        WorkerOptions {
            max_rows: self.micro_batch_rows,
            recompute: self.recompute,
        }
    }
}

/// Loss of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepLoss {
    /// Weighted mean over the step's rows of the negative log-probability, in nats; or the mean of
    /// another loss over its cases.
    pub loss: f64,
    /// Sum of the weights; or the number of cases.
    pub weight: f64,
    /// Rows that went through the model.
    pub rows: usize,
}

/// The forward and backward of one micro-batch, which sets a lane's gradient or adds to it and gives
/// the outputs of the rows.
type Pass<'a> =
    dyn Fn(&mut Worker<Cpu>, &mut Params<HostBuf>, Range<usize>, Write) -> Vec<f32> + Sync + 'a;

/// Workers of one core each, and the gradients they fill.
pub struct Fleet {
    config: Config,
    options: FleetOptions,
    workers: Vec<Worker<Cpu>>,
    /// The threads: of the workers, and of what goes over all parameters at once.
    cpu: Cpu,
    /// The first becomes the total. Allocated at the first backward: evaluation needs none.
    gradients: Vec<Params<HostBuf>>,
}

impl Fleet {
    /// Allocates the workers.
    pub fn new(config: &Config, options: FleetOptions) -> Result<Self> {
        let sizes = [
            ("lanes", options.lanes),
            ("threads", options.threads),
            ("micro_batch_rows", options.micro_batch_rows),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
            return Err(Error::setting(name, "it is 0 and must be at least 1"));
        }
        let worker = |_| Ok(Worker::new(Cpu::new(1), config, options.worker())?);
        Ok(Self {
            config: config.clone(),
            options,
            workers: (0..options.workers()).map(worker).collect::<Result<_>>()?,
            cpu: Cpu::new(options.workers()),
            gradients: Vec::new(),
        })
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The layout.
    pub fn options(&self) -> &FleetOptions {
        &self.options
    }

    /// The gradient of the last [`Fleet::loss_and_grad`] or [`Fleet::backward_by`].
    pub fn gradient(&self) -> Option<&Params<HostBuf>> {
        self.gradients.first()
    }

    /// Loss and gradient of a step. The loss is `-sum(w logp) / sum(w)` over the whole step, so a
    /// batch gives the same however it is cut into sequences, micro-batches and lanes, up to the
    /// rounding of sums; and the same bits for any number of threads.
    pub fn loss_and_grad(
        &mut self,
        params: &Params<HostBuf>,
        sequences: &[Sequence],
    ) -> Result<StepLoss> {
        self.expect(HeadKind::LanguageModel)?;
        self.check(sequences)?;
        let weight: f64 = sequences
            .iter()
            .flat_map(|s| &s.weights)
            .map(|&w| f64::from(w))
            .sum();
        if !(weight.abs() > 0.0 && weight.is_finite()) {
            let what = format!(
                "the weights of a step's {} sequences sum to {weight}",
                sequences.len()
            );
            return Err(Error::Data(what));
        }
        let logprobs = self.gradient_of(sequences, &|worker, gradient, cut, write| {
            let sequences = &sequences[cut];
            let weights = sequences.iter().flat_map(|s| &s.weights);
            let coefficients: Vec<f32> =
                weights.map(|&w| (-f64::from(w) / weight) as f32).collect();
            worker.backward(params, gradient, &batch(sequences), &coefficients, write)
        })?;
        let weights = sequences.iter().flat_map(|s| &s.weights);
        let sum: f64 = logprobs
            .iter()
            .zip(weights)
            .filter(|&(_, &w)| w != 0.0)
            .map(|(&logp, &w)| f64::from(logp) * f64::from(w))
            .sum();
        let rows = sequences.iter().map(Sequence::rows).sum();
        Ok(StepLoss {
            loss: -sum / weight,
            weight,
            rows,
        })
    }

    /// Gradient of a loss that is known only from the model's outputs: of each row the
    /// log-probability of its target, or with a scalar head the scalar. `derivative` maps the outputs
    /// of the sequence with that number to the loss's derivative by each of them; rows that a loss
    /// couples must be in one sequence, as segments of it. Gives the outputs, by sequence; the
    /// gradient stays for [`Fleet::grad_norm`] and [`Fleet::adamw_step`]. The same bits for any
    /// number of threads. The sequences' weights are for `derivative` to look at, except that rows of
    /// weight 0 have the output and the derivative 0.
    pub fn backward_by(
        &mut self,
        params: &Params<HostBuf>,
        sequences: &[Sequence],
        derivative: &(dyn Fn(usize, &[f32]) -> Vec<f32> + Sync),
    ) -> Result<Vec<Vec<f32>>> {
        self.check(sequences)?;
        let outputs = self.gradient_of(sequences, &|worker, gradient, cut, write| {
            let batch = batch(&sequences[cut.clone()]);
            let mut each = |outputs: &[f32]| {
                let mut rest = outputs;
                let mut derivatives = Vec::with_capacity(outputs.len());
                for index in cut.clone() {
                    let (own, others) = rest.split_at(sequences[index].rows());
                    derivatives.extend(derivative(index, own));
                    rest = others;
                    let done = outputs.len() - rest.len();
                    assert_eq!(derivatives.len(), done, "a derivative for every output");
                }
                derivatives
            };
            worker.backward_by(params, gradient, &batch, &mut each, write)
        })?;
        let mut rest = &outputs[..];
        let by_sequence = sequences.iter().map(|s| {
            let (own, others) = rest.split_at(s.rows());
            rest = others;
            own.to_vec()
        });
        Ok(by_sequence.collect())
    }

    /// Fills the gradient lane by lane, and gives the outputs of all rows in order. Workers take the lanes
    /// by turns, and add what came of a lane to the total when those before it are in.
    fn gradient_of(&mut self, sequences: &[Sequence], pass: &Pass<'_>) -> Result<Vec<f32>> {
        if sequences.is_empty() {
            return Err(Error::Data("a step has no sequences".into()));
        }
        while self.gradients.len() < self.options.gradient_sets() {
            self.gradients.push(Params::zeros(&self.cpu, &self.config)?);
        }
        let lanes = deal(sequences, self.options.lanes);
        let (size, max_rows) = (self.workers.len(), self.options.micro_batch_rows);
        let (total, others) = self.gradients.split_at_mut(1);
        let sum = InTurn::new(&mut total[0]);
        let run = |worker: &mut Worker<Cpu>, gradient: &mut Params<HostBuf>, lane: usize| {
            let (mut out, mut write) = (Vec::new(), Write::Set);
            for cut in micro_batches(sequences, lanes[lane].clone(), max_rows) {
                out.extend(pass(worker, gradient, cut, write));
                write = Write::Add;
            }
            out
        };
        // With as many workers as lanes the first has its lane alone, and needs no gradient of its own.
        let without = size - others.len();
        let mut others = others.iter_mut();
        let workers = self.workers.iter_mut().take(lanes.len()).enumerate();
        let mut each: Vec<_> = workers
            .map(|(rank, worker)| {
                let own = (rank >= without).then(|| others.next()).flatten();
                (rank, worker, own)
            })
            .collect();
        self.cpu.team().each(&mut each, &|(rank, worker, own)| {
            let _release = sum.release_on_panic();
            for lane in (*rank..lanes.len()).step_by(size) {
                match own.as_deref_mut() {
                    Some(own) if lane > 0 => {
                        let outputs = run(worker, own, lane);
                        sum.take(lane, |total| {
                            add(worker.ops(), total, own);
                            outputs
                        });
                    }
                    // The first lane is the total, for which all others have to wait anyway.
                    _ => sum.take(lane, |total| run(worker, total, lane)),
                }
            }
        });
        Ok(sum.outputs())
    }

    /// Log-probability of every target, by sequence, 0 for rows of weight 0. The same bits for any
    /// number of threads and any size of micro-batch.
    pub fn logprobs(
        &mut self,
        params: &Params<HostBuf>,
        sequences: &[Sequence],
    ) -> Result<Vec<Vec<f32>>> {
        self.expect(HeadKind::LanguageModel)?;
        self.outputs(params, sequences)
    }

    /// The scalar head's value at every row, by sequence, 0 for rows of weight 0. The same bits for any
    /// number of threads and any size of micro-batch.
    pub fn scalars(
        &mut self,
        params: &Params<HostBuf>,
        sequences: &[Sequence],
    ) -> Result<Vec<Vec<f32>>> {
        self.expect(HeadKind::Scalar)?;
        self.outputs(params, sequences)
    }

    fn outputs(
        &mut self,
        params: &Params<HostBuf>,
        sequences: &[Sequence],
    ) -> Result<Vec<Vec<f32>>> {
        self.check(sequences)?;
        let (max_rows, workers) = (self.options.micro_batch_rows, self.workers.len());
        let cuts = even_micro_batches(sequences, max_rows, workers);
        let next = AtomicUsize::new(0);
        let mut out: Vec<Vec<f32>> = vec![Vec::new(); sequences.len()];
        let workers = self.workers.iter_mut().take(cuts.len());
        let mut each: Vec<_> = workers.map(|worker| (worker, Vec::new())).collect();
        self.cpu.team().each(&mut each, &|(worker, done)| {
            while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outputs = worker.outputs(params, &batch(&sequences[cut.clone()]));
                done.push((cut.clone(), outputs));
            }
        });
        for (cut, outputs) in each.into_iter().flat_map(|(_, done)| done) {
            let mut at = 0;
            for index in cut {
                let rows = sequences[index].rows();
                out[index] = outputs[at..at + rows].to_vec();
                at += rows;
            }
        }
        Ok(out)
    }

    /// The global norm of the gradient.
    pub fn grad_norm(&mut self) -> f64 {
        let Some(gradient) = self.gradients.first() else {
            return 0.0;
        };
        let squares = gradient
            .tensors
            .iter()
            .map(|t| self.cpu.sum_squares(t, t.len()));
        squares.sum::<f64>().sqrt()
    }

    pub(crate) fn gradient_and_cpu(&mut self) -> Option<(&Params<HostBuf>, &mut Cpu)> {
        Some((self.gradients.first()?, &mut self.cpu))
    }

    /// What the trouble began with, when the loss or gradient of these sequences is not finite: a
    /// weight, or else the output of a block, or else a gradient in the order of the backward pass.
    pub(crate) fn find_non_finite(
        &mut self,
        params: &Params<HostBuf>,
        sequences: &[Sequence],
    ) -> String {
        let finite = |buf: &HostBuf| buf.iter().all(|v| v.is_finite());
        let specs = self.config.param_specs();
        let mut weights = specs.iter().zip(&params.tensors);
        if let Some((spec, _)) = weights.find(|(_, buf)| !finite(buf)) {
            return format!("the weight {}", spec.name());
        }
        let worker = &mut self.workers[0];
        let max_rows = self.options.micro_batch_rows;
        for cut in micro_batches(sequences, 0..sequences.len(), max_rows) {
            let batch = batch(&sequences[cut]);
            worker.outputs(params, &batch);
            if let Some(block) = worker.non_finite_block(&batch) {
                return format!("the output of block {block}; every weight is finite");
            }
        }
        let gradients = self.gradients.first().map_or(&[][..], |g| &g.tensors);
        let mut backward = specs.iter().zip(gradients).rev();
        match backward.find(|(_, buf)| !finite(buf)) {
            Some((spec, _)) => format!("the gradient of {}", spec.name()),
            None => "the outputs; every weight and gradient is finite".into(),
        }
    }

    fn expect(&self, head: HeadKind) -> Result<()> {
        if self.config.head == head {
            return Ok(());
        }
        Err(Error::Data(match head {
            HeadKind::LanguageModel => {
                "the model has a scalar head and predicts no tokens; use a language model".into()
            }
            HeadKind::Scalar => {
                "the model predicts tokens and has no scalar head; use a reward model or a critic"
                    .into()
            }
        }))
    }

    fn check(&self, sequences: &[Sequence]) -> Result<()> {
        let max_rows = self.options.micro_batch_rows;
        sequences
            .iter()
            .enumerate()
            .try_for_each(|(i, s)| s.check(i, &self.config, max_rows))
    }
}
