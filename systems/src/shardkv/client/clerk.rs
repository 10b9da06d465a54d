//! The clerk: finds the group that serves a key and its leader, sends again, and says what it knows.

use std::collections::BTreeMap;
use std::time::Duration;

use stormglass_sim::net::rpc::Request;
use stormglass_sim::rand::random_u64;
use stormglass_sim::time::Instant;
use stormglass_sim::{reachable, sometimes};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{
    self, Change, Get, Gid, NotServed, Rejection, Shard, Stamp, Version, Versioned, Write,
};
use super::super::protocol::{PutCall, PutError, shard_of};
use super::super::spec::{Observation, Op, Outcome, Probe};
use super::Directory;
use crate::retry::{Backoff, Retry, Tries};
use crate::rsm::{Client, Heard, Reply};

/// How a clerk behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long it waits, and whether it ever gives up.
    pub retry: Retry,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl Default for Config {
    /// Half a second for a reply, pauses from 20 ms (a shard that moves is away for no longer) to 400 ms, for ever.
    fn default() -> Self {
        let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_millis(400) };
        Config { retry: Retry { backoff, ..Retry::default() }, bugs: Bugs::NONE, probe: Probe::blind() }
    }
}

/// No answer in time; nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no group answered for this key in time")]
pub struct Unanswered;

/// Why a set, an append or a compare-and-set has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No group took it in time. It is not executed, and will not be where the network makes no copies.
    #[error("certainly not done: no group took it in time")]
    NotDone,
    /// It would make the shard larger than a group can hand over. It is not executed.
    #[error("not done: the shard of the key is full")]
    Full,
    /// The clerk's patience ended.
    #[error("unknown: no answer in time; it may have been executed, or may be yet")]
    Unanswered,
    /// So many others have written since it was sent, or a copy of it, that the shard has forgotten about it.
    #[error("unknown: the shard no longer knows whether it was executed; it will not be again")]
    Forgotten,
}

/// A client's representative. It does one thing at a time.
#[derive(Debug)]
pub struct Clerk {
    directory: Directory,
    /// The configuration in force, and the next, as far as it knows.
    configs: Vec<message::Config>,
    /// Which of them it goes by; its groups' servers are in it.
    going_by: usize,
    groups: BTreeMap<Gid, (Vec<String>, Client)>,
    /// The group that was asked last.
    asked: Gid,
    /// Servers of a group in a row that did not answer as hoped.
    failures: usize,
    last: Stamp,
    /// How many writes the shards had executed when it asked, and when it last heard of each.
    known: BTreeMap<Shard, (u64, Instant)>,
    config: Config,
}

/// A clerk that has not written to a shard for so long asks again how many writes that has executed: it may have been
/// forgotten, and a write that finds out so is one that nobody can tell about.
const FRESH: Duration = Duration::from_secs(60);

/// How one exchange with a group ended.
enum Told<T> {
    Executed(T),
    /// The group does not serve the key.
    Elsewhere,
    /// The request certainly did nothing; a copy that the network made of it may have.
    Refused,
    /// Nobody knows.
    Silence,
    /// Certainly nothing happened now. Whether it had before, the shard has forgotten.
    Forgotten {
        /// How many writes it has executed.
        writes: u64,
    },
}

impl Clerk {
    /// A clerk that looks into this directory for who serves what.
    pub fn new(directory: Directory, config: Config) -> Self {
        let last = Stamp { clerk: random_u64(), number: 0 };
        let (configs, groups, known) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Clerk { directory, configs, going_by: 0, groups, asked: 0, failures: 0, last, known, config }
    }

    /// The value of a key and its version; `None` if it does not exist.
    ///
    /// # Errors
    /// Only of a clerk whose patience ends.
    pub async fn get(&mut self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        let ticket = self.config.probe.call(self.last.clerk, || Op::Get { key: key.to_owned() });
        let get = Get { key: key.to_owned() };
        let mut tries = Tries::start(self.config.retry);
        loop {
            let told = self.ask(key, &get, &tries).await;
            if let Told::Executed(found) = told {
                self.config.probe.ret(ticket, || Outcome::Found(found.clone()));
                return Ok(found);
            }
            if !self.again(key, &told, &mut tries).await {
                return Err(Unanswered);
            }
        }
    }

