//! A small service on top: a list that clients append to, each append executed once, and read as a whole.
//!
//! A client opens a session first, and numbers its appends in it (§8; thesis §6.3). The table of sessions is part of
//! the replicated state, so that a resend is recognised by whichever server executes it, and part of its snapshots. It
//! is bounded: when there is no room for one more, the session that was used least recently ends, on every server at
//! the same entry. Whoever returns to a session that has ended is told so, and nothing is executed.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc::{Request, Server};

use super::bugs::{Bug, Bugs};
use super::message::{Index, ServerId, Term};
use super::protocol::{ReadProof, Refusal};
use super::server::{Config, Door, Serve, StateMachine, SubmitError};

/// Opens a session: its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open;

/// Appends a value, once, however often the request arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// The client's session.
    pub session: u64,
    /// The number of this append in its session, from 1; a resend has the same.
    pub sequence: u64,
    /// What to append.
    pub value: String,
}

/// Reads the whole list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Whether the leader may trust its lease.
    pub lease: bool,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply<T> {
    /// It is done.
    Done(T),
    /// Certainly nothing was done, because this server does not lead; perhaps the one at that address does.
    Elsewhere(Option<String>),
    /// Certainly nothing was done, and another try may succeed.
    Refused,
    /// This server cannot tell.
    Unknown,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Appended {
    /// It is in the list, since this copy of the request or an earlier one.
    Once,
    /// Its session has ended: this copy was not executed; whether an earlier one was, nobody knows any more.
    Expired,
}

impl Request for Open {
    type Reply = Reply<u64>;
    const NAME: &'static str = "Open";
}

impl Request for Append {
    type Reply = Reply<Appended>;
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

/// One client's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    /// The latest append that was executed in it.
    sequence: u64,
    /// The entry that used it last.
    used: Index,
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
    sessions: BTreeMap<u64, Session>,
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

    /// A session is named by the entry that opened it, so that no name is ever used twice.
    fn open(&mut self, index: Index) -> u64 {
        let sessions = &mut self.state.sessions;
        if sessions.len() >= self.most {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used).map(|(name, _)| *name);
            oldest.and_then(|oldest| sessions.remove(&oldest));
        }
        sessions.insert(index, Session { sequence: 0, used: index });
        index
    }

    fn append(&mut self, index: Index, append: Append) -> Appended {
        let Some(session) = self.state.sessions.get_mut(&append.session) else { return Appended::Expired };
        session.used = index;
        if append.sequence > session.sequence {
            session.sequence = append.sequence;
            self.state.list.push(append.value);
        }
        Appended::Once
    }
}

impl StateMachine for LogService {
    fn apply(&mut self, index: Index, _: Term, command: &[u8]) -> Vec<u8> {
        match postcard::from_bytes(command) {
            Ok(Command::Open) => encode(&self.open(index)),
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
            return encode(&State { list: self.state.list.clone(), sessions: BTreeMap::new() });
        }
        encode(&self.state)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.state = postcard::from_bytes(snapshot).map_err(|error| error.to_string())?;
        Ok(())
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data, and memory has no end")
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
        submits(server, door, &peers, |_: Open| Command::Open);
        submits(server, door, &peers, Command::Append);
        let (door, peers) = (door.clone(), peers.clone());
        server.on(move |_, read: Read| {
            let (door, peers) = (door.clone(), peers.clone());
            async move {
                let proof = if read.lease { ReadProof::Lease } else { ReadProof::Quorum };
                reply(door.read(Vec::new(), proof).await, &peers)
            }
        });
    })
}

/// Serves one request type by submitting the command that it stands for.
fn submits<R, T>(
    server: &mut Server,
    door: &Door,
    peers: &Rc<BTreeMap<ServerId, String>>,
    command: fn(R) -> Command,
) where
    R: Request<Reply = Reply<T>>,
    T: for<'a> Deserialize<'a> + Serialize + 'static,
{
    let (door, peers) = (door.clone(), peers.clone());
    server.on(move |_, request: R| {
        let (door, peers, command) = (door.clone(), peers.clone(), encode(&command(request)));
        async move { reply(door.submit(command).await, &peers) }
    });
}

fn reply<T: for<'a> Deserialize<'a>>(
    result: Result<Vec<u8>, SubmitError>,
    peers: &BTreeMap<ServerId, String>,
) -> Reply<T> {
    match result {
        Ok(bytes) => postcard::from_bytes(&bytes).map_or(Reply::Unknown, Reply::Done),
        Err(SubmitError::Unknown) => Reply::Unknown,
        Err(SubmitError::Refused(Refusal::NotLeader(leader))) => {
            Reply::Elsewhere(leader.and_then(|leader| peers.get(&leader).cloned()))
        }
        Err(_) => Reply::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(session: u64, sequence: u64, value: &str) -> Vec<u8> {
        encode(&Command::Append(Append { session, sequence, value: value.into() }))
    }

    fn became(result: &[u8]) -> Appended {
        postcard::from_bytes(result).unwrap()
    }

    #[test]
    fn a_resend_is_executed_once_even_by_a_server_that_was_restored() {
        let mut one = LogService::new(4, Bugs::NONE);
        one.apply(1, 1, &encode(&Command::Open));
        one.apply(2, 1, &append(1, 1, "a"));
        let mut other = LogService::new(4, Bugs::NONE);
        other.restore(&one.snapshot()).unwrap();
        for server in [&mut one, &mut other] {
            assert_eq!(became(&server.apply(3, 1, &append(1, 1, "a"))), Appended::Once);
            assert_eq!(became(&server.apply(4, 1, &append(1, 2, "b"))), Appended::Once);
            assert_eq!(became(&server.apply(5, 1, &append(1, 1, "a"))), Appended::Once);
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
        assert_eq!(became(&server.apply(5, 1, &append(2, 1, "b"))), Appended::Expired);
        assert_eq!(became(&server.apply(6, 1, &append(1, 2, "c"))), Appended::Once);
        assert_eq!(server.list(), ["a", "c"]);
    }

    #[test]
    fn rubbish_is_skipped() {
        let mut server = LogService::new(2, Bugs::NONE);
        assert!(server.apply(1, 1, &[9, 9, 9]).is_empty());
        assert!(server.restore(&[0xff; 3]).is_err());
    }
}
