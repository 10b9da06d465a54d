//! What a campaign leaves behind, and what a replay makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Test;
use crate::shell::{call, command};

pub(crate) const TESTS: &[Test] = &[
    ("the_same_failure_is_told_once_and_kept_three_times", dedup),
    ("shards_part_a_campaign", shards),
    ("a_finding_survives_the_death_of_its_campaign", survives),
    ("a_replay_is_compared_with_its_file", compared),
    ("a_foreign_file_is_64", foreign),
    ("a_vacuous_campaign_is_undecided", vacuous),
    ("time_ends_a_campaign", time),
    ("nothing_run_is_nothing_known", nothing),
    ("progress_is_told_where_no_terminal_is", progress),
    ("a_place_that_cannot_be_written_is_70", unwritable),
];

fn dedup() {
    let folder = tempfile::tempdir().unwrap();
    let said =
        call(folder.path(), "fuzz rough/bites --bug bites-often --from 0 --seeds 300 --jobs 1 --json r.json")
            .ends(1);
    assert_eq!(said.out.matches("replay:").count(), 1, "{}", said.out);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("r.json")).unwrap()).unwrap();
    let failures = report["stories"][0]["failures"].as_object().unwrap();
    assert_eq!(failures.len(), 1);
    let failure = &failures["claim: nobody is bitten"];
    let count = failure["count"].as_u64().unwrap();
    assert!(count > 50, "{failure}");
    assert_eq!(failure["first"]["seed"], failure["seeds"][0], "the lowest seed speaks for it");
    let files = names(folder.path(), "findings");
    let lowest = failure["seeds"].as_array().unwrap()[..3].iter().map(|seed| seed.as_u64().unwrap());
    assert_eq!(seeds(&files), lowest.collect(), "{files:?}");
    let rest = count - 3;
    assert!(said.out.contains(&format!("counted besides: {rest}\n")), "{}", said.out);
    for file in files {
        call(folder.path(), &format!("replay findings/{file}")).ends(1).says("FELL: nobody is bitten");
    }
}

fn names(folder: &Path, path: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join(path)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The seeds of files `<story>-<seed>-…`.
fn seeds(files: &[String]) -> BTreeSet<u64> {
    files.iter().map(|name| name.split('-').nth(1).unwrap().parse().unwrap()).collect()
}

fn shards() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/bites --bug bites-often --from 0 --seeds 30 --jobs 1";
    let failure = |file: &str| -> Value {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        report["stories"][0]["failures"]["claim: nobody is bitten"].clone()
    };
    let failed = |file: &str| -> Vec<u64> {
        failure(file)["seeds"].as_array().unwrap().iter().map(|seed| seed.as_u64().unwrap()).collect()
    };
    call(folder.path(), &format!("{line} --findings whole --json whole.json")).ends(1);
    let (mut all, mut files) = (Vec::new(), Vec::new());
    for shard in 1..=3 {
        let file = format!("{shard}.json");
        call(folder.path(), &format!("{line} --shard {shard}/3 --findings parts/{shard} --json {file}"))
            .ends(1);
        all.extend(failed(&file));
        files.extend(names(folder.path(), &format!("parts/{shard}")));
    }
    all.sort_unstable();
    assert_eq!(all, failed("whole.json"), "every seed in exactly one shard");
    let whole = seeds(&names(folder.path(), "whole"));
    assert!(whole.is_subset(&seeds(&files)), "{files:?} have what the whole has: {whole:?}");
}

