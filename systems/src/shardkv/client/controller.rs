//! The controller of 2025: no server, but whoever wants the configuration changed. Several may at once, and each may stop
//! anywhere.
//!
//! The next configuration is stored before anything moves, with a put that only one of those who try the same number can
//! win; the loser has changed nothing. Then each shard moves, see [`protocol`](super::super::protocol): freeze, install,
//! delete, each to be done again at will. Then the next configuration is stored as the current one, with a put at the
//! version at which the one before it was read, so that it replaces nothing newer. Who begins by [`recover`] finishes what
//! another has left half done; that the other may still be at it does no harm, because every step bears the number of its
//! configuration.
//!
//! Controllers may share a lease, so that they work one after the other. Who has waited for it recovers first, and who
//! loses it stops. Nothing rests on it: a pause may lie between the last look at the clock and what is sent.
//!
//! [`recover`]: Controller::recover

use futures::future::join_all;
use stormglass_sim::net::rpc::Request;
use stormglass_sim::reachable;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Config, Delete, Freeze, Gid, Install, Moved, Num, Shard, Taken};
use super::super::protocol::LeaseConfig;
use super::super::spec::Probe;
use super::lease::Tenure;
use crate::kv::client::VersionedKv;
use crate::kv::message::Version;
use crate::kv::protocol::{PutError, Unanswered};
use crate::retry::{Retry, Tries};
use crate::rsm::{Client, Heard, Reply};

/// The key under which the current configuration is stored.
pub const CURRENT: &str = "current";

/// The key under which the next one is stored, while it is carried out and after.
pub const NEXT: &str = "next";

/// How a controller behaves.
#[derive(Debug, Clone, Default)]
pub struct ControllerConfig {
    /// How it waits for groups; its patience has no end.
    pub retry: Retry,
    /// The lease that it holds while it works, if any; all controllers have one, or none has.
    pub lease: Option<LeaseConfig>,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

/// How an attempt to change the configuration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The configuration is as it was asked for.
    Changed,
    /// Somebody else changes it; nothing was done.
    Lost,
    /// Somebody else changes it by now, or has taken the lease, or the store is silent. Whether the configuration was as
    /// it was asked for meanwhile, or will be, nobody knows.
    Unknown,
    /// It would leave a shard to nobody, or to a group without servers; nothing was done.
    Refused,
}

/// A controller that stores its configurations in `K`.
#[derive(Debug)]
pub struct Controller<K> {
    store: K,
    config: ControllerConfig,
}

impl<K: VersionedKv> Controller<K> {
    /// A controller that knows nothing but the store.
    pub fn new(store: K, config: ControllerConfig) -> Self {
        let retry = Retry { patience: None, ..config.retry };
        Controller { store, config: ControllerConfig { retry, ..config } }
    }

    /// Stores the first configuration, unless there is one. All its shards are with groups that began with them.
    pub async fn init(&self, first: &Config) {
        _ = self.store.put(CURRENT, &text(first), 0).await;
    }

    /// The current configuration; `None` before the first was stored, and where the store is silent.
    pub async fn query(&self) -> Option<Config> {
        self.read(CURRENT).await.ok()?.map(|(config, _)| config)
    }

