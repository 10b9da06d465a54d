//! How servers call each other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stormglass_sim::net::{Target, rpc};
use stormglass_sim::sync::{mpsc, oneshot};
use stormglass_sim::task::spawn;

use super::super::message::{
    AppendEntries, Appended, InstallSnapshot, Installed, PreVote, Reply, Request, RequestVote, ServerId,
    TimeoutNow, Vote,
};
use super::super::protocol::Input;
use super::Error;
use super::event::Event;

/// A message, by whom and for whom: an address may have changed hands, or have been mistaken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent<M> {
    cluster: u64,
    from: ServerId,
    to: ServerId,
    message: M,
}

/// A request type and its place among [`Request`] and [`Reply`].
pub(super) trait Message: Serialize + DeserializeOwned + 'static {
    const NAME: &'static str;
    type Answer: Serialize + DeserializeOwned + 'static;
    fn wrap(self) -> Request;
    fn answer(answer: Self::Answer) -> Option<Reply>;
    fn answered(reply: Reply) -> Option<Self::Answer>;
}

impl<M: Message> rpc::Request for Sent<M> {
    type Reply = M::Answer;
    const NAME: &'static str = M::NAME;
}

macro_rules! message {
    ($message:ident, $answer:ty, $reply:ident) => {
        impl Message for $message {
            const NAME: &'static str = stringify!($message);
            type Answer = $answer;

            fn wrap(self) -> Request {
                Request::$message(self)
            }

            fn answer(answer: $answer) -> Option<Reply> {
                Some(Reply::$reply(answer))
            }

            fn answered(reply: Reply) -> Option<$answer> {
                if let Reply::$reply(answer) = reply { Some(answer) } else { None }
            }
        }
    };
}

message!(PreVote, Vote, PreVote);
message!(RequestVote, Vote, Vote);
message!(AppendEntries, Appended, Appended);
message!(InstallSnapshot, Installed, Installed);

/// It has no reply: who sent it sees what comes of it, and hears silence when its patience ends.
impl Message for TimeoutNow {
    const NAME: &'static str = "TimeoutNow";
    type Answer = ();

    fn wrap(self) -> Request {
        Request::TimeoutNow(self)
    }

    fn answer((): ()) -> Option<Reply> {
        None
    }

    fn answered(_: Reply) -> Option<()> {
        None
    }
}

/// Serves what other servers ask. A request that finds the queue full is dropped before it had any effect.
/// So is one of another cluster, which is said once.
pub(super) fn serve(server: &mut rpc::Server, own: (u64, ServerId), events: &mpsc::Sender<Event>) {
    let met = Rc::new(Cell::new(false));
    serve_one::<PreVote>(server, own, events, &met);
    serve_one::<RequestVote>(server, own, events, &met);
    serve_one::<AppendEntries>(server, own, events, &met);
    serve_one::<InstallSnapshot>(server, own, events, &met);
    serve_one::<TimeoutNow>(server, own, events, &met);
}

fn serve_one<M: Message>(
    server: &mut rpc::Server,
    own: (u64, ServerId),
    events: &mpsc::Sender<Event>,
    met: &Rc<Cell<bool>>,
) {
    let (events, met) = (events.clone(), met.clone());
    server.on_maybe(move |at, sent: Sent<M>| {
        let (reply, answer) = oneshot::channel();
        let Sent { cluster, from, to, message } = sent;
        if cluster != own.0 && !met.replace(true) {
            tracing::warn!(
                "server {from} of cluster {cluster} takes this one, of cluster {}, for its own server {to}: what it says \
                 is refused; it is at {}, and its --peers is wrong",
                own.0,
                at.ip()
            );
        }
        let event = Event::Request { from, request: message.wrap(), reply };
        let taken = (cluster, to) == own && events.try_send(event).is_ok();
        async move { if taken { M::answered(answer.await.ok()?) } else { None } }
    });
}

/// The way to the other servers.
pub(super) struct Wire {
    cluster: u64,
    id: ServerId,
    peers: BTreeMap<ServerId, Target>,
    patience: Duration,
    events: mpsc::Sender<Event>,
}

impl Wire {
    pub(super) fn new(
        (cluster, id): (u64, ServerId),
        peers: &BTreeMap<ServerId, String>,
        patience: Duration,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let peers = peers.iter().map(|(id, address)| (*id, Target::from(address))).collect();
        Wire { cluster, id, peers, patience, events }
    }

    /// Sends a request. Its answer, or that there is none, comes back as an event.
    pub(super) fn send(&self, to: ServerId, request: Request) {
        match request {
            Request::PreVote(message) => self.call(to, message, self.patience),
            Request::RequestVote(message) => self.call(to, message, self.patience),
            Request::AppendEntries(message) => {
                let patience = self.patience + message.transfer();
                self.call(to, message, patience);
            }
            Request::InstallSnapshot(message) => self.call(to, message, self.patience),
            Request::TimeoutNow(message) => self.call(to, message, self.patience),
        }
    }

    fn call<M: Message>(&self, to: ServerId, message: M, patience: Duration) {
        let (target, events) = (self.peers.get(&to).cloned(), self.events.clone());
        let sent = Sent { cluster: self.cluster, from: self.id, to, message };
        let exchange = async move {
            let answer = match target {
                Some(target) => rpc::call(target, &sent, patience).await.ok(),
                None => None,
            };
            let input = match answer.map(M::answer) {
                Some(Some(reply)) => Input::Reply(to, reply),
                Some(None) => return,
                None => Input::Silence(to),
            };
            // The server may have ended meanwhile.
            _ = events.send(Event::Input(input)).await;
        };
        drop(spawn(exchange));
    }

    /// Tells the protocol that nothing was sent.
    pub(super) fn silence(&self, to: ServerId) {
        let events = self.events.clone();
        drop(spawn(async move { _ = events.send(Event::Input(Input::Silence(to))).await }));
    }

    /// The server ends: what it was to send cannot be read.
    pub(super) fn failed(&self, error: Error) {
        let events = self.events.clone();
        drop(spawn(async move { _ = events.send(Event::Failed(error)).await }));
    }
}
