//! Configurations as files: Hugging Face's `config.json` and Meta's `params.json`
//! (paper section 2.2, Table 1; the release's `ModelArgs`).

use crate::config::{Config, HeadKind};
use crate::error::{Error, Result};
use crate::safetensors::Dtype;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// Transformers' name of a model with a language-model head.
const LANGUAGE_MODEL: &str = "LlamaForCausalLM";
/// Its name of a model with a head for labels; with one label, of a number.
const SCALAR: &str = "LlamaForSequenceClassification";

/// Reads `config.json`, as transformers 4 or 5 writes it. What would change the model's numbers and
/// is not Llama 2 (scaled rotary positions, biases, another activation, quantisation) is refused.
pub fn read_config(path: &Path) -> Result<Config> {
    let fields = Fields::read(path)?;
    match fields.text("model_type")? {
        Some("llama") => {}
        other => {
            let found = other.unwrap_or("missing");
            return fields.fail(format!("model_type is {found}; only \"llama\" can be read"));
        }
    }
    fields.refuse_variants()?;
    let heads = fields.size("num_attention_heads")?;
    let dim = fields.size("hidden_size")?;
    let head_dim = match fields.optional_size("head_dim")? {
        Some(width) => width,
        None => even_share(dim, heads).map_err(|what| Error::format(path, what))?,
    };
    let head = fields.head()?;
    let config = Config {
        dim,
        layers: fields.size("num_hidden_layers")?,
        heads,
        kv_heads: fields
            .optional_size("num_key_value_heads")?
            .unwrap_or(heads),
        head_dim,
        hidden_dim: fields.size("intermediate_size")?,
        vocab_size: fields.size("vocab_size")?,
        context: fields.size("max_position_embeddings")?,
        norm_eps: fields.float("rms_norm_eps")?.ok_or_else(|| {
            Error::format(
                path,
                "rms_norm_eps is missing; Llama 2 has 1e-5, Llama 1 had 1e-6",
            )
        })?,
        rope_theta: fields.rope_theta()?,
        // Transformers leaves the flag as it was in the language model; a score is never tied.
        tied: fields.boolean("tie_word_embeddings")?.unwrap_or(false)
            && head == HeadKind::LanguageModel,
        head,
    };
    config
        .validate()
        .map_err(|e| Error::format(path, e.to_string()))?;
    Ok(config)
}

/// What `config.json` says of a model whose weights are stored as `dtype`.
pub fn write_config(config: &Config, dtype: Dtype, bos: u32, eos: u32) -> String {
    let c = config;
    let architecture = match c.head {
        HeadKind::LanguageModel => LANGUAGE_MODEL,
        HeadKind::Scalar => SCALAR,
    };
    let mut value = json!({
        "architectures": [architecture],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "head_dim": c.head_dim,
        "hidden_act": "silu",
        "hidden_size": c.dim,
        "initializer_range": 0.02,
        "intermediate_size": c.hidden_dim,
        "max_position_embeddings": c.context,
        "mlp_bias": false,
        "model_type": "llama",
        "num_attention_heads": c.heads,
        "num_hidden_layers": c.layers,
        "num_key_value_heads": c.kv_heads,
        "pretraining_tp": 1,
        "rms_norm_eps": decimal(c.norm_eps),
        "rope_scaling": null,
        "rope_theta": decimal(c.rope_theta),
        "tie_word_embeddings": c.tied,
        "torch_dtype": dtype.torch_name(),
        "use_cache": true,
        "vocab_size": c.vocab_size,
    });
    if c.head == HeadKind::Scalar {
        // Transformers counts the labels by their names where it finds them.
        value["num_labels"] = json!(1);
        value["id2label"] = json!({"0": "LABEL_0"});
        value["label2id"] = json!({"LABEL_0": 0});
    }
    format!("{value:#}\n")
}