    /// Installs `value` if the key has this version (0: if it does not exist); its version is then the next one.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`PutError`].
    pub async fn put(&mut self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        let op = || Op::Put { key: key.to_owned(), value: value.to_owned(), version };
        let ticket = self.config.probe.call(self.last.clerk, op);
        let change = Change::Put { value: value.to_owned(), version };
        let mut call = PutCall::new(self.config.bugs);
        let mut write = self.write(key, change);
        let first = write.by;
        let mut tries = Tries::start(self.config.retry);
        let result = loop {
            let told = self.ask_to(&write, &tries).await;
            call.sent_to(self.asked);
            match told {
                Told::Executed(answer) => break call.executed(answer),
                Told::Elsewhere | Told::Refused => {}
                Told::Forgotten { writes } => {
                    let known = self.learns(&mut write, writes);
                    if !known && !self.config.bugs.has(Bug::ForgottenPutIsCertain) {
                        call.silence();
                    }
                }
                Told::Silence if write.after.is_none() => {}
                Told::Silence => {
                    call.silence();
                    // A resend is a new request: its version keeps it from being executed twice.
                    self.last.number += 1;
                    write.by = self.last;
                }
            }
            if !self.again(key, &told, &mut tries).await {
                break Err(call.given_up());
            }
        };
        sometimes!(result == Err(PutError::Full), "shardkv: a write was refused by a full shard");
        if let Err(PutError::Version | PutError::NoKey | PutError::Full | PutError::NotDone) = result {
            self.refused(first);
        }
        if result != Err(PutError::Unknown) {
            self.config.probe.ret(ticket, || Outcome::Put(result));
        }
        sometimes!(result == Err(PutError::Maybe), "shardkv: a put ended as maybe");
        result
    }

