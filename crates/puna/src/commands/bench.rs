//! `puna bench`: Puna's work on random numbers, with its share of what the machine can do at best.

use crate::cli::{BenchArgs, BenchCommand, Weights};
use crate::machine;
use crate::out;
use crate::report::{bytes, si};
use anyhow::Result;
use puna_compute::{Cpu, HostBuf, Isa, Ops, WeightFormat, Write, cpu};
use puna_llama::{Config, Decoder, Feed, HeadKind, LogitRows, Model, ParamKind, ParamSpec};
use puna_train::{Fleet, FleetOptions, Moments, OptimizerSettings, Sequence};
use serde_json::{Value, json};
use std::time::Instant;

/// Rounds that are not counted.
const WARM_UP: usize = 2;
/// Rows of a training step or a product, unless asked for.
const ROWS: usize = 2048;
/// Rows of a micro-batch in training, if a sequence is not longer.
const MICRO_BATCH_ROWS: usize = 512;

/// Does the subcommand.
pub fn bench(command: &BenchCommand) -> Result<()> {
    let (name, args) = match command {
        BenchCommand::Train(args) => ("train", args),
        BenchCommand::Decode(args) => ("decode", args),
        BenchCommand::Prefill(args) => ("prefill", args),
        BenchCommand::Gemm(args) => ("gemm", args),
    };
    // Weights of a decoder never meet the matrix unit.
    let isa = match command {
        BenchCommand::Train(_) | BenchCommand::Gemm(_) => Isa::best(),
        BenchCommand::Decode(_) | BenchCommand::Prefill(_) => Isa::best().vectors(),
    };
    let bench = Bench {
        args,
        config: config(args)?,
        threads: args.work.threads(),
        isa,
    };
    let mut result = match command {
        BenchCommand::Train(_) => bench.train()?,
        BenchCommand::Decode(_) => bench.decode()?,
        BenchCommand::Prefill(_) => bench.prefill()?,
        BenchCommand::Gemm(_) => bench.gemm()?,
    };
    let c = &bench.config;
    let shapes = json!({
        "bench": name, "threads": bench.threads, "parameters": c.n_params(), "dim": c.dim, "layers": c.layers,
        "heads": c.heads, "kv_heads": c.kv_heads, "hidden": c.hidden_dim, "vocab": c.vocab_size,
        "seq": args.seq, "isa": bench.isa.name(),
    });
    if let (Value::Object(result), Value::Object(shapes)) = (&mut result, shapes) {
        result.extend(shapes);
    }
    if args.work.json {
        return out::json(&result);
    }
    print(&result)
}

fn print(result: &Value) -> Result<()> {
    let number = |key: &str| result[key].as_f64().unwrap_or_default();
    out::line(&format!(
        "{}: {} tokens/s, {:.1} % of the machine's measured {}, peak memory {}",
        result["bench"].as_str().unwrap_or_default(),
        si(number("tokens_per_second")),
        100.0 * number("share_of_peak"),
        result["peak_of"].as_str().unwrap_or_default(),
        bytes(number("peak_rss_bytes") as u64),
    ))?;
    for product in result["products"].as_array().into_iter().flatten() {
        out::line(&format!(
            "  {:<10} {:>6} x {:>6} x {:>6}  {:>7.1} GFLOP/s",
            product["name"].as_str().unwrap_or_default(),
            product["rows"],
            product["n_in"],
            product["n_out"],
            product["gflops"].as_f64().unwrap_or_default(),
        ))?;
    }
    Ok(())
}

fn config(args: &BenchArgs) -> Result<Config> {
    anyhow::ensure!(
        args.dim.is_multiple_of(args.heads),
        "--dim {} cannot be shared evenly by --heads {}",
        args.dim,
        args.heads
    );
    let config = Config {
        dim: args.dim,
        layers: args.layers,
        heads: args.heads,
        kv_heads: args.kv_heads.unwrap_or(args.heads),
        head_dim: args.dim / args.heads,
        hidden_dim: args
            .hidden
            .unwrap_or_else(|| Config::ffn_width(args.dim, 32, None)),
        vocab_size: args.vocab,
        // Decoding and reading end at `seq`.
        context: args.seq + 1,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: false,
        head: HeadKind::LanguageModel,
    };
    config.validate()?;
    Ok(config)
}

struct Bench<'a> {
    args: &'a BenchArgs,
    config: Config,
    threads: usize,
    /// The instruction set that multiplies in this benchmark.
    isa: Isa,
}

