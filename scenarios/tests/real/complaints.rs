//! What `serve kv` and `client kv` say to those who call them wrongly, and what they leave untouched.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::processes::{Process, Said, Server, free_address, until};

fn alone(line: &str) -> Said {
    Process::start(tempfile::tempdir().unwrap().path(), line).said()
}

fn serve(folder: &Path, flags: &str) -> Said {
    Process::start(folder, &format!("serve kv --listen {} {flags}", free_address())).said()
}

#[test]
fn malformed_arguments_are_64_and_name_their_flag() {
    for (line, words) in [
        (
            "serve kv --listen nonsense",
            "'nonsense' for '--listen <ADDR>': 'nonsense' is no address: write host:port",
        ),
        ("serve kv --listen 127.0.0.1:0", "'127.0.0.1:0' is no address"),
        ("serve kv --listen 127.0.0.1:99999", "'127.0.0.1:99999' is no address"),
        ("serve kv --listen nobody.invalid:7000", "--listen nobody.invalid:7000: "),
        ("serve kv --listen 192.0.2.1:7000", "--listen 192.0.2.1:7000: "),
        ("client kv --server garbage get k", "'garbage' for '--server <ADDR>': 'garbage' is no address"),
        ("client kv --server nobody.invalid:7000 get k", "--server nobody.invalid:7000: "),
        (
            "client kv --patience 5x get k",
            "'5x' for '--patience <TIME>': '5x' is not a duration: write 500ms",
        ),
        ("client kv --patience 0s get k", "'0s' is not a duration"),
        ("client kv lock l --hold soon", "'soon' for '--hold <TIME>': 'soon' is not a duration"),
        ("client kv load --time -1s", "unexpected argument '-1'"),
        ("client kv put k v --version x", "'x' for '--version <VERSION>'"),
        ("client kv load --clients 0", "'0' for '--clients <N>'"),
        ("client kv load --keys 18446744073709551615", "for '--keys <N>'"),
        ("client kv load --history .", "--history .: Is a directory"),
        ("client kv load --history /dev/null/h", "--history /dev/null/h: "),
        ("client kv", "Usage:"),
        ("client kv lock", "<NAME>"),
    ] {
        alone(line).ends(64).complains(words);
    }
}

#[test]
fn a_taken_port_is_64_and_no_data_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let _taken = TcpListener::bind(&address).unwrap();
    let said = Process::start(folder.path(), &format!("serve kv --listen {address} --data data")).said();
    let said = said.ends(64).complains(&format!("--listen {address}: Address already in use"));
    assert!(!said.err.contains("serving"), "{}", said.err);
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_directory_that_cannot_be_used_is_64() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    serve(folder.path(), "--data file").ends(64).complains("--data file: it is a file, not a directory");
    serve(folder.path(), "--data file/deeper").ends(64).complains("--data file/deeper: Not a directory");

    fs::create_dir(at("diary")).unwrap();
    fs::write(at("diary/log"), "Monday. Rain.").unwrap();
    serve(folder.path(), "--data diary")
        .ends(64)
        .complains("--data diary: it holds files that `serve kv` did not make");
    assert_eq!(fs::read_to_string(at("diary/log")).unwrap(), "Monday. Rain.");
    assert_eq!(fs::read_dir(at("diary")).unwrap().count(), 1);
}

/// A second server would put its own log in place of the first one's, and what the first acknowledged from then on
/// would be lost.
#[test]
fn a_directory_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), "--data data");
    serve(folder.path(), "--data data").ends(64).complains("--data data: another server is at work in it");
    let again = format!("serve kv --listen {} --data data", server.address());
    Process::start(folder.path(), &again).said().ends(64).complains("Address already in use");
    server.client("put k v").said().ends(0);
    server.restart();
    server.client("get k").said().ends(0).says("1\tv");
}

