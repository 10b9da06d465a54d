//! `stormglass serve shardkv`: a server of the controller, or of a group that follows it.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use stormglass_sim::real;
use stormglass_systems::raft::message::ServerId;
use stormglass_systems::raft::server::{Config, Error, SnapshotPolicy, StateMachine};
use stormglass_systems::raft::storage::{self, StorageError};
use stormglass_systems::raft::{self, protocol};
use stormglass_systems::shardkv::message::Gid;
use stormglass_systems::shardkv::server::{self, ControllerConfig, GroupConfig};

use super::args;
use super::data::{Owner, own};
use super::kv_server::address;
use super::raft_server::peer;
use super::{Answer, Complaint};

#[derive(Subcommand)]
pub(crate) enum Serve {
    /// A server of the controller, which says what group serves which shard
    Controller(Controller),
    /// A server of a group, which serves the shards that the controller gives it
    Group(Group),
}

#[derive(Args)]
pub(crate) struct Controller {
    #[command(flatten)]
    seat: Seat,
}

#[derive(Args)]
pub(crate) struct Group {
    #[command(flatten)]
    seat: Seat,
    /// The number of the group, from 1
    #[arg(long, value_name = "GID", value_parser = clap::value_parser!(u64).range(1..))]
    gid: Gid,
    /// The servers of the controller
    #[arg(long, value_name = "ADDR,…", required = true, value_delimiter = ',', value_parser = address)]
    controller: Vec<String>,
    /// How often the group asks the controller for news
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = args::duration)]
    poll: Duration,
}

/// One server among those that replicate the same.
#[derive(Args)]
struct Seat {
    /// Which of the servers this one is
    #[arg(long, value_name = "ID")]
    id: ServerId,
    /// All servers, this one too: 1=host:port,2=host:port,…
    #[arg(long, value_name = "ID=ADDR,…", required = true, value_delimiter = ',', value_parser = peer)]
    peers: Vec<(ServerId, String)>,
    /// Where to listen; without it, where the others reach this one
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<String>,
    /// The directory of its log and snapshots, of no other use
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Into how many shards the keys are divided: the same at all servers of all groups and of the controller
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=4096))]
    shards: u16,
    /// The shortest election timeout; the longest is twice as long, and a heartbeat comes every fifth of it
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = args::duration)]
    election: Duration,
    /// Make a snapshot after so many bytes of commands
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot: u64,
}

impl Serve {
    pub(crate) fn answer(self) -> Answer {
        match self {
            Serve::Controller(controller) => controller.answer(),
            Serve::Group(group) => group.answer(),
        }
    }
}

impl Controller {
    fn answer(self) -> Answer {
        let made = ControllerConfig::new(usize::from(self.seat.shards));
        let what = "the controller".to_owned();
        self.seat.serve(&what, |protocol, peers| made.server(protocol, peers), raft::server::run)
    }
}

impl Group {
    fn answer(self) -> Answer {
        let group = GroupConfig {
            controller: self.controller,
            poll: self.poll,
            ..GroupConfig::new(self.gid, usize::from(self.seat.shards))
        };
        let (what, runs) = (format!("group {}", self.gid), group.clone());
        let run = |server| server::run(runs, server);
        self.seat.serve(&what, |protocol, peers| group.server(protocol, peers), run)
    }
}

impl Seat {
    /// Runs a server of `what` until it fails or is interrupted.
    fn serve<S: StateMachine, F: Future<Output = Result<(), Error>>>(
        &self,
        what: &str,
        make: impl FnOnce(protocol::Config, BTreeMap<ServerId, String>) -> Config<S>,
        run: impl FnOnce(Config<S>) -> F,
    ) -> Answer {
        let peers: BTreeMap<ServerId, String> = self.peers.iter().cloned().collect();
        if peers.len() < self.peers.len() {
            return Err(Complaint::usage("--peers: it names a server twice"));
        }
        let Some(own_address) = peers.get(&self.id).cloned() else {
            return Err(Complaint::usage(format!("--id {}: --peers does not name it", self.id)));
        };
        let listen = self.listen.clone().unwrap_or(own_address);
        let taken = |error: io::Error| Complaint::usage(format!("--listen {listen}: {error}"));
        // Before anything is touched or announced; the server binds again.
        drop(TcpListener::bind(&listen).map_err(taken)?);
        let mark = format!(
            "Server {} of {what} of `stormglass serve shardkv` keeps its data here, {} shards.\n",
            self.id, self.shards
        );
        let _owned = own(&self.data, &Owner { system: "shardkv", mark: &mark })?;
        anstream::eprintln!(
            "stormglass: serving {what} of shardkv at {listen} as server {}, data in {}; Ctrl-C ends it",
            self.id,
            self.data.display()
        );
        let protocol = protocol::Config {
            election: self.election..=self.election * 2,
            heartbeat: self.election / 5,
            ..protocol::Config::new(self.id)
        };
        let server = Config {
            address: listen.clone(),
            storage: storage::Config { directory: self.data.clone(), ..storage::Config::default() },
            snapshots: SnapshotPolicy { entries: None, bytes: Some(self.snapshot) },
            ..make(protocol, peers)
        };
        let served = real::block_on(async {
            stormglass_sim::select! {
                ended = run(server) => ended,
                _ = stormglass_sim::signal::ctrl_c() => Ok(()),
            }
        })?;
        match served {
            Ok(()) => Ok(0),
            Err(Error::Port { source, .. }) => Err(taken(source)),
            Err(Error::Storage(error @ StorageError::Damaged { .. })) => {
                Err(Complaint::usage(format!("--data {}: {error}", self.data.display())))
            }
            Err(error) => Err(Complaint::Internal(error.to_string())),
        }
    }
}