/// Reads Meta's `params.json`. It leaves the vocabulary to the tokenizer (-1) and says nothing of
/// the context, which is 4096 for Llama 2.
pub fn read_meta_params(path: &Path, vocab_size: usize, context: usize) -> Result<Config> {
    let fields = Fields::read(path)?;
    let (dim, heads) = (fields.size("dim")?, fields.size("n_heads")?);
    let multiple_of = fields.size("multiple_of")?;
    let multiplier = fields.double("ffn_dim_multiplier")?;
    let sane = multiplier.is_none_or(|m| m > 0.0 && m < 64.0);
    if dim == 0 || dim > 1 << 30 || multiple_of == 0 || multiple_of > 1 << 30 || !sane {
        return fields
            .fail("dim, multiple_of and ffn_dim_multiplier give no feed-forward width".into());
    }
    if let Some(stated) = fields.0.get("vocab_size").and_then(Value::as_u64)
        && stated != vocab_size as u64
    {
        return fields.fail(format!(
            "vocab_size is {stated}, but the tokenizer has {vocab_size} pieces"
        ));
    }
    let config = Config {
        dim,
        layers: fields.size("n_layers")?,
        heads,
        kv_heads: fields.optional_size("n_kv_heads")?.unwrap_or(heads),
        head_dim: even_share(dim, heads).map_err(|what| Error::format(path, what))?,
        hidden_dim: Config::ffn_width(dim, multiple_of, multiplier),
        vocab_size,
        context,
        norm_eps: fields.float("norm_eps")?.unwrap_or(1e-5),
        rope_theta: fields.float("rope_theta")?.unwrap_or(10_000.0),
        tied: false,
        head: HeadKind::LanguageModel,
    };
    config
        .validate()
        .map_err(|e| Error::format(path, e.to_string()))?;
    Ok(config)
}

fn even_share(dim: usize, heads: usize) -> std::result::Result<usize, String> {
    match dim.checked_rem(heads) {
        Some(0) => Ok(dim / heads),
        _ => Err(format!(
            "a width of {dim} cannot be shared evenly by {heads} heads"
        )),
    }
}

/// The f64 that prints as the f32 does: 1e-5, not 9.999999747378752e-6.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// A JSON object and the file it came from, for messages that name the field.
struct Fields<'a>(Map<String, Value>, &'a Path);

impl<'a> Fields<'a> {
    fn read(path: &'a Path) -> Result<Self> {
        let text = fs::read(path).map_err(|e| Error::io("read", path, e))?;
        match serde_json::from_slice(&text) {
            Ok(Value::Object(fields)) => Ok(Self(fields, path)),
            Ok(_) => Err(Error::format(path, "must hold a JSON object")),
            Err(e) => Err(Error::format(path, format!("not valid JSON: {e}"))),
        }
    }

    fn fail<T>(&self, what: String) -> Result<T> {
        Err(Error::format(self.1, what))
    }

