//! The clerk: numbers its operations and repeats each until it is answered, for ever if need be.

use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::rand::random_u64;

use super::message::{Append, Command, Get, Put, RequestId};
use super::spec::Probe;
use crate::retry::{Retry, Tries};

/// How a clerk behaves.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How long it waits between its messages. Its patience has no end here, whatever this says: a clerk that gave up
    /// would number its next operation as though the last had been answered.
    pub retry: Retry,
    /// Who watches.
    pub probe: Probe,
}

/// A client's representative. It has one operation at a time; the server relies on that.
#[derive(Debug)]
pub struct Clerk {
    target: String,
    last: RequestId,
    config: Config,
}

impl Clerk {
    /// A clerk of the server at `target`, "name:port".
    pub fn new(target: impl Into<String>, mut config: Config) -> Self {
        config.retry.patience = None;
        let last = RequestId { clerk: random_u64(), sequence: 0, resend: false };
        Clerk { target: target.into(), last, config }
    }

    /// The value of a key, "" if it was never written.
    pub async fn get(&mut self, key: &str) -> String {
        let get = Get { key: key.to_owned(), by: self.next() };
        self.ask(get, Command::Get, |get| &mut get.by).await
    }

    /// Sets the value of a key.
    pub async fn put(&mut self, key: &str, value: &str) {
        let put = Put { key: key.to_owned(), value: value.to_owned(), by: self.next() };
        self.ask(put, Command::Put, |put| &mut put.by).await;
    }

    /// Appends to the value of a key and returns the value before.
    pub async fn append(&mut self, key: &str, value: &str) -> String {
        let append = Append { key: key.to_owned(), value: value.to_owned(), by: self.next() };
        self.ask(append, Command::Append, |append| &mut append.by).await
    }

    fn next(&mut self) -> RequestId {
        self.last.sequence += 1;
        self.last
    }

    async fn ask<R: Request<Reply = String> + Clone>(
        &self,
        mut request: R,
        command: fn(R) -> Command,
        by: fn(&mut R) -> &mut RequestId,
    ) -> String {
        let ticket = self.config.probe.call(self.last.clerk, || command(request.clone()));
        let mut tries = Tries::start(self.config.retry);
        loop {
            if let Ok(reply) = rpc::call(&self.target, &request, tries.reply()).await {
                self.config.probe.ret(ticket, || reply.clone());
                return reply;
            }
            by(&mut request).resend = true;
            tries.pause().await;
        }
    }
}
