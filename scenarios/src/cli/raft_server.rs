//! `stormglass serve raft`, and what every service that is replicated over it has in common.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use stormglass_sim::real;
use stormglass_systems::raft::message::{Configuration, ServerId};
use stormglass_systems::raft::server::{self, Door, Error, SnapshotPolicy, StateMachine};
use stormglass_systems::raft::storage::{self, StorageError};
use stormglass_systems::raft::{admin, protocol, service};

use super::args;
use super::data::{Owner, own};
use super::kv_server::address;
use super::{Answer, Complaint, words};

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    member: Member,
}

impl Serve {
    pub(crate) fn answer(self) -> Answer {
        self.member.answer("raft", |snapshots, protocol, peers| server::Config {
            snapshots,
            ..service::config(protocol, peers)
        })
    }
}

/// One server of several.
#[derive(Args)]
pub(super) struct Member {
    /// Which of the servers this one is
    #[arg(long, value_name = "ID")]
    id: ServerId,
    /// All servers, and those that may join them later, this one too: 1=host:port,2=host:port,…
    #[arg(long, value_name = "ID=ADDR,…", required = true, value_delimiter = ',', value_parser = peer)]
    peers: Vec<(ServerId, String)>,
    /// Where to listen; without it, where the others reach this one
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<String>,
    /// The directory of its log and snapshots, of no other use. A server that has lost it must not come back under its
    /// --id: it has forgotten its votes. Remove it from the members, and add one with another --id
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Who votes when a cluster is founded: the same at all founders; without it, all of --peers
    #[arg(long, value_name = "ID,…", value_delimiter = ',', conflicts_with = "join")]
    voters: Vec<ServerId>,
    /// This server is to be added to a cluster that exists, with `client raft members`
    #[arg(long)]
    join: bool,
    /// The shortest election timeout; the longest is twice as long, and a heartbeat comes every fifth of it. The same at
    /// all servers: a leader's lease is as long as others wait, and it knows only its own
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = args::duration)]
    election: Duration,
    /// Make a snapshot after so many bytes of commands
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot: u64,
}

impl Member {
    /// Runs the server, until it fails or Ctrl-C; `make` says what is replicated and served.
    pub(super) fn answer<S: StateMachine>(
        self,
        system: &str,
        make: impl FnOnce(SnapshotPolicy, protocol::Config, BTreeMap<ServerId, String>) -> server::Config<S>,
    ) -> Answer {
        self.run(system, make, server::run)
    }

    /// The same by `run`, for a server that does something besides. `line` is what `serve` is asked to serve: the system,
    /// and whatever else must be the same at every start.
    pub(super) fn run<S: StateMachine, F: Future<Output = Result<(), Error>>>(
        self,
        line: &str,
        make: impl FnOnce(SnapshotPolicy, protocol::Config, BTreeMap<ServerId, String>) -> server::Config<S>,
        run: impl FnOnce(server::Config<S>) -> F,
    ) -> Answer {
        let system = line.split(' ').next().unwrap_or(line);
        let peers = self.addresses()?;
        let initial = self.initial(&peers)?;
        let own_address = peers.get(&self.id).cloned();
        let Some(listen) = self.listen.clone().or(own_address) else {
            return Err(Complaint::usage(format!("--id {}: --peers does not name it", self.id)));
        };
        let taken = |error: io::Error| Complaint::usage(format!("--listen {listen}: {error}"));
        // Before anything is touched or announced; the server binds again.
        drop(TcpListener::bind(&listen).map_err(taken)?);
        let voters: Vec<String> = initial.voters.iter().map(u64::to_string).collect();
        let founded = if self.join { "to join".into() } else { format!("founded by {}", voters.join(",")) };
        let mark =
            format!("Server {} of `stormglass serve {line}` keeps its data here, {founded}.\n", self.id);
        let _owned = own(&self.data, &Owner { system, mark: &mark })?;
        anstream::eprintln!(
            "stormglass: serving {line} at {listen} as server {}, data in {}; Ctrl-C ends it",
            self.id,
            self.data.display()
        );
        let config = self.config(listen.clone(), peers, initial, make);
        words::speak();
        let served = real::block_on(async {
            stormglass_sim::select! {
                ended = run(config) => ended,
                _ = stormglass_sim::signal::ctrl_c() => Ok(()),
            }
        })?;
        match served {
            Ok(()) => Ok(0),
            Err(Error::Port { source, .. }) => Err(taken(source)),
            Err(Error::Storage(error @ StorageError::Damaged { .. })) => {
                Err(Complaint::usage(format!("--data {}: {error}", self.data.display())))
            }
            Err(error @ Error::Broken(_)) => Err(Complaint::usage(format!("--peers or --data: {error}"))),
            Err(error) => Err(Complaint::Internal(error.to_string())),
        }
    }

    fn addresses(&self) -> Result<BTreeMap<ServerId, String>, Complaint> {
        let peers: BTreeMap<ServerId, String> = self.peers.iter().cloned().collect();
        if peers.len() < self.peers.len() {
            return Err(Complaint::usage("--peers: it names a server twice"));
        }
        let mut known = BTreeSet::new();
        if let Some(twice) = peers.values().find(|address| !known.insert(address.as_str())) {
            return Err(Complaint::usage(format!("--peers: two servers are said to be at {twice}")));
        }
        Ok(peers)
    }

    fn initial(&self, peers: &BTreeMap<ServerId, String>) -> Result<Configuration, Complaint> {
        let mut voters: BTreeSet<ServerId> = self.voters.iter().copied().collect();
        if let Some(unknown) = voters.iter().find(|id| !peers.contains_key(id)) {
            return Err(Complaint::usage(format!("--voters {unknown}: --peers does not name it")));
        }
        if voters.is_empty() && !self.join {
            voters = peers.keys().copied().collect();
        }
        if !self.join && !voters.contains(&self.id) {
            let text = format!(
                "--id {}: it is none of the voters; a server that is added later takes --join",
                self.id
            );
            return Err(Complaint::usage(text));
        }
        Ok(Configuration { voters, ..Configuration::default() })
    }

    fn config<S: StateMachine>(
        &self,
        address: String,
        peers: BTreeMap<ServerId, String>,
        initial: Configuration,
        make: impl FnOnce(SnapshotPolicy, protocol::Config, BTreeMap<ServerId, String>) -> server::Config<S>,
    ) -> server::Config<S> {
        let protocol = protocol::Config {
            election: self.election..=self.election * 2,
            heartbeat: self.election / 5,
            ..protocol::Config::new(self.id)
        };
        let operators = admin::serve(peers.clone());
        let snapshots = SnapshotPolicy { entries: None, bytes: Some(self.snapshot) };
        let made = make(snapshots, protocol, peers);
        let clients = made.serve.clone();
        server::Config {
            address,
            initial,
            storage: storage::Config { directory: self.data.clone(), ..storage::Config::default() },
            serve: Rc::new(move |server, door: &Door| {
                clients(server, door);
                operators(server, door);
            }),
            ..made
        }
    }
}

/// `1=host:port`.
fn peer(text: &str) -> Result<(ServerId, String), String> {
    let wrong = || format!("'{text}' is no server: write ID=host:port, as 1=127.0.0.1:7001");
    let (id, at) = text.split_once('=').ok_or_else(wrong)?;
    Ok((id.parse().map_err(|_| wrong())?, address(at)?))
}
