//! A lock for those who share a key/value server: Acquire and Release, from Get and Put alone.
//!
//! What to do next is [`protocol`](super::protocol)'s to say; this asks, sends and waits.

use stormglass_sim::rand::random_u64;
use stormglass_sim::time::sleep;

use super::bugs::Bugs;
use super::client::VersionedKv;
use super::message::Versioned;
use super::protocol::{Acquire, Next, Release};
use super::spec::{Observation, Probe};
use crate::retry::Backoff;

/// How a lock's users behave.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How long they wait before they look again at a lock that another holds.
    pub wait: Backoff,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

/// A lock by its name: the key under which it is kept. Locks of different names do not interfere.
#[derive(Debug)]
pub struct Lock<K> {
    kv: K,
    name: String,
    config: Config,
}

/// Says that the lock is held, until it is given to [`Lock::release`]. Dropping it leaves the lock taken.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "nobody else gets the lock until this is released"]
pub struct Grant {
    id: String,
}

impl Grant {
    /// The id drawn for this Acquire, which the key holds now.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl<K: VersionedKv> Lock<K> {
    /// The lock called `name`, kept at `kv`.
    pub fn new(kv: K, name: impl Into<String>, config: Config) -> Self {
        Lock { kv, name: name.into(), config }
    }

    /// Waits until the lock is held, for ever if need be: there is no way to stop wanting it. Where this future is
    /// dropped half-way, the lock may remain taken by nobody.
    pub async fn acquire(&self) -> Grant {
        let mut acquire = Acquire::new(fresh_id(), self.config.bugs);
        let (mut next, mut waits) = (Next::Look, 0);
        loop {
            next = match next {
                Next::Look => acquire.saw(self.look().await.as_ref()),
                Next::Put { value, version } => {
                    let outcome = self.kv.put(&self.name, &value, version).await;
                    acquire.tried(outcome, fresh_id)
                }
                Next::Wait => {
                    waits += 1;
                    sleep(self.config.wait.draw(waits)).await;
                    Next::Look
                }
                Next::Done => break,
            }
        }
        let id = acquire.into_id();
        self.config.probe.observe(|| Observation::Acquired { lock: self.name.clone(), holder: id.clone() });
        Grant { id }
    }

    /// Gives the lock back.
    pub async fn release(&self, grant: Grant) {
        let (lock, holder) = (self.name.clone(), grant.id.clone());
        self.config.probe.observe(|| Observation::Releasing { lock, holder });
        let release = Release::new(grant.id.clone(), self.config.bugs);
        let mut next = Next::Look;
        loop {
            next = match next {
                Next::Look | Next::Wait => release.saw(self.look().await.as_ref()),
                Next::Put { value, version } => {
                    let (lock, holder) = (self.name.clone(), grant.id.clone());
                    self.config.probe.observe(|| Observation::Freeing { lock, holder, version });
                    release.tried(self.kv.put(&self.name, &value, version).await)
                }
                Next::Done => return,
            }
        }
    }

    /// A Get until it is answered.
    async fn look(&self) -> Option<Versioned> {
        loop {
            if let Ok(found) = self.kv.get(&self.name).await {
                return found;
            }
        }
    }
}

fn fresh_id() -> String {
    format!("{:016x}", random_u64())
}