impl Bench<'_> {
    fn train(&self) -> Result<Value> {
        let (c, seq) = (&self.config, self.args.seq);
        let batch = self.args.batch.unwrap_or((ROWS / seq).max(1));
        let layout = FleetOptions {
            lanes: self.threads.min(batch),
            threads: self.threads,
            micro_batch_rows: seq.max(MICRO_BATCH_ROWS),
            recompute: false,
        };
        let mut model = Model::init(c, 1)?;
        let mut moments = Moments::zeros(c)?;
        let mut fleet = Fleet::new(c, layout)?;
        let settings = OptimizerSettings::default();
        let mut draw = Draw(1);
        let seconds = self.median(|| {
            let sequences: Vec<Sequence> = (0..batch)
                .map(|_| Sequence {
                    tokens: draw.tokens(seq, c.vocab_size),
                    targets: draw.tokens(seq, c.vocab_size),
                    weights: vec![1.0; seq],
                    segments: vec![seq],
                })
                .collect();
            let began = Instant::now();
            fleet.loss_and_grad(&model.params, &sequences)?;
            let scale = settings.grad_scale(fleet.grad_norm());
            fleet.adamw_step(&mut model.params, &mut moments, 1e-4, &settings, scale);
            Ok(began.elapsed().as_secs_f64())
        })?;
        let rate = (batch * seq) as f64 / seconds;
        let mut result = self.compute(rate, c.train_flops_per_token(seq));
        result["batch"] = json!(batch);
        Ok(result)
    }

    fn decoder(&self, slots: usize) -> Result<(Decoder<Cpu>, u64)> {
        let c = &self.config;
        let format = WeightFormat::from(self.args.weights);
        let model = Model::init(c, 1)?;
        let decoder = Decoder::new(
            Cpu::new(self.threads),
            c,
            &model.params,
            format,
            slots,
            self.args.seq + 1,
        )?;
        let bits = match self.args.weights {
            Weights::F32 => 32.0,
            Weights::Bf16 => 16.0,
            Weights::Q8_0 => 8.5,
        };
        // Of the embedding a token reads one row.
        let matrices = c
            .param_specs()
            .into_iter()
            .filter(|s| s.n_in > 1 && s.kind != ParamKind::Embedding);
        let weights: usize = matrices.map(|s| s.len()).sum();
        Ok((decoder, (weights as f64 * bits / 8.0) as u64))
    }

    fn decode(&self) -> Result<Value> {
        let (c, seq) = (&self.config, self.args.seq);
        let slots = self.args.batch.unwrap_or(1);
        let (mut decoder, weight_bytes) = self.decoder(slots)?;
        let mut draw = Draw(1);
        let seconds = self.median(|| {
            (0..slots).for_each(|slot| decoder.truncate(slot, 0));
            let began = Instant::now();
            for _ in 0..seq {
                let tokens: Vec<[u32; 1]> =
                    (0..slots).map(|_| [draw.token(c.vocab_size)]).collect();
                let feeds: Vec<Feed<'_>> = tokens
                    .iter()
                    .enumerate()
                    .map(|(slot, token)| Feed {
                        slot,
                        tokens: token,
                    })
                    .collect();
                decoder.feed(&feeds, LogitRows::Last)?;
            }
            Ok(began.elapsed().as_secs_f64() / seq as f64)
        })?;
        let peak_rss = machine::peak_rss();
        let bandwidth = cpu::read_bandwidth(self.threads)?;
        // Keys and values of the mean length; the weights are read once for all sequences.
        let cached = slots * c.layers * 2 * c.kv_heads * c.head_dim * 4 * seq / 2;
        let bytes = weight_bytes + cached as u64;
        Ok(json!({
            "tokens_per_second": slots as f64 / seconds,
            "share_of_peak": bytes as f64 / seconds / 1e9 / bandwidth,
            "peak_of": format!("{bandwidth:.1} GB/s of reading"),
            "read_bandwidth_gb_per_second": bandwidth,
            "bytes_per_step": bytes,
            "peak_rss_bytes": peak_rss,
            "batch": slots,
            "weights": self.weights(),
        }))
    }

    fn prefill(&self) -> Result<Value> {
        let (c, seq) = (&self.config, self.args.seq);
        let slots = self.args.batch.unwrap_or(1);
        let (mut decoder, _) = self.decoder(slots)?;
        let mut draw = Draw(1);
        let seconds = self.median(|| {
            let prompts: Vec<Vec<u32>> =
                (0..slots).map(|_| draw.tokens(seq, c.vocab_size)).collect();
            (0..slots).for_each(|slot| decoder.truncate(slot, 0));
            let feeds: Vec<Feed<'_>> = prompts
                .iter()
                .enumerate()
                .map(|(slot, tokens)| Feed { slot, tokens })
                .collect();
            let began = Instant::now();
            decoder.feed(&feeds, LogitRows::Last)?;
            Ok(began.elapsed().as_secs_f64())
        })?;
        // A third of training's work is forward; the head sees only the last row.
        let head = 2 * c.dim * c.vocab_size;
        let flops = c.train_flops_per_token(seq) / 3.0 - head as f64 * (1.0 - 1.0 / seq as f64);
        let mut result = self.compute((slots * seq) as f64 / seconds, flops);
        (result["batch"], result["weights"]) = (json!(slots), json!(self.weights()));
        Ok(result)
    }

    fn gemm(&self) -> Result<Value> {
        let c = &self.config;
        let rows = self.args.batch.map_or(ROWS, |batch| batch * self.args.seq);
        let kinds = [
            ("qkv", ParamKind::Qkv(0)),
            ("output", ParamKind::Output(0)),
            ("gate_up", ParamKind::GateUp(0)),
            ("down", ParamKind::Down(0)),
            ("head", ParamKind::Head),
        ];
        let mut cpu = Cpu::new(self.threads);
        let mut draw = Draw(1);
        let mut buffer = |len: usize| HostBuf::from_slice(&draw.values(len));
        let (mut products, mut total, mut flops) = (Vec::new(), 0.0, 0.0);
        for (name, kind) in kinds {
            let spec = ParamSpec::of(c, kind);
            let (n_in, n_out) = (spec.n_in, spec.n_out);
            let (x, w, mut out) = (
                buffer(rows * n_in)?,
                buffer(n_in * n_out)?,
                HostBuf::zeros(rows * n_out)?,
            );
            let seconds = self.median(|| {
                let began = Instant::now();
                cpu.linear(&mut out, &x, &w, rows, n_in, n_out, Write::Set);
                Ok(began.elapsed().as_secs_f64())
            })?;
            let work = 2.0 * (rows * n_in * n_out) as f64;
            (total, flops) = (total + seconds, flops + work);
            products.push(json!({
                "name": name, "rows": rows, "n_in": n_in, "n_out": n_out, "gflops": work / seconds / 1e9,
            }));
        }
        let mut result = self.compute(rows as f64 / total, flops / rows as f64);
        (result["rows"], result["products"]) = (json!(rows), json!(products));
        Ok(result)
    }

    /// Figures of work that multiplies.
    fn compute(&self, tokens_per_second: f64, flops_per_token: f64) -> Value {
        let peak_rss = machine::peak_rss();
        let peak = cpu::peak_gflops(self.isa, self.threads);
        let gflops = tokens_per_second * flops_per_token / 1e9;
        json!({
            "tokens_per_second": tokens_per_second,
            "share_of_peak": gflops / peak,
            "peak_of": format!("{peak:.0} GFLOP/s in f32"),
            "gflops": gflops,
            "peak_gflops": peak,
            "flops_per_token": flops_per_token,
            "peak_rss_bytes": peak_rss,
        })
    }

    fn weights(&self) -> &'static str {
        match self.args.weights {
            Weights::F32 => "f32",
            Weights::Bf16 => "bf16",
            Weights::Q8_0 => "q8_0",
        }
    }

    /// Median of the counted rounds, in seconds.
    fn median(&self, mut round: impl FnMut() -> Result<f64>) -> Result<f64> {
        for _ in 0..WARM_UP {
            round()?;
        }
        let mut seconds = (0..self.args.steps)
            .map(|_| round())
            .collect::<Result<Vec<f64>>>()?;
        seconds.sort_by(f64::total_cmp);
        Ok(seconds[seconds.len() / 2])
    }
}

/// Numbers that only need to be no pattern.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn token(&mut self, vocab: usize) -> u32 {
        (self.next() % vocab as u64) as u32
    }

    fn tokens(&mut self, count: usize, vocab: usize) -> Vec<u32> {
        (0..count).map(|_| self.token(vocab)).collect()
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| self.next() as f32 / (1u64 << 31) as f32 - 0.5)
            .collect()
    }
}
