//! A server that is killed and started again under a load, lockers and single Puts, each of them a process.

use std::fs;
use std::path::Path;

use crate::oracles::{Held, acknowledged, overlap, with_lost_puts};
use crate::processes::{Process, Said, Server, first_key, until};

/// How often the server is killed while all are at work.
const BLOWS: usize = 2;

/// Who wants the lock in each blow.
const LOCKERS: usize = 2;

/// Versions that the load must bring its first key before it goes on.
const PROGRESS: u64 = 3;

/// What was seen from outside.
struct Seen {
    /// Acknowledged single Puts that were not read back.
    lost: Vec<String>,
    /// Two holders of the lock at once.
    overlap: Option<String>,
    /// The load's history, and its first key.
    history: String,
    key: String,
    /// The first key's version before each blow and after it.
    versions: Vec<(u64, u64)>,
}

/// Kills a server with these flags while a load runs, lockers hold and wait, and Puts come one by one.
fn kill(folder: &Path, flags: &'static str, hold: &str) -> Seen {
    let mut server = Server::start(folder, flags);
    let load = server
        .client("--patience 30s load --clients 4 --keys 8 --pause 10ms --time 5min --history load.jsonl");
    let key = until("the load's keys", || first_key(&load.out()));
    let (mut puts, mut lockers, mut versions) = (Vec::new(), Vec::new(), vec![]);
    let mut floor = 0;
    for blow in 0..BLOWS {
        until("a load that gets on", || (server.version(&key) >= floor + PROGRESS).then_some(()));
        let lock = format!("--patience 1min lock lock --hold {hold}");
        lockers.extend((0..LOCKERS).map(|_| server.client(&lock)));
        until("a holder of the lock", || lockers.iter().any(holds).then_some(()));
        for n in 0..3 {
            let (key, value) = (format!("single-{blow}-{n}"), format!("value-{blow}-{n}"));
            let said = server.client(&format!("put {key} {value}")).said();
            puts.push((said.ends(0).says("installed as version 1"), key, value));
        }
        let before = server.version(&key);
        let (late, value) = (format!("late-{blow}"), format!("value-{blow}"));
        let put = server.client(&format!("--patience 30s put {late} {value} --version 0"));
        server.restart();
        floor = server.version(&key);
        versions.push((before, floor));
        puts.push((put.said(), late, value));
    }
    until("a load that gets on", || (server.version(&key) >= floor + PROGRESS).then_some(()));
    load.interrupt();
    load.said().ends(0);
    let held: Vec<Held> = lockers.into_iter().map(|locker| interval(locker.said())).collect();
    server.restart();
    let lost = puts.into_iter().filter_map(|(said, key, value)| lost(&server, &said, &key, &value)).collect();
    let history = fs::read_to_string(folder.join("load.jsonl")).unwrap();
    Seen { lost, overlap: overlap(held), history, key, versions }
}

fn holds(locker: &Process) -> bool {
    let out = locker.out();
    out.contains("held as") && !out.contains("released")
}

fn interval(said: Said) -> Held {
    let said = said.ends(0);
    Held::read(&said.out).unwrap_or_else(|| panic!("no interval: {}", said.out))
}

/// What became of an acknowledged Put, if it is not there.
fn lost(server: &Server, put: &Said, key: &str, value: &str) -> Option<String> {
    if put.code != Some(0) {
        assert_eq!(put.code, Some(3), "neither acknowledged nor unknown: {}", put.out);
        return None;
    }
    let got = server.client(&format!("get {key}")).said();
    (got.out != format!("1\t{value}\n")).then(|| format!("{key}: {} and then {}", put.out, got.out))
}

/// The judge's exit code on a history.
fn check(folder: &Path, history: &str) -> Said {
    fs::write(folder.join("judged.jsonl"), history).unwrap();
    Process::start(folder, "check judged.jsonl --model versioned-kv").said()
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let seen = kill(folder.path(), "--data data", "250ms");
    assert_eq!(seen.lost, [""; 0]);
    assert_eq!(seen.overlap, None);
    check(folder.path(), &seen.history).ends(0).says("linearizable");

    let puts = acknowledged(&seen.history);
    let versions: Vec<u64> = puts
        .iter()
        .filter(|put| put["key"] == *seen.key)
        .map(|put| put["version"].as_u64().unwrap())
        .collect();
    for (before, after) in seen.versions {
        assert!(before <= after, "version {before} was seen, and {after} after the restart");
        assert!(versions.iter().any(|version| *version < before), "nothing was acknowledged before the blow");
        assert!(versions.iter().any(|version| *version >= after), "nothing was acknowledged after it");
    }
    check(folder.path(), &with_lost_puts(&seen.history)).ends(1).says("NOT LINEARIZABLE");
}

/// The same with a server that forgets: every oracle of the test above sees it.
#[test]
fn a_server_in_memory_is_caught_by_every_oracle() {
    let folder = tempfile::tempdir().unwrap();
    let seen = kill(folder.path(), "", "3s");
    assert!(seen.lost.iter().any(|lost| lost.contains("no key")), "{:?}", seen.lost);
    assert!(seen.overlap.is_some(), "the lock was forgotten, and nobody took it");
    check(folder.path(), &seen.history).ends(1).says("NOT LINEARIZABLE");
}
