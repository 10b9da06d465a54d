//! The clerk of the log service: finds the leader, sends again, and says what it knows.

use stormglass_sim::rand::random_u64;

use super::service::{Append, Read};
use super::spec::{Op, Outcome, Probe};
use crate::retry::Retry;
use crate::rsm::{Client, Numbering, WriteError};

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

    /// Appends a value, once.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`AppendError`].
    pub async fn append(&mut self, value: &str) -> Result<(), AppendError> {
        let ticket = self.config.probe.call(self.id, || Op::Append(value.to_owned()));
        let append = |by| Append { by, value: value.to_owned() };
        match self.client.write(Numbering::Operation, self.config.retry, append).await {
            Ok(_) => {
                self.config.probe.ret(ticket, || Outcome::Appended);
                Ok(())
            }
            Err(WriteError::NotDone) => Err(AppendError::NotDone),
            Err(WriteError::Unknown | WriteError::Expired) => Err(AppendError::Unknown),
        }
    }

    /// The whole list.
    ///
    /// # Errors
    /// Only of a clerk whose patience ends.
    pub async fn read(&mut self) -> Result<Vec<String>, Unanswered> {
        let ticket = self.config.probe.call(self.id, || Op::Read);
        let read = Read { lease: self.config.lease };
        let list = self.client.read(&read, self.config.retry).await.ok_or(Unanswered)?;
        self.config.probe.ret(ticket, || Outcome::List(list.clone()));
        Ok(list)
    }
}
