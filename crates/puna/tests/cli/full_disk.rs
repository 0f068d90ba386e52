//! A full disk: the error names what had no room and says what to do, and what has its final name is
//! whole.

use crate::common::{
    STAGES, command, fails, message, ok, outputs, recipe, shared_model, shared_run, tiny_run,
};
use puna_text::hash;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Room for everything, in KiB.
const PLENTY: u64 = 64 << 10;

/// A small file system, if this user may mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let mounted = disk.mount(&format!("size={PLENTY}k"));
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(disk);
        }
        puna_needs::skip("the right to mount a small file system");
        None
    }

    fn mount(&self, options: &str) -> std::io::Result<Output> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
        mount.arg(self.path()).output()
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes it as large as what is in it and so many KiB.
    fn leave(&self, kib: u64) {
        let mut df = Command::new("df");
        df.args(["-k", "--output=used"]).arg(self.path());
        let told = String::from_utf8(df.output().unwrap().stdout).unwrap();
        let used: u64 = told.lines().nth(1).unwrap().trim().parse().unwrap();
        // No size at all would be no limit.
        let options = format!("remount,size={}k", (used + kib).max(4));
        let output = self.mount(&options).unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.path()).output());
    }
}

/// The error of a command that had no room.
fn has_no_room(message: &str) {
    assert!(
        message.contains("No space left") && message.ends_with("run the same command again"),
        "{message}"
    );
}

/// Every file below a directory that has its final name.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(
            !name.ends_with(".tmp") && !name.ends_with(".partial"),
            "{} is left over",
            path.display()
        );
        match path.is_dir() && !path.is_symlink() {
            _ if name.starts_with('.') => {}
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Holds each file against that of the run that had room.
fn is_whole(run: &Path) {
    for path in files(run) {
        let place = path.strip_prefix(run).unwrap();
        let told = format!("{} is not whole", place.display());
        let name = place.file_name().unwrap().to_str().unwrap();
        if path.is_symlink() {
            assert!(path.exists(), "{told}");
            continue;
        }
        let bytes = fs::read(&path).expect(&told);
        let is_json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
        if ["log.jsonl", "metrics.jsonl", "seconds.jsonl"].contains(&name) {
            // They grow line by line, and who reads them knows that the last may be cut.
            let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
            lines.pop();
            assert!(lines.into_iter().all(is_json), "{told}");
        } else if name == "manifest.json" || place == Path::new("scoreboard.json") {
            assert!(is_json(&bytes), "{told}");
        } else if place == Path::new("scoreboard.html") {
            // That of some round: it grows with each.
            assert!(bytes.ends_with(b"</html>"), "{told}");
        } else if place.iter().any(|part| part == "checkpoints") {
            let sums = fs::read_to_string(path.with_file_name("SHA256SUMS")).expect(&told);
            let sum = format!("{}  {name}\n", hash::of_file(&path).unwrap());
            assert!(name == "SHA256SUMS" || sums.contains(&sum), "{told}");
        } else {
            let whole = fs::read(shared_run().join(place)).expect(&told);
            assert!(bytes == whole, "{told}");
        }
    }
    // What is recorded as finished still is.
    ok(["verify".as_ref(), run.as_os_str()]);
}

/// KiB that the outputs of a stage of the run that had room take, those with this in their name.
fn kib(stage: &str, name: &str) -> u64 {
    let outputs = outputs(shared_run(), stage);
    let wanted = outputs.as_object().unwrap().iter();
    let wanted = wanted.filter(|(path, _)| path.contains(name));
    let bytes: u64 = wanted.map(|(_, file)| file["size"].as_u64().unwrap()).sum();
    bytes / 1024
}

#[test]
fn a_full_disk_stops_with_a_name_and_leaves_nothing_half_written() {
    let Some(disk) = SmallDisk::new() else {
        return;
    };
    let run = disk.path();
    for stage in STAGES {
        let name = &stage[3..];
        let fills = |room: u64, more: &[&str], named: &str| {
            disk.leave(room);
            let message = fails(tiny_run(run, &[&["--until", name], more].concat()));
            has_no_room(&message);
            for named in [&format!("stage {name} of spark"), named] {
                assert!(message.contains(named), "{named}, {room} KiB: {message}");
            }
            let checkpoints = run.join(stage).join("checkpoints");
            if message.contains("checkpoint is safe") {
                assert!(files(&checkpoints).len() >= 3, "{message}");
            }
            is_whole(run);
        };
        fills((kib(stage, "") / 2).max(4), &[], stage);
        if ["pretrain", "sft"].contains(&name) {
            let weights = kib(stage, ".safetensors");
            // The weights and both moments find room for half of them, then for all but not for a model.
            let last_alone = format!("{name}.checkpoint_every=1000");
            let last_alone = ["--set", &last_alone];
            let checkpoint = format!("{stage}/checkpoints/.step");
            fills(weights * 3 / 2, &last_alone, &checkpoint);
            let model = format!(
                "last checkpoint is safe: cannot write the model {}",
                run.display()
            );
            fills(
                weights * 7 / 2,
                &last_alone,
                &format!("{model}/{stage}/model"),
            );
        }
        disk.leave(PLENTY);
        ok(tiny_run(run, &["--until", name]));
    }
    for stage in STAGES {
        assert_eq!(outputs(run, stage), outputs(shared_run(), stage), "{stage}");
    }
    is_whole(run);
}

#[test]
fn what_finds_no_room_gets_no_name() {
    let Some(disk) = SmallDisk::new() else {
        return;
    };
    let text = shared_run()
        .join("01-world/documents.jsonl")
        .display()
        .to_string();
    let model = shared_model();
    let out = disk.path().join("out").display().to_string();
    let train = [
        "tokenizer",
        "train",
        &text,
        "--vocab-size",
        "512",
        "--out",
        &out,
    ];
    let import = ["import", &model, "--out", &out];
    let almost = kib("03-tokenizer", "") - 4;
    let tokenizer = [0, 8, 16, almost].map(|room| (room, &train[..]));
    let weights = kib("13-distill", ".safetensors");
    let imported = [0, weights / 2, weights + 8, weights + 24].map(|room| (room, &import[..]));
    for (room, command) in tokenizer.into_iter().chain(imported) {
        disk.leave(room);
        let message = fails(command);
        has_no_room(&message);
        assert!(message.contains(&out), "{message}");
        let left = files(disk.path());
        assert!(left.is_empty(), "{room} KiB: {left:?}");
    }
    // A tokenizer that was there stays as it was, though there is room for one of the new files.
    disk.leave(PLENTY);
    ok([&train[..4], &["400", "--out", &out]].concat());
    let contents = || {
        files(disk.path())
            .into_iter()
            .map(|path| (fs::read(&path).unwrap(), path))
    };
    let old: Vec<_> = contents().collect();
    disk.leave(12);
    has_no_room(&fails(train));
    assert!(contents().eq(old));
}

#[test]
fn standard_output_that_is_full_is_told() {
    let full = command(["tokenizer", "encode", &shared_model()])
        .stdin(fs::File::open(recipe("spark.toml")).unwrap())
        .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    has_no_room(&message(&full));
}
