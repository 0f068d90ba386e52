//! A run that is killed, and goes on, ends with the same bits as one that never was.

use crate::common::{STAGES, command, figures, manifest, ok, outputs, puna, shared_run, tiny_run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

/// What a line is about, the same when the same work is done again; none of a line that tells of no work.
fn key(line: &str) -> Option<String> {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let work = line["status"] != "up to date" && line["event"] != "resumed";
    let names = ["stage", "event", "status", "done", "unit", "step"];
    work.then(|| format!("{:?}", names.map(|name| line[name].take())))
}

/// Where each line of a run that nothing disturbed is told, and where the work of each stage.
fn undisturbed() -> (BTreeMap<String, usize>, Vec<Range<usize>>) {
    let (mut places, mut stages, mut end) = (BTreeMap::new(), Vec::new(), 0);
    for stage in STAGES {
        let start = end;
        let log = fs::read_to_string(shared_run().join(stage).join("log.jsonl")).unwrap();
        for line in log.lines() {
            places.entry(key(line).unwrap()).or_insert(end);
            end += 1;
        }
        // The last line says that it is done.
        stages.push(start..end - 1);
    }
    (places, stages)
}

/// Numbers by chance, the same every time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Runs until the work has come to a place and a little longer, then kills. False if the run was
/// quicker and ended by itself.
fn is_killed(run: &Path, places: &BTreeMap<String, usize>, place: usize, after: Duration) -> bool {
    let mut child = command(tiny_run(run, &["--json", "--threads", "2"]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let has_come = lines.any(|line| {
        let at = key(&line.unwrap()).and_then(|key| places.get(&key));
        at.is_some_and(|&at| at >= place)
    });
    if has_come {
        sleep(after);
    }
    // SIGKILL: nothing is left to tidy up.
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    status.signal().is_some()
}

/// The stage that has begun and not ended.
fn unfinished(run: &Path) -> Option<&'static str> {
    let begun = |stage: &&str| run.join(stage).join("manifest.json").exists();
    let mut begun = STAGES.into_iter().filter(begun);
    begun.find(|stage| manifest(run, stage)["status"] == "running")
}

#[test]
fn killed_twenty_times_and_still_the_same_bits() {
    const KILLS: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    let (places, stages) = undisturbed();
    let mut draw = Draw(12345);
    // One in each stage, however short, and the others anywhere.
    let each = stages.iter();
    let mut drawn: Vec<usize> = each.map(|s| s.start + draw.below(s.len())).collect();
    let end = stages[14].end;
    drawn.resize_with(KILLS, || draw.below(end));
    drawn.sort_unstable();
    let mut hit: BTreeMap<&str, usize> = BTreeMap::new();
    for &place in &drawn {
        let mut tries = 0;
        while !is_killed(
            run,
            &places,
            place,
            Duration::from_millis(draw.below(21) as u64),
        ) {
            // Too late: what the run did last is done again.
            fs::remove_dir_all(run.join(STAGES[14])).unwrap();
            tries += 1;
            assert!(tries < 100, "no kill comes in time at line {place}");
        }
        *hit.entry(unfinished(run).unwrap_or("between stages"))
            .or_default() += 1;
    }
    eprintln!("at lines {drawn:?}, in {hit:?}");
    assert_eq!(hit.values().sum::<usize>(), KILLS);
    let later = STAGES[6..].iter().filter(|stage| hit.contains_key(*stage));
    assert!(
        hit.contains_key("05-pretrain") && hit.contains_key("06-sft") && later.count() >= 4,
        "{hit:?}"
    );
    ok(tiny_run(run, &["--threads", "2"]));
    for stage in STAGES {
        assert_eq!(outputs(run, stage), outputs(shared_run(), stage), "{stage}");
    }
    for stage in ["05-pretrain", "06-sft"] {
        assert_eq!(figures(run, stage), figures(shared_run(), stage), "{stage}");
    }
    ok(["verify".as_ref(), run.as_os_str()]);
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
