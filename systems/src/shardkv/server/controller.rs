//! What the servers of the controller replicate, as raft has it.

use std::collections::BTreeMap;
use std::rc::Rc;

use stormglass_sim::net::rpc::Server;

use super::super::bugs::Bugs;
use super::super::message::{Decree, Query};
use super::super::protocol::Controller;
use super::super::spec::{Observation, Probe};
use super::ControllerConfig;
use crate::raft;
use crate::raft::message::{Index, ServerId, Term};
use crate::raft::protocol::ReadProof;
use crate::raft::server::{Door, StateMachine};
use crate::rsm::{Front, Way, decode, encode};

/// The controller's name among clusters: no group has this number.
const CLUSTER: u64 = u64::MAX;

/// All configurations, on one server.
#[derive(Debug)]
pub struct ControllerMachine {
    controller: Controller,
    bugs: Bugs,
    /// What this server, and no other, would draw to order a map.
    salt: u64,
    probe: Probe,
}

impl StateMachine for ControllerMachine {
    fn apply(&mut self, _: Index, _: Term, command: &[u8]) -> Vec<u8> {
        let Ok(decree) = decode::<Decree>(command) else { return Vec::new() };
        let known = self.controller.configs().len();
        let answer = self.controller.decree(&decree, self.bugs, self.salt);
        for config in &self.controller.configs()[known..] {
            let (by, rule, config) = (decree.by, decree.rule.clone(), config.clone());
            self.probe.observe(move || Observation::Configured { by, rule, config });
        }
        encode(&answer)
    }

    fn read(&self, query: &[u8]) -> Vec<u8> {
        decode::<Query>(query).map_or_else(|_| Vec::new(), |query| encode(self.controller.query(&query)))
    }

    fn snapshot(&self) -> Vec<u8> {
        encode(&self.controller)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.controller = decode(snapshot)?;
        Ok(())
    }
}

pub(super) fn config(
    controller: &ControllerConfig,
    protocol: raft::protocol::Config,
    peers: BTreeMap<ServerId, String>,
) -> raft::server::Config<ControllerMachine> {
    let (addresses, config, salt) = (Rc::new(peers.clone()), controller.clone(), protocol.id);
    let serve = Rc::new(move |server: &mut Server, door: &Door| {
        let front = Front::new(door, &addresses);
        front.serves(server, |decree: Decree| Way::Log(encode(&decree)));
        // A configuration never changes: who asks for one by its number may be told late that it exists, but nothing wrong.
        front.serves(server, |query: Query| {
            let proof = if query.num.is_some() { ReadProof::Lease } else { ReadProof::Quorum };
            Way::Read(encode(&query), proof)
        });
    });
    let machine = move || ControllerMachine {
        controller: Controller::new(config.shards),
        bugs: config.bugs,
        salt,
        probe: config.probe.clone(),
    };
    raft::server::Config { serve, cluster: CLUSTER, ..raft::server::Config::new(protocol, peers, machine) }
}
