//! A run that is killed, and goes on, ends with the same bits as one that never was.

use crate::common::{STAGES, command, ok, outputs, puna, shared_run, tiny_run};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

/// Runs until so many lines have been told, then kills. True if the run ended by itself.
fn run_and_kill(run: &Path, lines: usize) -> bool {
    let mut child = command(tiny_run(run, &["--json", "--threads", "2"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .take(lines)
        .count();
    // SIGKILL: nothing is left to tidy up.
    child.kill().unwrap();
    let status = child.wait().unwrap();
    told < lines && status.success()
}

#[test]
fn killed_twenty_times_and_still_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let mut draw = 12345u64;
    let mut kills = 0;
    // Skipped stages tell a line each, so later kills must wait for more lines to come as far.
    for round in 0..200 {
        draw = draw
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let lines = 1 + (draw >> 33) as usize % (4 + round);
        if run_and_kill(dir.path(), lines) {
            break;
        }
        kills += 1;
        if kills == 20 {
            break;
        }
    }
    assert!(kills >= 20, "only {kills} kills before the end");
    ok(tiny_run(dir.path(), &["--threads", "2"]));
    for stage in STAGES {
        assert_eq!(
            outputs(dir.path(), stage),
            outputs(shared_run(), stage),
            "{stage}"
        );
    }
    ok(["verify".as_ref(), dir.path().as_os_str()]);
}

#[test]
fn one_thread_gives_the_bits_of_two() {
    let dir = tempfile::tempdir().unwrap();
    ok(tiny_run(dir.path(), &["--threads", "1"]));
    for stage in [
        "04-tokens",
        "05-pretrain",
        "06-sft",
        "11-v2",
        "12-ppo",
        "15-evaluate",
    ] {
        assert_eq!(
            outputs(dir.path(), stage),
            outputs(shared_run(), stage),
            "{stage}"
        );
    }
}

#[test]
fn two_runs_in_one_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(tiny_run(
        dir.path(),
        &["--json", "--set", "pretrain.steps=100000"],
    ))
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"stage\":\"pretrain\"")));
    let second = puna(tiny_run(dir.path(), &[]));
    child.kill().unwrap();
    child.wait().unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(
        told.contains(&format!("(process {})", child.id())),
        "{told}"
    );
    assert_eq!(second.status.code(), Some(1));
    // The dead run's lock is nobody's.
    ok(tiny_run(dir.path(), &["--until", "tokens"]));
}
