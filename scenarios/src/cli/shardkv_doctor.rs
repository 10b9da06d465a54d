//! Why nobody answers, and what speaks against a group that is to join: asked of those who are there.

use std::collections::BTreeSet;
use std::time::Duration;

use stormglass_sim::net::rpc;
use stormglass_systems::raft::admin::Inspect;
use stormglass_systems::retry::Retry;
use stormglass_systems::rsm::Reply;
use stormglass_systems::shardkv::client::who;
use stormglass_systems::shardkv::message::{Config, Gid, Identity, Query, Who};

/// How long each of them is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Why no group answered for a key (without one: for any), with the controller at these addresses.
pub(super) async fn silent_group(controller: &[String], key: Option<&str>) -> String {
    let config = match latest(controller).await {
        Ok(config) => config,
        Err(why) => return why,
    };
    if config.groups.is_empty() {
        let why = if config.num == 0 { "no group has joined yet" } else { "all groups have left" };
        return format!("{why} (configuration {})", config.num);
    }
    let asked: Vec<(Gid, &[String])> = match key.and_then(|key| config.group_of(key)) {
        Some(group) => vec![group],
        None => config.groups.iter().map(|(gid, servers)| (*gid, servers.as_slice())).collect(),
    };
    let mut found = Vec::new();
    for (gid, servers) in asked {
        let at = servers.join(",");
        found.push(match first(servers).await {
            None => format!("group {gid} at {at} is silent"),
            Some(there) if there.gid != gid => format!("group {gid} is not at {at}: group {} is", there.gid),
            Some(_) => format!("group {gid} at {at} has no leader, or waits for the shard"),
        });
    }
    found.join("; ")
}

/// Why the controller at these addresses does not answer.
pub(super) async fn silent_controller(controller: &[String]) -> String {
    match latest(controller).await {
        Ok(_) => format!("the controller at {} took too long", controller.join(",")),
        Err(why) => why,
    }
}

/// The latest configuration; an error: why nobody tells.
async fn latest(controller: &[String]) -> Result<Config, String> {
    let at = controller.join(",");
    let mut why = format!("the controller at {at} is silent");
    for server in controller {
        match rpc::call(server, &Query { num: None }, PATIENCE).await {
            Ok(Reply::Done(config)) => return Ok(config),
            Ok(_) => why = format!("the controller at {at} has no leader"),
            Err(_) => {
                if let Ok(there) = rpc::call(server, &Who, PATIENCE).await {
                    return Err(format!(
                        "{server} is no controller: a server of group {} is there",
                        there.gid
                    ));
                }
                if rpc::call(server, &Inspect, PATIENCE).await.is_ok() {
                    return Err(format!("{server} is no controller: a server of another kind is there"));
                }
            }
        }
    }
    Err(why)
}

async fn first(servers: &[String]) -> Option<Identity> {
    for server in servers {
        if let Ok(there) = rpc::call(server, &Who, PATIENCE).await {
            return Some(there);
        }
    }
    None
}

/// What speaks against the join of a group with servers at these addresses, to a controller of so many shards.
pub(super) async fn objection(
    gid: Gid,
    servers: &[String],
    controller: (&[String], usize),
    retry: Retry,
) -> Option<String> {
    let (mut known, mut members) = (BTreeSet::new(), Vec::new());
    for server in servers {
        let Some(there) = who(server, retry).await else {
            return Some(format!("{server}: no group's server answers there"));
        };
        if let Some(why) = misfit(gid, controller, &there) {
            return Some(format!("{server}: {why}"));
        }
        if !known.insert(there.server) {
            return Some(format!("{server}: server {} of the group is in the list already", there.server));
        }
        members.push(there.members);
    }
    let missing = members.iter().flatten().find(|(server, _)| !known.contains(server))?;
    Some(format!("server {} of the group, at {}, is missing from the list", missing.0, missing.1))
}

fn misfit(gid: Gid, (controller, shards): (&[String], usize), there: &Identity) -> Option<String> {
    let theirs = there.controller.join(",");
    if there.gid != gid {
        Some(format!("a server of group {} is there", there.gid))
    } else if there.shards != shards {
        Some(format!("it divides the keys into {} shards, and the controller into {shards}", there.shards))
    } else if !controller.iter().any(|at| there.controller.contains(at)) {
        Some(format!("it follows the controller at {theirs}, and not the one at {}", controller.join(",")))
    } else if !there.reached {
        Some(format!("it does not reach its controller at {theirs}"))
    } else {
        None
    }
}
