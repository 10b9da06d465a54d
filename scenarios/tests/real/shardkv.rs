//! Groups of the sharded store, each server a process, under a load: groups join and leave, and servers are killed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::processes::{Process, Said, first_key, free_address, until};

/// One server: where it is, and the command line that starts it.
struct Server {
    address: String,
    line: String,
    process: Option<Process>,
}

/// A controller of one server, and groups of three.
struct Store {
    folder: PathBuf,
    controller: Server,
    groups: Vec<Vec<Server>>,
}

fn servers(count: usize, line: impl Fn(&str) -> String) -> Vec<Server> {
    let addresses: Vec<String> = (0..count).map(|_| free_address()).collect();
    let peers: Vec<String> =
        addresses.iter().zip(1..).map(|(address, id)| format!("{id}={address}")).collect();
    let server = |(address, id): (&String, usize)| {
        let line = format!(
            "{} --id {id} --peers {} --election 100ms --snapshot 5000",
            line(&id.to_string()),
            peers.join(",")
        );
        Server { address: address.clone(), line, process: None }
    };
    addresses.iter().zip(1..).map(server).collect()
}

impl Store {
    fn start(folder: &Path, groups: usize) -> Store {
        let line = |_: &str| "serve shardkv controller --data controller".to_owned();
        let controller = servers(1, line).remove(0);
        let at = controller.address.clone();
        let group = |gid: usize| {
            servers(3, |id| {
                format!(
                    "serve shardkv group --gid {gid} --controller {at} --poll 50ms --data group{gid}-{id}"
                )
            })
        };
        let groups = (1..=groups).map(group).collect();
        let mut store = Store { folder: folder.to_owned(), controller, groups };
        store.controller.restart(folder);
        for server in store.groups.iter_mut().flatten() {
            server.restart(folder);
        }
        store
    }

    fn client(&self, line: &str) -> Process {
        let line = format!("client shardkv --controller {} --patience 30s {line}", self.controller.address);
        Process::start(&self.folder, &line)
    }

    /// Group `gid` as a join names it.
    fn named(&self, gid: usize) -> String {
        let servers: Vec<&str> = self.groups[gid - 1].iter().map(|server| server.address.as_str()).collect();
        format!("{gid}={}", servers.join(","))
    }

    fn join(&self, gid: usize) {
        self.client(&format!("join {}", self.named(gid))).said().ends(0).says("configuration ");
    }

    /// Kills a server of each group, and starts it again.
    fn strike(&mut self, member: usize) {
        for group in &mut self.groups {
            group[member].restart(&self.folder);
        }
    }

    /// Single keys, one after the other: appended to until a group answers.
    fn append(&self, value: &str) {
        for key in ["a", "b", "c", "d"] {
            self.client(&format!("append {key} {value}")).said().ends(0).says("appended");
        }
    }

    fn loads(&self) -> [Process; 2] {
        let load = |(model, load)| {
            self.client(&format!(
                "{load} --clients 3 --keys 12 --pause 10ms --time 5min --history {model}.jsonl"
            ))
        };
        LOADS.map(load)
    }

    /// Before it has brought its first key to this version a load has done nothing that is worth judging.
    fn gets_on(&self, load: &Process) {
        let key = until("the load's keys", || first_key(&load.out()));
        until("a load that gets on", || {
            let said = self.client(&format!("get {key}")).said();
            let version = said.out.split('\t').next()?.parse::<u64>().ok()?;
            (version >= PROGRESS).then_some(())
        });
    }

    /// What the keys hold in the end, and what the histories of the loads that were going on are.
    fn judge(self, loads: [Process; 2], appended: &str) -> [Said; 2] {
        loads.iter().for_each(|load| self.gets_on(load));
        loads.iter().for_each(Process::interrupt);
        loads.into_iter().for_each(|load| drop(load.said().ends(0)));
        for key in ["a", "b", "c", "d"] {
            self.client(&format!("get {key}")).said().ends(0).says(&format!("\t{appended}"));
        }
        LOADS.map(|(model, _)| {
            let history = fs::read_to_string(self.folder.join(format!("{model}.jsonl"))).unwrap();
            let answered = history.lines().filter(|line| line.contains("\"return\"")).count();
            assert!(answered > 30, "a load did {answered} operations only");
            Process::start(&self.folder, &format!("check {model}.jsonl --model {model}")).said()
        })
    }
}

impl Server {
    /// Kills it, if it runs, and starts it where it was.
    #[track_caller]
    fn restart(&mut self, folder: &Path) {
        if let Some(process) = self.process.take() {
            process.kill_9();
        }
        self.process = Some(Process::start(folder, &self.line));
    }
}

/// Versions that a load must bring its first key.
const PROGRESS: u64 = 8;

/// Two loads at once: what judges each, and what it is.
const LOADS: [(&str, &str); 2] = [("kv", "load"), ("versioned-kv", "load --versioned")];

#[test]
fn shards_move_while_servers_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::start(folder.path(), 2);
    store.join(1);
    store.append("x");
    let loads = store.loads();
    store.join(2);
    store.append("y");
    store.strike(0);
    store.append("z");
    store.client("query").said().ends(0).says("group 1\t").says("group 2\t");
    store.client("leave 1").said().ends(0);
    store.strike(1);
    store.append("w");
    until("a group that has everything", || {
        let said = store.client("query").said();
        said.out.contains("shards 0,1,2,3,4,5,6,7,8,9").then_some(())
    });
    for verdict in store.judge(loads, "xyzw") {
        verdict.ends(0).says("linearizable");
    }
}

