//! A small service on top: a list that clients append to, each append executed once, and read as a whole.
//!
//! A client opens a session first, and numbers its appends in it: the table of [`rsm::Sessions`](Sessions) is part of the
//! replicated state and of its snapshots.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc::{Request, Server};

use super::bugs::{Bug, Bugs};
use super::message::{Index, ServerId, Term};
use super::protocol::ReadProof;
use super::server::{Config, Door, Serve, StateMachine};
use crate::rsm::{By, Front, Once, Open, Reply, Sessions, Way, decode, encode};

/// Appends a value, once, however often the request arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// Which append of which session; a resend has the same.
    pub by: By,
    /// What to append.
    pub value: String,
}

/// Reads the whole list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Whether the leader may trust its lease.
    pub lease: bool,
}

impl Request for Append {
    type Reply = Reply<Once>;
    const NAME: &'static str = "Append";
}

impl Request for Read {
    type Reply = Reply<Vec<String>>;
    const NAME: &'static str = "Read";
}

/// What the log holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Command {
    Open,
    Append(Append),
}

/// The replicated list and the table of sessions.
#[derive(Debug, Clone)]
pub struct LogService {
    state: State,
    most: usize,
    bugs: Bugs,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    list: Vec<String>,
    sessions: Sessions<()>,
}

impl LogService {
    /// An empty list, and room for this many sessions (at least 1), which must be the same on every server.
    pub fn new(sessions: usize, bugs: Bugs) -> Self {
        LogService { state: State::default(), most: sessions.max(1), bugs }
    }

    /// The list.
    pub fn list(&self) -> &[String] {
        &self.state.list
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.state.sessions.len()
    }

    fn append(&mut self, index: Index, Append { by, value }: Append) -> Once {
        let State { list, sessions } = &mut self.state;
        sessions.once(by, index, || list.push(value))
    }
}

impl StateMachine for LogService {
    fn apply(&mut self, index: Index, _: Term, command: &[u8]) -> Vec<u8> {
        match decode(command) {
            // A session is named by the entry that opened it.
            Ok(Command::Open) => {
                self.state.sessions.open(index, index, self.most);
                encode(&index)
            }
            Ok(Command::Append(append)) => encode(&self.append(index, append)),
            // No client of this service writes anything else; all servers skip it alike.
            Err(_) => Vec::new(),
        }
    }

    fn read(&self, _: &[u8]) -> Vec<u8> {
        encode(&self.state.list)
    }

    fn snapshot(&self) -> Vec<u8> {
        if self.bugs.has(Bug::SnapshotWithoutSessions) {
            return encode(&State { list: self.state.list.clone(), sessions: Sessions::default() });
        }
        encode(&self.state)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.state = decode(snapshot)?;
        Ok(())
    }
}

/// A founder of a cluster that replicates the list: server `protocol.id` of `peers`, with room for 1024 sessions.
pub fn config(protocol: super::protocol::Config, peers: BTreeMap<ServerId, String>) -> Config<LogService> {
    let bugs = protocol.bugs;
    let serve = serve(peers.clone());
    Config { serve, ..Config::new(protocol, peers, move || LogService::new(1024, bugs)) }
}

/// Serves the service's requests; `peers` tells a client where the leader is.
pub fn serve(peers: BTreeMap<ServerId, String>) -> Serve {
    let peers = Rc::new(peers);
    Rc::new(move |server: &mut Server, door: &Door| {
        let front = Front::new(door, &peers);
        front.serves(server, |_: Open| Way::Log(encode(&Command::Open)));
        front.serves(server, |append: Append| Way::Log(encode(&Command::Append(append))));
        front.serves(server, |read: Read| {
            Way::Read(Vec::new(), if read.lease { ReadProof::Lease } else { ReadProof::Quorum })
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(session: u64, number: u64, value: &str) -> Vec<u8> {
        encode(&Command::Append(Append { by: By { session, number }, value: value.into() }))
    }

    fn became(result: &[u8]) -> Once {
        decode(result).unwrap()
    }

    #[test]
    fn a_resend_is_executed_once_even_by_a_server_that_was_restored() {
        let mut one = LogService::new(4, Bugs::NONE);
        one.apply(1, 1, &encode(&Command::Open));
        one.apply(2, 1, &append(1, 1, "a"));
        let mut other = LogService::new(4, Bugs::NONE);
        other.restore(&one.snapshot()).unwrap();
        for server in [&mut one, &mut other] {
            assert_eq!(became(&server.apply(3, 1, &append(1, 1, "a"))), Once::Done(()));
            assert_eq!(became(&server.apply(4, 1, &append(1, 2, "b"))), Once::Done(()));
            assert_eq!(became(&server.apply(5, 1, &append(1, 1, "a"))), Once::Past);
            assert_eq!(server.list(), ["a", "b"]);
        }
    }

    #[test]
    fn a_snapshot_without_sessions_makes_servers_differ() {
        let mut one = LogService::new(4, Bugs::only(Bug::SnapshotWithoutSessions));
        one.apply(1, 1, &encode(&Command::Open));
        let mut other = LogService::new(4, Bugs::NONE);
        other.restore(&one.snapshot()).unwrap();
        for server in [&mut one, &mut other] {
            server.apply(2, 1, &append(1, 1, "a"));
        }
        assert_ne!(one.list(), other.list());
    }

    #[test]
    fn the_session_used_least_recently_ends() {
        let mut server = LogService::new(2, Bugs::NONE);
        for index in [1, 2] {
            server.apply(index, 1, &encode(&Command::Open));
        }
        server.apply(3, 1, &append(1, 1, "a"));
        server.apply(4, 1, &encode(&Command::Open));
        assert_eq!(server.sessions(), 2);
        assert_eq!(became(&server.apply(5, 1, &append(2, 1, "b"))), Once::Expired);
        assert_eq!(became(&server.apply(6, 1, &append(1, 2, "c"))), Once::Done(()));
        assert_eq!(server.list(), ["a", "c"]);
    }

    #[test]
    fn rubbish_is_skipped() {
        let mut server = LogService::new(2, Bugs::NONE);
        assert!(server.apply(1, 1, &[9, 9, 9]).is_empty());
        assert!(server.restore(&[0xff; 3]).is_err());
    }
}
