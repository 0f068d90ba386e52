//! Running the program, and one tiny run that many tests share.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A recipe of the repository.
pub fn recipe(name: &str) -> PathBuf {
    root().join("recipes").join(name)
}

/// The program with these arguments.
pub fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_puna"));
    command
        .args(args)
        .stdin(Stdio::null())
        .env_remove("COLUMNS");
    command
}

/// Runs the program to its end.
pub fn puna<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    command(args).output().unwrap()
}

/// Runs the program, which must succeed; its standard output.
pub fn ok<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let output = puna(args);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program with standard input.
pub fn pipe<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &str) -> Output {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that fails early closes its end first.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Runs the program, which must fail as a program should; its message.
pub fn fails<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    message(&puna(args))
}

/// The one paragraph of a failure.
pub fn message(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let error = text
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(
        text.trim_end().ends_with(error),
        "the error is the last word: {text}"
    );
    assert!(
        !text.contains("panicked") && !error.contains("Error {"),
        "{text}"
    );
    error.to_owned()
}

/// Overrides that make spark tiny.
pub const TINY: [&str; 10] = [
    "world.documents=160",
    "world.instructions=80",
    "pretrain.batch_tokens=512",
    "pretrain.steps=16",
    "pretrain.checkpoint_every=2",
    "pretrain.validate_every=8",
    "pretrain.warmup_steps=2",
    "sft.epochs=1",
    "sft.batch_sequences=4",
    "sft.checkpoint_every=1",
];

/// Directories of its stages.
pub const STAGES: [&str; 15] = [
    "01-world",
    "02-corpus",
    "03-tokenizer",
    "04-tokens",
    "05-pretrain",
    "06-sft",
    "07-feedback",
    "08-reward-helpfulness",
    "09-reward-safety",
    "10-v1",
    "11-v2",
    "12-ppo",
    "13-distill",
    "14-scoreboard",
    "15-evaluate",
];

/// Arguments of a tiny run in a directory.
pub fn tiny_run(dir: &Path, more: &[&str]) -> Vec<String> {
    tiny_run_of(&recipe("spark.toml"), dir, more)
}

/// The same of a recipe that is spark or extends it.
pub fn tiny_run_of(recipe: &Path, dir: &Path, more: &[&str]) -> Vec<String> {
    let mut args = vec![
        "run".to_owned(),
        recipe.display().to_string(),
        "--dir".into(),
        dir.display().to_string(),
    ];
    for set in TINY {
        args.extend(["--set".into(), set.into()]);
    }
    args.extend(more.iter().map(|&s| s.into()));
    args
}

/// A tiny run that is done; nobody writes into it.
pub fn shared_run() -> &'static Path {
    &shared().dir
}

/// What that run told at its end.
pub fn shared_end() -> &'static str {
    &shared().end
}

struct Shared {
    dir: PathBuf,
    end: String,
    _lock: File,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        // Nothing drops a static, so its directory stays, and the next run of the tests takes it over.
        // A lock ends with its process: who runs the tests twice at once has two directories.
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let free = (0..).find_map(|number| {
            let lock = File::create(home.join(format!("shared-run-{number}.lock"))).unwrap();
            let dir = home.join(format!("shared-run-{number}"));
            lock.try_lock().is_ok().then_some((dir, lock))
        });
        let (dir, lock) = free.unwrap();
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        Shared {
            end: ok(tiny_run(&dir, &["--threads", "2"])),
            dir,
            _lock: lock,
        }
    })
}

/// Its chat model.
pub fn shared_model() -> String {
    shared_run().join("latest").display().to_string()
}

/// Starts the program and kills it after a while, unless it has ended by then.
pub fn kill_after<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, after: Duration) {
    let mut child = command(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    // It may have ended by itself, on a fast machine.
    let _ = child.kill();
    child.wait().unwrap();
}

/// A stage's record.
pub fn manifest(run: &Path, stage: &str) -> Value {
    serde_json::from_slice(&fs::read(run.join(stage).join("manifest.json")).unwrap()).unwrap()
}

/// Hashes of a stage's outputs, by its record.
pub fn outputs(run: &Path, stage: &str) -> Value {
    let manifest = manifest(run, stage);
    assert_eq!(manifest["status"], "complete");
    manifest["outputs"].clone()
}

/// A stage's figures by step, without those that tell of time.
pub fn figures(run: &Path, stage: &str) -> Vec<Value> {
    let lines = fs::read_to_string(run.join(stage).join("metrics.jsonl")).unwrap();
    let figures = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("tokens_per_second");
        line
    });
    figures.collect()
}
