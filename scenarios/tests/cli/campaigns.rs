//! Campaigns that are interrupted, split, started from what once failed, and told to others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Test;
use crate::shell::{Said, call, command};

pub(crate) const TESTS: &[Test] = &[
    ("a_killed_campaign_goes_on_and_comes_to_the_same", resumes),
    ("there_must_be_something_to_go_on_with", nothing_to_resume),
    ("a_campaign_takes_nobodys_place", nobodys_place),
    ("a_campaign_shares_its_folder_with_nobody", at_work),
    ("a_campaign_killed_at_its_corpus_goes_on_with_it", resumes_corpus),
    ("another_build_that_goes_on_is_told", another_build),
    ("what_is_endless_begins_at_once", endless),
    ("parts_merged_are_the_whole", merges),
    ("parts_that_do_not_belong_together_are_refused", foreign_parts),
    ("a_job_array_says_which_part_this_is", array),
    ("what_once_failed_is_run_first", corpus),
    ("a_finding_of_the_corpus_keeps_its_overrides", corpus_with_overrides),
    ("a_campaign_is_told_to_ci", ci),
    ("results_go_through_what_is_no_file", through),
    ("a_run_that_eats_memory_ends_alone", memory),
    ("a_campaign_nobody_listens_to_ends_and_goes_on", unheard),
];

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

fn resumes() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/bites rough/lingers --from 0 --seeds 60 --bug bites-often";
    call(folder.path(), &format!("{line} --findings whole --json whole.json")).ends(1);

    let state = folder.path().join("findings/campaign.state");
    let mut kills = 0;
    for attempt in 0..40 {
        // What it was called with does as well, as long as it has not ended.
        let line = if attempt % 2 == 0 {
            format!("{line} --json parts.json")
        } else {
            "fuzz --resume --json parts.json".into()
        };
        let mut child =
            command(folder.path(), &line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while attempt == 0 && !state.exists() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        std::thread::park_timeout(Duration::from_millis(60 + 45 * attempt));
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // It goes last: without it the campaign has ended, and told what it came to.
        if !state.exists() {
            break;
        }
    }
    assert!(kills > 1, "it was over too soon to be interrupted");
    assert!(!state.exists(), "a campaign that has ended leaves no state behind");
    assert_eq!(read(folder.path(), "parts.json"), read(folder.path(), "whole.json"));
    // Both have the lowest seeds of each failure; one that was reached out of order may have a file besides.
    let names = |path: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder.path().join(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let result: Value = serde_json::from_str(&read(folder.path(), "whole.json")).unwrap();
    let failure = &result["stories"][0]["failures"]["claim: nobody is bitten"];
    for seed in &failure["seeds"].as_array().unwrap()[..3] {
        let begins = format!("rough.bites-{seed}-");
        let of = |path: &str| names(path).into_iter().find(|name| name.starts_with(&begins)).unwrap();
        let (one, other) = (of("whole"), of("findings"));
        assert_eq!(
            read(folder.path(), &format!("whole/{one}")),
            read(folder.path(), &format!("findings/{other}"))
        );
    }
}

fn nothing_to_resume() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz --resume").ends(64).complains("no campaign was interrupted there");
    call(folder.path(), "fuzz --resume --seeds 3").ends(64).complains("--seeds");
    fs::create_dir(folder.path().join("findings")).unwrap();
    fs::write(folder.path().join("findings/campaign.state"), "{").unwrap();
    call(folder.path(), "fuzz --resume").ends(64).complains("not the state of a campaign");
}

