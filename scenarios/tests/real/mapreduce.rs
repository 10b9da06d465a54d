//! `stormglass mapreduce` with real processes: its output against loops that know nothing of it, also while workers and
//! coordinator are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::processes::{Process, Said, free_address, until};

const WORDS: [&str; 12] = [
    "alpha",
    "Beta",
    "gamma-ray",
    "delta's",
    "e",
    "ζeta",
    "eta42theta",
    "",
    "iota",
    "kappa",
    "lambda",
    "mu\tnu",
];

/// Some files of lines, each other than the last; what is in them depends on nothing but `seed`.
fn inputs(folder: &Path, files: usize, lines: usize, seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut state = seed;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let made = (0..files).map(|file| {
        let mut content = Vec::new();
        for _ in 0..lines {
            for _ in 0..next(9) {
                content.extend_from_slice(WORDS[next(WORDS.len())].as_bytes());
                content.push([b' ', b',', 0xff][next(3)]);
            }
            content.push(b'\n');
        }
        // A last line without an end.
        content.extend_from_slice(b"omega");
        let name = format!("in-{file}.txt");
        fs::write(folder.join(&name), &content).unwrap();
        (name, content)
    });
    made.collect()
}

fn words(content: &[u8]) -> impl Iterator<Item = String> {
    let runs = content.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    runs.map(|word| String::from_utf8(word.to_vec()).unwrap())
}

/// What a word count comes to, as sorted lines.
fn counted(files: &[(String, Vec<u8>)]) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for word in files.iter().flat_map(|(_, content)| words(content)) {
        *counts.entry(word).or_default() += 1;
    }
    counts.iter().map(|(word, count)| format!("{word} {count}\n")).collect()
}

/// All output lines, sorted; and that the directory holds nothing else.
fn output(folder: &Path, out: &str, reduces: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for reduce in 0..reduces {
        let text = fs::read_to_string(folder.join(out).join(format!("mr-out-{reduce}"))).unwrap();
        assert!(text.lines().is_sorted(), "output {reduce} is not sorted");
        lines.extend(text.lines().map(|line| format!("{line}\n")));
    }
    let names: BTreeSet<_> =
        fs::read_dir(folder.join(out)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), reduces, "{names:?}");
    // By the word, as a map of words has them.
    lines.sort_by(|a, b| a.split(' ').next().cmp(&b.split(' ').next()));
    lines.concat()
}

fn mapreduce(folder: &Path, line: &str) -> Process {
    Process::start(folder, &format!("mapreduce {line}"))
}

fn names(files: &[(String, Vec<u8>)]) -> String {
    files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn words_are_counted_indexed_and_sorted_as_by_a_plain_loop() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = inputs(folder, 3, 400, 1);
    let names = names(&files);
    let said =
        mapreduce(folder, &format!("wc {names} --reduce 3 --workers 2 --split 2K --memory 4K -o wc")).said();
    said.ends(0).says("maps and 3 reduces in").says("records read").says("wc/mr-out-0 to mr-out-2");
    assert_eq!(output(folder, "wc", 3), counted(&files));

    mapreduce(folder, &format!("indexer {names} --reduce 2 --workers 2 -o index")).said().ends(0);
    let mut index: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (name, content) in &files {
        words(content).for_each(|word| _ = index.entry(word).or_default().insert(name));
    }
    let joined = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(",");
    let expected: String =
        index.iter().map(|(word, names)| format!("{word} {} {}\n", names.len(), joined(names))).collect();
    assert_eq!(output(folder, "index", 2), expected);

    mapreduce(folder, &format!("sort {names} --reduce 4 --workers 2 --split 3K --memory 2K -o sorted"))
        .said()
        .ends(0);
    let parts = (0..4).map(|part| fs::read(folder.join(format!("sorted/mr-out-{part}"))).unwrap());
    let mut lines: Vec<&[u8]> = Vec::new();
    for (_, content) in &files {
        lines.extend(content.split(|byte| *byte == b'\n'));
    }
    lines.sort_unstable();
    let expected = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect::<Vec<u8>>();
    assert_eq!(parts.collect::<Vec<_>>().concat(), expected);

    let said = mapreduce(folder, &format!("grep Beta {names} --reduce 1 --workers 1 -o found --json"))
        .said()
        .ends(0);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let hits = lines.iter().filter(|line| line.windows(4).any(|part| part == b"Beta")).count() as u64;
    assert_eq!(report["counters"]["matches"], hits);
}

