//! A server's half: requests become commands and queries, their results replies.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use stormglass_sim::net::rpc::{Request, Server};
use stormglass_sim::sometimes;

use super::decode;
use super::message::{Open, Reply};
use crate::raft::message::ServerId;
use crate::raft::protocol::{ReadProof, Refusal};
use crate::raft::server::{Door, SubmitError};

impl Request for Open {
    type Reply = Reply<u64>;
    const NAME: &'static str = "Open";
}

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By the result of this command: it goes through the log, a write or a read.
    Log(Vec<u8>),
    /// By the state machine's answer to this query, once it is proved that nothing newer has been committed.
    Read(Vec<u8>, ReadProof),
}

/// Where the clients of one server are answered.
#[derive(Debug, Clone)]
pub struct Front {
    door: Door,
    peers: Rc<BTreeMap<ServerId, String>>,
}

impl Front {
    /// The front of the server behind this door; `peers` tells a client where the leader is.
    pub fn new(door: &Door, peers: &Rc<BTreeMap<ServerId, String>>) -> Self {
        Front { door: door.clone(), peers: peers.clone() }
    }

    /// Serves one request type in the way that it wants.
    pub fn serves<R, T>(&self, server: &mut Server, way: impl Fn(R) -> Way + 'static)
    where
        R: Request<Reply = Reply<T>>,
        T: DeserializeOwned + Serialize + 'static,
    {
        let front = self.clone();
        server.on(move |_, request: R| {
            let (front, way) = (front.clone(), way(request));
            async move { front.answer(way).await }
        });
    }

    /// What a client is told.
    pub async fn answer<T: DeserializeOwned>(&self, way: Way) -> Reply<T> {
        let result = match way {
            Way::Log(command) => self.door.submit(command).await,
            Way::Read(query, proof) => self.door.read(query, proof).await,
        };
        match result {
            Ok(bytes) => decode(&bytes).map_or(Reply::Unknown, Reply::Done),
            Err(SubmitError::Unknown) => Reply::Unknown,
            Err(SubmitError::Refused(Refusal::NotLeader(leader))) => {
                Reply::Elsewhere(leader.and_then(|leader| self.peers.get(&leader).cloned()))
            }
            Err(error) => {
                let busy = SubmitError::Refused(Refusal::Busy);
                sometimes!(error == busy, "rsm: a server is busy");
                Reply::Refused
            }
        }
    }
}