/// The whole of it: three groups of three that join, leave and are given shards, while each of their servers is killed.
#[test]
#[ignore = "ten servers for ten seconds: cargo test -p stormglass --test real -- --ignored three_groups"]
fn three_groups_of_three_go_round() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::start(folder.path(), 3);
    store.join(1);
    let loads = store.loads();
    let mut appended = String::new();
    for round in 0..3 {
        for line in [
            &format!("join {}", store.named(2)),
            "leave 1",
            &format!("join {}", store.named(3)),
            "move 0 3",
            "leave 2",
        ] {
            store.client(line).said().ends(0).says("configuration ");
            store.strike(round);
            let value = format!("{}.", appended.len());
            store.append(&value);
            appended += &value;
        }
        store.client(&format!("join {}", store.named(1))).said().ends(0);
        store.client("leave 3").said().ends(0);
    }
    for verdict in store.judge(loads, &appended) {
        verdict.ends(0).says("linearizable");
    }
}

#[test]
fn decrees_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::start(folder.path(), 1);
    store.join(1);
    store.client(&format!("join {}", store.named(1))).said().ends(1).says("refused: group 1 cannot join");
    store.client("leave 7").said().ends(1).says("refused: there is no group 7");
    store.client("move 99 1").said().ends(1).says("refused: there is no shard 99");
    store.client("get nothing").said().ends(1).says("no key");
    store.client("put k v --version 3").said().ends(1).says("not installed: the key does not exist");
    store.client("put k v --version 0").said().ends(0).says("installed as version 1");
    store.client("put k w").said().ends(0).says("installed");
    store.client("get k").said().ends(0).says("2\tw");
    store.client("cas k x").said().ends(1).says("not done: the key exists (--from");
    store.client("cas k x --from u").said().ends(1).says("not done: the key has another value");
    store.client("cas k x --from w").said().ends(0).says("done");
    store.client("get k").said().ends(0).says("3\tx");
    let other = format!("join 2={}", store.groups[0][0].address);
    store.client(&other).said().ends(1).says("refused: group 2 at ").says("a server of group 1 is there");
    store.client("query 99").said().ends(1).says("there is no configuration 99; the latest is 1");
    let nobody = format!("--patience 500ms join 2={}", free_address());
    let line = format!("client shardkv --controller {} {nobody}", store.controller.address);
    Process::start(folder.path(), &line).said().ends(1).says("no group's server answers there");
    store.client("query 0").said().ends(0).says("configuration 0");
    let (at, address) = (&store.controller.address, free_address());
    let line = format!(
        "serve shardkv group --gid 9 --shards 7 --controller {at} --id 1 --peers 1={address} --data odd"
    );
    let said = Process::start(folder.path(), &line).said().ends(64);
    said.complains(
        "--shards 7: the group divides the keys into 7 shards, and the controller that it follows into 10",
    );
}

/// Who cannot be reached, and why, is said.
#[test]
fn silence_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::start(folder.path(), 1);
    let ask = |controller: &str, line: &str| {
        let line = format!("client shardkv --controller {controller} --patience 700ms {line}");
        Process::start(folder.path(), &line).said()
    };
    let at = &store.controller.address;
    let (nobody, server) = (free_address(), &store.groups[0][0].address);
    until("a controller that leads", || {
        ask(at, "get k").out.contains("no group has joined yet (configuration 0)").then_some(())
    });
    for line in ["leave 1", "move 0 1", "put k v", &format!("join {}", store.named(1))] {
        let said = ask(&nobody, line).ends(1);
        said.says(&format!("the controller at {nobody} is silent")).says("certainly");
    }
    ask(server, "get k").ends(3).says(&format!("{server} is no controller: a server of group 1 is there"));
    // One server of three, and one of them twice.
    let of = |servers: &[&str]| format!("join 1={}", servers.join(","));
    let all: Vec<&str> = store.groups[0].iter().map(|server| server.address.as_str()).collect();
    store
        .client(&of(&all[..2]))
        .said()
        .ends(1)
        .says("server 3 of the group, at ")
        .says("is missing from the list");
    let twice = [all[0], all[1], all[0]];
    store.client(&of(&twice)).said().ends(1).says("server 1 of the group is in the list already");
    store.join(1);
    store.client("put k v").said().ends(0);
    // A group that follows a controller that is not there, and one of which two servers are at one address.
    let alone = free_address();
    let group = |rest: &str| {
        let line = format!("serve shardkv group --gid 9 --id 1 --data nine --controller {nobody} {rest}");
        Process::start(folder.path(), &line)
    };
    group(&format!("--peers 1={alone},2={alone}")).said().ends(64).complains("two servers are said to be at");
    let lost = group(&format!("--peers 1={alone}"));
    let said = until("a server that is there", || {
        let said = ask(at, &format!("join 9={alone}"));
        (!said.out.contains("no group's server answers")).then_some(said)
    });
    said.ends(1).says(&format!("it follows the controller at {nobody}, and not the one at {at}"));
    // The group asks in vain as long as all of these do.
    for _ in 0..10 {
        ask(&nobody, "query").ends(3).says("nothing was read");
    }
    lost.interrupt();
    lost.said().complains(&format!("no controller answers at {nobody} (--controller)"));
}
