//! What an operator asks of servers: how they stand, who belongs to them, who leads.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::time::{Instant, sleep};

use super::message::{Index, ServerId};
use super::protocol::{Change, Refusal};
use super::server::{Door, Serve, Status, SubmitError};

/// How does this server stand?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspect;

impl Request for Inspect {
    type Reply = Option<Status>;
    const NAME: &'static str = "Inspect";
}

/// Something to be done. All but the snapshot is done by the leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// See [`Change::AddLearner`].
    AddLearner(ServerId),
    /// See [`Change::Promote`].
    Promote(ServerId),
    /// See [`Change::Remove`].
    Remove(ServerId),
    /// See [`Change::Replace`].
    Replace(BTreeSet<ServerId>),
    /// Hand leadership over, to this server or to the one that is most up to date.
    Transfer(Option<ServerId>),
    /// Make a snapshot, whoever is asked.
    Snapshot,
}

impl Request for Order {
    type Reply = Obeyed;
    const NAME: &'static str = "Order";
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obeyed {
    /// It is done: the index of the last configuration, or what the snapshot stands for; 0 for a transfer.
    Done(Index),
    /// Certainly nothing was done, because this server does not lead; perhaps the one at that address does.
    Elsewhere(Option<String>),
    /// Certainly nothing was done, and why.
    Refused(String),
    /// This server cannot tell.
    Unknown,
}

/// Why an order was not carried out, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Certainly nothing was done.
    #[error("{0}")]
    Refused(String),
    /// Certainly nothing was done.
    #[error("no leader answered in time; nothing was done")]
    NoLeader,
    /// It may have been done, or may be yet.
    #[error("unknown: perhaps it was done, or will be")]
    Unknown,
}

/// Serves orders and inspections; `peers` tells where the leader is.
pub fn serve(peers: BTreeMap<ServerId, String>) -> Serve {
    let peers = Rc::new(peers);
    Rc::new(move |server: &mut rpc::Server, door: &Door| {
        let inspected = door.clone();
        server.on(move |_, _: Inspect| {
            let status = inspected.status();
            async move { status }
        });
        let (door, peers) = (door.clone(), peers.clone());
        server.on(move |_, order: Order| {
            let (door, peers) = (door.clone(), peers.clone());
            async move {
                match obey(&door, order).await {
                    Ok(index) => Obeyed::Done(index),
                    Err(SubmitError::Unknown) => Obeyed::Unknown,
                    Err(SubmitError::Refused(Refusal::NotLeader(leader))) => {
                        Obeyed::Elsewhere(leader.and_then(|leader| peers.get(&leader).cloned()))
                    }
                    Err(SubmitError::Refused(why)) => Obeyed::Refused(because(why)),
                    Err(error) => Obeyed::Refused(error.to_string()),
                }
            }
        });
    })
}

async fn obey(door: &Door, order: Order) -> Result<Index, SubmitError> {
    let change = match order {
        Order::AddLearner(id) => Change::AddLearner(id),
        Order::Promote(id) => Change::Promote(id),
        Order::Remove(id) => Change::Remove(id),
        Order::Replace(voters) => Change::Replace(voters),
        Order::Transfer(to) => return door.transfer(to).await.map(|()| 0),
        Order::Snapshot => return door.snapshot_now().await,
    };
    door.change(change).await
}

fn because(why: Refusal) -> String {
    match why {
        Refusal::NotLeader(_) => "this server does not lead".into(),
        Refusal::Busy => "too much is waiting; try again".into(),
        Refusal::Transferring => "leadership is being handed over; try again".into(),
        Refusal::ChangeInProgress => {
            "a change of membership is under way, or this leader is too new; try again".into()
        }
        Refusal::Pointless(why) => why,
    }
}

/// Has the leader of these servers carry out an order.
///
/// # Errors
/// See [`OrderError`].
pub async fn order(servers: &[String], order: &Order, patience: Duration) -> Result<Index, OrderError> {
    let end = Instant::now() + patience;
    let mut hint = None;
    for server in servers.iter().cycle() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let target = hint.take().unwrap_or_else(|| server.clone());
        match rpc::call(&target, order, left).await {
            Ok(Obeyed::Done(index)) => return Ok(index),
            Ok(Obeyed::Refused(why)) => return Err(OrderError::Refused(why)),
            Ok(Obeyed::Unknown) | Err(rpc::Error::Unknown(_)) => return Err(OrderError::Unknown),
            Ok(Obeyed::Elsewhere(leader)) => hint = leader.filter(|leader| *leader != target),
            Err(rpc::Error::Refused(_)) => {}
        }
        sleep(Duration::from_millis(20)).await;
    }
    Err(OrderError::NoLeader)
}