#[test]
fn a_log_that_is_not_what_was_written_is_named_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("data/log");
    let mut server = Server::start(folder.path(), "--data data");
    for key in ["a", "b", "c"] {
        server.client(&format!("put {key} v")).said().ends(0);
    }
    server.restart();
    server.client("put d v").said().ends(0);
    let whole = fs::read(&log).unwrap();
    drop(server);

    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    fs::write(&log, &damaged).unwrap();
    serve(folder.path(), "--data data")
        .ends(64)
        .complains("--data data: data/log: the frame at byte 0 is damaged");
    assert_eq!(fs::read(&log).unwrap(), damaged, "it was left as it is");

    let mut torn = whole;
    torn.extend(b"torn");
    fs::write(&log, &torn).unwrap();
    let mut server = Server::start(folder.path(), "--data data");
    server.client("get a").said().ends(0).says("1\tv");
    assert!(server.err().contains("data/log: its last 4 bytes are no whole record"), "{}", server.err());
    assert_eq!(fs::read(folder.path().join("data/log.torn")).unwrap(), torn);
    server.restart();
    server.client("get d").said().ends(0).says("1\tv");
    assert!(!server.err().contains("no whole record"), "{}", server.err());
}

#[test]
fn a_server_out_of_reach_leaves_the_outcome_unknown() {
    let address = free_address();
    for (line, words) in [
        ("get k", "; nothing was read"),
        ("put k v", "; nothing was put"),
        ("put k v --version 0", "; perhaps installed"),
        ("load --time 100ms", "; nothing was measured"),
    ] {
        alone(&format!("client kv --server {address} --patience 200ms {line}"))
            .ends(3)
            .says(&format!("unknown: no answer from {address} in 200 ms (--server, --patience)"))
            .says(words);
    }
    alone(&format!("client kv --server {address} --patience 200ms lock l"))
        .ends(3)
        .says(&format!("unknown: the lock was not ours in 200 ms (--server {address}, --patience)"));
}

#[test]
fn a_lock_s_holder_gives_it_back_at_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "");
    let holder = server.client("lock l --hold 1h");
    until("the lock", || holder.out().contains("held as").then_some(()));
    server.client("--patience 300ms lock l").said().ends(3).says("the lock was not ours in 300 ms");
    holder.interrupt();
    holder.said().ends(0).says("released, held until");
    server.client("lock l --hold 1ms").said().ends(0);
}

const PEERS: &str = "--peers 1=127.0.0.1:19001,2=127.0.0.1:19002";

#[test]
fn malformed_raft_arguments_are_64_and_name_their_flag() {
    for (line, words) in [
        ("serve raft --id 1 --data d", "--peers"),
        ("serve raft --id x --peers 1=a:1 --data d", "'x' for '--id <ID>'"),
        ("serve raft --id 1 --peers a:1 --data d", "'a:1' is no server: write ID=host:port"),
        ("serve raft --id 1 --peers 1=a --data d", "'a' is no address"),
        ("serve raft --id 1 --peers 1=a:1,1=b:1 --data d", "--peers: it names a server twice"),
        ("serve raft --id 3 --peers 1=a:1,2=b:1 --data d", "--id 3: it is none of the voters"),
        ("serve raft --id 3 --join --peers 1=a:1 --data d", "--id 3: --peers does not name it"),
        ("serve raft --id 1 --peers 1=a:1 --voters 1,2 --data d", "--voters 2: --peers does not name it"),
        ("serve raft --id 1 --peers 1=a:1 --voters 1 --join --data d", "cannot be used with"),
        ("serve raft --id 1 --peers 1=192.0.2.1:7000 --data d", "--listen 192.0.2.1:7000: "),
        ("serve raft --id 1 --peers 1=a:1 --data d --election 0s", "'0s' is not a duration"),
        ("client raft status", "--servers"),
        ("client raft --servers garbage status", "'garbage' is no address"),
        ("client raft --servers a:1 load --reads 101", "'101' for '--reads <PERCENT>'"),
        ("client raft --servers a:1 load --history .", "--history .: Is a directory"),
        ("client raft --servers a:1 members set", "<IDS>..."),
    ] {
        alone(line).ends(64).complains(words);
    }
}

