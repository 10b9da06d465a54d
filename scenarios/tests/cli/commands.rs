//! Each command's output and exit codes, where nothing dies.

use serde_json::{Value, json};

use crate::Test;
use crate::shell::{alone, call, command};

pub(crate) const TESTS: &[Test] = &[
    ("usage_errors_are_64_and_name_the_remedy", usage),
    ("help_and_version_are_0", help),
    ("list_names_claims_and_bugs", list),
    ("run_says_which_kind_of_wrong", run),
    ("a_failure_is_three_lines", three_lines),
    ("bugs_are_counted_the_same_with_any_number_of_processes", bugs),
    ("a_harmless_variant_must_not_be_flagged", harmless),
    ("a_missed_bug_is_1", missed),
    ("determinism_finds_what_depends_on_the_process", determinism),
    ("a_closed_stdout_is_no_panic", closed_stdout),
    ("a_run_without_a_seed_prints_the_one_it_drew", fresh_seed),
];

fn usage() {
    for (line, words) in [
        ("run rough/hold-s", "did you mean `rough/holds`?"),
        ("run nothing", "no story is called `nothing`"),
        ("run rough --seed 1", " stories, one is needed"),
        ("run rough/holds --seed x", "'x' is not a seed"),
        ("run rough/bites --bug bites-oft", "did you mean `bites-often`?"),
        ("fuzz rough/holds --seeds -3", "unexpected argument '-3'"),
        ("fuzz rough/holds --time 3parsec", "'3parsec' is not a duration"),
        ("fuzz rough/holds --shard 3/2 --from 0", "'3/2' is not a shard"),
        ("fuzz rough/holds --shard 1/2", "--from"),
        ("bugs rough/holds", "has a known bug"),
        ("replay rough/holds", "as a run, STORY:SEED[:BUG], it lacks its seed"),
        ("run rough/holds:7", "`run rough/holds --seed 7`; or `replay rough/holds:7`"),
        ("replay rough/holds:12x", "'12x' is not a seed"),
        ("replay rough/held:1", "did you mean `rough/holds`?"),
        ("squeeze rough/holds:1", "unrecognized subcommand"),
        ("", "Usage:"),
    ] {
        alone(line).ends(64).complains(words);
    }
}

fn help() {
    let said = alone("--help").ends(0).says("determinism").says("Exit codes");
    assert!(!said.out.contains("worker"), "hidden, and not for people:\n{}", said.out);
    alone("--version").ends(0).says(env!("CARGO_PKG_VERSION"));
    alone("fuzz --help").ends(0).says("--shard");
}

fn list() {
    alone("list")
        .ends(0)
        .says("rough/bites\n  The bug is caught by a claim\n  catches: bites-often, bites-rarely\n");
    let said = alone("list rough/vac --json").ends(0);
    let list: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(list[0]["story"], "rough/vacuous");
    assert_eq!(list[0]["sometimes"][0], "something happens");
}

fn run() {
    for (line, code, words) in [
        ("rough/holds --seed 1", 0, "holds after"),
        ("rough/bites --seed 1", 0, "holds after"),
        ("rough/excused --seed 1", 0, "excused: all disks burnt"),
        ("rough/panics --seed 7", 1, "PANIC"),
        ("rough/panics --seed 0x8", 0, "seed 8  holds"),
        ("rough/stalls --seed 1", 2, "STALLED: every client finishes after 2 s (simulated)"),
        (
            "rough/stalls --seed 1",
            2,
            "2 s after the calm began: c1 has not finished; server ended with an error at 0ns and was not started again: \
             no such disk\n",
        ),
        ("rough/undecided --seed 1", 3, "UNDECIDED"),
        ("rough/chatters --seed 1", 0, "holds"),
    ] {
        alone(&format!("run {line}")).ends(code).says(words);
    }
    let said = alone("run rough/panics --seed 7 --json").ends(1);
    let outcome: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(outcome["verdict"], "safety_violated");
    assert_eq!(outcome["fall"]["oracle"], "panic");
    assert!(outcome["digest"].as_str().unwrap().starts_with("0x"));
}

fn three_lines() {
    let said = (0..64)
        .map(|seed| alone(&format!("run rough/bites --bug bites-often --seed {seed}")))
        .find(|said| said.code == Some(1))
        .unwrap();
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", said.out);
    assert!(
        lines[0].starts_with("rough/bites  seed ") && lines[0].contains("  bug bites-often  "),
        "{}",
        lines[0]
    );
    assert!(
        lines[0].contains("FELL: nobody is bitten after ") && lines[0].ends_with("(simulated)"),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1], "  a was bitten by b, although b was on a leash");
    let replay = lines[2].strip_prefix("  replay:  rough ").unwrap();
    alone(replay).ends(1).says(lines[0]);
}

