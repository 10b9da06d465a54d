//! What a campaign leaves behind, and what a replay makes of it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Test;
use crate::shell::{call, command};

pub(crate) const TESTS: &[Test] = &[
    ("the_same_failure_is_told_once_and_kept_each_time", dedup),
    ("shards_part_a_campaign", shards),
    ("a_finding_survives_the_death_of_its_campaign", survives),
    ("a_replay_is_compared_with_its_file", compared),
    ("a_foreign_file_is_64", foreign),
    ("a_vacuous_campaign_is_undecided", vacuous),
    ("time_ends_a_campaign", time),
    ("a_place_that_cannot_be_written_is_70", unwritable),
];

fn dedup() {
    let folder = tempfile::tempdir().unwrap();
    let said =
        call(folder.path(), "fuzz rough/bites --bug bites-often --from 0 --seeds 40 --json r.json").ends(1);
    assert_eq!(said.out.matches("replay:").count(), 1, "{}", said.out);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("r.json")).unwrap()).unwrap();
    let failures = report["stories"][0]["failures"].as_object().unwrap();
    assert_eq!(failures.len(), 1);
    let failure = &failures["claim: nobody is bitten"];
    let count = failure["count"].as_u64().unwrap();
    assert!(count > 5, "{failure}");
    assert_eq!(failure["first"]["seed"], failure["seeds"][0], "the lowest seed speaks for it");
    assert_eq!(fs::read_dir(folder.path().join("findings")).unwrap().count() as u64, count);
}

fn shards() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/bites --bug bites-often --from 0 --seeds 40";
    call(folder.path(), &format!("{line} --findings whole")).ends(1);
    for shard in 1..=3 {
        call(folder.path(), &format!("{line} --shard {shard}/3 --findings parts/{shard}")).ends(1);
    }
    let names = |path: &str| -> Vec<String> {
        let entries = fs::read_dir(folder.path().join(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut parts: Vec<String> = (1..=3).flat_map(|shard| names(&format!("parts/{shard}"))).collect();
    let mut whole = names("whole");
    parts.sort();
    whole.sort();
    assert_eq!(parts, whole, "every seed in exactly one shard");
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
    call(folder.path(), "fuzz rough/excused --seeds 100").ends(3).says("100 of 100 runs were excused");
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
