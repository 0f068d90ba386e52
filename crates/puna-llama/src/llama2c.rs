//! llama2.c's first checkpoint format: seven `i32` (dim, hidden, layers, heads, key-value heads,
//! vocabulary, context; a negative vocabulary means a head of its own), then `f32` tensors, each
//! kind for all layers together, rotary positions in adjacent pairs.

use crate::config::{Config, HeadKind};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::params::{ParamKind, Params};
use crate::permute::permute_to_halves;
use crate::safetensors::Dtype;
use puna_compute::HostBuf;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

const HEADER: u64 = 28;
/// "ak42": the later versions of the format begin with it.
const MAGIC: i32 = 0x616b_3432;

/// Reads a checkpoint. The file's length is checked against its header before memory is taken.
pub fn read(path: &Path) -> Result<Model> {
    let io = |e| Error::io("read", path, e);
    let file = File::open(path).map_err(io)?;
    let file_len = file.metadata().map_err(io)?.len();
    let mut reader = Reader {
        path,
        file: BufReader::with_capacity(1 << 20, file),
        bytes: Vec::new(),
    };
    let mut header = [0; HEADER as usize];
    if file_len < HEADER {
        let what = format!("{file_len} bytes are too few for a llama2.c checkpoint");
        return Err(Error::format(path, what));
    }
    reader.file.read_exact(&mut header).map_err(io)?;
    let mut fields = [0i32; 7];
    for (field, bytes) in fields.iter_mut().zip(header.chunks_exact(4)) {
        *field = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    let config = config(&fields).map_err(|what| Error::format(path, what))?;
    let expected = HEADER + 4 * (config.n_params() + rotary_values(&config));
    if file_len != expected {
        let what = format!(
            "a llama2.c checkpoint of this shape ({config:?}) has {expected} bytes, this file has \
             {file_len}; it is truncated or of another format"
        );
        return Err(Error::format(path, what));
    }
    let params = reader.params(&config)?;
    Ok(Model { config, params })
}

fn config(fields: &[i32; 7]) -> std::result::Result<Config, String> {
    let [dim, hidden, layers, heads, kv_heads, vocab, context] = *fields;
    if dim == MAGIC {
        return Err("a llama2.c checkpoint of a later version; export it as version 0".into());
    }
    if dim <= 0 || heads <= 0 || dim % heads != 0 {
        return Err(format!(
            "the header claims a width of {dim} in {heads} heads; not a llama2.c checkpoint"
        ));
    }
    let size = |n: i32| usize::try_from(n).unwrap_or(0);
    let config = Config {
        dim: size(dim),
        layers: size(layers),
        heads: size(heads),
        kv_heads: size(kv_heads),
        head_dim: size(dim / heads),
        hidden_dim: size(hidden),
        vocab_size: vocab.unsigned_abs() as usize,
        context: size(context),
        norm_eps: 1e-5,
        rope_theta: 10_000.0,
        tied: vocab > 0,
        head: HeadKind::LanguageModel,
    };
    config
        .validate()
        .map_err(|e| format!("{e}; not a llama2.c checkpoint"))?;
    Ok(config)
}

/// The format keeps tables of cosines and sines, which nothing needs.
fn rotary_values(config: &Config) -> u64 {
    (config.context * config.head_dim) as u64
}

struct Reader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn values(&mut self, out: &mut [f32]) -> Result<()> {
        for values in out.chunks_mut(1 << 18) {
            self.bytes.resize(values.len() * 4, 0);
            self.file
                .read_exact(&mut self.bytes)
                .map_err(|e| Error::io("read", self.path, e))?;
            Dtype::F32.decode(values, &self.bytes);
        }
        Ok(())
    }

    fn params(&mut self, config: &Config) -> Result<Params<HostBuf>> {
        let c = config;
        let tensors: puna_compute::Result<Vec<HostBuf>> = c
            .param_specs()
            .iter()
            .map(|spec| HostBuf::zeros(spec.len()))
            .collect();
        let mut params = Params { tensors: tensors? };
        let (q, kv) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
        let ffn = c.hidden_dim * c.dim;

        // In the file's order: a kind of tensor, rows of the engine's tensor, for every layer.
        self.values(params.get_mut(ParamKind::Embedding, c))?;
        for l in 0..c.layers {
            self.values(params.get_mut(ParamKind::AttentionNorm(l), c))?;
        }
        for rows in [0..q, q..q + kv, q + kv..q + 2 * kv] {
            for l in 0..c.layers {
                let tensor = params.get_mut(ParamKind::Qkv(l), c);
                self.values(&mut tensor[rows.start * c.dim..rows.end * c.dim])?;
            }
        }
        for l in 0..c.layers {
            permute_to_halves(
                &mut params.get_mut(ParamKind::Qkv(l), c)[..(q + kv) * c.dim],
                c.head_dim,
                c.dim,
            );
        }
        for l in 0..c.layers {
            self.values(params.get_mut(ParamKind::Output(l), c))?;
        }
        for l in 0..c.layers {
            self.values(params.get_mut(ParamKind::FfnNorm(l), c))?;
        }
        for l in 0..c.layers {
            self.values(&mut params.get_mut(ParamKind::GateUp(l), c)[..ffn])?;
        }
        for l in 0..c.layers {
            self.values(params.get_mut(ParamKind::Down(l), c))?;
        }
        for l in 0..c.layers {
            self.values(&mut params.get_mut(ParamKind::GateUp(l), c)[ffn..])?;
        }
        self.values(params.get_mut(ParamKind::Norm, c))?;
        if !c.tied {
            let tables = rotary_values(c) * 4;
            let skipped = std::io::copy(&mut self.file.by_ref().take(tables), &mut std::io::sink());
            skipped.map_err(|e| Error::io("read", self.path, e))?;
            self.values(params.get_mut(ParamKind::Head, c))?;
        }
        Ok(params)
    }
}
