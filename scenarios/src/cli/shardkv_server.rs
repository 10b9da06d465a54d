//! `stormglass serve shardkv`: a server of the controller, or of a group that follows it.

use std::cell::Cell;
use std::time::Duration;

use clap::{Args, Subcommand};
use stormglass_systems::raft;
use stormglass_systems::raft::server::Config;
use stormglass_systems::shardkv::message::Gid;
use stormglass_systems::shardkv::server::{self, ControllerConfig, Error, GroupConfig};

use super::kv_server::address;
use super::raft_server::Member;
use super::{Answer, Complaint, args};

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
    member: Member,
    /// Into how many shards the keys are divided: the same at all servers of the controller and of all groups
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=4096))]
    shards: u16,
}

#[derive(Args)]
pub(crate) struct Group {
    #[command(flatten)]
    member: Member,
    /// The number of the group, from 1
    #[arg(long, value_name = "GID", value_parser = clap::value_parser!(u64).range(1..))]
    gid: Gid,
    /// The servers of the controller
    #[arg(long, value_name = "ADDR,…", required = true, value_delimiter = ',', value_parser = address)]
    controller: Vec<String>,
    /// Into how many shards the keys are divided: as at the controller
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=4096))]
    shards: u16,
    /// How often the group asks the controller for news
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = args::duration)]
    poll: Duration,
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
        let made = ControllerConfig::new(usize::from(self.shards));
        let line = format!("shardkv controller --shards {}", self.shards);
        let make = |snapshots, protocol, peers| Config { snapshots, ..made.server(protocol, peers) };
        self.member.run(&line, make, raft::server::run)
    }
}

impl Group {
    fn answer(self) -> Answer {
        let shards = usize::from(self.shards);
        let group = GroupConfig {
            controller: self.controller,
            poll: self.poll,
            ..GroupConfig::new(self.gid, shards)
        };
        let line = format!("shardkv group --gid {} --shards {shards}", self.gid);
        let make = |snapshots, protocol, peers| Config { snapshots, ..group.server(protocol, peers) };
        let (runs, wrong) = (group.clone(), Cell::new(None));
        let answer = self.member.run(&line, make, async |server| match server::run(runs, server).await {
            Ok(()) => Ok(()),
            Err(Error::Raft(error)) => Err(error),
            Err(error @ Error::Shards { .. }) => {
                wrong.set(Some(error));
                Ok(())
            }
        });
        match wrong.take() {
            None => answer,
            Some(error) => Err(Complaint::usage(format!("--shards {shards}: {error}"))),
        }
    }
}
