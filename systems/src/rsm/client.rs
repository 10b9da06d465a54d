//! A client's half: finds the leader, keeps a session open, numbers its writes, and says what it knows.

use std::time::Duration;

use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::rand::below;
use stormglass_sim::time::Instant;

use super::message::{By, Once, Open, Reply};
use crate::retry::{Retry, Tries};

/// How one exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<T> {
    /// It is done.
    Done(T),
    /// Certainly nothing happened, unless the network made a copy of the request.
    Refused,
    /// Nobody knows.
    Silence,
}

/// A write that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<T> {
    /// The result.
    pub result: T,
    /// An earlier message with another number may have been executed too.
    pub doubt: bool,
}

/// Why a write was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No server took it in time. It is not executed, and will not be where the network makes no copies.
    #[error("certainly not done: no leader took it in time")]
    NotDone,
    /// No answer in time: it may have been executed, or may be yet.
    #[error("unknown: it may have been done, or may be yet")]
    Unknown,
    /// The session has ended: it will not be executed any more; whether it was, nobody knows.
    #[error("perhaps done, and never later: so many others came meanwhile that the client's session ended")]
    Expired,
}

/// What is known of a write that nobody answered; `sent`: some server may have taken it.
fn given_up(sent: bool) -> WriteError {
    if sent { WriteError::Unknown } else { WriteError::NotDone }
}

/// What a write's number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// The operation: however often it is sent, it is executed once.
    Operation,
    /// All messages up to one that nobody answered. The next has a number of its own and is executed anew, which only a
    /// write with a condition may be. A message that was refused is sent again with the same number: if the network
    /// kept a copy, the two are one.
    Message,
}

/// A session that was not used for so long is left for a new one: it may have ended, and a write that finds out so is one
/// that nobody can tell about.
const FRESH: Duration = Duration::from_secs(60);

/// One client of the servers of one service. It does one thing at a time.
#[derive(Debug)]
pub struct Client {
    servers: Vec<String>,
    /// Whom it takes for the leader.
    target: String,
    /// How many requests in a row were not answered as hoped.
    failures: usize,
    /// Its name, and when a server last knew it.
    session: Option<(u64, Instant)>,
    /// The number of its last write.
    pub(crate) number: u64,
}

impl Client {
    /// A client of the servers at these addresses, "name:port".
    ///
    /// # Panics
    /// Without any server.
    pub fn new(servers: Vec<String>) -> Self {
        let target = servers[below(servers.len() as u64) as usize].clone();
        Client { servers, target, failures: 0, session: None, number: 0 }
    }

    /// Its last write, unless its session has ended.
    pub fn last(&self) -> Option<By> {
        self.session.map(|(session, _)| By { session, number: self.number })
    }

    /// The server that it asks next.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Sends a request that changes nothing, until it is answered or the patience ends: then `None`.
    pub async fn read<T, R: Request<Reply = Reply<T>>>(&mut self, request: &R, retry: Retry) -> Option<T> {
        let mut tries = Tries::start(retry);
        loop {
            if let Heard::Done(answer) = self.ask(request, tries.reply()).await {
                return Some(answer);
            }
            if !self.pause(&mut tries).await {
                return None;
            }
        }
    }

    /// Sends a write in its session, which it opens where there is none, until it is answered or the patience ends.
    ///
    /// # Errors
    /// Says what is certain and what is not, see [`WriteError`].
    pub async fn write<T, R: Request<Reply = Reply<Once<T>>>>(
        &mut self,
        numbering: Numbering,
        retry: Retry,
        request: impl Fn(By) -> R,
    ) -> Result<Written<T>, WriteError> {
        let mut tries = Tries::start(retry);
        self.number += 1;
        self.session = self.session.filter(|(_, known)| known.elapsed() < FRESH);
        // Whether some message of this write may have been executed, or may be yet; and one with another number.
        let (mut sent, mut doubt) = (false, false);
        loop {
            match self.session {
                None => {
                    if let Heard::Done(session) = self.ask(&Open, tries.reply()).await {
                        self.session = Some((session, Instant::now()));
                        if tries.are_over() {
                            return Err(given_up(sent));
                        }
                        continue;
                    }
                }
                Some((session, _)) => {
                    let request = request(By { session, number: self.number });
                    match self.ask(&request, tries.reply()).await {
                        Heard::Done(Once::Done(result)) => {
                            self.session = Some((session, Instant::now()));
                            return Ok(Written { result, doubt });
                        }
                        // Though it was sent once: the network may have made a copy, executed before the session ended.
                        Heard::Done(Once::Expired) => {
                            self.session = None;
                            if numbering == Numbering::Operation {
                                return Err(WriteError::Expired);
                            }
                            (sent, doubt) = (true, true);
                        }
                        Heard::Refused => {}
                        Heard::Done(Once::Past) | Heard::Silence => {
                            sent = true;
                            if numbering == Numbering::Message {
                                doubt = true;
                                self.number += 1;
                            }
                        }
                    }
                }
            }
            if !self.pause(&mut tries).await {
                return Err(given_up(sent));
            }
        }
    }

