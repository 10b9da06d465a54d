//! A controller holds the lease while it works; see [`protocol`](super::super::protocol), `lease`.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, pending, select};
use stormglass_sim::rand::random_u64;
use stormglass_sim::reachable;
use stormglass_sim::sync::Notify;
use stormglass_sim::time::{Instant, sleep};

use super::super::bugs::{Bug, Bugs};
use super::super::message::Version;
use super::super::protocol::{Grant, Lease, LeaseConfig, LeaseStep};
use super::super::spec::{Observation, Probe};
use crate::kv::client::VersionedKv;
use crate::kv::protocol::Unanswered;

/// The key under which the lease of controllers is stored.
pub const LEASE: &str = "lease";

/// The lease, from when it is held until it is given back or lost.
pub(super) struct Tenure<'a, K> {
    store: &'a K,
    lease: RefCell<Lease>,
    began: Instant,
    renewed: Notify,
    /// How long a rival pauses between two looks: what was given back is soon taken.
    pause: Duration,
    probe: &'a Probe,
    bugs: Bugs,
}

impl<'a, K: VersionedKv> Tenure<'a, K> {
    /// Waits until the lease is held. `None`: the store is silent.
    pub(super) async fn begin(
        store: &'a K,
        config: LeaseConfig,
        probe: &'a Probe,
        bugs: Bugs,
    ) -> Option<Self> {
        let lease = RefCell::new(Lease::new(random_u64(), config, bugs));
        let (began, renewed, pause) = (Instant::now(), Notify::new(), config.duration / 8);
        let tenure = Tenure { store, lease, began, renewed, pause, probe, bugs };
        tenure.follow(LeaseStep::Look).await.then_some(tenure)
    }

    /// Does `work` while the lease is renewed. `None`: another has taken it, or the store is silent, and the work was left.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match select(pin!(work), pin!(self.renew())).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => {
                reachable!("shardkv: a controller has lost its lease");
                None
            }
        }
    }

    /// Waits until the lease stands: for a renewal, where it has run out.
    pub(super) async fn stands(&self) {
        if self.is_never_looked_at() {
            return;
        }
        while !self.lease.borrow().stands(self.began.elapsed()) {
            self.renewed.notified().await;
        }
        self.probe.observe(|| Observation::Works { holder: self.lease.borrow().holder() });
    }

    /// Gives the lease back, if it is not another's.
    pub(super) async fn end(self) {
        let (holder, release) = (self.lease.borrow().holder(), self.lease.borrow().release());
        let Some((free, mut version)) = release else { return };
        while self.store.put(LEASE, &text(&free), version).await.is_err() {
            // A renewal that was on its way may have been first.
            match self.read().await {
                Ok(Some((found, latest))) if found.holder == Some(holder) => version = latest,
                _ => return,
            }
        }
    }

    /// Ends when the lease is lost.
    async fn renew(&self) {
        if self.is_never_looked_at() {
            pending::<()>().await;
        }
        loop {
            let due = self.lease.borrow().due();
            sleep(due.saturating_sub(self.began.elapsed())).await;
            let next = self.lease.borrow().renew();
            if !self.follow(next).await {
                return;
            }
            self.renewed.notify_waiters();
        }
    }

    fn is_never_looked_at(&self) -> bool {
        self.bugs.has(Bug::TrustsItsLease) || self.bugs.has(Bug::LooksAtItsLeaseOnce)
    }

    /// Whether the lease is held in the end.
    async fn follow(&self, mut next: LeaseStep) -> bool {
        loop {
            next = match next {
                LeaseStep::Look => {
                    let Ok(found) = self.read().await else { return false };
                    self.lease.borrow_mut().saw(found, self.began.elapsed())
                }
                LeaseStep::Wait(left) => {
                    sleep(left.min(self.pause)).await;
                    LeaseStep::Look
                }
                LeaseStep::Put(grant, version) => {
                    let sent = self.began.elapsed();
                    let outcome = self.store.put(LEASE, &text(&grant), version).await;
                    self.lease.borrow_mut().tried(version, sent, self.began.elapsed(), outcome)
                }
                LeaseStep::Held => return true,
                LeaseStep::Lost => return false,
            }
        }
    }

    /// What is no lease is nobody's.
    async fn read(&self) -> Result<Option<(Grant, Version)>, Unanswered> {
        const FREE: Grant = Grant { holder: None, duration: Duration::ZERO };
        let found = self.store.get(LEASE).await?;
        Ok(found.map(|found| (parse_lease(&found.value).unwrap_or(FREE), found.version)))
    }
}

/// The lease as it is stored.
fn text(grant: &Grant) -> String {
    serde_json::to_string(grant).expect("plain data")
}

/// The lease that is stored under [`LEASE`] as this text.
#[must_use]
pub fn parse_lease(text: &str) -> Option<Grant> {
    serde_json::from_str(text).ok()
}
