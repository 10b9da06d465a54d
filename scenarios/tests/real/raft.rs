//! Three servers of the replicated list, each a process, under a load: the leader is killed again and again.

use std::fs;
use std::path::Path;

use crate::cluster::Cluster;
use crate::processes::{Process, Said, free_address, until};

/// How often the leader is killed.
const BLOWS: usize = 10;

/// What was seen from outside.
struct Seen {
    /// Appends that were acknowledged one by one, in their order.
    acknowledged: Vec<String>,
    /// The list at the end.
    list: Vec<String>,
    history: String,
}

/// A load and single appends, while the leader is killed `blows` times; then all are killed and `left` says what is
/// left of their disks.
fn kill(folder: &Path, blows: usize, left: fn(&Path)) -> Seen {
    let mut cluster = Cluster::start(folder, "raft");
    let load = "load --clients 4 --reads 20 --pause 20ms --time 5min --history load.jsonl";
    let load = cluster.client(load);
    let mut acknowledged = Vec::new();
    for blow in 0..blows {
        let value = format!("single-{blow}");
        cluster.does(&format!("append {value}")).says("appended");
        acknowledged.push(value);
        cluster.kill_leader();
    }
    cluster.does("append last").says("appended");
    acknowledged.push("last".into());
    cluster.get_on();
    cluster.kill_all(left);
    cluster.does("append after").says("appended");
    acknowledged.push("after".into());
    cluster.get_on();
    load.interrupt();
    load.said().ends(0);
    let list = cluster.does("read").out.lines().map(str::to_owned).collect();
    Seen { acknowledged, list, history: fs::read_to_string(folder.join("load.jsonl")).unwrap() }
}

impl Seen {
    /// Acknowledged appends that are not in the list, in their order, each once.
    fn is_lost(&self) -> bool {
        let singles: Vec<&String> =
            self.list.iter().filter(|value| self.acknowledged.contains(value)).collect();
        singles != self.acknowledged.iter().collect::<Vec<_>>()
    }

    fn check(&self, folder: &Path) -> Said {
        fs::write(folder.join("judged.jsonl"), &self.history).unwrap();
        Process::start(folder, "check judged.jsonl --model append-list").said()
    }
}

#[test]
fn no_acknowledged_append_is_lost_when_leaders_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let seen = kill(folder.path(), BLOWS, |_| {});
    assert!(!seen.is_lost(), "{:?} is not all of {:?} in order", seen.list, seen.acknowledged);
    seen.check(folder.path()).ends(0).says("linearizable");
    let answered = seen.history.lines().filter(|line| line.contains("\"return\"")).count();
    assert!(answered > 100, "the load did {answered} operations only");
}

/// The same with servers that forget: each of the oracles sees it.
#[test]
fn servers_that_forget_their_disks_are_caught() {
    let folder = tempfile::tempdir().unwrap();
    let seen = kill(folder.path(), 1, |directory| fs::remove_dir_all(directory).unwrap());
    assert!(seen.is_lost(), "{:?}", seen.list);
    seen.check(folder.path()).ends(1).says("NOT LINEARIZABLE");
}

/// A fourth server joins, gets its vote, and the leader that was is removed; snapshots make up for the log that is gone.
#[test]
fn members_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = [(); 4].map(|()| free_address());
    let peers: Vec<String> =
        addresses.iter().zip(1..).map(|(address, id)| format!("{id}={address}")).collect();
    let serve = |id: usize, flags: &str| {
        let peers = peers.join(",");
        let line = format!("serve raft --id {id} --peers {peers} --data data-{id} --election 100ms {flags}");
        Process::start(folder.path(), &line)
    };
    let client = |line: &str| {
        Process::start(folder.path(), &format!("client raft --servers {} {line}", addresses.join(","))).said()
    };
    let _founders: Vec<Process> = (1..=3).map(|id| serve(id, "--voters 1,2,3")).collect();
    for value in ["a", "b", "c"] {
        client(&format!("append {value}")).ends(0);
    }
    client("--patience 2s snapshot").says("\tsnapshot 7").says("\tno answer");
    let _joiner = serve(4, "--join");
    client("members add 4").ends(0).says("done, as of entry");
    client("members").ends(0).says("voters 1,2,3\tlearners 4");
    until("a learner that has caught up", || (client("members promote 4").code == Some(0)).then_some(()));
    client("members promote 4").ends(1).says("refused: ");
    let leader = until("a leader", || {
        client("--patience 1s status").out.lines().position(|line| line.contains("\tleads\t"))
    });
    let removed = leader + 1;
    client(&format!("members remove {removed}")).ends(0);
    let left: Vec<String> = (1..=4).filter(|id| *id != removed).map(|id| id.to_string()).collect();
    until("a leader among those who are left", || {
        (client("members").out.trim_end() == format!("voters {}", left.join(","))).then_some(())
    });
    client("append d").ends(0);
    client("transfer").ends(0).says("done");
    client("read --lease").ends(0).says("a\nb\nc\nd\n");
}
