//! The built-in stories hold, their bugs are caught, and a seed is the same run twice: a few seeds each, quick enough for
//! every commit. `stormglass fuzz`, `bugs` and `determinism` are the same with as many seeds as one likes.

#![cfg(feature = "systems")]

use std::process::Command;

#[track_caller]
fn stormglass(line: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    let output = command.args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "stormglass {line}\n{out}\n{err}");
    out
}

#[test]
fn every_story_holds() {
    stormglass("fuzz --from 1000 --seeds 20");
}

#[test]
fn every_bug_is_caught_by_its_story() {
    let out = stormglass("bugs --seeds 150");
    assert!(!out.contains("missed") && !out.contains("flagged, though"), "{out}");
}

/// However little a run writes: a bound that nothing could exceed would judge nothing.
#[test]
fn a_log_that_is_never_cut_is_too_long_in_every_setting() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    let line = "fuzz kvraft/lab_snapshot kvraft/lab_versioned_snapshot --bug never-snapshots --seeds 2 --json r.json";
    let output = command.args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let stories = report["stories"].as_array().unwrap();
    assert!(stories.len() >= 12, "{report}");
    for story in stories {
        assert_eq!(story["holds"].as_u64().unwrap_or_default(), 0, "{story}");
    }
}

#[test]
fn a_seed_is_the_same_run_in_another_process() {
    stormglass("determinism --seeds 5");
}

#[test]
fn every_story_is_told_as_it_should_be() {
    let stories = stormglass::stories();
    for story in &stories {
        assert!(!story.claim().ends_with('.') && story.claim().len() < 120, "{}", story.name());
        assert_eq!(
            stories.iter().filter(|other| other.name() == story.name()).count(),
            1,
            "{}",
            story.name()
        );
    }
}

#[test]
fn every_known_bug_names_a_story_that_lists_it() {
    use stormglass_systems::bugs::Known;
    fn listed<B: Known>() {
        for bug in B::ALL {
            let stories = stormglass::stories();
            let story = stories.iter().find(|story| story.name() == bug.story());
            let listed = |story: &stormglass::Story| match bug.is_harmless() {
                true => story.harmless().contains(&bug.name()),
                false => story.bugs().contains(&bug.name()),
            };
            assert!(story.is_some_and(listed), "{bug:?}");
        }
    }
    listed::<stormglass_systems::kv::bugs::Bug>();
    listed::<stormglass_systems::kvonce::bugs::Bug>();
    listed::<stormglass_systems::kvraft::bugs::Bug>();
    listed::<stormglass_systems::mapreduce::bugs::Bug>();
    listed::<stormglass_systems::raft::bugs::Bug>();
    listed::<stormglass_systems::shardkv::bugs::Bug>();
}

/// A bug that shows between two steps that follow each other at once, found and made small: the crash that it takes is left.
#[test]
fn an_ambush_is_a_fault_like_any_other() {
    let out = stormglass("bugs kv/rare_puts --seeds 60");
    let seed: u64 =
        out.split_once("after ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    let what = format!("kv/rare_puts:{}:value-before-version", seed - 1);
    let output = command.args(["shrink", &what, "--json"]).current_dir(folder.path()).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["faults"], 1, "{report}");
    assert!(report["after"].as_str().unwrap().contains("one crash right after an fsync"), "{report}");
}
