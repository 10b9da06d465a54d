//! When did it go wrong?

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::Test;
use crate::shell::call;

pub(crate) const TESTS: &[Test] = &[
    ("the_decision_that_mattered_is_found", found),
    ("a_curve_is_the_same_however_many_processes", any_jobs),
    ("a_small_file_has_a_moment_too", of_a_file),
    ("what_ends_sooner_has_whole_futures", ends_sooner),
    ("what_holds_never_went_wrong", holds),
];

/// The first seed on which the poison comes about half way, and the round in which it does.
fn poisoned(folder: &Path) -> (u64, u64) {
    let round = |seed: u64| {
        call(folder, &format!("run rough/poisoned --seed {seed} --trace trace.jsonl"));
        let trace = fs::read_to_string(folder.join("trace.jsonl")).unwrap();
        let (_, round) = trace.split_once("poisoned in round ")?;
        round.split('"').next()?.parse().ok()
    };
    let seeds = (0..100).filter_map(|seed| Some((seed, round(seed)?)));
    seeds.into_iter().find(|(_, round)| (12..28).contains(round)).expect("one in four seeds")
}

fn explained(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&call(folder, &format!("explain {line} --when --json")).ends(1).out).unwrap()
}

/// Draws of others stand right before and right after the one that mattered.
fn found() {
    let folder = tempfile::tempdir().unwrap();
    let (seed, round) = poisoned(folder.path());
    let report = explained(folder.path(), &format!("rough/poisoned:{seed} -o curve.json"));
    let step = &report["step"];
    assert_eq!(step["decision"]["stream"], "coin", "{step}");
    assert_eq!(step["decision"]["index"], round, "{step}");
    assert_eq!(step["after"]["at_ns"], (round + 1) * 50_000_000, "{step}");
    assert_eq!(step["after"]["failed"], step["after"]["futures"], "from there it was certain: {step}");
    // 40 rounds of 12 sides: 97 % at the start, and less with each round that went well.
    let likely = |moment: &Value| moment["failed"].as_f64().unwrap() / moment["futures"].as_f64().unwrap();
    let curve = report["curve"].as_array().unwrap();
    assert!(likely(&curve[0]) > 0.85, "{curve:?}");
    assert!((0.5..0.97).contains(&likely(&step["before"])), "{step}");
    let file: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("curve.json")).unwrap()).unwrap();
    assert_eq!(file, report);

    let said = call(folder.path(), &format!("explain rough/poisoned:{seed} --when")).ends(1);
    assert!(said.out.contains("`coin` drew 11 (below)"), "{}", said.out);
    assert!(said.out.contains(&format!("the decision: {round} of `coin`")), "{}", said.out);
    assert!(said.out.contains("▲ here"), "{}", said.out);
}

fn any_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let line = "rough/fragile:1:forgets-count --moments 8 --futures 10";
    let one = explained(folder.path(), &format!("{line} --jobs 1"));
    assert_eq!(one, explained(folder.path(), &format!("{line} --jobs 3")));
}

/// Of a run made small only what it consists of is drawn anew: what is calm throughout is calm in every future.
fn of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (seed, round) = poisoned(folder.path());
    call(folder.path(), &format!("shrink rough/poisoned:{seed} -o min.json")).ends(1);
    let file = fs::read_to_string(folder.path().join("min.json")).unwrap();
    assert!(file.contains("\"noise\"") && !file.contains("\"coin\""), "{file}");
    let report = explained(folder.path(), "min.json --futures 20");
    assert_eq!(report["step"]["decision"]["stream"], "coin", "{report}");
    assert_eq!(report["step"]["decision"]["index"], round, "{report}");
    // A future is a run like any other; with the poison in its past it fails as well.
    let mut future: Value = serde_json::from_str(&file).unwrap();
    future.as_object_mut().unwrap().remove("expected");
    future["overrides"]["redraws"] = json!([{"after": report["step"]["after"]["kept"], "salt": 417}]);
    fs::write(folder.path().join("future.json"), future.to_string()).unwrap();
    call(folder.path(), "replay future.json").ends(1).says("nobody is poisoned");

    let certain = explained(folder.path(), "rough/fragile:1:forgets-count --moments 4 --futures 5");
    assert!(certain["step"].is_null(), "{certain}");
}

/// It fails from the start, at a moment that is drawn: one future in three would come to it before the end of the file.
fn ends_sooner() {
    let folder = tempfile::tempdir().unwrap();
    let file = |seed: u64| json!({"format": 1, "stormglass": "", "story": "rough/goes_on", "seed": seed, "until_ns": 130_000_000});
    let fails = |seed: &u64| {
        fs::write(folder.path().join("sooner.json"), file(*seed).to_string()).unwrap();
        call(folder.path(), "replay sooner.json").out.contains("NOT LINEARIZABLE")
    };
    assert!((0..40).any(|seed| fails(&seed)), "one in three comes to it in time");
    let report = explained(folder.path(), "sooner.json --moments 4 --futures 20");
    for moment in report["curve"].as_array().unwrap() {
        assert_eq!(moment["failed"], moment["futures"], "{report}");
    }
}

fn holds() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "explain rough/holds:1 --when").ends(64).complains("rough/holds:1: holds");
    call(folder.path(), "explain rough/holds:1").ends(64).complains("--when");
    call(folder.path(), "explain rough/poisoned:1 --when --futures 0").ends(64).complains("--futures");
}
