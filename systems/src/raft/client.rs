//! The clerk of the log service: finds the leader, sends again, and says what it knows.

use std::time::Duration;

use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::rand::{below, random_u64};

use super::service::{Append, Appended, Open, Read, Reply};
use super::spec::{Op, Outcome, Probe};
use crate::retry::{Retry, Tries};

/// How a clerk behaves.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How long it waits, and whether it ever gives up.
    pub retry: Retry,
    /// Whether its reads may rest on the leader's lease.
    pub lease: bool,
    /// Who watches.
    pub probe: Probe,
}

/// Why an append did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// It is not in the list and never will be.
    #[error("certainly not appended: no leader took it in time")]
    NotDone,
    /// It may be in the list, or may get there yet.
    #[error("unknown: it may have been appended, or may be yet")]
    Unknown,
}

/// No answer in time; nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no leader answered in time")]
pub struct Unanswered;

/// A client's representative. It does one thing at a time.
#[derive(Debug)]
pub struct Clerk {
    servers: Vec<String>,
    /// Whom it takes for the leader.
    target: String,
    /// How many requests in a row were not answered as hoped.
    failures: usize,
    id: u64,
    session: Option<u64>,
    sequence: u64,
    config: Config,
}

/// How one exchange ended.
enum Heard<T> {
    Done(T),
    /// Certainly nothing happened.
    Refused,
    /// Nobody knows.
    Silence,
}

impl Clerk {
    /// A clerk of the servers at these addresses, "name:port".
    ///
    /// # Panics
    /// Without any server.
    pub fn new(servers: Vec<String>, config: Config) -> Self {
        let first = servers[below(servers.len() as u64) as usize].clone();
        let id = random_u64();
        Clerk { servers, target: first, failures: 0, id, session: None, sequence: 0, config }
    }

    /// Appends a value, once.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`AppendError`].
    pub async fn append(&mut self, value: &str) -> Result<(), AppendError> {
        let ticket = self.config.probe.call(self.id, || Op::Append(value.to_owned()));
        let result = self.append_once(value).await;
        if result.is_ok() {
            self.config.probe.ret(ticket, || Outcome::Appended);
        }
        result
    }

    /// The whole list.
    ///
    /// # Errors
    /// Only of a clerk whose patience ends.
    pub async fn read(&mut self) -> Result<Vec<String>, Unanswered> {
        let ticket = self.config.probe.call(self.id, || Op::Read);
        let read = Read { lease: self.config.lease };
        let mut tries = Tries::start(self.config.retry);
        loop {
            if let Heard::Done(list) = self.ask(&read, tries.reply()).await {
                self.config.probe.ret(ticket, || Outcome::List(list.clone()));
                return Ok(list);
            }
            if !self.pause(&mut tries).await {
                return Err(Unanswered);
            }
        }
    }

    async fn append_once(&mut self, value: &str) -> Result<(), AppendError> {
        let mut tries = Tries::start(self.config.retry);
        self.sequence += 1;
        let sequence = self.sequence;
        // Whether some copy of this append may have been executed, or may be yet.
        let mut doubt = false;
        loop {
            match self.session {
                None => {
                    if let Heard::Done(session) = self.ask(&Open, tries.reply()).await {
                        self.session = Some(session);
                        continue;
                    }
                }
                Some(session) => {
                    let append = Append { session, sequence, value: value.to_owned() };
                    match self.ask(&append, tries.reply()).await {
                        Heard::Done(Appended::Once) => return Ok(()),
                        Heard::Done(Appended::Expired) => {
                            self.session = None;
                            if doubt {
                                return Err(AppendError::Unknown);
                            }
                        }
                        Heard::Refused => {}
                        Heard::Silence => doubt = true,
                    }
                }
            }
            if !self.pause(&mut tries).await {
                return Err(if doubt { AppendError::Unknown } else { AppendError::NotDone });
            }
        }
    }

    /// One request, to whomever it takes for the leader; afterwards it knows better whom to ask.
    async fn ask<T, R: Request<Reply = Reply<T>>>(&mut self, request: &R, patience: Duration) -> Heard<T> {
        let (heard, next) = match rpc::call(&self.target, request, patience).await {
            Ok(Reply::Done(done)) => {
                self.failures = 0;
                return Heard::Done(done);
            }
            Ok(Reply::Elsewhere(hint)) => (Heard::Refused, hint.filter(|hint| *hint != self.target)),
            Ok(Reply::Refused) => (Heard::Refused, Some(self.target.clone())),
            Ok(Reply::Unknown) | Err(rpc::Error::Unknown(_)) => (Heard::Silence, None),
            Err(rpc::Error::Refused(_)) => (Heard::Refused, None),
        };
        // Two servers may each take the other for the leader: a hint is not believed for ever.
        let next = next.filter(|_| self.failures % (self.servers.len() + 1) < self.servers.len());
        self.target = next.unwrap_or_else(|| self.another());
        self.failures += 1;
        heard
    }

    /// The server after the one that was asked last.
    fn another(&self) -> String {
        let at = self.servers.iter().position(|server| *server == self.target);
        self.servers[at.map_or(0, |at| (at + 1) % self.servers.len())].clone()
    }

    /// Pauses before the next request, once every server had its turn. `false`: there shall be none.
    async fn pause(&mut self, tries: &mut Tries) -> bool {
        let some_left = !self.failures.is_multiple_of(self.servers.len());
        (some_left || tries.pause().await) && !tries.are_over()
    }
}
