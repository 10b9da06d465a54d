//! A group that follows a controller. Whichever of its servers leads takes up one configuration after the other, and hands
//! over what is frozen for others.
//!
//! Shards are pushed: the group that has one knows for whom. Each goes on its own until it is there, so that one whose new
//! group is dead holds up no other, and the new group serves each as soon as it has it. What the leader has seen to be installed it
//! deletes; whoever leads next finds in the replicated state what is left to do, and does it again if need be.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use serde::de::DeserializeOwned;
use stormglass_sim::task::JoinSet;
use stormglass_sim::time::{Instant, sleep};
use stormglass_sim::{reachable, sometimes};

use super::super::bugs::Bug;
use super::super::message::{Config, Delete, Install, Moved, Num, Part, Query, Shard, Taken};
use super::super::protocol::{Command, Outgoing, Shape};
use super::group::Look;
use super::{Error, GroupConfig};
use crate::raft::protocol::ReadProof;
use crate::raft::server::Door;
use crate::retry::{Backoff, Retry, Tries};
use crate::rsm::{Client, Heard, decode, encode};

/// Follows the controller until it turns out to be another group's; does nothing in a group without one.
pub(super) async fn follow(group: GroupConfig, door: Door) -> Error {
    if group.controller.is_empty() {
        return std::future::pending().await;
    }
    let mut controller = Client::new(group.controller.clone());
    let mover = Rc::new(Mover { group, door, under_way: RefCell::default(), silence: Cell::default() });
    let mut moves = JoinSet::new();
    loop {
        match mover.round(&mut controller, &mut moves).await {
            Ok(true) => {}
            Ok(false) => sleep(mover.group.poll).await,
            Err(error) => return error,
        }
    }
}

struct Mover {
    group: GroupConfig,
    door: Door,
    /// What is being handed over.
    under_way: RefCell<BTreeSet<(Shard, Num)>>,
    /// Since when the controller is silent, and whether that was said.
    silence: Cell<Option<(Instant, bool)>>,
}

/// After how long it is said that the controller is silent.
const SILENT: Duration = Duration::from_secs(2);

impl Mover {
    /// Does what is to be done now. Whether there may be more at once.
    async fn round(self: &Rc<Self>, controller: &mut Client, moves: &mut JoinSet<()>) -> Result<bool, Error> {
        if !self.door.status().is_some_and(|status| status.leads) {
            return Ok(false);
        }
        while moves.try_join_next().is_some() {}
        let Some(shape) = self.look::<Shape>(&Look::Shape).await else { return Ok(false) };
        if self.group.bugs.has(Bug::HandsOverInRounds) {
            join_all(shape.outgoing.into_iter().map(|outgoing| self.hand_over(outgoing))).await;
        } else {
            for outgoing in shape.outgoing {
                self.begin(outgoing, moves);
            }
        }
        if !shape.settled && !self.group.bugs.has(Bug::AdoptsBeforeSettled) {
            return Ok(false);
        }
        let query = Query { num: Some(shape.num + 1) };
        let heard = controller.ask(&query, self.group.patience).await;
        self.says(matches!(heard, Heard::Done(_)));
        let Heard::Done(config) = heard else { return Ok(false) };
        let (ours, theirs) = (self.group.shards, config.shards.len());
        if ours != theirs {
            return Err(Error::Shards { ours, theirs });
        }
        Ok(config.num == shape.num + 1 && self.adopt(config).await)
    }

    /// Begins to hand a shard over, if that is not under way.
    fn begin(self: &Rc<Self>, outgoing: Outgoing, moves: &mut JoinSet<()>) {
        let this = (outgoing.shard, outgoing.num);
        if !self.under_way.borrow_mut().insert(this) {
            return;
        }
        let mover = self.clone();
        moves.spawn(async move {
            mover.hand_over(outgoing).await;
            mover.under_way.borrow_mut().remove(&this);
        });
    }

    /// Says once that the controller is silent, and once that it is not so any more.
    fn says(&self, answers: bool) {
        let (gid, at) = (self.group.gid, self.group.controller.join(","));
        let silence = match self.silence.get() {
            Some((_, true)) if answers => {
                tracing::warn!("the controller at {at} answers again");
                None
            }
            _ if answers => None,
            None => Some((Instant::now(), false)),
            Some((since, false)) if since.elapsed() >= SILENT => {
                tracing::warn!(
                    "no controller answers at {at} (--controller): group {gid} hears of no changes"
                );
                Some((since, true))
            }
            same => same,
        };
        self.silence.set(silence);
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

    /// Hands one shard over, however long that takes: until the new group has it, or this server leads no more.
    async fn hand_over(&self, outgoing: Outgoing) {
        let Outgoing { shard, num, to } = outgoing;
        if to.is_empty() {
            return;
        }
        let Some(last) = self.install(shard, num, &to).await else { return };
        reachable!("shardkv: a shard was handed over");
        // Whoever leads next does it, should this one not.
        self.delete(shard, num).await;
        if self.group.bugs.has(Bug::InstallsAgain) {
            _ = Client::new(to).ask(&last, self.group.patience).await;
        }
    }

    async fn delete(&self, shard: Shard, num: Num) {
        _ = self.door.submit(encode(&Command::Delete(Delete { shard, num }))).await;
    }

    /// Sends one part after the other until the new group has the shard, or had it: what was sent last.
    async fn install(&self, shard: Shard, num: Num, to: &[String]) -> Option<Install> {
        let (bugs, patience) = (self.group.bugs, self.group.patience);
        let backoff = Backoff { first: patience / 25, most: patience / 4 };
        let retry = Retry { reply: patience, backoff, patience: None };
        let mut servers = Client::new(to.to_vec());
        let (mut tries, mut from, mut failures) = (Tries::start(retry), 0, 0);
        loop {
            let part = self.look::<Option<Part>>(&Look::Frozen(shard, num, from)).await??;
            if bugs.has(Bug::DeletesFirst) {
                self.delete(shard, num).await;
            }
            let install = Install { shard, num, part };
            let waits = if bugs.has(Bug::WaitsAlike) { tries.reply() } else { tries.longer() };
            match servers.ask(&install, waits).await {
                Heard::Done(Moved::Done(Taken::Whole) | Moved::Stale | Moved::Gone) => return Some(install),
                Heard::Done(Moved::Done(Taken::Until(until))) => {
                    let further = until > from;
                    from = until;
                    if further {
                        tries = Tries::start(retry);
                        continue;
                    }
                }
                Heard::Done(Moved::Never) | Heard::Refused | Heard::Silence => {}
            }
            failures += 1;
            if bugs.has(Bug::HandsOverInRounds) && failures > to.len() {
                return None;
            }
            tries.pause().await;
        }
    }
}