fn survives() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    let mut child = command(folder.path(), "fuzz rough/slow --from 0 --seeds 100000 --jobs 2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let path = findings.join("rough.slow-7.json");
    for _ in 0..600 {
        if path.exists() {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    call(folder.path(), "replay findings/rough.slow-7.json").ends(1).says("FELL: seed 7 is lucky");
}

fn compared() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/panics --from 0 --seeds 10").ends(1);
    let file = folder.path().join("findings/rough.panics-7.json");
    let said =
        call(folder.path(), "replay findings/rough.panics-7.json").ends(1).says("PANIC").says("digest 0x");
    assert!(said.out.contains("trace:"), "{}", said.out);
    let trace = fs::read_to_string(folder.path().join("findings/rough.panics-7.trace.jsonl")).unwrap();
    assert!(trace.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{trace}");

    edit(&file, |finding| {
        let place = &mut finding["expected"]["fall"]["place"];
        assert!(place.as_str().is_some_and(|place| place.contains("rough.rs:")), "{place}");
        *place = json!("rough.rs:1:1");
    });
    call(folder.path(), "replay findings/rough.panics-7.json").ends(1);
    edit(&file, |finding| finding["expected"]["digest"] = json!("0x0000000000000001"));
    call(folder.path(), "replay findings/rough.panics-7.json")
        .ends(70)
        .complains("digest was 0x0000000000000001");
    edit(&file, |finding| finding["expected"]["verdict"] = json!("holds"));
    call(folder.path(), "replay findings/rough.panics-7.json")
        .ends(70)
        .complains("verdict was holds, is safety violated");
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn foreign() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("", "not JSON"),
        ("[1]", "`format` is missing"),
        ("{\"format\": 99}", "format 99, this version reads format 1"),
        ("{\"format\": 1, \"stormglass\": \"0\", \"story\": \"rough/holds\"}", "missing field `seed`"),
        (
            "{\"format\": 1, \"stormglass\": \"0\", \"story\": \"rough/hold_s\", \"seed\": 1}",
            "did you mean `rough/holds`?",
        ),
    ] {
        fs::write(folder.path().join("x.json"), text).unwrap();
        call(folder.path(), "replay x.json").ends(64).complains(words);
    }
    fs::write(folder.path().join("x.json"), [0xff, 0xfe]).unwrap();
    call(folder.path(), "replay x.json").ends(64).complains("x.json");
}

fn vacuous() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/vacuous --seeds 4").ends(0);
    call(folder.path(), "fuzz rough/vacuous --seeds 5")
        .ends(3)
        .says("never seen in 5 runs: something happens");
    call(folder.path(), "fuzz rough/bugged --from 0 --seeds 20").ends(0);
    call(folder.path(), "fuzz rough/excused --seeds 3")
        .ends(3)
        .says("all 3 runs were excused: nothing is known");
}

fn nothing() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/holds --seeds 0 --junit r.xml --markdown r.md")
        .ends(3)
        .says("not run")
        .says("nothing was run, so nothing is known");
    let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
    assert!(read("r.xml").contains("<skipped") && read("r.md").contains("| rough/holds | 0 | 0 | not run |"));
    // A part may be empty, of the whole it is no fault.
    for shard in 1..=3 {
        let line = format!("fuzz rough/holds --from 0 --seeds 2 --shard {shard}/3 --json {shard}.json");
        let said = call(folder.path(), &line).ends(0);
        assert_eq!(said.out.contains("nothing was run"), shard == 3, "{}", said.out);
    }
    call(folder.path(), "merge 1.json 2.json 3.json").ends(0).says("2 runs");
}

fn progress() {
    let folder = tempfile::tempdir().unwrap();
    let told = |every: &str| {
        let mut command = command(folder.path(), "fuzz rough/lingers --from 0 --seeds 200 --jobs 1");
        let output = command.env("STORMGLASS_PROGRESS", every).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (out, err) = told("50ms");
    let line = err.lines().next().expect("it takes longer than that");
    for words in ["/200 runs, ", " a second, ", " simulated (", "0 distinct failures"] {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    assert!(out.contains(" s simulated (") && out.contains(" s a second); 0 distinct failures"), "{out}");
    assert_eq!(told("1h").1, "", "what is not long is told at its end");
    assert!(told("soon").1.contains("STORMGLASS_PROGRESS: 'soon' is not a duration"));
}

fn time() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/holds --time 300ms").ends(0).says("holds");
}

fn unwritable() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    call(folder.path(), "fuzz rough/panics --from 0 --seeds 10 --findings file/x")
        .ends(70)
        .complains("file/x");
}
