//! What the servers of a group replicate, as raft has it, and where requests go into its log.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc::{self, Server};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{
    Delete, Freeze, Get, Identity, Install, Moved, NotServed, Num, Part, Query, Shard, Who, Write, Written,
};
use super::super::protocol::{Answer, Command, Group, Phase, shard_of};
use super::super::spec::{Observation, Probe};
use super::GroupConfig;
use crate::raft;
use crate::raft::message::{Index, ServerId, Term};
use crate::raft::protocol::ReadProof;
use crate::raft::server::{Door, StateMachine};
use crate::rsm::{Front, Reply, Way, decode, encode};

/// What may be asked of a group's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Look {
    /// A key.
    Get(Get),
    /// How far it follows its controller.
    Shape,
    /// A part of a shard that is frozen for this configuration, by where it begins.
    Frozen(Shard, Num, u64),
    /// Whether it serves a shard; for a bug.
    Serves(Shard),
    /// A part of a shard that it serves, by where it begins; for a bug.
    Serving(Shard, u64),
}

/// A group's replicated state on one server.
#[derive(Debug)]
pub struct GroupMachine {
    group: Group,
    gid: u64,
    /// The last entry that it has executed.
    applied: Index,
    probe: Probe,
    bugs: Bugs,
    /// What was deleted: [`Bug::KeepsTheBytes`].
    kept: Vec<u8>,
}

impl GroupMachine {
    fn new(config: &GroupConfig) -> Self {
        let make = if config.founder { Group::founder } else { Group::new };
        let group = make(config.gid, config.shards, config.limits, config.bugs);
        let (gid, probe, bugs) = (config.gid, config.probe.clone(), config.bugs);
        GroupMachine { group, gid, applied: 0, probe, bugs, kept: Vec::new() }
    }

    fn show(&self) {
        let (gid, index) = (self.gid, self.applied);
        self.probe.observe(|| Observation::Snapshot { gid, index, digest: self.group.digest() });
    }

    fn keep(&mut self, command: &Command) {
        let Command::Delete(delete) = command else { return };
        let Some(Phase::Frozen(content)) = self.group.slot(delete.shard).map(|slot| &slot.phase) else {
            return;
        };
        if self.bugs.has(Bug::KeepsTheBytes) {
            self.kept.extend(encode(content));
        }
    }
}

impl StateMachine for GroupMachine {
    fn apply(&mut self, index: Index, _: Term, command: &[u8]) -> Vec<u8> {
        self.applied = index;
        // Nobody writes anything else into this log; all servers skip it alike.
        let Ok(command) = decode::<Command>(command) else { return Vec::new() };
        self.keep(&command);
        let effects = self.group.apply(command);
        self.probe.observe(|| Observation::Applied { gid: self.gid, index, seen: effects.seen });
        match effects.answer {
            Answer::Write(answer) => encode(&answer),
            Answer::Get(answer) => encode(&answer),
            Answer::Freeze(answer) => encode(&answer),
            Answer::Install(answer) => encode(&answer),
            Answer::Delete(answer) => encode(&answer),
            Answer::Adopt(answer) => encode(&answer),
        }
    }

