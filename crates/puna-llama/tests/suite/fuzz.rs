//! Mutated files: a model, or a typed error that names the file; never a panic.

use proptest::prelude::*;
use puna_compute::Reference;
use puna_llama::safetensors::SafeTensors;
use puna_llama::{
    Config, Dtype, Error, HeadKind, Lora, LoraOptions, LoraTarget, Model, SaveOptions, llama2c,
};
use std::fs;
use std::path::Path;

/// One change to a file.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<prop::sample::Index>;
    let token = prop::sample::select(vec![
        "\"", "{", "}", "[", "]", ",", "9", "-1", "null", "\u{0}", "é",
    ]);
    let one = prop_oneof![
        (at(), any::<u8>()).prop_map(|(i, b)| Mutation::Flip(i, b)),
        at().prop_map(Mutation::Cut),
        (at(), token).prop_map(|(i, t)| Mutation::Insert(i, t.as_bytes().to_vec())),
        (at(), 1usize..9).prop_map(|(i, n)| Mutation::Remove(i, n)),
    ];
    prop::collection::vec(one, 1..4)
}

/// Applies mutations to the first `front` bytes, where the structure is.
fn mutate(bytes: &[u8], front: usize, mutations: &[Mutation]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for mutation in mutations {
        let front = front.min(out.len());
        if front == 0 {
            break;
        }
        match mutation {
            Mutation::Flip(i, b) => out[i.index(front)] ^= b,
            Mutation::Cut(i) => out.truncate(i.index(out.len())),
            Mutation::Insert(i, new) => {
                let at = i.index(front);
                out.splice(at..at, new.iter().copied());
            }
            Mutation::Remove(i, n) => {
                let at = i.index(front);
                out.drain(at..(at + n).min(front));
            }
        }
    }
    out
}

fn tiny() -> Config {
    Config {
        dim: 8,
        layers: 1,
        heads: 2,
        kv_heads: 1,
        head_dim: 4,
        hidden_dim: 8,
        vocab_size: 12,
        context: 8,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: false,
        head: HeadKind::LanguageModel,
    }
}

/// A saved model, made once: each case damages one of its files and puts it back.
struct Saved(tempfile::TempDir);

impl Saved {
    fn new(max_shard_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = SaveOptions {
            max_shard_bytes,
            ..SaveOptions::default()
        };
        Model::init(&tiny(), 1)
            .unwrap()
            .save(dir.path(), &options)
            .unwrap();
        Self(dir)
    }

    fn damaged(&self, name: &str, front: usize, mutations: &[Mutation], read: impl FnOnce(&Path)) {
        let path = self.0.path().join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, mutate(&good, front, mutations)).unwrap();
        read(self.0.path());
        fs::write(&path, good).unwrap();
    }
}

/// Whatever a reader says of a damaged file must say where it is: the file itself, or, where two that
/// do not fit together could be meant, their directory.
#[track_caller]
fn named<T>(read: Result<T, Error>, place: &Path) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            let (told, place) = (error.to_string(), place.display().to_string());
            assert!(told.contains(&place), "{place} is not named: {told}");
            None
        }
    }
}

thread_local! {
    static SINGLE: Saved = Saved::new(u64::MAX);
    static ADAPTER: Saved = {
        let dir = tempfile::tempdir().unwrap();
        let options = LoraOptions { rank: 2, alpha: 4.0, targets: vec![LoraTarget::Q, LoraTarget::O] };
        let lora = Lora::init(&Reference, &tiny(), &options, 1).unwrap();
        lora.save(dir.path(), Some("tiny"), Dtype::F32).unwrap();
        Saved(dir)
    };
    static SHARDED: Saved = Saved::new(200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn safetensors(mutations in mutations()) {
        SINGLE.with(|saved| saved.damaged("model.safetensors", 1200, &mutations, |dir| {
            let path = dir.join("model.safetensors");
            if let Some(mut file) = named(SafeTensors::open(&path), &path) {
                for (name, entry) in file.entries().clone() {
                    named(file.read(&name, &mut vec![0.0; entry.len()]), &path);
                }
            }
            named(Model::load(dir), dir);
        }));
    }

    #[test]
    fn config(mutations in mutations()) {
        SINGLE.with(|saved| saved.damaged("config.json", usize::MAX, &mutations, |dir| {
            named(Model::load(dir), dir);
        }));
    }

    #[test]
    fn index(mutations in mutations()) {
        SHARDED.with(|saved| saved.damaged("model.safetensors.index.json", usize::MAX, &mutations, |dir| {
            named(Model::load(dir), dir);
        }));
    }

    #[test]
    fn adapter(mutations in mutations(), of_weights in any::<bool>()) {
        let name = if of_weights { "adapter_model.safetensors" } else { "adapter_config.json" };
        let front = if of_weights { 400 } else { usize::MAX };
        ADAPTER.with(|saved| saved.damaged(name, front, &mutations, |dir| {
            named(Lora::load(&Reference, &tiny(), dir), dir);
        }));
    }

    #[test]
    fn llama2c_file(mutations in mutations(), fields in prop::array::uniform7(any::<i32>())) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.bin");
        // dim 8, hidden 8, one layer, two heads, one key-value head, 12 tokens, context 8
        let good = [8i32, 8, 1, 2, 1, 12, 8];
        let values = tiny_values();
        let file = |fields: &[i32; 7]| {
            let mut bytes: Vec<u8> = fields.iter().flat_map(|f| f.to_le_bytes()).collect();
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            bytes
        };
        fs::write(&path, file(&good)).unwrap();
        prop_assert!(llama2c::read(&path).is_ok());
        fs::write(&path, mutate(&file(&good), 28, &mutations)).unwrap();
        named(llama2c::read(&path), &path);
        fs::write(&path, file(&fields)).unwrap();
        prop_assert!(named(llama2c::read(&path), &path).is_none());
    }
}

fn tiny_values() -> Vec<f32> {
    let config = Config {
        tied: true,
        head: HeadKind::LanguageModel,
        ..tiny()
    };
    vec![0.5; config.n_params() as usize + config.context * config.head_dim]
}