/// Starts a campaign, and kills it as soon as it has a state.
fn interrupted(folder: &Path, line: &str) {
    let mut child = command(folder, line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let state = folder.join("findings/campaign.state");
    for _ in 0..1000 {
        if state.exists() {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.exists(), "it has ended, or never begun");
}

fn nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    interrupted(folder.path(), "fuzz rough/lingers --from 0 --seeds 3000");
    let before = read(folder.path(), "findings/campaign.state");
    call(folder.path(), "fuzz rough/holds --from 0 --seeds 3")
        .ends(64)
        .complains("interrupted after")
        .complains("--resume");
    assert_eq!(read(folder.path(), "findings/campaign.state"), before);
    call(folder.path(), "fuzz rough/holds --from 0 --seeds 3 --findings other").ends(0);
    fs::write(folder.path().join("findings/campaign.state"), "{").unwrap();
    call(folder.path(), "fuzz rough/holds --from 0 --seeds 3").ends(64).complains("cannot go on with");
    // What never began leaves nothing in the way of the next.
    call(folder.path(), "fuzz rough/holds --from 0 --seeds 3 --findings new --corpus nowhere").ends(64);
    call(folder.path(), "fuzz rough/holds --from 0 --seeds 3 --findings new").ends(0);
}

/// Neither a new campaign nor one that goes on may share the folder of one that runs.
fn at_work() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/lingers --from 0 --seeds 100000 --jobs 1";
    let mut child = command(folder.path(), line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !folder.path().join("findings/campaign.state").exists() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    for other in ["fuzz rough/holds --from 0 --seeds 3", "fuzz --resume"] {
        call(folder.path(), other)
            .ends(64)
            .complains("--findings findings: another campaign is at work there");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    call(folder.path(), "fuzz rough/holds --from 0 --seeds 3").ends(64).complains("interrupted after");
}

fn resumes_corpus() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/panics --from 0 --seeds 10 --findings corpus").ends(1);
    let one: Value = serde_json::from_str(&read(folder.path(), "corpus/rough.panics-7.json")).unwrap();
    for seed in 0..400 {
        let mut more = one.clone();
        (more["story"], more["seed"]) = (json!("rough/lingers"), json!(seed));
        fs::write(folder.path().join(format!("corpus/a-{seed}.json")), more.to_string()).unwrap();
    }
    interrupted(
        folder.path(),
        "fuzz rough/panics rough/lingers --from 100 --seeds 3 --corpus corpus --jobs 1",
    );
    call(folder.path(), "fuzz --resume")
        .ends(1)
        .says("goes on after 0 runs")
        .says("--corpus corpus: 401 runs that once failed, 1 still do")
        .says("again: panic");
}

fn another_build() {
    let folder = tempfile::tempdir().unwrap();
    interrupted(folder.path(), "fuzz rough/lingers --from 0 --seeds 300");
    let built_anew = folder.path().join("built_anew");
    fs::copy(std::env::current_exe().unwrap(), &built_anew).unwrap();
    let output = std::process::Command::new(&built_anew)
        .args(["fuzz", "--resume"])
        .current_dir(folder.path())
        .env(crate::shell::AS_COMMAND, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("this program was built anew since the campaign began"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");

    interrupted(folder.path(), "fuzz rough/lingers --from 0 --seeds 300");
    let said = call(folder.path(), "fuzz --resume").ends(0);
    assert!(!said.err.contains("built anew"), "{}", said.err);
}

/// A number of seeds that nobody could count through.
fn endless() {
    let folder = tempfile::tempdir().unwrap();
    let said = call(folder.path(), "fuzz rough/holds --from 0 --seeds 1000000000000000 --time 200ms").ends(0);
    assert!(!said.out.contains("         0 runs"), "{}", said.out);
}

fn merges() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/bites rough/holds --bug bites-often --from 5 --seeds 40";
    call(folder.path(), &format!("{line} --json whole.json")).ends(1);
    for shard in 1..=3 {
        call(folder.path(), &format!("{line} --shard {shard}/3 --json {shard}.json")).ends(1);
    }
    call(folder.path(), "merge 3.json 1.json 2.json --json merged.json").ends(1).says("1 distinct failure");
    assert_eq!(read(folder.path(), "merged.json"), read(folder.path(), "whole.json"));
}

fn foreign_parts() {
    let folder = tempfile::tempdir().unwrap();
    let fuzz = |line: &str| drop(call(folder.path(), &format!("fuzz rough/holds {line}")).ends(0));
    fuzz("--from 0 --seeds 6 --shard 1/2 --json a.json");
    fuzz("--from 1 --seeds 6 --shard 2/2 --json b.json");
    let merge = |files: &str| call(folder.path(), &format!("merge {files}")).ends(64);
    merge("a.json b.json").complains("b.json and a.json are of different campaigns");
    merge("a.json").complains("parts are missing: 2/2");
    merge("a.json a.json").complains("part 1/2 is there twice");
    merge("c.json").complains("c.json");
    fs::write(folder.path().join("c.json"), "[]").unwrap();
    merge("c.json").complains("not what `fuzz --json` writes");
}

fn array() {
    let folder = tempfile::tempdir().unwrap();
    let slurm = |line: &str| -> Said {
        let mut command = command(folder.path(), line);
        command
            .env("SLURM_ARRAY_TASK_ID", "7")
            .env("SLURM_ARRAY_TASK_MIN", "6")
            .env("SLURM_ARRAY_TASK_COUNT", "4");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    slurm("fuzz rough/holds --from 0 --seeds 8")
        .ends(0)
        .says("part 2/4 of the campaign, says SLURM_ARRAY_TASK_ID")
        .says("2 runs");
    slurm("fuzz rough/holds --from 0 --seeds 8 --shard 1/1").ends(0).says("8 runs");
    slurm("fuzz rough/holds --seeds 8").ends(64).complains("needs --from N");
}

fn corpus() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/panics --from 0 --seeds 10 --findings corpus").ends(1);
    call(folder.path(), "fuzz rough/panics --from 100 --seeds 10 --corpus corpus")
        .ends(1)
        .says("1 runs that once failed, 1 still do")
        .says("rough/panics  seed 7");
    call(folder.path(), "fuzz rough/holds --from 100 --seeds 10 --corpus corpus")
        .ends(0)
        .says("0 runs that once failed, 0 still do");
    call(folder.path(), "fuzz rough/holds --corpus nowhere").ends(64).complains("--corpus nowhere");
    let kept = read(folder.path(), "corpus/rough.panics-7.json");
    fs::write(
        folder.path().join("corpus/older.json"),
        kept.replace("rough/panics", "rough/had_another_name"),
    )
    .unwrap();
    call(folder.path(), "fuzz rough/holds --from 100 --seeds 10 --corpus corpus")
        .ends(0)
        .complains("corpus/older.json: not run, no story is called `rough/had_another_name`")
        .says("; 1 not run, of stories that there are no more");
}

/// Seed 7 of the story fails by itself and, shorter, with overrides; each is a file, a replay and a failure of its own.
fn corpus_with_overrides() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/panics --from 0 --seeds 10 --findings own").ends(1);
    let own = read(folder.path(), "own/rough.panics-7.json");
    let mut edited: Value = serde_json::from_str(&own).unwrap();
    edited["overrides"] = json!({"calm_streams": ["rough"]});
    edited.as_object_mut().unwrap().remove("expected");
    fs::create_dir(folder.path().join("corpus")).unwrap();
    fs::write(folder.path().join("corpus/rough.panics-7.json"), edited.to_string()).unwrap();

    let line = "fuzz rough/panics --from 5 --seeds 6";
    let said =
        call(folder.path(), &format!("{line} --corpus corpus --json whole.json --junit r.xml")).ends(1);
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let edited =
        names(&folder.path().join("findings")).into_iter().find(|name| name != "rough.panics-7.json");
    let edited = edited.expect("it has a file of its own");
    assert_eq!(read(folder.path(), "findings/rough.panics-7.json"), own, "the seed's own finding is its own");
    let replay = format!("replay findings/{edited}");
    assert_eq!(said.out.matches(&replay).count(), 1, "{}", said.out);
    assert!(said.out.contains("replay rough/panics:7"), "{}", said.out);
    assert!(read(folder.path(), "r.xml").contains(&replay));
    call(folder.path(), &replay).ends(1).says("after 3 ms");
    call(folder.path(), "replay rough/panics:7").ends(1);

    // The corpus is parted as the seeds are, and no run of the campaign.
    let whole: Value = serde_json::from_str(&read(folder.path(), "whole.json")).unwrap();
    assert_eq!(
        (&whole["stories"][0]["runs"], &whole["stories"][0]["safety_violated"]),
        (&json!(6), &json!(1))
    );
    for shard in 1..=2 {
        call(folder.path(), &format!("{line} --corpus corpus --shard {shard}/2 --json {shard}.json"));
    }
    call(folder.path(), "merge 1.json 2.json --json merged.json").ends(1).says("2 distinct failures");
    assert_eq!(read(folder.path(), "merged.json"), read(folder.path(), "whole.json"));
}

fn ci() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/panics rough/vacuous --from 0 --seeds 10 --junit r.xml --markdown r.md";
    let output = command(folder.path(), line)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.path().join("summary.md"))
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("\n::error title=rough/panics%2C seed 7::PANIC"), "{out}");
    assert!(out.contains("\n::warning title=rough/vacuous::never seen in 10 runs"), "{out}");
    let (xml, page) = (read(folder.path(), "r.xml"), read(folder.path(), "r.md"));
    assert!(xml.contains("<testsuite name=\"rough\" tests=\"2\"") && xml.contains("failures=\"2\""), "{xml}");
    assert!(page.contains("| rough/vacuous | something happens | 0 | **never** |"), "{page}");
    assert!(page.contains("replay rough/panics:7"), "{page}");
    assert_eq!(read(folder.path(), "summary.md"), page);
}

