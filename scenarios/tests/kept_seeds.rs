//! Seeds on which our own systems were once wrong, each with the cause: they hold now, and must go on to.
//!
//! A story that changes draws other things from the same seed. Then a line here is a seed like any other; the sentence
//! still says what to look for.

#![cfg(feature = "systems")]

use std::process::Command;

/// Story, seed, and what had been wrong.
const KEPT: [(&str, u64, &str); 14] = [
    (
        "kvraft/lab_versioned_snapshot_unreliable_recover_partition_linearizable",
        8584,
        "the story allowed the log the labs' factor of bytes of commands, and not of records: what other leaders had \
         overwritten stood in a log of seven servers' partitions",
    ),
    (
        "shardkv/swarm",
        6_000_172,
        "a shard had forgotten a clerk; what that had sent once was taken for not executed, but a copy had been, and its \
         answer lost: it was executed twice, or refused for certain",
    ),
    (
        "kvraft/swarm",
        2018,
        "the judge ran out of memory: it tried every subset of a dozen writes of unknown outcome, of which nobody had seen \
         anything, before it gave up a wrong order of the others",
    ),
    (
        "raft/lab_reliable_churn",
        4,
        "a leader that appends no no-op refused every command as busy, because what it had inherited filled its limit of \
         uncommitted entries; so nothing of its own term could ever commit them",
    ),
    (
        "raft/fsync_fails",
        29,
        "a new term was written after the entries that came with it; a torn write left entries of a term that the server \
         did not know",
    ),
    (
        "raft/fsync_fails",
        500_673,
        "the sync of the directory failed after a snapshot had got its name; recovery found the name in the page cache and \
         made only the log durable anew, so that the power took the snapshot and left a log that began behind it",
    ),
    (
        "raft/swarm",
        10_000,
        "a snapshot was installed before the term that came with it was written; a loss of power between the two left a \
         snapshot of a term that the server did not know",
    ),
    (
        "raft/swarm",
        10_021,
        "the observer took a vote for one not given: it was on disk before a crash, had not been seen, and was given again",
    ),
    (
        "raft/swarm",
        1_781_119_935,
        "a server that had joined made a snapshot of entries that lie before the first configuration in the log, and so one \
         without voters: the founders' configuration is in no entry",
    ),
    (
        "mapreduce/swarm",
        564,
        "a copy of an output's first piece failed and took the file away while the second piece was written and then counted as \
         there; what came next lay behind a hole, and the output was published with zeros",
    ),
    (
        "shardkv/controllers_compete",
        14,
        "a controller that recovered read the current configuration before the next one; others carried out one and posted \
         another in between, so that it moved what had moved already, from a group to itself, and deleted it there",
    ),
    (
        "shardkv/lab_concurrent_reliable",
        0,
        "a controller waited for ever for a group that had left and was gone, because others had carried out what it was \
         still at",
    ),
    (
        "shardkv/lab_challenge1_delete",
        2,
        "the disk heard of several snapshots at once, deleted what the last of them made superfluous, and forgot the others: \
         their files stayed until the next start",
    ),
    (
        "shardkv/swarm_controllers",
        6,
        "the observer heard that group 1 has all shards when its servers started; a change that moved none was published \
         before that",
    ),
];

/// The same under another schedule than the usual one.
const KEPT_UNDER: [(&str, &str, u64, &str); 4] = [
    (
        "pos",
        "shardkv/silent_group",
        893,
        "a gate had its time anew when the schedule became fair, but only the one that had ended the other schedule: the \
         clients' was judged a moment later",
    ),
    (
        "pct1",
        "mapreduce/zombie_reducer",
        4315,
        "the story let the job fail when ten workers had died at one task; starved workers, given up after a second, were \
         taken for dead more often than that, and no task was to blame",
    ),
    (
        "walk",
        "raft/old_leader_returns",
        19_087,
        "the observer took it for a loss that a server took back an entry at the word of a leader of term 6; one of term 7 \
         had committed it, by a quorum without that server, which had not heard of term 7 yet",
    ),
    (
        "walk",
        "kvraft/swarm",
        198,
        "a client took its write for not executed, because it was sent once and found the session ended; the network had \
         made a copy, which was executed before the session ended",
    ),
];

#[test]
fn what_was_wrong_once_holds() {
    let usual = KEPT.map(|(story, seed, cause)| ("random", story, seed, cause));
    for (schedule, story, seed, cause) in usual.into_iter().chain(KEPT_UNDER) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
        command.args(["run", story, "--seed", &seed.to_string(), "--schedule", schedule]);
        let output = command.current_dir(folder.path()).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{story}:{seed}: {cause}?\n{out}");
    }
}
