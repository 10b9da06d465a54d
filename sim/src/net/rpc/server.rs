//! The serving side.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use super::super::address::Target;
use super::super::message::{CallKey, Content, Label, Status};
use super::super::state::Protocol;
use super::{Request, decode, encode, method_of, stream};
use crate::NodeId;
use crate::ambush::{self, Juncture};
use crate::executor::{Wait, spawn};
use crate::hub::{HUB, fenced_error};

/// Opens a port for requests of one type, to be taken one by one: the lean form, without a task per request.
///
/// # Errors
/// `AddrInUse` when the port is taken, and those of resolving and binding an address.
pub async fn listen<R: Request>(address: impl Into<Target>) -> io::Result<Listener<R>> {
    Ok(Listener { port: Port::open(address.into()).await?, request: PhantomData })
}

/// A port that receives requests of type `R`; made by [`listen`].
pub struct Listener<R> {
    port: Port,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Listener<R> {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.port.local
    }

    /// The next request. What is of another type or cannot be decoded is refused on the way.
    ///
    /// # Errors
    /// When the port was closed, by a crash or (for real) by an error of the listening socket.
    #[inline]
    pub async fn next(&mut self) -> io::Result<Call<R>> {
        loop {
            let mut call = self.port.next().await?;
            if call.method != method_of::<R>() {
                call.reply.send(Status::NoMethod, Vec::new());
                continue;
            }
            let payload = std::mem::take(&mut call.payload);
            let request = decode(&payload);
            call.reply.recycle(payload);
            match request {
                Ok(request) => return Ok(Call { request, from: call.from, reply: call.reply }),
                Err(_) => call.reply.send(Status::Undecodable, Vec::new()),
            }
        }
    }
}

/// A request that waits for its reply. Dropping it unanswered leaves the caller to its patience.
#[must_use = "a call that is dropped is never answered"]
pub struct Call<R> {
    request: R,
    from: SocketAddr,
    reply: ReplyTo,
}

impl<R: Request> Call<R> {
    /// What was asked.
    pub fn request(&self) -> &R {
        &self.request
    }

    /// Who asked.
    pub fn from(&self) -> SocketAddr {
        self.from
    }

    /// Answers. The reply may be lost; therefore this cannot fail. One that cannot be encoded is a bug of its type
    /// and leaves the caller without an answer.
    #[inline]
    pub fn reply(self, reply: &R::Reply) {
        self.reply.encode(reply);
    }
}

type Handler = Box<dyn Fn(SocketAddr, Vec<u8>, ReplyTo) -> Pin<Box<dyn Future<Output = ()>>>>;

/// A port that serves requests of several types, each by its handler, each request as a task of its own.
pub struct Server {
    port: Port,
    handlers: BTreeMap<u64, Handler>,
}

impl Server {
    /// Opens the port.
    ///
    /// # Errors
    /// `AddrInUse` when the port is taken, and those of resolving and binding an address.
    pub async fn bind(address: impl Into<Target>) -> io::Result<Server> {
        Ok(Server { port: Port::open(address.into()).await?, handlers: BTreeMap::new() })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.port.local
    }

    /// Serves requests of type `R` with `handler`, which sees who asked and what.
    pub fn on<R, F, Fut>(&mut self, handler: F)
    where
        R: Request,
        F: Fn(SocketAddr, R) -> Fut + 'static,
        Fut: Future<Output = R::Reply> + 'static,
    {
        self.on_maybe(move |from, request| {
            let reply = handler(from, request);
            async move { Some(reply.await) }
        });
    }

    /// The same for a handler that may leave a request unanswered.
    pub fn on_maybe<R, F, Fut>(&mut self, handler: F)
    where
        R: Request,
        F: Fn(SocketAddr, R) -> Fut + 'static,
        Fut: Future<Output = Option<R::Reply>> + 'static,
    {
        let serve = move |from, payload: Vec<u8>, to: ReplyTo| {
            let request = decode::<R>(&payload);
            to.recycle(payload);
            let reply = match request {
                Ok(request) => Some(handler(from, request)),
                Err(_) => None,
            };
            let answer = async move {
                match reply {
                    None => to.send(Status::Undecodable, Vec::new()),
                    Some(reply) => {
                        if let Some(reply) = reply.await {
                            to.encode(&reply);
                        }
                    }
                }
            };
            Box::pin(answer) as Pin<Box<dyn Future<Output = ()>>>
        };
        self.handlers.insert(method_of::<R>(), Box::new(serve));
    }