#[test]
fn no_input_bytes_are_an_output_without_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    mapreduce(folder.path(), "wc empty --reduce 2 --workers 1 -o out").said().ends(0);
    assert_eq!(output(folder.path(), "out", 2), "");
}

/// Kills the worker in this place, if it runs. True when it did.
fn kill_worker(folder: &Path, place: usize) -> bool {
    let name = fs::read_to_string(folder.join("out/.mapreduce/crew")).unwrap_or_default();
    let lock = format!("out/.mapreduce/worker-{place}-{}.stormglass-lock", name.trim());
    let lock = fs::read_to_string(folder.join(lock));
    let Some(pid) = lock.ok().and_then(|text| text.lines().next()?.parse::<u32>().ok()) else { return false };
    Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success()
}

fn checkpoint_length(folder: &Path) -> u64 {
    fs::metadata(folder.join("out/.mapreduce/checkpoint")).map_or(0, |found| found.len())
}

#[test]
fn killed_workers_and_a_killed_coordinator_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = inputs(folder, 4, 12_000, 2);
    let line = format!("wc {} --reduce 4 --workers 2 --split 8K --dead-after 2s -o out", names(&files));
    let grown = |coordinator: &mut Process, by: u64| {
        let before = checkpoint_length(folder);
        until("a checkpoint that grows", || {
            (checkpoint_length(folder) > before + by || !coordinator.is_running()).then_some(())
        });
    };
    let mut coordinator = mapreduce(folder, &line);
    let mut killed = 0;
    for blow in 0..4 {
        grown(&mut coordinator, 800);
        killed += u32::from(kill_worker(folder, blow % 2));
    }
    assert!(killed > 0, "nobody was there to be killed");
    coordinator.kill_9();
    let mut coordinator = mapreduce(folder, &line);
    grown(&mut coordinator, 400);
    kill_worker(folder, 0);
    let said = coordinator.said().ends(0).complains("resuming the job in out");
    assert!(said.out.contains("workers lost"), "{}", said.out);
    assert_eq!(output(folder, "out", 4), counted(&files));
}

#[test]
fn neither_a_killed_worker_nor_an_interrupted_job_costs_patience() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = inputs(folder, 2, 6_000, 6);
    // Far longer than any test waits.
    let line = format!("wc {} --reduce 2 --workers 2 --split 4K --dead-after 1h -o out", names(&files));
    for blow in ["kill a worker", "interrupt"] {
        let before = checkpoint_length(folder);
        let mut coordinator = mapreduce(folder, &line);
        until("a checkpoint that grows", || {
            (checkpoint_length(folder) > before + 400 || !coordinator.is_running()).then_some(())
        });
        if blow == "kill a worker" {
            assert!(kill_worker(folder, 0), "nobody was there to be killed");
            let length = checkpoint_length(folder);
            until("work after it", || (checkpoint_length(folder) > length + 400).then_some(()));
        }
        coordinator.interrupt();
        coordinator.said().ends(1).complains("the same command again resumes the job");
    }
    let said = mapreduce(folder, &line).said().ends(0).complains("resuming the job in out");
    assert!(said.out.contains("worker lost") || said.out.contains("workers lost"), "{}", said.out);
    assert_eq!(output(folder, "out", 2), counted(&files));
}

