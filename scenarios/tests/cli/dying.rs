//! Seeds that take their process with them: each is one finding, and no other seed is lost.

use serde_json::Value;

use crate::Test;
use crate::rough::FATAL;
use crate::shell::{alone, call};

pub(crate) const TESTS: &[Test] = &[
    ("an_abort_is_the_result_of_its_seed", || dies("aborts", "abort", "ABORT", 1)),
    ("an_exit_is_the_result_of_its_seed", || dies("exits", "exit", "EXIT", 1)),
    ("a_hang_is_the_result_of_its_seed", || dies("hangs", "hang", "HANG", 2)),
    ("a_blown_stack_is_the_result_of_its_seed", || dies("overflows", "stack overflow", "STACK OVERFLOW", 1)),
    ("all_of_them_at_once_lose_nothing", all_at_once),
    ("what_node_code_prints_is_not_an_answer", chatter),
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
    alone("fuzz rough/chatters --from 0 --seeds 10").ends(0).says("10 runs  holds");
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