fn bugs() {
    let said = alone("bugs rough/bites --json --jobs 1").ends(0);
    let table: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((table[0]["bug"].as_str(), table[0]["caught"].as_bool()), (Some("bites-often"), Some(true)));
    assert_eq!(table[1]["oracle"], "claim: nobody is bitten");
    let seeds = table[1]["seeds"].as_u64().unwrap();
    let again = alone("bugs rough/bites --json --jobs 4").ends(0);
    assert_eq!(table, serde_json::from_str::<Value>(&again.out).unwrap());
    // How long it took is no part of that, unless it is asked for.
    let timed = alone("bugs rough/bites --json --cpu 60s").ends(0);
    assert!(serde_json::from_str::<Value>(&timed.out).unwrap()[0]["cpu"].is_number());
    // The count is true: one seed fewer is not enough.
    if seeds > 1 {
        alone(&format!("bugs rough/bites --seeds {}", seeds - 1))
            .ends(1)
            .says("bites-rarely  rough/bites  missed");
    }
    alone(&format!("bugs rough/bites --seeds {seeds}")).ends(0).says("2 of 2 caught");
}

fn missed() {
    alone("bugs rough/blind --seeds 5").ends(1).says("missed in 5 seeds").says("0 of 1 caught");
}

fn harmless() {
    alone("bugs rough/barks --seeds 20 --from 5")
        .ends(0)
        .says("barks  rough/barks  survived 20 seeds")
        .says("0 of 0 caught, 0 of 1 harmless ones flagged");
    alone("bugs rough/jumps --seeds 20").ends(1).says("flagged, though harmless").says("1 of 1 harmless");
    alone("list rough/barks").ends(0).says("does not flag: barks");
}

fn determinism() {
    alone("determinism rough/holds rough/panics --seeds 10").ends(0).says("20 runs twice");
    alone("determinism rough/holds --seeds 10 --schedule portfolio").ends(0).says("10 runs twice");
    alone("determinism rough/holds:7 --schedule pct2").ends(0).says("1 run twice");
    alone("determinism rough/differs:1 --schedule pos")
        .ends(1)
        .says("seed 1  DIFFERS")
        .says("differs-1-pos.a.trace");
    alone("determinism rough/holds:7 --bug barks").ends(64).complains("STORY:SEED:BUG");
    alone("determinism rough/holds --bug barks").ends(0).says("20 runs twice");
    let said = alone("determinism rough/differs --seeds 2")
        .ends(1)
        .says("DIFFERS")
        .says("  line 2: node world, the story itself\n")
        .says("traces:");
    assert!(said.out.lines().any(|line| line.contains("\"node\"")), "{}", said.out);
    // Two processes in nine agree on the order of the table by chance.
    let said = (0..20).map(|_| alone("determinism rough/unordered --seeds 1 --json")).find(|said| {
        let report: Value = serde_json::from_str(&said.out).unwrap();
        !report["first"].is_null()
    });
    let report: Value = serde_json::from_str(&said.expect("they do not always agree").out).unwrap();
    let (first, second) = (&report["first"], &report["second"]);
    for side in [first, second] {
        assert_eq!(
            (&side["event"]["event"], &side["event"]["node"]),
            (&json!("send"), &json!("sender")),
            "{side}"
        );
        assert!(side["words"].as_str().unwrap().starts_with("at 3 ms sender sent udp to n"), "{side}");
        assert!(side["place"].as_str().unwrap().contains("rough.rs"), "{side}");
        let to = side["event"]["to"].as_str().unwrap();
        let link = format!("sender>{to}/link");
        assert!(side["drawn"].as_array().unwrap().iter().any(|drawn| drawn["stream"] == *link), "{side}");
    }
    assert_ne!(first["event"]["to"], second["event"]["to"]);
    assert_ne!(report["decision"]["first"]["stream"], report["decision"]["second"]["stream"]);
    let held: Value =
        serde_json::from_str(&alone("determinism rough/holds --seeds 3 --json").ends(0).out).unwrap();
    assert_eq!(held, json!({"runs": 3}));
    // Where the kernel does not move memory about, two processes agree on addresses.
    let moves = std::fs::read_to_string("/proc/sys/kernel/randomize_va_space");
    if moves.is_ok_and(|moves| moves.trim() != "0") {
        alone("determinism rough/by_address --seeds 2").ends(1).says("DIFFERS").says("node world");
    }
}

fn closed_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(folder.path(), "list").stdout(writer).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.is_empty(), "{err}");
    assert_eq!(output.status.code(), Some(141));
}

fn fresh_seed() {
    let folder = tempfile::tempdir().unwrap();
    let said = call(folder.path(), "run rough/holds").ends(0);
    let seed = said.out.split_whitespace().nth(2).unwrap().to_owned();
    let again = call(folder.path(), &format!("run rough/holds --seed {seed}")).ends(0);
    assert_eq!(said.out, again.out);
    call(folder.path(), "fuzz rough/holds --seeds 2").ends(0).says("seeds from ");
}
