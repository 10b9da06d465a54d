//! Listening, in both worlds.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use super::super::address::Target;
use super::super::state::Protocol;
use super::handle::Handle;
use super::table::{Key, Listening};
use super::{BACKLOG, TcpStream};
use crate::core::Core;
use crate::executor::Wait;
use crate::hub::{HUB, fenced_error, simulated};

/// A port that accepts connections, in tokio's shape. Dropping it closes the port and resets what was not accepted.
#[derive(Debug)]
pub struct TcpListener {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Simulated { key: Key, local: SocketAddr },
    Real(tokio::net::TcpListener),
}

impl TcpListener {
    /// Opens a port; port 0 picks a free one. 1024 connections may wait to be accepted.
    ///
    /// # Errors
    /// `AddrInUse` when the port is taken, `AddrNotAvailable` when the address is not this node's, and those of
    /// resolving a name.
    pub async fn bind(address: impl Into<Target>) -> io::Result<TcpListener> {
        TcpListener::bind_with_backlog(address, BACKLOG).await
    }

    /// The same with another number of connections that may wait, their handshake complete or not. What comes when
    /// so many wait is dropped; who connects tries again until it times out.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub async fn bind_with_backlog(address: impl Into<Target>, backlog: u32) -> io::Result<TcpListener> {
        let address = address.into().resolve().await?;
        if !simulated() {
            let socket = match address {
                SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
                SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
            };
            // As tokio's own `bind` does: a restarted server need not wait for old connections to fade.
            #[cfg(not(windows))]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            return Ok(TcpListener { inner: Inner::Real(socket.listen(backlog)?) });
        }
        HUB.with(|hub| {
            if hub.fenced.get() {
                return Err(fenced_error());
            }
            let core = &mut *hub.core.borrow_mut();
            let node = hub.node.get();
            core.check_bind(node, address)?;
            let port = core.claim_port(Protocol::Stream, node, address.port())?;
            let (complete, waiters) = (VecDeque::new(), Default::default());
            let listening = Listening { node, port, backlog, embryos: 0, complete, waiters };
            let key = core.net.streams.listeners.insert(listening);
            core.net.bind(Protocol::Stream, node, port, key.place);
            let local = SocketAddr::new(core.nodes[node.index()].ip, port);
            Ok(TcpListener { inner: Inner::Simulated { key, local } })
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Simulated { local, .. } => Ok(*local),
            Inner::Real(listener) => listener.local_addr(),
        }
    }

    /// The next connection, and who made it. It may be broken already.
    ///
    /// # Errors
    /// When the node of this code has crashed; for real, those of the system call.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for the next connection.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let key = match &self.inner {
            Inner::Simulated { key, .. } => *key,
            Inner::Real(listener) => {
                let (stream, from) = ready!(listener.poll_accept(cx))?;
                return Poll::Ready(Ok((TcpStream::real(stream), from)));
            }
        };
        HUB.with(|hub| {
            let streams = &mut hub.core.borrow_mut().net.streams;
            if hub.fenced.get() || !streams.listeners.holds(key) {
                return Poll::Ready(Err(fenced_error()));
            }
            let Some(listening) = streams.listeners.get(key.place) else {
                return Poll::Ready(Err(fenced_error()));
            };
            let Some(place) = listening.complete.pop_front() else {
                listening.waiters.add(cx.waker());
                hub.wait.set(Wait::Accept(listening.port));
                return Poll::Pending;
            };
            let handle = Handle::of(streams, place).ok_or_else(fenced_error)?;
            let from = handle.remote();
            Poll::Ready(Ok((TcpStream::simulated(handle), from)))
        })
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let Inner::Simulated { key, .. } = self.inner else { return };
        let _ = HUB.try_with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            // Of a dead node, the host takes care.
            if !hub.fenced.get() && core.net.streams.listeners.holds(key) {
                core.close_listener(key.place, true);
            }
        });
    }
}

impl Core {
    /// Takes a place in the backlog for a handshake that begins; `false` when all are taken.
    pub(super) fn take_backlog(&mut self, listener: u32) -> bool {
        self.net.streams.listeners.get(listener).is_some_and(|listening| {
            let waiting = listening.embryos as usize + listening.complete.len();
            let room = waiting < listening.backlog as usize;
            listening.embryos += u32::from(room);
            room
        })
    }

    /// A handshake is done: the connection may be accepted.
    pub(super) fn complete(&mut self, listener: u32, place: u32) {
        if let Some(listening) = self.net.streams.listeners.get(listener) {
            listening.embryos -= 1;
            listening.complete.push_back(place);
            listening.waiters.drain_into(&mut self.wakers);
        }
    }

    /// A handshake came to nothing.
    pub(super) fn miscarry(&mut self, listener: u32) {
        if let Some(listening) = self.net.streams.listeners.get(listener) {
            listening.embryos -= 1;
        }
    }

    /// Closes a port. What was not accepted is reset, if its peers are told at all.
    pub(super) fn close_listener(&mut self, place: u32, tell: bool) {
        let embryos = self.net.streams.endpoints.places(|endpoint| endpoint.parent == Some(place));
        let complete = match self.net.streams.listeners.get(place) {
            Some(listening) => std::mem::take(&mut listening.complete),
            None => return,
        };
        for end in embryos.into_iter().chain(complete) {
            self.end_stream(end, tell);
        }
        let Some(mut listening) = self.net.streams.listeners.remove(place) else { return };
        self.net.unbind(Protocol::Stream, listening.node, listening.port);
        listening.waiters.drain_into(&mut self.wakers);
    }
}
