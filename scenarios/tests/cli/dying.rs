//! Seeds that take their process with them: each is one finding, and no other seed is lost.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::Test;
use crate::rough::FATAL;
use crate::shell::{alone, call, command};

pub(crate) const TESTS: &[Test] = &[
    ("an_abort_is_the_result_of_its_seed", || dies("aborts", "abort", "ABORT", 1)),
    ("an_exit_is_the_result_of_its_seed", || dies("exits", "exit", "EXIT", 1)),
    ("a_hang_is_the_result_of_its_seed", || dies("hangs", "hang", "HANG", 2)),
    ("a_wait_without_end_is_the_result_of_its_seed", waits),
    ("who_has_no_core_has_not_hung", starves),
    ("a_blown_stack_is_the_result_of_its_seed", || dies("overflows", "stack overflow", "STACK OVERFLOW", 1)),
    ("a_run_that_is_killed_twice_is_told_as_that", || dies("killed", "killed", "KILLED", 1)),
    ("a_worker_killed_from_outside_costs_nothing", workers_killed),
    ("all_of_them_at_once_lose_nothing", all_at_once),
    ("what_node_code_prints_is_shown_and_is_not_an_answer", chatter),
    ("who_closes_stderr_goes_on", mute),
    ("a_thread_local_outlives_no_seed", leaks),
];

/// Whatever the number of processes, exactly the fatal seed fails and all others are told.
fn dies(story: &str, oracle: &str, headline: &str, code: i32) {
    for jobs in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let line =
            format!("fuzz rough/{story} --from 0 --seeds 20 --jobs {jobs} --patience 2s --json r.json");
        call(folder.path(), &line)
            .ends(code)
            .says(&format!("rough/{story}  seed {FATAL}  "))
            .says(headline)
            .says(&format!("  replay:  rough replay rough/{story}:{FATAL}\n"));
        let report = read(folder.path().join("r.json"));
        let tally = &report["stories"][0];
        assert_eq!((tally["runs"].as_u64(), tally["holds"].as_u64()), (Some(20), Some(19)), "{tally}");
        let name = format!("rough.{story}-{FATAL}.json");
        let found: Vec<_> = std::fs::read_dir(folder.path().join("findings")).unwrap().collect();
        assert_eq!(found.len(), 1);
        let finding = read(folder.path().join("findings").join(&name));
        assert_eq!(finding["expected"]["fall"]["oracle"], oracle);
        call(folder.path(), &format!("replay findings/{name} --patience 2s")).ends(code).says(headline);
    }
}

/// It takes no processor time, so real time ends it, ten times as much.
fn waits() {
    alone("fuzz rough/waits --from 0 --seeds 20 --jobs 2 --patience 200ms")
        .ends(2)
        .says(&format!("rough/waits  seed {FATAL}  "))
        .says("HANG\n  the run had not ended after 2 s of real time: a step that waits for what never comes, or for a core; killed");
}

fn starves() {
    alone("fuzz rough/starves --from 0 --seeds 20 --jobs 2 --patience 200ms").ends(0).says("20 runs  holds");
}

/// `kill -9` of workers, at moments of their own: what comes of it is what comes of a campaign that was left in peace.
fn workers_killed() {
    let folder = tempfile::tempdir().unwrap();
    let line = "fuzz rough/lingers rough/panics --from 0 --seeds 150 --jobs 2";
    call(folder.path(), &format!("{line} --findings whole --json whole.json")).ends(1);
    let campaign = command(folder.path(), &format!("{line} --json r.json"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut killed = 0;
    for pause in [120, 70, 110, 50, 90, 130] {
        std::thread::park_timeout(Duration::from_millis(pause));
        // With one worker there, a run that was lost is made again: killed twice it would be a finding.
        let at_work = (0..200).map(|_| children(campaign.id())).find(|pids| {
            std::thread::park_timeout(Duration::from_millis(5));
            pids.len() == 2
        });
        let Some(pid) = at_work.and_then(|pids| rustix::process::Pid::from_raw(pids[killed % 2])) else {
            break;
        };
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        killed += 1;
    }
    let ended = campaign.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(killed > 2, "it was over too soon to be disturbed");
    assert!(said.contains("a worker process was killed from outside (signal: 9 (SIGKILL))"), "{said}");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert_eq!(read(folder.path().join("r.json")), read(folder.path().join("whole.json")));
    let found = |path: &str| std::fs::read_dir(folder.path().join(path)).unwrap().count();
    assert_eq!((found("findings"), found("whole")), (1, 1), "only the run that panics");
}

/// The processes that this one has started and that still run.
fn children(parent: u32) -> Vec<i32> {
    let processes = std::fs::read_dir(Path::new("/proc")).unwrap();
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let its = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `PID (NAME) STATE PARENT …`, where a name may hold anything.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(&parent.to_string())
    };
    numbers.filter(its).collect()
}

fn all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stories = "rough/aborts rough/exits rough/hangs rough/overflows rough/panics rough/holds";
    call(folder.path(), &format!("fuzz {stories} --from 0 --seeds 20 --jobs 2 --patience 2s --json r.json"))
        .ends(1);
    let report = read(folder.path().join("r.json"));
    for tally in report["stories"].as_array().unwrap() {
        let holds = if tally["story"] == "rough/holds" { 20 } else { 19 };
        assert_eq!((tally["runs"].as_u64(), tally["holds"].as_u64()), (Some(20), Some(holds)), "{tally}");
        for failure in tally["failures"].as_object().unwrap().values() {
            assert_eq!(failure["seeds"], serde_json::json!([FATAL]), "{tally}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path().join("findings")).unwrap().count(), 5);
}

fn chatter() {
    let many = alone("fuzz rough/chatters --from 0 --seeds 10").ends(0).says("10 runs  holds");
    assert!(!many.err.contains("a line"), "{}", many.err);
    // Of one run it is shown, and is not in the way of what a program reads.
    let one = alone("run rough/chatters --seed 1 --json").ends(0);
    assert_eq!(serde_json::from_str::<Value>(&one.out).unwrap()["verdict"], "holds");
    let mut shown: Vec<&str> = one.err.lines().collect();
    shown.sort_unstable();
    assert_eq!(shown, ["a line on stderr", "half a line, "]);
}

fn mute() {
    alone("fuzz rough/mute --from 0 --seeds 100 --jobs 1").ends(0).says("100 runs  holds");
    alone("fuzz rough/mixes --from 0 --seeds 20 --jobs 1")
        .ends(1)
        .says("20 runs  safety violated")
        .says("PANIC");
    assert_eq!(alone("run rough/mixes --seed 1").ends(0).err, "a line\n");
}

fn leaks() {
    alone("fuzz rough/leaks --from 0 --seeds 10 --jobs 1").ends(0).says("10 runs  holds");
}

fn read(path: std::path::PathBuf) -> Value {
    serde_json::from_str(
        &std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
    .unwrap()
}
