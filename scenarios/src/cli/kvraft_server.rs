//! `stormglass serve kvraft`.

use clap::Args;
use stormglass_systems::kvraft::server;
use stormglass_systems::raft;

use super::Answer;
use super::raft_server::Member;

/// Its servers and those of another service do not take each other for one cluster.
const CLUSTER: u64 = u64::MAX - 1;

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    member: Member,
    /// For how many clients there is room until the one that was silent longest is forgotten, while this server leads
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
}

impl Serve {
    pub(crate) fn answer(self) -> Answer {
        let sessions = self.sessions as usize;
        self.member.answer("kvraft", move |snapshots, protocol, peers| {
            let config = server::Config { snapshots, sessions, ..server::Config::default() };
            raft::server::Config { cluster: CLUSTER, ..server::config(config, protocol, peers) }
        })
    }
}