    /// One request, to whomever it takes for the leader; afterwards it knows better whom to ask.
    pub async fn ask<T, R: Request<Reply = Reply<T>>>(
        &mut self,
        request: &R,
        patience: Duration,
    ) -> Heard<T> {
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

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use serde::{Deserialize, Serialize};
    use stormglass_sim::net::{Latency, LinkConfig};
    use stormglass_sim::time::sleep;
    use stormglass_sim::{Seed, Sim};

    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Add(By);

    impl Request for Add {
        type Reply = Reply<Once>;
        const NAME: &'static str = "Add";
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A server that opens sessions 1, 2, … after `opens_after`, and answers a write as `became` says; a client that does
    /// `work`. How many sessions were opened, and which writes came.
    fn exchange<W: Future<Output = ()>>(
        opens_after: Duration,
        became: fn(By) -> Once,
        work: impl Fn(Client) -> W + 'static,
    ) -> (u64, Vec<By>) {
        let (opened, came) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let (opens, adds) = (opened.clone(), came.clone());
        let outcome = Sim::new(Seed(1)).run(|world| async move {
            world.links(LinkConfig::with_latency(Latency::Constant(millis(1))));
            world.node("server", move || {
                let (opens, adds) = (opens.clone(), adds.clone());
                async move {
                    let mut server = rpc::Server::bind("0.0.0.0:7000").await.unwrap();
                    server.on(move |_, _: Open| {
                        opens.set(opens.get() + 1);
                        let session = opens.get();
                        async move {
                            sleep(opens_after).await;
                            Reply::Done(session)
                        }
                    });
                    server.on(move |_, Add(by)| {
                        adds.borrow_mut().push(by);
                        async move { Reply::Done(became(by)) }
                    });
                    drop(server.serve().await);
                }
            });
            let client = world.node("client", || async {});
            world.spawn_on(client, async move { work(Client::new(vec!["server:7000".into()])).await }).await
        });
        outcome.unwrap().unwrap();
        (opened.get(), came.take())
    }

    #[test]
    fn who_has_a_session_too_late_sends_no_write() {
        let told = |opens_after| {
            let told = Rc::new(Cell::new(None));
            let result = told.clone();
            let (_, came) = exchange(
                opens_after,
                |_| Once::Done(()),
                move |mut client| {
                    let result = result.clone();
                    async move {
                        let patience = Some(millis(400));
                        let retry = Retry { reply: millis(400), patience, ..Retry::default() };
                        let written = client.write(Numbering::Operation, retry, Add).await;
                        result.set(Some(written.map(|written| written.result)));
                    }
                },
            );
            (told.get(), came.len())
        };
        assert_eq!(told(millis(200)), (Some(Ok(())), 1));
        assert_eq!(told(millis(380)), (Some(Err(WriteError::NotDone)), 0), "its answer would come late");
    }

    /// The session may have ended between two copies of the one message, the first of which was executed.
    #[test]
    fn a_session_that_has_ended_leaves_doubt_though_the_write_was_sent_once() {
        let expired = |by: By| if by.session == 1 { Once::Expired } else { Once::Done(()) };
        let (opened, came) = exchange(Duration::ZERO, expired, |mut client| async move {
            let written = client.write(Numbering::Operation, Retry::default(), Add).await;
            assert_eq!(written, Err(WriteError::Expired));
            let written = client.write(Numbering::Message, Retry::default(), Add).await;
            assert_eq!(written, Ok(Written { result: (), doubt: false }));
        });
        let by = |session, number| By { session, number };
        assert_eq!((opened, came), (2, vec![by(1, 1), by(2, 2)]));
        let (_, came) = exchange(Duration::ZERO, expired, |mut client| async move {
            let written = client.write(Numbering::Message, Retry::default(), Add).await;
            assert_eq!(written, Ok(Written { result: (), doubt: true }));
        });
        assert_eq!(came, [by(1, 1), by(2, 1)]);
    }

    #[test]
    fn who_has_little_patience_is_served() {
        let work = |mut client: Client| async move {
            let retry = Retry { patience: Some(millis(60)), ..Retry::default() };
            let written = client.write(Numbering::Operation, retry, Add).await;
            assert_eq!(written, Ok(Written { result: (), doubt: false }));
        };
        assert_eq!(exchange(Duration::ZERO, |_| Once::Done(()), work).1.len(), 1);
    }

    #[test]
    fn a_session_is_left_after_a_long_silence() {
        let (opened, came) = exchange(
            Duration::ZERO,
            |_| Once::Done(()),
            |mut client| async move {
                for pause in [FRESH - millis(10), FRESH - millis(10), FRESH] {
                    client.write(Numbering::Operation, Retry::default(), Add).await.unwrap();
                    sleep(pause).await;
                }
                client.write(Numbering::Operation, Retry::default(), Add).await.unwrap();
            },
        );
        assert_eq!(opened, 2);
        assert_eq!(came.iter().map(|by| by.session).collect::<Vec<_>>(), [1, 1, 1, 2]);
    }
}
