//! A group that follows a controller. Whichever of its servers leads takes up one configuration after the other, and hands
//! over what is frozen for others.
//!
//! Shards are pushed: the group that has one knows for whom. Each goes on its own, so that one whose new group is dead
//! holds up no other, and the new group serves each as soon as it has it. What the leader has seen to be installed it
//! deletes; whoever leads next finds in the replicated state what is left to do, and does it again if need be.

use std::time::Duration;

use futures::future::join_all;
use serde::de::DeserializeOwned;
use stormglass_sim::time::sleep;
use stormglass_sim::{reachable, sometimes};

use super::super::bugs::Bug;
use super::super::message::{Config, Content, Delete, Install, Moved, Query};
use super::super::protocol::{Command, Outgoing, Shape};
use super::group::Look;
use super::{Error, GroupConfig};
use crate::raft::protocol::ReadProof;
use crate::raft::server::Door;
use crate::rsm::{Client, Heard, decode, encode};

/// Follows the controller until it turns out to be another group's; does nothing in a group without one.
pub(super) async fn follow(group: GroupConfig, door: Door) -> Error {
    if group.controller.is_empty() {
        return std::future::pending().await;
    }
    let mut controller = Client::new(group.controller.clone());
    let mover = Mover { group, door };
    loop {
        match mover.round(&mut controller).await {
            Ok(true) => {}
            Ok(false) => sleep(mover.group.poll).await,
            Err(error) => return error,
        }
    }
}

struct Mover {
    group: GroupConfig,
    door: Door,
}

impl Mover {
    /// Does what is to be done now. Whether there may be more at once.
    async fn round(&self, controller: &mut Client) -> Result<bool, Error> {
        if !self.door.status().is_some_and(|status| status.leads) {
            return Ok(false);
        }
        let Some(shape) = self.look::<Shape>(&Look::Shape).await else { return Ok(false) };
        join_all(shape.outgoing.into_iter().map(|outgoing| self.hand_over(outgoing))).await;
        if !shape.settled && !self.group.bugs.has(Bug::AdoptsBeforeSettled) {
            return Ok(false);
        }
        let query = Query { num: Some(shape.num + 1) };
        let Heard::Done(config) = controller.ask(&query, self.group.patience).await else { return Ok(false) };
        let (ours, theirs) = (self.group.shards, config.shards.len());
        if ours != theirs {
            return Err(Error::Shards { ours, theirs });
        }
        Ok(config.num == shape.num + 1 && self.adopt(config).await)
    }

    async fn adopt(&self, config: Config) -> bool {
        let adopted = self.door.submit(encode(&Command::Adopt(config))).await;
        let adopted = adopted.ok().and_then(|bytes| decode(&bytes).ok()).unwrap_or(false);
        sometimes!(adopted, "shardkv: a group took up a configuration");
        adopted
    }

    /// Looks at the state as the leader has it. Should it lead no more, what it sees is old, and every step that it takes
    /// because of that bears a number that is: so its lease is proof enough.
    async fn look<T: DeserializeOwned>(&self, look: &Look) -> Option<T> {
        decode(&self.door.read(encode(look), ReadProof::Lease).await.ok()?).ok()
    }

    /// Hands one shard over; asks each server of the new group once.
    async fn hand_over(&self, outgoing: Outgoing) {
        let Outgoing { shard, num, to } = outgoing;
        let Some(Some(content)) = self.look::<Option<Content>>(&Look::Frozen(shard, num)).await else {
            return;
        };
        let delete = encode(&Command::Delete(Delete { shard, num }));
        if self.group.bugs.has(Bug::DeletesFirst) {
            _ = self.door.submit(delete.clone()).await;
        }
        let install = Install { shard, num, content };
        if to.is_empty() || !self.install(&install, &to).await {
            return;
        }
        reachable!("shardkv: a shard was handed over");
        // Whoever leads next does it, should this one not.
        _ = self.door.submit(delete).await;
        if self.group.bugs.has(Bug::InstallsAgain) {
            _ = self.install(&install, &to).await;
        }
    }

    async fn install(&self, install: &Install, to: &[String]) -> bool {
        let mut servers = Client::new(to.to_vec());
        let hasty = self.group.bugs.has(Bug::WaitsAlike);
        let transfer = if hasty { Duration::ZERO } else { install.content.transfer() };
        for _ in 0..=to.len() {
            match servers.ask(install, self.group.patience + transfer).await {
                Heard::Done(Moved::Done(()) | Moved::Stale | Moved::Gone) => return true,
                Heard::Done(Moved::Never) => return false,
                Heard::Refused | Heard::Silence => {}
            }
        }
        false
    }
}