#[test]
fn a_disk_that_is_full_of_something_else_stops_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("in"), "a\n").unwrap();
    let waiting =
        mapreduce(folder, &format!("wc in --reduce 1 --workers 0 --listen {} -o out", free_address()));
    until("a checkpoint", || (checkpoint_length(folder) > 0).then_some(()));
    waiting.interrupt();
    waiting.said().ends(1);
    std::os::unix::fs::symlink("/dev/full", folder.join("out/.mapreduce/checkpoint.new")).unwrap();
    let said = mapreduce(folder, "wc in --reduce 1 --workers 1 -o out").said().ends(1);
    said.complains("the job has stopped").complains("No space left").complains("again resumes the job");
    fs::remove_file(folder.join("out/.mapreduce/checkpoint.new")).unwrap();
    mapreduce(folder, "wc in --reduce 1 --workers 1 -o out").said().ends(0).says("1 map and 1 reduce in");
    assert_eq!(output(folder, "out", 1), "a 1\n");
}

#[test]
fn workers_join_by_address_and_share_no_disk() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = inputs(folder, 2, 300, 3);
    let address = free_address();
    let line = format!("wc {} --reduce 2 --workers 0 --listen {address} --split 1K -o out", names(&files));
    let coordinator = mapreduce(folder, &line);
    let elsewhere = tempfile::tempdir().unwrap();
    let workers =
        [1, 2].map(|_| mapreduce(elsewhere.path(), &format!("worker --join {address} --patience 20s")));
    coordinator.said().ends(0);
    // One that came when the job was over found nobody.
    let asks = format!("asking the coordinator at {address} for work");
    let said = workers.map(|worker| worker.said().complains(&asks));
    let codes = said.each_ref().map(|said| said.code);
    assert!(codes.contains(&Some(0)) && codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
    for said in said.into_iter().filter(|said| said.code == Some(0)) {
        let joined = format!("of the coordinator at {address}: wc, ");
        said.complains("joined job ").complains(&joined).complains("the job is over");
    }
    assert_eq!(output(folder, "out", 2), counted(&files));
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("in"), "a b\n").unwrap();
    fs::create_dir(folder.join("full")).unwrap();
    fs::write(folder.join("full/diary"), "Monday. Rain.").unwrap();
    // What is left of a directory that somebody was removing: another job's output, and no checkpoint.
    fs::create_dir_all(folder.join("stale/.mapreduce")).unwrap();
    fs::write(folder.join("stale/mr-out-0"), "b 9\n").unwrap();
    fs::write(folder.join("w.1.stormglass-lock"), "my notes").unwrap();
    fs::write(folder.join("w.lock"), "my diary").unwrap();
    let said = |line: &str| -> Said { mapreduce(folder, line).said() };
    for (line, words) in [
        ("wc missing -o out", "INPUT missing: No such file"),
        ("wc full -o out", "INPUT full: not a file; name the files in it"),
        ("wc in", "--output <DIR>"),
        ("wc -o out", "<INPUT>..."),
        (
            "wc in -o full",
            "--output full: it is not empty, and no unfinished job is in it; name a new directory",
        ),
        ("wc in -o stale", "--output stale: it is not empty, and no unfinished job is in it"),
        ("wc in -o in", "--output in: it is a file, not a directory"),
        ("wc in -o in/deeper", "--output in/deeper: Not a directory"),
        ("wc in -o /proc/out", "--output /proc/out: "),
        ("wc in -o out --reduce 0", "'0' for '--reduce <R>'"),
        ("wc in -o out --split 1T", "'1T' is not a size: write 4096"),
        ("wc in -o out --listen 0.0.0.0:7000", "'0.0.0.0:7000' names no machine"),
        ("wc in -o out --listen 192.0.2.1:7000", "--listen 192.0.2.1:7000: "),
        ("worker --join nonsense", "'nonsense' is no address"),
        ("worker --join 127.0.0.1:7 --data w.1", "w.1.stormglass-lock was not made by a worker"),
        ("worker --join 127.0.0.1:7 --data full", "diary in it was not made by a worker"),
    ] {
        said(line).ends(64).complains(words);
    }
    assert!(!folder.join("out/mr-out-0").exists());
    assert_eq!(fs::read_to_string(folder.join("full/diary")).unwrap(), "Monday. Rain.");
    for data in ["", "--data w", "--data w.2/"] {
        let alone = format!("worker --join {} --patience 300ms {data}", free_address());
        said(&alone).ends(1).complains("no word from the coordinator");
    }
    assert_eq!(fs::read_to_string(folder.join("w.1.stormglass-lock")).unwrap(), "my notes");
    assert_eq!(fs::read_to_string(folder.join("w.lock")).unwrap(), "my diary");
}

