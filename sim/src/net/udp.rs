//! Datagrams.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use super::address::Target;
use super::message::{Content, Message};
use super::state::{Protocol, recycle};
use super::transmit::Loss;
use super::waiters::Waiters;
use crate::NodeId;
use crate::core::Core;
use crate::executor::Wait;
use crate::hub::{HUB, fenced_error, simulated};

/// What a datagram may carry.
const LARGEST: usize = 65_507;
/// How many datagrams wait for a slow receiver; more are lost, as a kernel's buffer loses them.
const INBOX: usize = 4096;

/// A UDP socket, in tokio's shape. In a world, datagrams may be lost, overtake each other, arrive twice or damaged:
/// what the link's [`LinkConfig`](super::LinkConfig) says.
#[derive(Debug)]
pub struct UdpSocket {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Simulated { place: u32, generation: u32, local: SocketAddr },
    Real(tokio::net::UdpSocket),
}

impl UdpSocket {
    /// Opens a socket at a local address; port 0 picks a free one.
    ///
    /// # Errors
    /// `AddrInUse` when the port is taken, `AddrNotAvailable` when the address is not this node's, and those of
    /// resolving a name.
    pub async fn bind(address: impl Into<Target>) -> io::Result<UdpSocket> {
        let address = address.into().resolve().await?;
        if !simulated() {
            return Ok(UdpSocket { inner: Inner::Real(tokio::net::UdpSocket::bind(address).await?) });
        }
        HUB.with(|hub| {
            if hub.fenced.get() {
                return Err(fenced_error());
            }
            let core = &mut *hub.core.borrow_mut();
            let node = hub.node.get();
            core.check_bind(node, address)?;
            let port = core.claim_port(Protocol::Datagram, node, address.port())?;
            let (place, generation) = core.net.sockets.open(node, port);
            core.net.bind(Protocol::Datagram, node, port, place);
            let local = SocketAddr::new(core.nodes[node.index()].ip, port);
            Ok(UdpSocket { inner: Inner::Simulated { place, generation, local } })
        })
    }

    /// Where this socket is.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Simulated { local, .. } => Ok(*local),
            Inner::Real(socket) => socket.local_addr(),
        }
    }

    /// Sets whom [`send`](Self::send) sends to and [`recv`](Self::recv) receives from.
    ///
    /// # Errors
    /// Those of resolving a name.
    pub async fn connect(&self, peer: impl Into<Target>) -> io::Result<()> {
        let peer = peer.into().resolve().await?;
        match &self.inner {
            Inner::Simulated { place, generation, .. } => with_socket(*place, *generation, |socket| {
                socket.peer = Some(peer);
                Ok(())
            }),
            Inner::Real(socket) => socket.connect(peer).await,
        }
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// `InvalidInput` when it is larger than 65,507 bytes; nothing else: a lost datagram is no error.
    pub async fn send_to(&self, bytes: &[u8], target: impl Into<Target>) -> io::Result<usize> {
        let target = match target.into() {
            Target::Address(address) => address,
            name => name.resolve().await?,
        };
        match &self.inner {
            Inner::Simulated { local, .. } => send(bytes, local.port(), target),
            Inner::Real(socket) => socket.send_to(bytes, target).await,
        }
    }

    /// Sends to the connected peer.
    ///
    /// # Errors
    /// `NotConnected` without one; else those of [`send_to`](Self::send_to).
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.inner {
            Inner::Simulated { place, generation, local } => {
                let peer = with_socket(*place, *generation, |socket| Ok(socket.peer))?;
                let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
                send(bytes, local.port(), peer)
            }
            Inner::Real(socket) => socket.send(bytes).await,
        }
    }

    /// Receives a datagram; what does not fit into the buffer is cut off.
    ///
    /// # Errors
    /// For real, those of the system call.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.inner {
            Inner::Simulated { place, generation, .. } => {
                std::future::poll_fn(|cx| poll_receive(*place, *generation, buffer, cx)).await
            }
            Inner::Real(socket) => socket.recv_from(buffer).await,
        }
    }

    /// Receives from the connected peer, or from anyone if there is none.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buffer).await.map(|(length, _)| length)
    }
}

fn send(bytes: &[u8], source: u16, target: SocketAddr) -> io::Result<usize> {
    if bytes.len() > LARGEST {
        let message = format!("a datagram of {} bytes; at most {LARGEST} fit", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    HUB.with(|hub| {
        if hub.fenced.get() {
            return Err(fenced_error());
        }
        let core = &mut *hub.core.borrow_mut();
        let from = hub.node.get();
        // A datagram to nobody vanishes, as on a real network.
        if let Some(to) = core.node_at(target.ip(), from) {
            let mut payload = core.net.buffer();
            payload.extend_from_slice(bytes);
            let label = core.net.label("udp", false);
            core.transmit(from, to, label, Content::Datagram { source, target: target.port() }, payload);
        }
        Ok(bytes.len())
    })
}

fn with_socket<R>(
    place: u32,
    generation: u32,
    f: impl FnOnce(&mut Socket) -> io::Result<R>,
) -> io::Result<R> {
    HUB.with(|hub| match hub.core.borrow_mut().net.sockets.get(place, generation) {
        Some(socket) => f(socket),
        None => Err(fenced_error()),
    })
}

fn poll_receive(
    place: u32,
    generation: u32,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<(usize, SocketAddr)>> {
    HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        let Some(socket) = core.net.sockets.get(place, generation) else {
            return Poll::Ready(Err(fenced_error()));
        };
        let Some((source, payload)) = socket.inbox.pop_front() else {
            socket.waiters.add(cx.waker());
            hub.wait.set(Wait::Datagram(socket.port));
            return Poll::Pending;
        };
        let length = payload.len().min(buffer.len());
        buffer[..length].copy_from_slice(&payload[..length]);
        core.net.recycle(payload);
        Poll::Ready(Ok((length, source)))
    })
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        let Inner::Simulated { place, generation, .. } = self.inner else { return };
        let _ = HUB.try_with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            if core.net.sockets.get(place, generation).is_some() {
                core.close_socket(place);
            }
        });
    }
}

