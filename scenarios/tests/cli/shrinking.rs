//! Failures are made small, and stay what they are.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Test;
use crate::fragile::CHANGED;
use crate::shell::{Said, call, command};

pub(crate) const TESTS: &[Test] = &[
    ("a_failure_is_made_as_small_as_it_can_be", small),
    ("nothing_can_be_taken_from_what_is_left", minimal),
    ("a_small_failure_outlives_changes_of_the_code", outlives),
    ("a_place_that_misbehaves_outlives_lines_above_it", moved_place),
    ("a_small_failure_is_the_same_in_any_build", any_build),
    ("how_small_does_not_depend_on_how_many_processes", any_jobs),
    ("a_run_that_goes_on_after_its_failure_ends_earlier", ends_earlier),
    ("a_death_is_made_small", death),
    ("a_budget_is_kept", budget),
    ("what_holds_cannot_be_made_small", holds),
];

const FAILS: &str = "rough/fragile:1:forgets-count";

/// Runs `shrink` and reads what it says of itself.
fn shrunk(folder: &Path, line: &str) -> Value {
    let said = call(folder, &format!("shrink {line} -o min.json --json")).ends(1);
    serde_json::from_str(&said.out).unwrap()
}

fn small() {
    let folder = tempfile::tempdir().unwrap();
    let report = shrunk(folder.path(), FAILS);
    assert!(report["before"].as_str().unwrap().contains("two servers more than there must be"), "{report}");
    assert_eq!(report["after"], "one crash, two clients, three steps", "{report}");
    assert_eq!((&report["faults"], &report["finished"]), (&1.into(), &true.into()), "{report}");
    let said = call(folder.path(), "replay min.json").ends(1).says("FELL: the count never goes back");
    assert!(said.out.contains("all it takes: one crash, two clients, three steps"), "{}", said.out);
    assert_eq!(said.err, "", "the same failure, without a word on its digest");
}

/// Takes one decision at a time from the file.
fn minimal() {
    let folder = tempfile::tempdir().unwrap();
    shrunk(folder.path(), FAILS);
    let file: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("min.json")).unwrap()).unwrap();
    let points = file["overrides"]["points"].as_object().unwrap();
    let mut taken = 0;
    for (stream, indices) in points {
        for index in indices.as_object().unwrap().keys() {
            let mut less = file.clone();
            less.as_object_mut().unwrap().remove("expected");
            less["overrides"]["points"][stream][index] = 0.into();
            fs::write(folder.path().join("less.json"), less.to_string()).unwrap();
            call(folder.path(), "replay less.json").ends(0);
            taken += 1;
        }
    }
    assert!(taken >= 4, "one crash, and two clients or their steps: {points:?}");
}

/// Of code that has changed since.
fn changed(folder: &Path, change: &str, line: &str) -> Said {
    let output = command(folder, line).env(CHANGED, change).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Both a file just made and the one that was kept, which is of a debug build of another day.
fn outlives() {
    let folder = tempfile::tempdir().unwrap();
    let with = |change: &str, line: &str| changed(folder.path(), change, line);
    call(folder.path(), &format!("shrink {FAILS} -o min.json")).ends(1);
    fs::copy(KEPT, folder.path().join("kept.json")).unwrap();
    for change in ["none", "log", "draw"] {
        for file in ["min.json", "kept.json"] {
            let said =
                with(change, &format!("replay {file}")).ends(1).says("FELL: the count never goes back");
            assert_eq!(said.err, "", "{change}: {file}");
        }
    }
    // The changes are there: a log line is in the trace, and no event; with a draw more the seed is another run.
    let trace = |change: &str| {
        with(change, "replay kept.json --trace t.jsonl");
        fs::read_to_string(folder.path().join("t.jsonl")).unwrap()
    };
    assert!(trace("log").contains("one more") && !trace("none").contains("one more"));
    let digest = |change: &str| {
        let said = with(change, "replay rough/fragile:1");
        let line = said.out.lines().find(|line| line.contains("digest")).unwrap_or_default().to_owned();
        line[line.find("0x").expect("a digest")..].to_owned()
    };
    assert_eq!(digest("none"), digest("log"));
    assert_ne!(digest("none"), digest("draw"));
}

fn moved_place() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/hasty --from 0 --seeds 40 --schedule random").ends(1);
    let found = fs::read_dir(folder.path().join("findings")).unwrap().next().unwrap().unwrap().path();
    call(folder.path(), &format!("shrink {} -o min.json", found.display())).ends(1);
    for change in ["none", "log"] {
        changed(folder.path(), change, "replay min.json").ends(1).says("FELL: nobody is late");
    }
    // Of a function that has another name now nothing is known, and a corpus says so.
    let small = fs::read_to_string(folder.path().join("min.json")).unwrap();
    fs::create_dir(folder.path().join("corpus")).unwrap();
    let again =
        || call(folder.path(), "fuzz rough/hasty --from 0 --seeds 0 --corpus corpus --findings again");
    fs::write(folder.path().join("corpus/min.json"), &small).unwrap();
    assert_eq!(again().ends(1).says("1 runs that once failed, 1 still do").err, "");
    // Among the points, and not in the list of calm streams before.
    let (calm, points) = small.split_once("\"points\"").unwrap();
    let renamed = format!("{calm}\"points\"{}", points.replace("hasty#", "hurried#"));
    fs::write(folder.path().join("corpus/min.json"), renamed).unwrap();
    again()
        .says("1 runs that once failed, 0 still do")
        .complains("corpus/min.json: it holds, but the run it was is gone: nothing is drawn any more from `cli::fragile::hurried#");
    call(folder.path(), "replay corpus/min.json")
        .ends(0)
        .complains("it no longer fails (")
        .complains(". Nothing is drawn any more from `cli::fragile::hurried#");
}