#[test]
fn an_unfinished_job_is_resumed_by_its_own_command_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("in"), "a b\nc\n").unwrap();
    let job = format!("wc in --reduce 2 --workers 0 --listen {} -o out", free_address());
    let waiting = mapreduce(folder, &job);
    until("a checkpoint", || (checkpoint_length(folder) > 0).then_some(()));
    mapreduce(folder, "wc in --reduce 2 -o out")
        .said()
        .ends(64)
        .complains("another coordinator is at work in it");
    waiting.interrupt();
    waiting.said().ends(1).complains("the same command again resumes the job");
    mapreduce(folder, "wc in --reduce 3 --workers 1 -o out")
        .said()
        .ends(64)
        .complains("an unfinished job is in it");
    // As long as it was, and another.
    let written = fs::metadata(folder.join("in")).unwrap().modified().unwrap();
    fs::write(folder.join("in"), "x y\nz\n").unwrap();
    let edited = mapreduce(folder, "wc in --reduce 2 --workers 1 -o out").said();
    edited.ends(64).complains("of another command line or other input");
    fs::write(folder.join("in"), "a b\nc\n").unwrap();
    fs::File::options().append(true).open(folder.join("in")).unwrap().set_modified(written).unwrap();
    let said = mapreduce(folder, "wc in --reduce 2 --workers 1 -o out").said().ends(0);
    said.complains("resuming the job");
    assert_eq!(output(folder, "out", 2), "a 1\nb 1\nc 1\n");
    mapreduce(folder, "wc in --reduce 2 --workers 1 -o out").said().ends(64).complains("it is not empty");
}

#[test]
fn a_worker_needs_few_files_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = inputs(folder, 1, 3000, 4);
    // Some two hundred maps with several spills each; and one map with some two hundred spills.
    for (split, memory) in [("200", "600"), ("1G", "1K")] {
        let line =
            format!("mapreduce wc in-0.txt --reduce 2 --workers 1 --split {split} --memory {memory} -o out");
        Process::start_under(folder, "-n 200", &line).said().ends(0);
        assert_eq!(output(folder, "out", 2), counted(&files));
        fs::remove_dir_all(folder.join("out")).unwrap();
    }
}

#[test]
fn files_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in [("a/x", "both"), ("b/x", "both one"), ("b/y", "both")] {
        fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        fs::write(folder.path().join(path), content).unwrap();
    }
    mapreduce(folder.path(), "indexer a/x b/x b/y --reduce 1 --workers 1 -o out").said().ends(0);
    assert_eq!(output(folder.path(), "out", 1), "both 3 a/x,b/x,y\none 1 b/x\n");
}

#[test]
fn a_job_whose_workers_cannot_start_ends() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("in"), "a\n").unwrap();
    // Where its directory ought to be.
    fs::create_dir_all(folder.join("out/.mapreduce")).unwrap();
    fs::write(folder.join("out/.mapreduce/crew"), "5").unwrap();
    fs::write(folder.join("out/.mapreduce/worker-0-00000005"), "").unwrap();
    let said = mapreduce(folder, "wc in --reduce 1 --workers 1 -o out").said().ends(1);
    said.complains("no worker can be started").complains("the same command again resumes the job");
    fs::remove_file(folder.join("out/.mapreduce/worker-0-00000005")).unwrap();
    mapreduce(folder, "wc in --reduce 1 --workers 1 -o out").said().ends(0);
    assert_eq!(output(folder, "out", 1), "a 1\n");
}

#[test]
fn a_full_stderr_is_no_reason_to_fall_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("in"), "a\n").unwrap();
    for (line, code) in [("wc in --reduce 1 --workers 1 -o out", 0), ("wc in -o out", 64)] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
        command.arg("mapreduce").args(line.split(' ')).current_dir(folder).stdout(Stdio::null()).stderr(full);
        assert_eq!(command.status().unwrap().code(), Some(code), "{line}");
    }
}
