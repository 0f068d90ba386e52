//! The Llama 2 architecture (paper section 2.2): configuration, weights and their formats, the
//! forward and backward pass, decoding with a key-value cache, and sampling.

pub mod batch;
pub mod config;
pub mod config_json;
pub mod decoder;
pub mod error;
pub mod generate;
mod heads;
pub mod hf;
mod init;
pub mod llama2c;
pub mod lora;
mod lora_file;
pub mod model;
pub mod params;
pub mod permute;
mod random;
pub mod safetensors;
pub mod sampling;
pub mod score;
mod text_stream;
pub mod worker;

pub use batch::Batch;
pub use config::{Config, HeadKind};
pub use decoder::{Decoder, Feed, LogitRows};
pub use error::{Error, Result};
pub use generate::{Finish, GenerateOptions, Generated, generate};
pub use hf::SaveOptions;
pub use lora::{Lora, LoraOptions, LoraTarget};
pub use model::{Model, check_tokenizer};
pub use params::{ParamKind, ParamSpec, Params};
pub use safetensors::Dtype;
pub use sampling::{Sampler, SamplingOptions};
pub use score::{ScoreItem, Scored, score};
pub use worker::{Worker, WorkerOptions};
