//! Recipes as nobody means them: damaged anywhere, every number at its worst. Each becomes a plan and its
//! forecast, or an error that names the file; never a panic, nor an overflow where those are checked.

use super::extends::lay_over;
use super::{Error, Plan, Recipe, Stage};
use crate::forecast::forecast;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use puna_train::LoraSettings;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use toml::{Table, Value};

/// What a number may be replaced by.
const WORST: [&str; 11] = [
    "-1",
    "0",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967296",
    "2147483648",
    "1e308",
    "-1e308",
    "nan",
    "inf",
];

/// Sizes at which a case takes milliseconds, for the recipes that have such a section.
const SMALL: &str = r#"
[world]
people = 4
places = 4
trades = 4
documents = 12
instructions = 8
questions = 4
[tokenizer]
vocab_size = 300
max_training_bytes = 20000
[model]
dim = 16
layers = 2
heads = 4
kv_heads = 2
head_dim = 4
multiple_of = 8
ffn_multiplier = 1.0
[pretrain]
sequence_length = 16
validate_tokens = 1000
[sft]
expected = { dialogues = 10, tokens_per_dialogue = 40.0 }
[feedback.world]
documents = 4
instruction_documents = 4
safety_dialogues = 6
instruction_dialogues = 4
adversarial_prompts = 6
borderline_prompts = 4
helpful_prompts = 4
held_out_adversarial = 2
held_out_borderline = 2
held_out_helpful = 2
conversations = 0
held_out_conversations = 0
preferences = 8
safety_preferences = 8
[align]
epochs = 1
rounds = 1
ghost_after = 0
[safety_scaling]
percents = [0, 50]
[evaluate]
max_questions = 4
[engine]
micro_batch_rows = 4096
"#;

/// Copies of the repository's recipes, with small sizes.
struct Recipes {
    dir: TempDir,
    names: Vec<String>,
}

impl Recipes {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let all =
            fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes")).unwrap();
        let mut names = Vec::new();
        for path in all.map(|entry| entry.unwrap().path()) {
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let mut table: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
                shrink(&mut table);
                fs::write(dir.path().join(&name), table.to_string()).unwrap();
                names.push(name);
            }
        }
        // In the order of no file system.
        names.sort();
        Self { dir, names }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Reads a text as the recipe of a name, and plans it if it can be.
    #[track_caller]
    fn plan(&self, name: &str, text: &[u8]) -> Result<(), Error> {
        let path = self.path(&format!("of-{name}"));
        fs::write(&path, text).unwrap();
        let plan = Recipe::read(&path, &[]).and_then(|recipe| Plan::of(&recipe));
        match plan {
            Ok(plan) => {
                if is_small(&plan) {
                    forecast(&plan, 1, Some(Duration::ZERO)).unwrap();
                }
                Ok(())
            }
            Err(error) => {
                let told = error.to_string();
                // Or one that it extends.
                assert!(
                    told.contains(&self.dir.path().display().to_string()),
                    "{told}"
                );
                Err(error)
            }
        }
    }
}

/// Lays sizes over the sections that are there.
fn shrink(table: &mut Table) {
    let small: Table = SMALL.parse().unwrap();
    for (section, sizes) in small {
        if let (Some(Value::Table(there)), Value::Table(sizes)) = (table.get_mut(&section), sizes) {
            lay_over(there, sizes);
        }
    }
}

/// Whether a forecast takes milliseconds. How much a world may hold is limited, but the limit is no size
/// for a test.
fn is_small(plan: &Plan) -> bool {
    plan.stages.iter().all(|stage| match stage {
        Stage::World(_) => {
            let config = stage.config();
            let sizes = [Some(&config), config.get("feedback")];
            let sizes = sizes.into_iter().flatten().flat_map(|of| of.as_object());
            let numbers = sizes.flatten().filter(|(key, _)| *key != "seed");
            numbers
                .filter_map(|(_, size)| size.as_u64())
                .all(|size| size <= 100)
        }
        Stage::Sft(plan) => plan.settings.epochs <= 100,
        Stage::Pretrain(plan) => {
            let values = plan.model.n_params();
            // What is too large to measure is not measured.
            !(1 << 18..1 << 32).contains(&values)
        }
        _ => true,
    })
}

