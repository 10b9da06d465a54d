//! A client's clerk, which says what it is waiting for.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::rand::{below, chance};
use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::client::{Clerk, WriteError};
use stormglass_systems::shardkv::message::{Shard, Version, Versioned};
use stormglass_systems::shardkv::protocol::{PutError, shard_of};

use super::cast::{Cast, Doing};

/// A key of this shard, the `nth`.
pub(super) fn key_of(shard: Shard, shards: usize, nth: usize) -> String {
    let mut keys = (0..).map(|number| format!("k{number}")).filter(|key| shard_of(key, shards) == shard);
    keys.nth(nth).unwrap_or_default()
}

/// What a client holds: a clerk of its own, and the cast.
pub(super) struct Hand {
    pub(super) name: String,
    pub(super) clerk: Clerk,
    pub(super) cast: Cast,
    doing: Doing,
    written: u64,
}

impl Hand {
    pub(super) fn new(name: String, clerk: Clerk, cast: Cast, doing: Doing) -> Hand {
        Hand { name, clerk, cast, doing, written: 0 }
    }

    /// Another hand of the same client, with a clerk of its own.
    pub(super) fn beside(hand: &Hand) -> Hand {
        Hand::new(format!("{}'", hand.name), hand.cast.clerk(), hand.cast.clone(), hand.doing.clone())
    }

    /// One key of each shard.
    pub(super) fn keys(&self) -> Vec<String> {
        (0..self.cast.plan.shards).map(|shard| key_of(shard, self.cast.plan.shards, 0)).collect()
    }

    /// Those of the steps of this client that take place.
    pub(super) fn each<I: IntoIterator>(&self, steps: I) -> impl Iterator<Item = I::Item> + use<I> {
        self.cast.stage.each(&self.name, steps)
    }

    /// Whether the next step of this client takes place.
    fn happens(&self) -> bool {
        self.cast.stage.happens(&self.name)
    }

    /// A value that nobody writes but here and now.
    pub(super) fn fresh(&mut self) -> String {
        self.written += 1;
        format!("{}.{} ", self.name, self.written)
    }

    pub(super) async fn get(&mut self, key: &str) -> Option<Versioned> {
        self.note(Some(format!("get {key}")));
        let found = self.clerk.get(key).await;
        self.note(None);
        // A clerk that gave up has read nothing; its operation stays open.
        found.unwrap_or_default()
    }

    pub(super) async fn put(&mut self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        self.note(Some(format!("put {key} = {value:?} over version {version}")));
        let outcome = self.clerk.put(key, value, version).await;
        self.note(None);
        self.tell(match outcome {
            Err(PutError::NotDone) => Some("a put was given up for certain"),
            Err(PutError::Unknown) => Some("a put was given up in doubt"),
            _ => None,
        });
        outcome
    }

    pub(super) async fn set(&mut self, key: &str) {
        let value = self.fresh();
        self.note(Some(format!("set {key} = {value:?}")));
        let outcome = self.clerk.set(key, &value).await;
        self.wrote(outcome);
    }

    pub(super) async fn append(&mut self, key: &str) {
        let value = self.fresh();
        self.note(Some(format!("append {value:?} to {key}")));
        let outcome = self.clerk.append(key, &value).await;
        self.wrote(outcome);
    }

    /// Replaces the value that it reads first.
    pub(super) async fn cas(&mut self, key: &str) {
        let (from, to) = (self.get(key).await.map(|found| found.value), self.fresh());
        self.note(Some(format!("cas {key} from {from:?} to {to:?}")));
        let outcome = self.clerk.cas(key, from.as_deref(), &to).await;
        self.wrote(outcome);
    }

    /// What cannot be known stays open in the history.
    fn wrote<T>(&self, outcome: Result<T, WriteError>) {
        self.note(None);
        self.tell(match outcome {
            Err(WriteError::NotDone) => Some("a write was given up for certain"),
            Err(WriteError::Unanswered) => Some("a write was given up in doubt"),
            _ => None,
        });
    }

    fn tell(&self, event: Option<&str>) {
        event.into_iter().for_each(|event| self.cast.stage.sometimes(event));
    }

    /// Says what it waits for.
    pub(super) fn note(&self, what: Option<String>) {
        let mut doing = self.doing.borrow_mut();
        doing.retain(|(name, ..)| *name != self.name);
        doing.extend(what.map(|what| (self.name.clone(), self.cast.world.now(), what)));
    }

    pub(super) async fn set_all(&mut self, keys: &[String]) {
        for key in self.each(keys.to_vec()) {
            self.set(&key).await;
        }
    }

    pub(super) async fn read_all(&mut self, keys: &[String]) {
        for key in self.each(keys.to_vec()) {
            self.get(&key).await;
        }
    }

    /// Reads every key and appends to it, as most of the labs' tests do.
    pub(super) async fn check_and_append(&mut self, keys: &[String]) {
        for key in self.each(keys.to_vec()) {
            self.get(&key).await;
            self.append(&key).await;
        }
    }

    /// `count` operations on the keys, `pace` apart: appends above all, which show what was done twice.
    pub(super) async fn mix(mut self, keys: Vec<String>, count: usize, pace: Duration) {
        for _ in self.each(0..count) {
            let key = &keys[below(keys.len() as u64) as usize];
            match below(20) {
                0..9 => self.append(key).await,
                9 => self.cas(key).await,
                10 => self.set(key).await,
                _ => drop(self.get(key).await),
            }
            sleep(pace).await;
        }
    }

    /// `count` operations on the keys: gets, and puts at the version last seen, so that rivals collide.
    pub(super) async fn compete(mut self, keys: Vec<String>, count: usize, pace: Duration) {
        let mut known = vec![0; keys.len()];
        for _ in self.each(0..count) {
            self.vie(&keys, &mut known).await;
            sleep(pace).await;
        }
    }

    /// The same until it is over, as far apart as `pace` on average.
    pub(super) async fn compete_until(mut self, keys: Vec<String>, over: Rc<Cell<bool>>, pace: Duration) {
        let mut known = vec![0; keys.len()];
        while !over.get() && self.happens() {
            self.vie(&keys, &mut known).await;
            sleep(Duration::from_micros(1 + below(2 * pace.as_micros() as u64))).await;
        }
    }

    async fn vie(&mut self, keys: &[String], known: &mut [Version]) {
        let at = below(keys.len() as u64) as usize;
        if chance(Ratio::percent(30)) {
            known[at] = self.get(&keys[at]).await.map_or(0, |found| found.version);
            return;
        }
        let value = self.fresh();
        known[at] = match self.put(&keys[at], &value, known[at]).await {
            Ok(()) => known[at] + 1,
            Err(_) => self.get(&keys[at]).await.map_or(0, |found| found.version),
        };
    }
}