pub(crate) struct Socket {
    generation: u32,
    open: bool,
    node: NodeId,
    port: u16,
    peer: Option<SocketAddr>,
    inbox: VecDeque<(SocketAddr, Vec<u8>)>,
    waiters: Waiters,
}

pub(crate) struct Sockets {
    slots: Vec<Socket>,
    free: Vec<u32>,
}

impl Sockets {
    pub(crate) const fn new() -> Sockets {
        Sockets { slots: Vec::new(), free: Vec::new() }
    }

    fn open(&mut self, node: NodeId, port: u16) -> (u32, u32) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Socket {
                generation: 0,
                open: false,
                node,
                port,
                peer: None,
                inbox: VecDeque::new(),
                waiters: Waiters::default(),
            });
            self.slots.len() as u32 - 1
        });
        let socket = &mut self.slots[place as usize];
        (socket.open, socket.node, socket.port, socket.peer) = (true, node, port, None);
        (place, socket.generation)
    }

    #[inline]
    fn get(&mut self, place: u32, generation: u32) -> Option<&mut Socket> {
        self.slots.get_mut(place as usize).filter(|socket| socket.open && socket.generation == generation)
    }

    pub(crate) fn reset(&mut self, pool: &mut Vec<Vec<u8>>, wakers: &mut Vec<Waker>) {
        self.free.clear();
        for place in (0..self.slots.len()).rev() {
            self.close(place as u32, pool, wakers);
        }
    }

    /// The open sockets of a node, by place.
    pub(crate) fn of_node(&self, node: NodeId) -> Vec<u32> {
        let open = |&place: &u32| {
            let socket = &self.slots[place as usize];
            socket.open && socket.node == node
        };
        (0..self.slots.len() as u32).filter(open).collect()
    }

    fn close(&mut self, place: u32, pool: &mut Vec<Vec<u8>>, wakers: &mut Vec<Waker>) {
        let socket = &mut self.slots[place as usize];
        socket.open = false;
        socket.generation = socket.generation.wrapping_add(1);
        socket.inbox.drain(..).for_each(|(_, payload)| recycle(pool, payload));
        socket.waiters.drain_into(wakers);
        self.free.push(place);
    }
}

impl Core {
    pub(crate) fn close_socket(&mut self, place: u32) {
        let socket = &self.net.sockets.slots[place as usize];
        let (node, port) = (socket.node, socket.port);
        self.net.unbind(Protocol::Datagram, node, port);
        let mut pool = Vec::new();
        self.net.sockets.close(place, &mut pool, &mut self.wakers);
        pool.into_iter().for_each(|buffer| self.net.recycle(buffer));
    }

    /// A free port of a node: `wanted`, or an ephemeral one when that is 0.
    pub(crate) fn claim_port(&mut self, protocol: Protocol, node: NodeId, wanted: u16) -> io::Result<u16> {
        let taken = |core: &Core, port| core.net.bound(protocol, node, port).is_some();
        if wanted != 0 {
            if taken(self, wanted) {
                let message = format!("port {wanted} of node '{}' is taken", self.node_name(node));
                return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
            }
            return Ok(wanted);
        }
        const FIRST: u16 = 49_152;
        for _ in FIRST..=u16::MAX {
            let next = &mut self.nodes[node.index()].next_port;
            let port = FIRST + *next % (u16::MAX - FIRST + 1);
            *next = next.wrapping_add(1);
            if !taken(self, port) {
                return Ok(port);
            }
        }
        let message = format!("node '{}' has no free port", self.node_name(node));
        Err(io::Error::new(io::ErrorKind::AddrInUse, message))
    }

    #[inline]
    pub(crate) fn datagram_arrives(&mut self, message: Message) {
        let Content::Datagram { source, target } = message.content else { return };
        let Some(place) = self.net.bound(Protocol::Datagram, message.to, target) else {
            return self.lose(message, Loss::NoListener);
        };
        let ip = self.nodes[message.from.index()].ip;
        let socket = &mut self.net.sockets.slots[place as usize];
        let address = SocketAddr::new(ip, source);
        if socket.inbox.len() >= INBOX || socket.peer.is_some_and(|peer| peer != address) {
            return self.lose(message, Loss::InboxFull);
        }
        socket.inbox.push_back((address, message.payload));
        socket.waiters.drain_into(&mut self.wakers);
    }
}