    /// Changes the configuration to `next`, which has the number after the current one's and a group for every shard. With
    /// a lease it finishes first what another has left half done, as [`recover`](Self::recover) does.
    pub async fn change_to(&self, next: &Config) -> Ended {
        let served = |gid: &Gid| next.groups.get(gid).is_some_and(|servers| !servers.is_empty());
        if !next.shards.iter().all(served) {
            return Ended::Refused;
        }
        let change = async |lease: Held<'_, K>| {
            if lease.is_some() && self.finish(lease).await == Ended::Unknown {
                return Ended::Unknown;
            }
            self.change(next, lease).await
        };
        self.leased(change).await
    }

    /// Does `work` with a lease, if controllers have one.
    async fn leased(&self, work: impl AsyncFnOnce(Held<'_, K>) -> Ended) -> Ended {
        let ControllerConfig { lease, bugs, probe, .. } = &self.config;
        let Some(lease) = lease else { return work(None).await };
        let Some(tenure) = Tenure::begin(&self.store, *lease, probe, *bugs).await else {
            return Ended::Unknown;
        };
        let ended = tenure.during(work(Some(&tenure))).await.unwrap_or(Ended::Unknown);
        tenure.end().await;
        ended
    }

    async fn change(&self, next: &Config, lease: Held<'_, K>) -> Ended {
        let current = match self.read(CURRENT).await {
            Ok(Some((current, _))) => current,
            Ok(None) => return Ended::Lost,
            Err(Unanswered) => return Ended::Unknown,
        };
        if next.num != current.num + 1 {
            return Ended::Lost;
        }
        // Whether a put may have posted it, without a word.
        let mut doubt = false;
        loop {
            let Ok(found) = self.store.get(NEXT).await else { return Ended::Unknown };
            let version = found.as_ref().map_or(0, |found| found.version);
            // What is no configuration is nobody's.
            let posted = found.and_then(|found| parse(&found.value));
            if let Some(posted) = posted.filter(|posted| posted.num >= next.num) {
                if posted == *next {
                    // It was me, and I was not told; or somebody who wants the same.
                    break;
                }
                if !self.config.bugs.has(Bug::PostsOverAnother) && !self.is_alone() {
                    // Of each number one is posted. If this is a later one, mine may have been before it.
                    return if doubt && posted.num > next.num { Ended::Unknown } else { Ended::Lost };
                }
            }
            stands(lease).await;
            match self.store.put(NEXT, &text(next), version).await {
                Ok(()) => break,
                // The next look tells whose it is.
                Err(PutError::Maybe | PutError::Unknown) => doubt = true,
                Err(PutError::Version | PutError::NoKey) => {}
            }
        }
        self.carry_out(&current, next, lease).await
    }

    /// What was posted last as the next configuration, carried out or not; `None` where the store is silent, too.
    pub async fn posted(&self) -> Option<Config> {
        self.read(NEXT).await.ok()?.map(|(config, _)| config)
    }

    /// Finishes what another controller has left half done, if anything: whether there is nothing left of that.
    pub async fn recover(&self) -> Ended {
        self.leased(async |lease: Held<'_, K>| self.finish(lease).await).await
    }

    async fn finish(&self, lease: Held<'_, K>) -> Ended {
        // The next one first: while it is read the current one may become newer, but the two never lie further apart.
        let (current, next) = if self.config.bugs.has(Bug::RecoversAcrossAGap) {
            (self.read(CURRENT).await, self.read(NEXT).await)
        } else {
            let next = self.read(NEXT).await;
            (self.read(CURRENT).await, next)
        };
        let (Ok(current), Ok(next)) = (current, next) else { return Ended::Unknown };
        let (Some((current, _)), Some((next, _))) = (current, next) else { return Ended::Changed };
        if next.num > current.num && !self.config.bugs.has(Bug::LeavesItToOthers) {
            reachable!("shardkv: a controller recovers");
            return self.carry_out(&current, &next, lease).await;
        }
        Ended::Changed
    }

    async fn carry_out(&self, current: &Config, next: &Config, lease: Held<'_, K>) -> Ended {
        if self.config.bugs.has(Bug::PublishesFirst) {
            _ = self.publish(next, lease).await;
        }
        let mut moves: Vec<(Shard, Gid, Gid)> = current.moves(next).collect();
        if self.config.bugs.has(Bug::MovesBackwards) {
            moves.reverse();
        }
        // Each on its own: one whose group is down holds up no other.
        let moves = moves.into_iter().filter_map(|(shard, from, to)| {
            // Whoever has a shard served it in the current configuration: there is a group for every shard.
            let (from, to) = (current.groups.get(&from)?, next.groups.get(&to)?);
            Some(self.carry_over((shard, next.num), from, to, lease))
        });
        join_all(moves).await;
        if self.publish(next, lease).await { Ended::Changed } else { Ended::Unknown }
    }

    async fn carry_over(
        &self,
        (shard, num): (Shard, Num),
        from: &[String],
        to: &[String],
        lease: Held<'_, K>,
    ) {
        let (mut source, mut destination) = (Client::new(from.to_vec()), Client::new(to.to_vec()));
        if self.config.bugs.has(Bug::FreezesAgain) {
            _ = self.ask(&mut source, &Freeze { shard, num, from: 0 }, num, lease).await;
        }
        let mut from = 0;
        loop {
            // Anything else: somebody has done it all, and perhaps more.
            let freeze = Freeze { shard, num, from };
            let Some(Moved::Done(part)) = self.ask(&mut source, &freeze, num, lease).await else { return };
            if self.config.bugs.has(Bug::DeletesFirst) {
                _ = self.ask(&mut source, &Delete { shard, num }, num, lease).await;
            }
            match self.ask(&mut destination, &Install { shard, num, part }, num, lease).await {
                Some(Moved::Done(Taken::Until(until))) => from = until,
                Some(Moved::Done(Taken::Whole) | Moved::Stale | Moved::Gone) => break,
                // It has no such shard; or others have done it all.
                Some(Moved::Never) | None => return,
            }
        }
        _ = self.ask(&mut source, &Delete { shard, num }, num, lease).await;
    }

    /// Stores a configuration as the current one, unless the current one is as new. Whether one of the two is known.
    async fn publish(&self, next: &Config, lease: Held<'_, K>) -> bool {
        while let Ok(Some((current, version))) = self.read(CURRENT).await {
            let past = (self.config.bugs.has(Bug::PublishesThePast) || self.is_alone()) && current != *next;
            if current.num >= next.num && !past {
                return true;
            }
            stands(lease).await;
            if self.store.put(CURRENT, &text(next), version).await.is_ok() {
                return true;
            }
        }
        false
    }

    /// Whether it takes for granted that nobody else has changed anything.
    fn is_alone(&self) -> bool {
        self.config.lease.is_some() && self.config.bugs.has(Bug::TrustsItsLease)
    }

    /// What is stored; an error: the store is silent.
    async fn read(&self, key: &str) -> Result<Option<(Config, Version)>, Unanswered> {
        let found = self.store.get(key).await?;
        Ok(found.and_then(|found| Some((parse(&found.value)?, found.version))))
    }

    /// Asks a group until it answers. How long that takes nobody knows: each try waits longer than the one before it.
    /// `None`: others have carried out configuration `num`, so that nothing is left to ask; the group may be gone by now.
    async fn ask<T, R: Request<Reply = Reply<T>>>(
        &self,
        servers: &mut Client,
        request: &R,
        num: Num,
        lease: Held<'_, K>,
    ) -> Option<T> {
        let mut tries = Tries::start(self.config.retry);
        loop {
            let patience = if self.config.bugs.has(Bug::WaitsAlike) { tries.reply() } else { tries.longer() };
            stands(lease).await;
            if let Heard::Done(answer) = servers.ask(request, patience).await {
                return Some(answer);
            }
            tries.pause().await;
            let current = self.read(CURRENT).await.ok().flatten();
            let past = current.is_some_and(|(current, _)| current.num >= num);
            if past && !self.config.bugs.has(Bug::WaitsForTheGone) {
                return None;
            }
        }
    }
}

/// The lease under which work is done, if controllers have one.
type Held<'a, K> = Option<&'a Tenure<'a, K>>;

/// Waits until there is no lease that has run out.
async fn stands<K: VersionedKv>(lease: Held<'_, K>) {
    if let Some(tenure) = lease {
        tenure.stands().await;
    }
}

/// A configuration as it is stored.
pub(super) fn text(config: &Config) -> String {
    serde_json::to_string(config).expect("plain data")
}

/// The configuration that is stored under [`CURRENT`] or [`NEXT`] as this text.
#[must_use]
pub fn parse(text: &str) -> Option<Config> {
    serde_json::from_str(text).ok()
}
