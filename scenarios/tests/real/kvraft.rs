//! Three servers of the replicated store, each a process, under a load: the leader is killed again and again.

use std::fs;
use std::path::Path;

use crate::cluster::Cluster;
use crate::processes::{Process, Said, free_address};

/// Appends one by one, and two loads, while the leader is killed `blows` times; then all are killed, and `left` says what
/// is left of their disks. What the appends came to, and the verdicts on the loads' histories.
fn kill(folder: &Path, blows: usize, left: fn(&Path)) -> (String, [Said; 2]) {
    let mut cluster = Cluster::start(folder, "kvraft");
    cluster.does("put single x").says("done");
    let models = [("kv", "--reads log load"), ("versioned-kv", "--reads quorum load --versioned")];
    let loads = models.map(|(model, load)| {
        cluster.client(&format!("{load} --clients 3 --pause 20ms --time 5min --history {model}.jsonl"))
    });
    for blow in 0..blows {
        cluster.does(&format!("append single .{blow}"));
        cluster.get_on();
        cluster.kill_leader();
    }
    cluster.does("append single .last");
    cluster.kill_all(left);
    cluster.does("append single .after");
    cluster.get_on();
    loads.iter().for_each(Process::interrupt);
    loads.into_iter().for_each(|load| drop(load.said().ends(0)));
    let single = cluster.does("get single").out;
    let verdicts = models
        .map(|(model, _)| Process::start(folder, &format!("check {model}.jsonl --model {model}")).said());
    (single.trim_end().to_owned(), verdicts)
}

#[test]
fn no_acknowledged_write_is_lost_when_leaders_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (single, verdicts) = kill(folder.path(), 4, |_| {});
    assert_eq!(single, "7\tx.0.1.2.3.last.after");
    for verdict in verdicts {
        verdict.ends(0).says("linearizable");
    }
    for history in ["kv.jsonl", "versioned-kv.jsonl"] {
        let history = fs::read_to_string(folder.path().join(history)).unwrap();
        let answered = history.lines().filter(|line| line.contains("\"return\"")).count();
        assert!(answered > 60, "a load did {answered} operations only");
    }
}

/// The same with servers that forget: it is seen.
#[test]
fn stores_that_forget_their_disks_are_caught() {
    let folder = tempfile::tempdir().unwrap();
    let (single, _) = kill(folder.path(), 1, |directory| fs::remove_dir_all(directory).unwrap());
    assert_eq!(single, "1\t.after");
}

#[test]
fn operations_say_what_became_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(folder.path(), "kvraft");
    cluster.does("put k a").says("done");
    cluster.does("append k b").says("done");
    cluster.does("--reads lease get k").says("2\tab");
    cluster.does("cas k c --from ab").says("done");
    cluster.client("cas k d --from ab").said().ends(1).says("not done: the key has another value");
    cluster.client("cas k d").said().ends(1).says("not done: the key exists (--from");
    cluster.does("put k e --version 3").says("installed as version 4");
    cluster.client("put k f --version 3").said().ends(1).says("not installed: the key has another version");
    cluster.client("put n f --version 3").said().ends(1).says("not installed: the key does not exist");
    cluster.client("get n").said().ends(1).says("no key");
    cluster.does("put m g").says("done");
    for reads in ["log", "quorum", "lease"] {
        assert_eq!(cluster.does(&format!("--reads {reads} scan k")).out, "k\t4\te\nm\t1\tg\n");
        cluster.does(&format!("--reads {reads} scan k m")).says("k\t4\te");
    }
    cluster.does("scan k --limit 1").says("more from m on, as of another moment");
    cluster.client("scan n").said().ends(1).says("no keys");
}

#[test]
fn whoever_asks_wrongly_or_nobody_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = free_address();
    for (line, code, words) in [
        ("get k", 3, "unknown: nothing was read"),
        ("scan k", 3, "unknown: nothing was read"),
        ("put k v", 1, "certainly not done"),
        ("put k v --version 0", 1, "certainly not installed"),
    ] {
        let line = format!("client kvraft --servers {nobody} --patience 1s {line}");
        Process::start(folder.path(), &line).said().ends(code).says(words);
    }
    for (line, words) in [
        ("client kvraft get k", "--servers <ADDR,…>"),
        ("client kvraft --servers x get k", "'x' is no address"),
        ("client kvraft --servers h:1 --reads maybe get k", "'maybe' for '--reads <WAY>'"),
        ("client kvraft --servers h:1 load --clients 0", "'0' for '--clients <N>'"),
        ("serve kvraft --id 4 --peers 1=h:1 --data d", "--id 4: "),
        ("serve kvraft --id 1 --peers 1=h:1 --data d --sessions 0", "'0' for '--sessions <N>'"),
    ] {
        Process::start(folder.path(), line).said().ends(64).complains(words);
    }
}
