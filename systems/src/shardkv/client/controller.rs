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
//! [`recover`]: Controller::recover

use futures::future::join_all;
use stormglass_sim::net::rpc::Request;
use stormglass_sim::reachable;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Config, Delete, Freeze, Gid, Install, Moved, Num, Shard, Taken};
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
    /// Planted bugs.
    pub bugs: Bugs,
}

/// How an attempt to change the configuration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The configuration is as it was asked for.
    Changed,
    /// Somebody else changes it; nothing was done.
    Lost,
    /// Somebody else changes it by now, or the store is silent. Whether the configuration was as it was asked for
    /// meanwhile, or will be, nobody knows.
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

    /// Changes the configuration to `next`, which has the number after the current one's and a group for every shard.
    pub async fn change_to(&self, next: &Config) -> Ended {
        let served = |gid: &Gid| next.groups.get(gid).is_some_and(|servers| !servers.is_empty());
        if !next.shards.iter().all(served) {
            return Ended::Refused;
        }
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
            let Ok(posted) = self.read(NEXT).await else { return Ended::Unknown };
            let version = posted.as_ref().map_or(0, |(_, version)| *version);
            if let Some((posted, _)) = posted.filter(|(posted, _)| posted.num >= next.num) {
                if posted == *next {
                    // It was me, and I was not told; or somebody who wants the same.
                    break;
                }
                if !self.config.bugs.has(Bug::PostsOverAnother) {
                    // Of each number one is posted. If this is a later one, mine may have been before it.
                    return if doubt && posted.num > next.num { Ended::Unknown } else { Ended::Lost };
                }
            }
            match self.store.put(NEXT, &text(next), version).await {
                Ok(()) => break,
                // The next look tells whose it is.
                Err(PutError::Maybe | PutError::Unknown) => doubt = true,
                Err(PutError::Version | PutError::NoKey) => {}
            }
        }
        self.carry_out(&current, next).await
    }

    /// What was posted last as the next configuration, carried out or not; `None` where the store is silent, too.
    pub async fn posted(&self) -> Option<Config> {
        self.read(NEXT).await.ok()?.map(|(config, _)| config)
    }

    /// Finishes what another controller has left half done, if anything: whether there is nothing left of that.
    pub async fn recover(&self) -> Ended {
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
            return self.carry_out(&current, &next).await;
        }
        Ended::Changed
    }

    async fn carry_out(&self, current: &Config, next: &Config) -> Ended {
        if self.config.bugs.has(Bug::PublishesFirst) {
            _ = self.publish(next).await;
        }
        let mut moves: Vec<(Shard, Gid, Gid)> = current.moves(next).collect();
        if self.config.bugs.has(Bug::MovesBackwards) {
            moves.reverse();
        }
        // Each on its own: one whose group is down holds up no other.
        let moves = moves.into_iter().filter_map(|(shard, from, to)| {
            // Whoever has a shard served it in the current configuration: there is a group for every shard.
            let (from, to) = (current.groups.get(&from)?, next.groups.get(&to)?);
            Some(self.carry_over(shard, next.num, from, to))
        });
        join_all(moves).await;
        if self.publish(next).await { Ended::Changed } else { Ended::Unknown }
    }

    async fn carry_over(&self, shard: Shard, num: Num, from: &[String], to: &[String]) {
        let (mut source, mut destination) = (Client::new(from.to_vec()), Client::new(to.to_vec()));
        if self.config.bugs.has(Bug::FreezesAgain) {
            _ = self.ask(&mut source, &Freeze { shard, num, from: 0 }, num).await;
        }
        let mut from = 0;
        loop {
            // Anything else: somebody has done it all, and perhaps more.
            let freeze = Freeze { shard, num, from };
            let Some(Moved::Done(part)) = self.ask(&mut source, &freeze, num).await else { return };
            if self.config.bugs.has(Bug::DeletesFirst) {
                _ = self.ask(&mut source, &Delete { shard, num }, num).await;
            }
            match self.ask(&mut destination, &Install { shard, num, part }, num).await {
                Some(Moved::Done(Taken::Until(until))) => from = until,
                Some(Moved::Done(Taken::Whole) | Moved::Stale | Moved::Gone) => break,
                // It has no such shard; or others have done it all.
                Some(Moved::Never) | None => return,
            }
        }
        _ = self.ask(&mut source, &Delete { shard, num }, num).await;
    }

    /// Stores a configuration as the current one, unless the current one is as new. Whether one of the two is known.
    async fn publish(&self, next: &Config) -> bool {
        while let Ok(Some((current, version))) = self.read(CURRENT).await {
            let past = self.config.bugs.has(Bug::PublishesThePast) && current != *next;
            if current.num >= next.num && !past {
                return true;
            }
            if self.store.put(CURRENT, &text(next), version).await.is_ok() {
                return true;
            }
        }
        false
    }

    /// What is stored; an error: the store is silent.
    async fn read(&self, key: &str) -> Result<Option<(Config, Version)>, Unanswered> {
        let found = self.store.get(key).await?;
        Ok(found.and_then(|found| Some((parse(&found.value)?, found.version))))
    }

    /// Asks a group until it answers. How long that takes nobody knows: each try waits longer than the one before it. `None`: others have carried out configuration `num`, so that
    /// nothing is left to ask; the group may be gone by now.
    async fn ask<T, R: Request<Reply = Reply<T>>>(
        &self,
        servers: &mut Client,
        request: &R,
        num: Num,
    ) -> Option<T> {
        let mut tries = Tries::start(self.config.retry);
        loop {
            let patience = if self.config.bugs.has(Bug::WaitsAlike) { tries.reply() } else { tries.longer() };
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

/// A configuration as it is stored.
fn text(config: &Config) -> String {
    serde_json::to_string(config).expect("plain data")
}

/// The configuration that is stored under [`CURRENT`] or [`NEXT`] as this text.
#[must_use]
pub fn parse(text: &str) -> Option<Config> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;

    use super::super::super::message::Rule;
    use super::*;
    use crate::kv::message::Versioned;

    /// A store in which another's configuration is the next one as soon as somebody has put one.
    struct Contended {
        first: Config,
        theirs: Config,
        told: PutError,
        was_put: Cell<bool>,
    }

    impl VersionedKv for Contended {
        async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
            let found = if key == CURRENT { Some(&self.first) } else { Some(&self.theirs) };
            let found = found.filter(|_| key == CURRENT || self.was_put.get());
            Ok(found.map(|config| Versioned { value: text(config), version: 1 }))
        }

        async fn put(&self, _: &str, _: &str, _: Version) -> Result<(), PutError> {
            self.was_put.set(true);
            Err(self.told)
        }
    }

    fn join(config: &Config, gid: Gid) -> Config {
        let groups = [(gid, vec![format!("g{gid}:1")])];
        config.after(&Rule::Join(groups.into()), Bugs::NONE, 0).unwrap()
    }

    #[test]
    fn whose_put_may_have_been_carried_out_does_not_know() {
        let first = join(&Config::empty(2), 1);
        let (mine, other) = (join(&first, 2), join(&first, 3));
        let ended = |told, theirs: &Config| {
            let (first, theirs) = (first.clone(), theirs.clone());
            let store = Contended { first, theirs, told, was_put: Cell::new(false) };
            Controller::new(store, ControllerConfig::default()).change_to(&mine).now_or_never()
        };
        assert_eq!(ended(PutError::Maybe, &join(&mine, 4)), Some(Ended::Unknown));
        assert_eq!(ended(PutError::Unknown, &join(&mine, 4)), Some(Ended::Unknown));
        assert_eq!(ended(PutError::Maybe, &other), Some(Ended::Lost), "of each number one is posted");
        assert_eq!(ended(PutError::Version, &join(&mine, 4)), Some(Ended::Lost));
    }
    /// A store that is silent after so many reads.
    struct Silent {
        current: Config,
        reads: Cell<usize>,
    }

    impl VersionedKv for Silent {
        async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
            self.reads.set(self.reads.get().checked_sub(1).ok_or(Unanswered)?);
            let found = (key == CURRENT).then(|| Versioned { value: text(&self.current), version: 1 });
            Ok(found)
        }

        async fn put(&self, key: &str, _: &str, _: Version) -> Result<(), PutError> {
            if key == NEXT { Ok(()) } else { Err(PutError::Unknown) }
        }
    }

    #[test]
    fn whom_the_store_does_not_answer_does_not_know() {
        let current = join(&Config::empty(2), 1);
        // It moves nothing: there is only the store to be asked.
        let next = current.after(&Rule::Move(0, 1), Bugs::NONE, 0).unwrap();
        let controller = |reads| {
            let store = Silent { current: current.clone(), reads: Cell::new(reads) };
            Controller::new(store, ControllerConfig::default())
        };
        for reads in 0..4 {
            assert_eq!(controller(reads).change_to(&next).now_or_never(), Some(Ended::Unknown), "{reads}");
        }
        assert_eq!(controller(0).recover().now_or_never(), Some(Ended::Unknown));
        assert_eq!(controller(1).recover().now_or_never(), Some(Ended::Unknown));
        assert_eq!(controller(2).recover().now_or_never(), Some(Ended::Changed));
    }
}