    /// Installs `value`, whatever is there, once.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn set(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        let op = Op::Set { key: key.to_owned(), value: value.to_owned() };
        self.once(key, Change::Set(value.to_owned()), op).await.map(drop)
    }

    /// Appends `value` to what is there, once.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn append(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        let op = Op::Append { key: key.to_owned(), value: value.to_owned() };
        self.once(key, Change::Append(value.to_owned()), op).await.map(drop)
    }

    /// Installs `to` if the value is `from` (`None`: if the key does not exist), once. Whether it did.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn cas(&mut self, key: &str, from: Option<&str>, to: &str) -> Result<bool, WriteError> {
        let from = from.map(str::to_owned);
        let op = Op::Cas { key: key.to_owned(), from: from.clone(), value: to.to_owned() };
        self.once(key, Change::Cas { from, to: to.to_owned() }, op).await
    }

    /// Sends a write under one number until it is answered, whichever group has the shard by then: whether it had its
    /// effect. Where the shard has forgotten about it, nobody knows: though it was sent once, the network may have made a
    /// copy.
    async fn once(&mut self, key: &str, change: Change, op: Op) -> Result<bool, WriteError> {
        let ticket = self.config.probe.call(self.last.clerk, || op);
        let swaps = matches!(change, Change::Cas { .. });
        let mut write = self.write(key, change);
        let mut doubt = false;
        let mut tries = Tries::start(self.config.retry);
        let result = loop {
            let told = self.ask_to(&write, &tries).await;
            match told {
                Told::Executed(Err(Rejection::Full)) => break Err(WriteError::Full),
                Told::Executed(answer) => break Ok(answer.is_ok()),
                Told::Forgotten { writes } => {
                    let known = self.learns(&mut write, writes);
                    if !known && (doubt || !self.config.bugs.has(Bug::ForgottenIsNotDone)) {
                        reachable!("shardkv: a clerk was forgotten while it sent");
                        break Err(WriteError::Forgotten);
                    }
                }
                Told::Silence => doubt |= write.after.is_some(),
                Told::Elsewhere | Told::Refused => {}
            }
            if !self.again(key, &told, &mut tries).await {
                let certain = !doubt || self.config.bugs.has(Bug::TimeoutMeansFailed);
                break Err(if certain { WriteError::NotDone } else { WriteError::Unanswered });
            }
        };
        if let Ok(false) | Err(WriteError::NotDone | WriteError::Full) = result {
            self.refused(write.by);
        }
        match result {
            Ok(done) if swaps => self.config.probe.ret(ticket, || Outcome::Swapped(done)),
            Ok(_) => self.config.probe.ret(ticket, || Outcome::Done),
            Err(WriteError::NotDone | WriteError::Full) => {
                self.config.probe.ret(ticket, || Outcome::NotDone);
            }
            Err(WriteError::Unanswered | WriteError::Forgotten) => {}
        }
        sometimes!(result == Err(WriteError::Full), "shardkv: a write was refused by a full shard");
        result
    }

    /// The client is told that nothing it has sent since `first` was done, or will be.
    fn refused(&self, first: Stamp) {
        let (clerk, numbers) = (first.clerk, first.number..=self.last.number);
        self.config.probe.observe(|| Observation::Refused { clerk, numbers });
    }

    fn write(&mut self, key: &str, change: Change) -> Write {
        self.last.number += 1;
        let fresh = |(_, heard): &&(u64, Instant)| heard.elapsed() < FRESH;
        let known = self.shard_of(key).and_then(|shard| self.known.get(&shard)).filter(fresh);
        let after = known.map(|(writes, _)| *writes);
        Write { key: key.to_owned(), change, by: self.last, after }
    }

    /// One request to write, to the group that serves the key as far as the clerk knows.
    async fn ask_to(&mut self, write: &Write, tries: &Tries) -> Told<Result<(), Rejection>> {
        let told = self.ask(&write.key, write, tries).await;
        if let Told::Executed(_) = told
            && let Some(shard) = self.shard_of(&write.key)
            && let Some((_, heard)) = self.known.get_mut(&shard)
        {
            *heard = Instant::now();
        }
        told
    }

    /// The shard has executed so many writes, and not this one now. Whether it is known that it never has: it only asked.
    fn learns(&mut self, write: &mut Write, writes: u64) -> bool {
        if let Some(shard) = self.shard_of(&write.key) {
            self.known.insert(shard, (writes, Instant::now()));
        }
        write.after.replace(writes).is_none()
    }

    /// `None` as long as it has seen no configuration.
    fn shard_of(&self, key: &str) -> Option<Shard> {
        self.configs.first().map(|config| shard_of(key, config.shards.len()))
    }

    /// One request, to the group that serves the key as far as the clerk knows.
    async fn ask<T, R>(&mut self, key: &str, request: &R, tries: &Tries) -> Told<T>
    where
        R: Request<Reply = Reply<Result<T, NotServed>>>,
    {
        if self.configs.is_empty() {
            self.look().await;
        }
        let config = self.configs.get(self.going_by).or(self.configs.first());
        let Some((gid, servers)) = config.and_then(|config| config.group_of(key)) else {
            return Told::Elsewhere;
        };
        if servers.is_empty() {
            return Told::Elsewhere;
        }
        self.asked = gid;
        let known = self.groups.get(&gid).is_some_and(|(known, _)| known == servers);
        if !known {
            self.groups.insert(gid, (servers.to_vec(), Client::new(servers.to_vec())));
        }
        let (_, client) = self.groups.get_mut(&gid).expect("it was inserted if it was missing");
        match client.ask(request, tries.reply()).await {
            Heard::Done(Ok(answer)) => Told::Executed(answer),
            Heard::Done(Err(NotServed::WrongGroup)) => Told::Elsewhere,
            Heard::Done(Err(NotServed::Forgotten { writes })) => Told::Forgotten { writes },
            Heard::Done(Err(NotServed::Old)) | Heard::Silence => Told::Silence,
            Heard::Refused => Told::Refused,
        }
    }

    /// Finds out whom to ask next, and pauses where that does not promise more. `false`: nobody.
    async fn again<T>(&mut self, key: &str, told: &Told<T>, tries: &mut Tries) -> bool {
        if let Told::Forgotten { .. } = told {
            return !tries.are_over();
        }
        let servers = self.groups.values().map(|(servers, _)| servers.len()).max().unwrap_or(1);
        if !matches!(told, Told::Elsewhere) {
            self.failures += 1;
            if !self.failures.is_multiple_of(servers.max(1)) {
                return !tries.are_over();
            }
        } else if self.going_by + 1 < self.configs.len() {
            // Whoever is to serve it next may do so already.
            self.going_by += 1;
            return !tries.are_over();
        }
        let old = std::mem::take(&mut self.configs);
        self.look().await;
        if self.configs.is_empty() {
            self.configs = old;
            return tries.pause().await && !tries.are_over();
        }
        if matches!(told, Told::Elsewhere) {
            let owner = |config: &message::Config| config.group_of(key).map(|(gid, _)| gid);
            let sent_away = |config: &message::Config| owner(config) == Some(self.asked);
            self.going_by = usize::from(self.configs.len() > 1 && sent_away(&self.configs[0]));
            if self.configs != old {
                return !tries.are_over();
            }
        }
        tries.pause().await && !tries.are_over()
    }

    async fn look(&mut self) {
        self.configs = self.directory.ask(self.config.retry.reply).await;
        self.going_by = 0;
    }
}