/// Written by a debug build, on another day: whatever builds this test, a release build too, must fail in the same way.
/// `cargo xtask builds` has both builds at once, and goes both ways.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/fragile.min.json");

fn any_build() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(KEPT, folder.path().join("fragile.min.json")).unwrap();
    let said = call(folder.path(), "replay fragile.min.json").ends(1).says("FELL: the count never goes back");
    assert_eq!(said.err, "", "verdict and claim are those of the file");
}

fn any_jobs() {
    let folder = tempfile::tempdir().unwrap();
    shrunk(folder.path(), &format!("{FAILS} --jobs 1"));
    let one = fs::read(folder.path().join("min.json")).unwrap();
    shrunk(folder.path(), &format!("{FAILS} --jobs 3"));
    assert_eq!(one, fs::read(folder.path().join("min.json")).unwrap());
}

/// The judge looks at the end, a minute after it happened; less than half a second suffices.
fn ends_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let read = |file: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.path().join(file)).unwrap()).unwrap()
    };
    let report = shrunk(folder.path(), "rough/goes_on:1");
    assert_eq!((&report["operations"], &report["finished"]), (&0.into(), &true.into()), "{report}");
    let small = read("min.json");
    let until = small["until_ns"].as_u64().expect("it has an end of its own");
    assert!(until < 500_000_000, "{until}");
    assert!(small["expected"]["at_ns"].as_u64().unwrap() <= until, "{small}");
    let said = call(folder.path(), "replay min.json").ends(1).says("NOT LINEARIZABLE");
    assert_eq!(said.err, "", "the same failure");
    // It is the end that it needs: earlier there is no failure to be judged, as when its cause is mended.
    fs::create_dir(folder.path().join("corpus")).unwrap();
    let mut less = small;
    less["until_ns"] = (until / 8).into();
    fs::write(folder.path().join("corpus/less.json"), less.to_string()).unwrap();
    call(folder.path(), "replay corpus/less.json")
        .ends(0)
        .says("holds after")
        .complains("it no longer fails (linearizable: the history is linearizable)");
    // One in a corpus keeps it, too.
    fs::rename(folder.path().join("min.json"), folder.path().join("corpus/min.json")).unwrap();
    call(folder.path(), "fuzz rough/goes_on --from 0 --seeds 0 --corpus corpus --findings kept")
        .ends(1)
        .says("2 runs that once failed, 1 still do");
    let kept = fs::read_dir(folder.path().join("kept")).unwrap().next().unwrap().unwrap().path();
    let kept: Value = serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(kept["until_ns"], until);
}

fn death() {
    let folder = tempfile::tempdir().unwrap();
    // Each decision is known that it took, up to its death.
    let found = call(folder.path(), "fuzz rough/falls --from 0 --seeds 40 --json r.json").ends(1);
    let replay = found.out.lines().find_map(|line| line.trim().strip_prefix("replay:  rough replay "));
    let report = shrunk(folder.path(), replay.expect("it says how"));
    assert_eq!(report["after"], "one crash, one step", "{report}");
    call(folder.path(), "replay min.json").ends(1).says("ABORT").says("all it takes: one crash, one step");
    call(folder.path(), "explain --when min.json").ends(64).complains("its process did not survive");
}

fn budget() {
    let folder = tempfile::tempdir().unwrap();
    let report = shrunk(folder.path(), &format!("{FAILS} --budget 5"));
    assert_eq!(report["finished"], false, "{report}");
    call(folder.path(), "replay min.json").ends(1);
}

fn holds() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "shrink rough/holds:1")
        .ends(64)
        .complains("rough/holds:1: holds, there is nothing to explain or to make smaller");
    call(folder.path(), "shrink rough/hodls:1").ends(64).complains("did you mean");
    call(folder.path(), "shrink rough/bites:1:bites-often --jobs 0").ends(64).complains("0 is not in 1..");
}