    /// Serves until the port is closed.
    ///
    /// # Errors
    /// Why it was closed.
    pub async fn serve(mut self) -> io::Result<()> {
        loop {
            let call = self.port.next().await?;
            match self.handlers.get(&call.method) {
                Some(handler) => drop(spawn(handler(call.from, call.payload, call.reply))),
                None => call.reply.send(Status::NoMethod, Vec::new()),
            }
        }
    }
}

/// A request as it came, not decoded yet.
pub(crate) struct RawCall {
    pub(crate) from: SocketAddr,
    pub(crate) method: u64,
    pub(crate) payload: Vec<u8>,
    pub(crate) reply: ReplyTo,
}

/// Where a reply goes.
pub(crate) enum ReplyTo {
    Message { server: NodeId, client: NodeId, call: CallKey, label: Label },
    Stream(stream::ReplyFrame),
}

impl ReplyTo {
    #[inline]
    fn encode<T: serde::Serialize>(self, reply: &T) {
        ambush::at(Juncture::Replying);
        let buffer = match &self {
            ReplyTo::Message { .. } => HUB.with(|hub| hub.core.borrow_mut().net.buffer()),
            ReplyTo::Stream(_) => Vec::new(),
        };
        match encode(reply, buffer) {
            Ok(payload) => self.send(Status::Ok, payload),
            Err(why) => tracing::error!("a reply {why}; its caller gets none"),
        }
    }

    #[inline]
    fn send(self, status: Status, payload: Vec<u8>) {
        match self {
            ReplyTo::Message { server, client, call, label } => HUB.with(|hub| {
                if !hub.fenced.get() {
                    let label = Label { reply: true, ..label };
                    let content = Content::Reply { call, status };
                    hub.core.borrow_mut().transmit(server, client, label, content, payload);
                }
            }),
            ReplyTo::Stream(frame) => frame.send(status, payload),
        }
    }

    fn recycle(&self, payload: Vec<u8>) {
        if let ReplyTo::Message { .. } = self {
            HUB.with(|hub| hub.core.borrow_mut().net.recycle(payload));
        }
    }
}

/// An open port, in either world.
struct Port {
    local: SocketAddr,
    inner: Inner,
}

enum Inner {
    Simulated { place: u32, generation: u32, node: NodeId },
    Stream(stream::Accepting),
}

impl Port {
    async fn open(address: Target) -> io::Result<Port> {
        let address = address.resolve().await?;
        if stream::carries_calls() {
            let accepting = stream::Accepting::bind(address).await?;
            return Ok(Port { local: accepting.local_addr(), inner: Inner::Stream(accepting) });
        }
        HUB.with(|hub| {
            if hub.fenced.get() {
                return Err(fenced_error());
            }
            let core = &mut *hub.core.borrow_mut();
            let node = hub.node.get();
            core.check_bind(node, address)?;
            let port = core.claim_port(Protocol::Call, node, address.port())?;
            let (place, generation) = core.net.services.open(node, port);
            core.net.bind(Protocol::Call, node, port, place);
            let local = SocketAddr::new(core.nodes[node.index()].ip, port);
            Ok(Port { local, inner: Inner::Simulated { place, generation, node } })
        })
    }

    #[inline]
    async fn next(&mut self) -> io::Result<RawCall> {
        let port = self.local.port();
        match &mut self.inner {
            Inner::Stream(accepting) => accepting.next().await,
            Inner::Simulated { place, generation, node } => {
                let (place, generation, server) = (*place, *generation, *node);
                let arrived = std::future::poll_fn(|cx| {
                    HUB.with(|hub| {
                        let services = &mut hub.core.borrow_mut().net.services;
                        match services.next(place, generation, cx.waker()) {
                            Err(()) => Poll::Ready(Err(fenced_error())),
                            Ok(Some(arrived)) => Poll::Ready(Ok(arrived)),
                            Ok(None) => {
                                hub.wait.set(Wait::Request(port));
                                Poll::Pending
                            }
                        }
                    })
                });
                let arrived = arrived.await?;
                let (client, call, label) = (arrived.client, arrived.call, arrived.label);
                let reply = ReplyTo::Message { server, client, call, label };
                Ok(RawCall { from: arrived.from, method: arrived.method, payload: arrived.payload, reply })
            }
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let Inner::Simulated { place, generation, .. } = self.inner else { return };
        let _ = HUB.try_with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            if core.net.services.is_open(place, generation) {
                core.close_service(place);
            }
        });
    }
}