    /// The value of a field that is there and not null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(v) => Ok(Some(v)),
                None => self.fail(format!("{name} is {value}; it must be {kind}")),
            },
        }
    }

    fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        self.typed(name, "a whole number", |v| {
            v.as_u64().and_then(|n| usize::try_from(n).ok())
        })
    }

    fn size(&self, name: &str) -> Result<usize> {
        match self.optional_size(name)? {
            Some(n) => Ok(n),
            None => self.fail(format!("{name} is missing")),
        }
    }

    fn double(&self, name: &str) -> Result<Option<f64>> {
        self.typed(name, "a number", Value::as_f64)
    }

    fn float(&self, name: &str) -> Result<Option<f32>> {
        Ok(self.double(name)?.map(|v| v as f32))
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "true or false", Value::as_bool)
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(value) => self.fail(format!("{name} is {value}; it must be a string")),
        }
    }

    /// The head by the architecture's name; anything but transformers' classifier is read as a
    /// language model, whose tensors it must then have.
    fn head(&self) -> Result<HeadKind> {
        let scalar = match self.get("architectures") {
            None => false,
            Some(Value::Array(names)) => names.iter().any(|name| name == SCALAR),
            Some(value) => {
                return self.fail(format!(
                    "architectures is {value}; it must be a list of names"
                ));
            }
        };
        match (scalar, self.labels()?) {
            (false, _) => Ok(HeadKind::LanguageModel),
            (true, 1) => Ok(HeadKind::Scalar),
            (true, n) => self.fail(format!(
                "num_labels is {n}; only a head of one number can be computed"
            )),
        }
    }

    /// Number of labels; transformers writes their names, and none of either for two.
    fn labels(&self) -> Result<usize> {
        match self.get("id2label") {
            Some(Value::Object(names)) => Ok(names.len()),
            Some(value) => self.fail(format!("id2label is {value}; it must be an object")),
            None => Ok(self.optional_size("num_labels")?.unwrap_or(2)),
        }
    }

    fn refuse_variants(&self) -> Result<()> {
        for name in ["attention_bias", "mlp_bias"] {
            if self.boolean(name)?.unwrap_or(false) {
                return self.fail(format!(
                    "{name} is true; Llama 2 has no biases and neither has Puna"
                ));
            }
        }
        if let Some(act) = self.text("hidden_act")?
            && act != "silu"
        {
            return self.fail(format!(
                "hidden_act is {act:?}; only \"silu\" can be computed"
            ));
        }
        for name in ["quantization_config", "compression_config"] {
            if self.get(name).is_some() {
                let advice = "the weights are quantised; use the unquantised model";
                return self.fail(format!("{name} is present: {advice}"));
            }
        }
        Ok(())
    }

    /// Base of the rotary frequencies; anything but the plain kind of rotary positions is refused.
    fn rope_theta(&self) -> Result<f32> {
        let mut theta = self.double("rope_theta")?;
        for name in ["rope_scaling", "rope_parameters"] {
            let Some(value) = self.get(name) else {
                continue;
            };
            let Value::Object(rope) = value else {
                return self.fail(format!("{name} is {value}; it must be an object"));
            };
            let rope = Fields(rope.clone(), self.1);
            let kind = match rope.text("rope_type")? {
                Some(kind) => Some(kind),
                None => rope.text("type")?,
            };
            if kind.is_some_and(|kind| kind != "default") || rope.get("factor").is_some() {
                return self.fail(format!(
                    "{name} is {value}; scaled rotary positions are not supported, only \"default\""
                ));
            }
            let partial = rope.double("partial_rotary_factor")?;
            if partial.is_some_and(|share| share != 1.0) {
                return self.fail(format!(
                    "{name} rotates only a part of each head; Llama 2 rotates all"
                ));
            }
            theta = rope.double("rope_theta")?.or(theta);
        }
        Ok(theta.unwrap_or(10_000.0) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        fs::write(&path, text).unwrap();
        read_config(&path)
    }

    fn sample() -> Config {
        Config {
            dim: 64,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_dim: 16,
            hidden_dim: 96,
            vocab_size: 259,
            context: 128,
            norm_eps: 1e-5,
            rope_theta: 10_000.0,
            tied: true,
            head: HeadKind::LanguageModel,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = write_config(&sample(), Dtype::Bf16, 1, 2);
        assert!(text.contains("\"rms_norm_eps\": 0.00001,"), "{text}");
        assert_eq!(parse(&text).unwrap(), sample());
        let scalar = Config {
            tied: false,
            head: HeadKind::Scalar,
            ..sample()
        };
        let text = write_config(&scalar, Dtype::F32, 1, 2);
        assert_eq!(parse(&text).unwrap(), scalar);
        let two = text
            .replace(r#""num_labels": 1"#, r#""num_labels": 2"#)
            .replace("id2label", "other");
        let message = parse(&two).unwrap_err().to_string();
        assert!(message.contains("num_labels is 2"), "{message}");
    }

    #[test]
    fn other_models_are_refused_by_name() {
        let good: Value = serde_json::from_str(&write_config(&sample(), Dtype::F32, 1, 2)).unwrap();
        let cases = [
            ("model_type", json!("mistral")),
            ("architectures", json!("LlamaForCausalLM")),
            ("attention_bias", json!(true)),
            ("mlp_bias", json!(true)),
            ("hidden_act", json!("gelu")),
            ("quantization_config", json!({"bits": 4})),
            ("rope_scaling", json!({"type": "linear", "factor": 2.0})),
            (
                "rope_scaling",
                json!({"rope_type": "llama3", "factor": 8.0}),
            ),
            (
                "rope_parameters",
                json!({"rope_type": "yarn", "rope_theta": 10000.0}),
            ),
            ("hidden_size", json!("64")),
            ("num_key_value_heads", json!(3)),
            ("rms_norm_eps", Value::Null),
            ("num_hidden_layers", json!(-1)),
        ];
        for (name, value) in cases {
            let mut bad = good.clone();
            bad[name] = value;
            let message = parse(&bad.to_string()).unwrap_err().to_string();
            let named = message.contains(name) || message.contains("key-value heads");
            assert!(named, "{name}: {message}");
        }
        assert!(parse("[]").is_err());
        assert!(parse("{").is_err());
    }

    #[test]
    fn meta_params_follow_the_feed_forward_rule() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("params.json");
        let seventy = r#"{"dim": 8192, "multiple_of": 4096, "ffn_dim_multiplier": 1.3, "n_heads": 64,
            "n_kv_heads": 8, "n_layers": 80, "norm_eps": 1e-05, "vocab_size": -1}"#;
        fs::write(&path, seventy).unwrap();
        let config = read_meta_params(&path, 32_000, 4096).unwrap();
        assert_eq!(
            (config.hidden_dim, config.kv_heads, config.head_dim),
            (28_672, 8, 128)
        );
        assert_eq!(config.n_params(), 68_976_648_192);
        let seven = r#"{"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32, "norm_eps": 1e-05}"#;
        fs::write(&path, seven).unwrap();
        assert_eq!(
            read_meta_params(&path, 32_000, 4096).unwrap().n_params(),
            6_738_415_616
        );
        assert!(read_meta_params(&path, 0, 4096).is_err());
    }
}
