//! Who asks the replicated controller.

use std::collections::BTreeMap;

use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::rand::random_u64;

use super::super::message::{Complaint, Config, Decree, Gid, Identity, Num, Query, Rule, Shard, Stamp, Who};
use super::Unanswered;
use crate::retry::{Retry, Tries};
use crate::rsm::{Client, Heard, Reply};

/// Why a decree was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecreeError {
    /// It makes no sense.
    #[error("{0}")]
    Refused(#[from] Complaint),
    /// Nobody took it in time.
    #[error("certainly not done: no controller took it in time")]
    NotDone,
    /// No answer in time.
    #[error("unknown: the controller did not answer in time")]
    Unknown,
}

/// Which group's server is at this address, "name:port"; `None` if none answers in time.
pub async fn who(server: &str, retry: Retry) -> Option<Identity> {
    let mut tries = Tries::start(retry);
    loop {
        if let Ok(found) = rpc::call(server, &Who, tries.reply()).await {
            return Some(found);
        }
        if !tries.pause().await || tries.are_over() {
            return None;
        }
    }
}

/// A client of the replicated controller. It does one thing at a time; what it asks for is done once.
#[derive(Debug)]
pub struct Decrees {
    servers: Client,
    retry: Retry,
    last: Stamp,
}

impl Decrees {
    /// A client of the controller with servers at these addresses.
    pub fn new(servers: Vec<String>, retry: Retry) -> Self {
        Decrees { servers: Client::new(servers), retry, last: Stamp { clerk: random_u64(), number: 0 } }
    }

    /// Lets groups take part. The number of the configuration in which they do.
    ///
    /// # Errors
    /// See [`DecreeError`].
    pub async fn join(&mut self, groups: BTreeMap<Gid, Vec<String>>) -> Result<Num, DecreeError> {
        self.decree(Rule::Join(groups)).await
    }

    /// Lets groups take part no longer.
    ///
    /// # Errors
    /// See [`DecreeError`].
    pub async fn leave(&mut self, groups: Vec<Gid>) -> Result<Num, DecreeError> {
        self.decree(Rule::Leave(groups)).await
    }

    /// Gives a shard to a group, until the next join or leave.
    ///
    /// # Errors
    /// See [`DecreeError`].
    pub async fn move_shard(&mut self, shard: Shard, gid: Gid) -> Result<Num, DecreeError> {
        self.decree(Rule::Move(shard, gid)).await
    }

    /// The configuration of this number; without one, or where that does not exist yet, the latest.
    ///
    /// # Errors
    /// Only of a client whose patience ends.
    pub async fn query(&mut self, num: Option<Num>) -> Result<Config, Unanswered> {
        self.ask(&Query { num }).await.map_err(|_| Unanswered)
    }

    /// Any of these.
    ///
    /// # Errors
    /// See [`DecreeError`].
    pub async fn decree(&mut self, rule: Rule) -> Result<Num, DecreeError> {
        self.last.number += 1;
        let decree = Decree { rule, by: self.last };
        Ok(self.ask(&decree).await??)
    }

    /// The request that its last decree was.
    pub fn last(&self) -> Stamp {
        self.last
    }

    async fn ask<T, R: Request<Reply = Reply<T>>>(&mut self, request: &R) -> Result<T, DecreeError> {
        let mut tries = Tries::start(self.retry);
        let mut given_up = DecreeError::NotDone;
        loop {
            match self.servers.ask(request, tries.reply()).await {
                Heard::Done(answer) => return Ok(answer),
                Heard::Silence => given_up = DecreeError::Unknown,
                Heard::Refused => {}
            }
            if !tries.pause().await || tries.are_over() {
                return Err(given_up);
            }
        }
    }
}