    fn read(&self, query: &[u8]) -> Vec<u8> {
        match decode(query) {
            Ok(Look::Get(get)) => encode(&self.group.get(&get)),
            Ok(Look::Shape) => encode(&self.group.shape()),
            Ok(Look::Frozen(shard, num, from)) => encode(&self.group.frozen(shard, num, from)),
            Ok(Look::Serves(shard)) => encode(&self.group.serves(shard)),
            Ok(Look::Serving(shard, from)) => {
                encode(&self.group.serving(shard).map(|content| self.group.part(content, from)))
            }
            Err(_) => Vec::new(),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        self.show();
        let mut snapshot = encode(&(self.applied, self.group.save()));
        snapshot.extend(&self.kept);
        snapshot
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        let (applied, state) = decode(snapshot)?;
        self.applied = applied;
        self.group.load(state);
        self.show();
        Ok(())
    }
}

pub(super) fn config(
    group: &GroupConfig,
    protocol: raft::protocol::Config,
    peers: BTreeMap<ServerId, String>,
) -> raft::server::Config<GroupMachine> {
    let (addresses, config, followed) = (Rc::new(peers.clone()), group.clone(), group.clone());
    let (gid, reads, bugs, shards) = (group.gid, group.reads, group.bugs, group.shards);
    let serve = Rc::new(move |server: &mut Server, door: &Door| {
        let front = Front::new(door, &addresses);
        front.serves(server, move |get: Get| match reads {
            None => Way::Log(encode(&Command::Get(get))),
            Some(proof) => Way::Read(encode(&Look::Get(get)), proof),
        });
        if bugs.has(Bug::ChecksBeforeTheLog) {
            check_before(server, &front, shards);
        } else {
            front.serves(server, |write: Write| Way::Log(encode(&Command::Write(write))));
        }
        introduces(server, door, &addresses, &followed);
        freezes(server, &front, bugs);
        front.serves(server, |install: Install| Way::Log(encode(&Command::Install(install))));
        front.serves(server, |delete: Delete| Way::Log(encode(&Command::Delete(delete))));
    });
    raft::server::Config {
        serve,
        cluster: gid,
        ..raft::server::Config::new(protocol, peers, move || GroupMachine::new(&config))
    }
}

/// How long a server of the controller is waited for before whoever asks is told that none is reached.
const REACHED: Duration = Duration::from_millis(200);

/// Says who this is, and whether its controller is there.
fn introduces(
    server: &mut Server,
    door: &Door,
    addresses: &Rc<BTreeMap<ServerId, String>>,
    group: &GroupConfig,
) {
    let (door, addresses, group) = (door.clone(), addresses.clone(), Rc::new(group.clone()));
    server.on_maybe(move |_, _: Who| {
        let (door, addresses, group) = (door.clone(), addresses.clone(), group.clone());
        async move {
            let first = Query { num: Some(0) };
            let asked = group.controller.iter().map(|at| rpc::call(at, &first, REACHED));
            let reached = join_all(asked).await.iter().any(Result::is_ok);
            let status = door.status()?;
            let everyone = status.configuration.voters.iter().chain(&status.configuration.outgoing);
            let members = everyone.map(|id| (*id, addresses.get(id).cloned().unwrap_or_default())).collect();
            let &GroupConfig { gid, shards, .. } = &*group;
            let controller = group.controller.clone();
            Some(Identity { gid, shards, server: status.id, members, controller, reached })
        }
    });
}

/// [`Bug::ChecksBeforeTheLog`]: whether the group serves the key is asked of the state as it is, not when the write's turn
/// comes.
fn check_before(server: &mut Server, front: &Front, shards: usize) {
    let front = front.clone();
    server.on(move |_, write: Write| {
        let front = front.clone();
        async move {
            let look = Look::Serves(shard_of(&write.key, shards));
            match front.answer::<bool>(Way::Read(encode(&look), ReadProof::Quorum)).await {
                Reply::Done(true) => front.answer::<Written>(Way::Log(encode(&Command::Write(write)))).await,
                Reply::Done(false) => Reply::Done(Err(NotServed::WrongGroup)),
                Reply::Elsewhere(hint) => Reply::Elsewhere(hint),
                Reply::Refused | Reply::Unknown => Reply::Refused,
            }
        }
    });
}

fn freezes(server: &mut Server, front: &Front, bugs: Bugs) {
    let front = front.clone();
    server.on(move |_, freeze: Freeze| {
        let front = front.clone();
        async move {
            let before = if bugs.has(Bug::SendsWithoutTheLog) {
                let look = Way::Read(encode(&Look::Serving(freeze.shard, freeze.from)), ReadProof::Quorum);
                front.answer::<Option<Part>>(look).await
            } else {
                Reply::Done(None)
            };
            let reply = front.answer::<Moved<Part>>(Way::Log(encode(&Command::Freeze(freeze)))).await;
            match (reply, before) {
                (Reply::Done(Moved::Done(_)), Reply::Done(Some(part))) => Reply::Done(Moved::Done(part)),
                (reply, _) => reply,
            }
        }
    });
}