#[test]
fn malformed_shardkv_arguments_are_64_and_name_their_flag() {
    let group = "serve shardkv group --data d --controller a:1";
    for (line, words) in [
        ("serve shardkv", "controller"),
        ("serve shardkv controller --id 1 --data d", "--peers"),
        ("serve shardkv controller --id 1 --peers 2=a:1 --data d", "--id 1: it is none of the voters"),
        ("serve shardkv controller --id 1 --peers 1=a:1 --shards 0 --data d", "'0' for '--shards <N>'"),
        (&format!("{group} --id 1 --peers 1=a:1"), "--gid"),
        (&format!("{group} --id 1 --peers 1=a:1 --gid 0"), "'0' for '--gid <GID>'"),
        (&format!("{group} --id 1 --peers 1=a:1,1=b:1 --gid 1"), "--peers: it names a server twice"),
        (&format!("{group} --id 1 --peers 1=192.0.2.1:7000 --gid 1"), "--listen 192.0.2.1:7000: "),
        ("client shardkv query", "--controller"),
        ("client shardkv --controller a:1 join 1", "'1' is no group: write GID=host:port"),
        ("client shardkv --controller a:1 join 0=a:1", "'0=a:1' is no group"),
        ("client shardkv --controller a:1 join 1=a", "'a' is no address"),
        ("client shardkv --controller a:1 join 1=a:1 1=b:1", "group 1 is named twice"),
        ("client shardkv --controller a:1 load --history .", "--history .: Is a directory"),
    ] {
        alone(line).ends(64).complains(words);
    }
}

#[test]
fn a_shardkv_controller_out_of_reach_is_told_apart_from_doubt() {
    let address = free_address();
    for (line, code, words) in [
        ("join 1=a:1", 1, "no answer in 200 ms (--patience)"),
        ("join 1=a:1", 1, "; certainly nothing was done"),
        ("join 1=a:1 --unchecked", 1, "; certainly nothing was done"),
        ("leave 1", 1, "; certainly nothing was done"),
        ("move 0 1", 1, "; certainly nothing was done"),
        ("query", 3, "; unknown: nothing was read"),
        ("get k", 3, "; unknown: nothing was read"),
        ("put k v", 1, "; certainly not done"),
        ("put k v --version 0", 1, "; certainly not installed"),
        ("append k v", 1, "; certainly not done"),
        ("cas k v", 1, "; certainly not done"),
        ("load --time 100ms", 3, "; unknown: nothing was measured"),
    ] {
        let line = format!("client shardkv --controller {address} --patience 200ms {line}");
        let who = format!("the controller at {address} is silent (--controller)");
        alone(&line).ends(code).says(words).says(&who);
    }
}

#[test]
fn raft_servers_out_of_reach_are_told_apart_from_doubt() {
    let address = free_address();
    for (line, code, words) in [
        ("append v", 1, "; certainly not appended"),
        ("read", 3, "; unknown: nothing was read"),
        ("load --time 100ms", 3, "; unknown: nothing was measured"),
        ("members", 3, "; unknown: only the leader knows the members"),
        ("members add 4", 1, "; certainly nothing was done"),
        ("transfer", 1, "; certainly nothing was done"),
    ] {
        alone(&format!("client raft --servers {address} --patience 200ms {line}"))
            .ends(code)
            .says(&format!("no leader of {address} answered in 200 ms (--servers, --patience)"))
            .says(words);
    }
    alone(&format!("client raft --servers {address} status")).ends(3).says("no answer");
}

#[test]
fn a_raft_directory_has_one_server_and_one_founding() {
    let folder = tempfile::tempdir().unwrap();
    let line = |address: &str, more: &str| {
        format!("serve raft --id 1 --listen {address} {PEERS} --data data --voters 1 {more}")
    };
    let address = free_address();
    let server = Process::start(folder.path(), &line(&address, ""));
    until("a server that leads", || {
        let asked = Process::start(folder.path(), &format!("client raft --servers {address} append v"));
        (asked.said().code == Some(0)).then_some(())
    });
    let again = |flags: &str| Process::start(folder.path(), &line(&free_address(), flags)).said().ends(64);
    again("").complains("--data data: another server is at work in it");
    server.kill_9();
    Process::start(folder.path(), &format!("serve raft --id 2 --listen {address} {PEERS} --data data"))
        .said()
        .ends(64)
        .complains("it was made with other flags\n  then: Server 1 of")
        .complains("founded by 1,2");
    let log = folder.path().join("data/log-00000000000000000001");
    let mut damaged = fs::read(&log).unwrap();
    damaged[20] ^= 1;
    fs::write(&log, &damaged).unwrap();
    again("").complains("--data data: data/log-00000000000000000001: the frame at byte 0 is damaged");
    assert_eq!(fs::read(&log).unwrap(), damaged, "it was left as it is");
}
