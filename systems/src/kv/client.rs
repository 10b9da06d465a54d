//! The clerk: sends, waits, sends again, and says what it knows.

use std::cell::Cell;
use std::rc::Rc;

use stormglass_sim::net::rpc;
use stormglass_sim::rand::random_u64;

use super::bugs::Bugs;
use super::message::{Get, Put, Transmission, Version, Versioned};
use super::protocol::{PutCall, PutError, Unanswered};
use super::spec::{Op, Outcome, Probe};
use crate::retry::{Retry, Tries};

/// How a clerk behaves.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How long it waits, and whether it ever gives up.
    pub retry: Retry,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

/// A client's representative. Shared by the tasks of a node, never by two nodes.
#[derive(Debug)]
pub struct Clerk {
    target: String,
    id: u64,
    sent: Cell<u64>,
    config: Config,
}

impl Clerk {
    /// A clerk of the server at `target`, "name:port".
    pub fn new(target: impl Into<String>, config: Config) -> Self {
        Clerk { target: target.into(), id: random_u64(), sent: Cell::new(0), config }
    }

    /// The value of a key and its version; `None` if it does not exist.
    ///
    /// # Errors
    /// Only of a clerk whose patience ends.
    pub async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        let ticket = self.config.probe.call(self.id, || Op::Get { key: key.to_owned() });
        let request = Get { key: key.to_owned() };
        let mut tries = Tries::start(self.config.retry);
        loop {
            if let Ok(found) = rpc::call(&self.target, &request, tries.reply()).await {
                self.config.probe.ret(ticket, || Outcome::Get(found.clone()));
                return Ok(found);
            }
            if !tries.pause().await {
                return Err(Unanswered);
            }
        }
    }

    /// Installs `value` if the key has this version (0: if it does not exist); its version is then the next one.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`PutError`].
    pub async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        let (key, value) = (key.to_owned(), value.to_owned());
        let probe = &self.config.probe;
        let ticket = probe.call(self.id, || Op::Put { key: key.clone(), value: value.clone(), version });
        let mut call = PutCall::new(self.config.bugs);
        let mut request = Put { key, value, version, by: self.transmission(call.send()) };
        let mut tries = Tries::start(self.config.retry);
        let result = loop {
            if let Ok(reply) = rpc::call(&self.target, &request, tries.reply()).await {
                break call.answered(reply);
            }
            if !tries.pause().await {
                break Err(PutError::Unknown);
            }
            request.by = self.transmission(call.send());
        };
        if result != Err(PutError::Unknown) {
            probe.ret(ticket, || Outcome::Put(result));
        }
        result
    }

    fn transmission(&self, resend: bool) -> Transmission {
        self.sent.set(self.sent.get() + 1);
        Transmission { clerk: self.id, number: self.sent.get(), resend }
    }
}

/// Anything with versioned Get and Put: what a [`Lock`](super::lock::Lock) is made of.
#[expect(async_fn_in_trait, reason = "a node has one thread, its futures need not be Send")]
pub trait VersionedKv {
    /// See [`Clerk::get`].
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered>;
    /// See [`Clerk::put`].
    async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError>;
}

impl VersionedKv for Clerk {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        Clerk::get(self, key).await
    }

    async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        Clerk::put(self, key, value, version).await
    }
}

impl<K: VersionedKv> VersionedKv for Rc<K> {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        K::get(self, key).await
    }

    async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        K::put(self, key, value, version).await
    }
}

impl<K: VersionedKv> VersionedKv for &K {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        K::get(self, key).await
    }

    async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        K::put(self, key, value, version).await
    }
}