/// One change to a text.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    DropLine(Index),
    RepeatLine(Index, Index),
    SwapLines(Index, Index),
    Number(Index, &'static str),
    String(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let token = prop::sample::select(vec![
        "\"", "'", "[", "]", "[[", "=", ".", ",", "{", "}", "\n", "#", "-", "9", "é", "\u{0}",
    ]);
    prop_oneof![
        1 => (at(), 1u8..).prop_map(|(i, bits)| Damage::Flip(i, bits)),
        1 => (at(), token).prop_map(|(i, token)| Damage::Insert(i, token)),
        1 => (at(), 1usize..9).prop_map(|(i, n)| Damage::Remove(i, n)),
        1 => at().prop_map(Damage::DropLine),
        1 => (at(), at()).prop_map(|(i, j)| Damage::RepeatLine(i, j)),
        1 => (at(), at()).prop_map(|(i, j)| Damage::SwapLines(i, j)),
        // The deepest cases: most of these are still TOML.
        4 => (at(), prop::sample::select(&WORST[..])).prop_map(|(i, n)| Damage::Number(i, n)),
        1 => (at(), prop::sample::select(vec![0, 1, 100_000])).prop_map(|(i, n)| Damage::String(i, n)),
    ]
}

/// Where the numbers or the insides of the strings of a text are, roughly.
fn spans(text: &[u8], strings: bool) -> Vec<Range<usize>> {
    let (mut spans, mut at) = (Vec::new(), 0);
    let run = |from: usize, ends: fn(u8) -> bool| {
        let rest = text[from..].iter();
        from + rest.take_while(|&&b| !ends(b)).count()
    };
    while at < text.len() {
        let quoted = text[at] == b'"';
        let number = text[at].is_ascii_digit() && at > 0 && b" [,=-".contains(&text[at - 1]);
        let start = at + usize::from(quoted);
        let end = match quoted {
            true => run(start, |b| b == b'"' || b == b'\n'),
            false => run(start, |b| {
                !(b.is_ascii_alphanumeric() || b"._+-".contains(&b))
            }),
        };
        if number || quoted {
            if quoted == strings {
                spans.push(start..end);
            }
            at = end;
        }
        at += 1;
    }
    spans
}

fn apply(text: &mut Vec<u8>, damage: &Damage) {
    let of_lines = |change: &dyn Fn(&mut Vec<&[u8]>)| {
        let mut lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
        change(&mut lines);
        lines.join(&b'\n')
    };
    let of_span = |strings: bool, i: &Index, new: &[u8]| {
        let (mut text, spans) = (text.clone(), spans(text, strings));
        if !spans.is_empty() {
            text.splice(i.get(&spans).clone(), new.iter().copied());
        }
        text
    };
    if text.is_empty() {
        return;
    }
    match damage {
        Damage::Flip(i, bits) => {
            let at = i.index(text.len());
            text[at] ^= bits;
        }
        Damage::Insert(i, token) => {
            let at = i.index(text.len());
            text.splice(at..at, token.bytes());
        }
        Damage::Remove(i, n) => {
            let at = i.index(text.len());
            text.drain(at..(at + n).min(text.len()));
        }
        Damage::DropLine(i) => {
            *text = of_lines(&|lines| {
                lines.remove(i.index(lines.len()));
            });
        }
        Damage::RepeatLine(i, j) => {
            *text =
                of_lines(&|lines| lines.insert(j.index(lines.len()), lines[i.index(lines.len())]));
        }
        Damage::SwapLines(i, j) => {
            *text = of_lines(&|lines| {
                let (i, j) = (i.index(lines.len()), j.index(lines.len()));
                lines.swap(i, j);
            });
        }
        Damage::Number(i, new) => *text = of_span(false, i, new.as_bytes()),
        Damage::String(i, n) => *text = of_span(true, i, &vec![b'x'; *n]),
    }
}

thread_local! {
    static RECIPES: Recipes = Recipes::new();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_recipes(name in any::<Index>(), damages in prop::collection::vec(damage(), 1..4)) {
        RECIPES.with(|recipes| {
            let name = name.get(&recipes.names);
            let mut text = recipes.text(name).into_bytes();
            damages.iter().for_each(|damage| apply(&mut text, damage));
            let _ = recipes.plan(name, &text);
        });
    }
}

/// The paths to all numbers below a value.
fn numbers(value: &Value, path: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    match value {
        Value::Integer(_) | Value::Float(_) => out.push(path.clone()),
        Value::Table(table) => {
            for (key, value) in table {
                path.push(key.clone());
                numbers(value, path, out);
                path.pop();
            }
        }
        Value::Array(values) => {
            for (i, value) in values.iter().enumerate() {
                path.push(i.to_string());
                numbers(value, path, out);
                path.pop();
            }
        }
        _ => {}
    }
}

fn at<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(value, |value, key| match value {
        Value::Array(values) => &mut values[key.parse::<usize>().unwrap()],
        value => &mut value[key.as_str()],
    })
}

impl Recipes {
    /// Recipes that between them have every section, each with every key that has a default.
    fn whole(&self) -> Vec<Value> {
        let file = |name: &str| Recipe::read(&self.path(name), &[]).unwrap().file;
        let mut all = file("dpo.toml");
        all.extends = None;
        all.safety_scaling = file("safety-scaling.toml").safety_scaling;
        let adapters = || Some(LoraSettings::default());
        all.sft.as_mut().unwrap().lora = adapters();
        all.dpo.as_mut().unwrap().lora = adapters();
        // To make the pages of a crawl takes longer than all else.
        all.corpus = None;
        let files = [all, file("llama2-7b-chat.toml"), file("storybook.toml")];
        files.map(|file| Value::try_from(&file).unwrap()).into()
    }
}

/// Every number of a recipe, those that it leaves to their defaults too, at each of its worst.
#[test]
fn every_number_at_its_worst() {
    let recipes = Recipes::new();
    let (mut all, mut refused) = (0, 0);
    for whole in recipes.whole() {
        let plan = |whole: &Value| {
            let text = toml::to_string(whole).unwrap();
            recipes.plan("whole.toml", text.as_bytes())
        };
        plan(&whole).unwrap();
        let mut paths = Vec::new();
        numbers(&whole, &mut Vec::new(), &mut paths);
        for path in paths {
            for worst in WORST {
                let mut whole = whole.clone();
                let parsed = format!("x = {worst}").parse::<Table>().unwrap();
                *at(&mut whole, &path) = parsed["x"].clone();
                all += 1;
                let Err(error) = plan(&whole) else {
                    continue;
                };
                refused += 1;
                // A wrong type is told by its line, all else by the key or its section.
                let last = path.iter().rposition(|key| key.parse::<usize>().is_err());
                let (section, key) = path.split_at(last.unwrap());
                let (told, section) = (error.to_string(), section.join("."));
                let named = told.contains(&key[0]);
                let named = named || !section.is_empty() && told.contains(&section);
                let placed = named || matches!(error, Error::Syntax { .. });
                assert!(placed, "{} = {worst}: {told}", path.join("."));
            }
        }
    }
    println!("{refused} of {all} are refused");
}