/// A result goes to the end of a link, and a device stays one.
fn through() {
    let folder = tempfile::tempdir().unwrap();
    for (link, to) in [("r.json", "elsewhere.json"), ("r.xml", "/dev/null"), ("r.md", "/dev/null")] {
        std::os::unix::fs::symlink(to, folder.path().join(link)).unwrap();
    }
    let line = "fuzz rough/holds --from 0 --seeds 3 --json r.json --junit r.xml --markdown r.md";
    call(folder.path(), line).ends(0);
    for link in ["r.json", "r.xml", "r.md"] {
        assert!(fs::symlink_metadata(folder.path().join(link)).unwrap().is_symlink(), "{link}");
    }
    assert!(read(folder.path(), "elsewhere.json").contains("\"verdict\": \"holds\""));
}

fn memory() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz rough/hungry --from 0 --seeds 10 --jobs 1 --memory 400M --json r.json")
        .ends(1)
        .says("rough/hungry  seed 7")
        .says("10 runs");
    let replay = "replay findings/rough.hungry-7.json";
    call(folder.path(), &format!("{replay} --memory 400M")).ends(1).says("ABORT");
    call(folder.path(), &format!("{replay} --memory 4G")).ends(0).complains("it no longer fails (abort");
    call(folder.path(), "fuzz rough/hungry --memory lots").ends(64).complains("'lots' is not a size");
}

/// Its reader leaves at the first failure: it ends there, and no run is counted that was not told.
fn unheard() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/bites rough/lingers --bug bites-rarely --from 0 --seeds 150 --jobs 2";
    let mut campaign = command(folder.path(), line).stdout(Stdio::piped()).spawn().unwrap();
    drop(campaign.stdout.take());
    assert_eq!(campaign.wait().unwrap().code(), Some(141));
    let said = call(folder.path(), "fuzz --resume --json r.json").ends(1);
    assert!(!said.out.contains("goes on after 300 runs"), "{}", said.out);
    call(folder.path(), &format!("{line} --findings whole --json whole.json")).ends(1);
    assert_eq!(read(folder.path(), "r.json"), read(folder.path(), "whole.json"));
}
