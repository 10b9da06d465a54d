//! The clerk: finds the leader, sends again, and says what it knows.

use stormglass_sim::rand::random_u64;

use super::bugs::{Bug, Bugs};
use super::message::{Action, Answer, By, Get, Page, Range, ReadPath, Scan, Version, Versioned, Write};
use super::protocol::{PutError, told};
use super::spec::{self, Executed, Observation, Op, Outcome, Probe};
use crate::retry::Retry;
pub use crate::rsm::WriteError;
use crate::rsm::{Client, Numbering, Written};

/// How a clerk behaves.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How long it waits, and whether it ever gives up.
    pub retry: Retry,
    /// The way of its reads.
    pub reads: ReadPath,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

/// No answer in time; nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no leader answered in time")]
pub struct Unanswered;

/// A client's representative. It does one thing at a time.
#[derive(Debug)]
pub struct Clerk {
    client: Client,
    id: u64,
    config: Config,
}

impl Clerk {
    /// A clerk of the servers at these addresses, "name:port".
    ///
    /// # Panics
    /// Without any server.
    pub fn new(servers: Vec<String>, config: Config) -> Self {
        let client = Client::new(servers);
        Clerk { client, id: random_u64(), config }
    }

    /// The value of a key and its version; `None` if it does not exist.
    ///
    /// # Errors
    /// Only of a clerk whose patience ends.
    pub async fn get(&mut self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        let ticket = self.config.probe.call(self.id, || Op::Get { key: key.to_owned() });
        let get = Get { key: key.to_owned(), path: self.config.reads };
        let found = self.client.read(&get, self.config.retry).await.ok_or(Unanswered)?;
        self.config.probe.ret(ticket, || Outcome::Found(found.clone()));
        Ok(found)
    }

    /// The keys from `from` up to and without `to` (`None`: to the last), with their values and versions, as all of them were
    /// at one moment between call and return; `limit` of them at most, and never more than fit into a [`Page`], which says
    /// where the rest begins.
    ///
    /// # Errors
    /// Only of a clerk whose patience ends.
    pub async fn scan(&mut self, from: &str, to: Option<&str>, limit: usize) -> Result<Page, Unanswered> {
        let range = Range { from: from.to_owned(), to: to.map(str::to_owned), limit };
        self.config.probe.observe(|| Observation::ScanBegins { clerk: self.id });
        let scan = Scan { range, path: self.config.reads };
        let page = self.client.read(&scan, self.config.retry).await.ok_or(Unanswered)?;
        let (clerk, range) = (self.id, scan.range);
        self.config.probe.observe(|| Observation::Scanned { clerk, range, page: page.clone() });
        Ok(page)
    }

    /// Sets the value of a key, once.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn put(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        self.once(key, Action::Put(value.to_owned())).await.map(drop)
    }

    /// Adds to the end of the value of a key, once.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn append(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        self.once(key, Action::Append(value.to_owned())).await.map(drop)
    }

    /// Sets the value of a key to `to` if it is `from` (`None`: if the key does not exist), once. Whether it was.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn cas(&mut self, key: &str, from: Option<&str>, to: &str) -> Result<bool, WriteError> {
        let answer = self.once(key, Action::Cas(from.map(str::to_owned), to.to_owned())).await?;
        Ok(answer == Answer::Done)
    }

    /// Sets the value of a key if it has this version (0: if it does not exist); its version is then the next one.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`PutError`].
    pub async fn put_at(&mut self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        let action = Action::PutAt(value.to_owned(), version);
        let ticket = self.config.probe.call(self.id, || Op::write(key, &action));
        let bugs = self.config.bugs;
        let (before, first) = (self.client.target().to_owned(), self.client.number + 1);
        let mut result = match self.write(Numbering::Message, key, &action).await {
            Ok(Written { result, doubt }) => {
                let forgets = bugs.has(Bug::DoubtPerServer) && self.client.target() != before;
                told(result, doubt && !forgets && !bugs.has(Bug::VersionAfterResend))
            }
            Err(WriteError::NotDone) => Err(PutError::NotDone),
            Err(WriteError::Unknown | WriteError::Expired) => Err(PutError::Unknown),
        };
        if bugs.has(Bug::TimeoutMeansFailed) && result == Err(PutError::Unknown) {
            result = Err(PutError::NotDone);
        }
        if result == Err(PutError::NotDone) {
            // Each message had a number of its own.
            let numbers = first..=self.client.number;
            numbers.for_each(|number| self.observe(|by| Observation::Refused { by: By { number, ..by } }));
        }
        if result != Err(PutError::Unknown) {
            self.config.probe.ret(ticket, || Outcome::PutAt(result));
        }
        result
    }

    async fn once(&mut self, key: &str, action: Action) -> Result<Answer, WriteError> {
        let bugs = self.config.bugs;
        let ticket = self.config.probe.call(self.id, || Op::write(key, &action));
        let numbering =
            if bugs.has(Bug::NumbersMessages) { Numbering::Message } else { Numbering::Operation };
        let mut result = self.write(numbering, key, &action).await.map(|written| written.result);
        if bugs.has(Bug::ReusesNumber) && result == Err(WriteError::Unknown) {
            self.client.number -= 1;
        }
        if bugs.has(Bug::TimeoutMeansFailed) && result == Err(WriteError::Unknown) {
            result = Err(WriteError::NotDone);
        }
        match result {
            Ok(answer) => self.config.probe.ret(ticket, || Outcome::Written(answer)),
            Err(WriteError::NotDone) => {
                self.observe(|by| Observation::Refused { by });
                self.config.probe.ret(ticket, || Outcome::NotDone);
            }
            Err(WriteError::Unknown | WriteError::Expired) => {}
        }
        result
    }

    async fn write(
        &mut self,
        numbering: Numbering,
        key: &str,
        action: &Action,
    ) -> Result<Written<Answer>, WriteError> {
        let write = |by| Write { by, key: key.to_owned(), action: action.clone() };
        let mut written = self.client.write(numbering, self.config.retry, write).await;
        if self.config.bugs.has(Bug::ExpiredIsNotDone) && written == Err(WriteError::Expired) {
            written = self.client.write(numbering, self.config.retry, write).await;
        }
        let written = written?;
        self.observe(|by| Observation::Told {
            by,
            told: Executed { what: spec::digest(&write(by)), answer: written.result },
        });
        Ok(written)
    }

    fn observe(&self, seen: impl FnOnce(By) -> Observation) {
        if let Some(by) = self.client.last() {
            self.config.probe.observe(|| seen(by));
        }
    }
}
