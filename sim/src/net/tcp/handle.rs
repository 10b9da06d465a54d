//! A hold on one end of a simulated connection: numbers only, and so `Send`.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::Doing;
use super::table::{Endpoint, Key, Streams};
use crate::core::Core;
use crate::executor::Wait;
use crate::hub::{HUB, Hub, fenced_error};

#[derive(Debug)]
pub(super) struct Handle {
    key: Key,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Handle {
    /// Begins to connect from the node whose code runs.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Handle> {
        HUB.with(|hub| {
            if hub.fenced.get() {
                return Err(fenced_error());
            }
            let core = &mut *hub.core.borrow_mut();
            let key = core.connect(hub.node.get(), address)?;
            Handle::of(&mut core.net.streams, key.place).ok_or_else(fenced_error)
        })
    }

    /// The hold that was counted when the end was made.
    pub(super) fn of(streams: &mut Streams, place: u32) -> Option<Handle> {
        let generation = streams.endpoints.generation(place)?;
        let endpoint = streams.endpoints.get(place)?;
        Some(Handle { key: Key { place, generation }, local: endpoint.local, remote: endpoint.remote })
    }

    /// One hold more on the same end.
    pub(super) fn share(&self) -> Handle {
        let Handle { key, local, remote } = *self;
        // If the end is gone already, neither of them holds anything.
        let _ = self.with(|_, core| core.net.streams.endpoints.get(key.place).map(|it| it.handles += 1));
        Handle { key, local, remote }
    }

    pub(super) fn is_of_same_end(&self, other: &Handle) -> bool {
        self.key == other.key
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Does something to the end; an error when it is no more, by a crash or the end of its world.
    fn with<R>(&self, f: impl FnOnce(&Hub, &mut Core) -> R) -> io::Result<R> {
        let done = HUB.try_with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            let holds = !hub.fenced.get() && core.net.streams.endpoints.holds(self.key);
            holds.then(|| f(hub, core))
        });
        done.ok().flatten().ok_or_else(fenced_error)
    }

    fn endpoint<R>(&self, f: impl FnOnce(&mut Endpoint) -> R) -> io::Result<R> {
        let place = self.key.place;
        self.with(|_, core| core.net.streams.endpoints.get(place).map(f))?.ok_or_else(fenced_error)
    }

    fn error(&self, kind: io::ErrorKind) -> io::Error {
        let what = match kind {
            io::ErrorKind::ConnectionRefused => "nobody listens there",
            io::ErrorKind::ConnectionReset => "the connection was reset by its peer",
            io::ErrorKind::TimedOut => "no answer for too long",
            _ => "the stream is closed for writing",
        };
        io::Error::new(kind, format!("{} → {}: {what}", self.local, self.remote))
    }

    /// Waits, as what the running task does.
    fn wait<R>(&self, doing: Doing, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let waits = self.endpoint(|endpoint| {
            let waiters = if doing == Doing::Reading { &mut endpoint.readers } else { &mut endpoint.writers };
            waiters.add(cx.waker());
        });
        if let Err(error) = waits {
            return Poll::Ready(Err(error));
        }
        HUB.with(|hub| hub.wait.set(Wait::Stream(self.key.place, doing)));
        Poll::Pending
    }

    pub(super) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = self.endpoint(|it| (it.connection.is_open(), it.connection.broken()))?;
        match state {
            (_, Some(why)) => Poll::Ready(Err(self.error(why.kind()))),
            (true, None) => Poll::Ready(Ok(())),
            (false, None) => self.wait(Doing::Connecting, cx),
        }
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let place = self.key.place;
        let read = self.with(|_, core| {
            core.read_stream(place, buffer.remaining(), |one, two| {
                buffer.put_slice(one);
                buffer.put_slice(two);
            })
        })?;
        match read {
            Some(_) => Poll::Ready(Ok(())),
            None => self.poll_end(cx),
        }
    }

    pub(super) fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let peeked = self.endpoint(|endpoint| {
            let (one, two) = endpoint.connection.receiving.unread();
            let first = one.len().min(buffer.remaining());
            buffer.put_slice(&one[..first]);
            let second = two.len().min(buffer.remaining());
            buffer.put_slice(&two[..second]);
            first + second
        })?;
        if peeked > 0 || buffer.remaining() == 0 {
            return Poll::Ready(Ok(peeked));
        }
        self.poll_end(cx).map_ok(|()| 0)
    }

    /// Nothing is there to be read: is that all, an error, or just not yet?
    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (ended, broken) =
            self.endpoint(|it| (it.connection.receiving.is_at_end(), it.connection.broken()))?;
        match broken {
            _ if ended => Poll::Ready(Ok(())),
            Some(why) => Poll::Ready(Err(self.error(why.kind()))),
            None => self.wait(Doing::Reading, cx),
        }
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(kind) = self.endpoint(|endpoint| endpoint.connection.write_error())? {
            return Poll::Ready(Err(self.error(kind)));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let place = self.key.place;
        match self.with(|_, core| core.write_stream(place, bytes))? {
            Some(count) => Poll::Ready(Ok(count)),
            None => self.wait(Doing::Writing, cx),
        }
    }

    /// Nothing more will be written: FIN, after what was.
    pub(super) fn shutdown(&self) -> io::Result<()> {
        let place = self.key.place;
        let broken = self.with(|_, core| {
            let broken = core.net.streams.endpoints.get(place).and_then(|it| {
                it.connection.sending.close();
                it.connection.broken()
            });
            core.settle(place);
            broken
        })?;
        match broken {
            Some(_) => Err(io::Error::new(io::ErrorKind::NotConnected, "the connection is no more")),
            None => Ok(()),
        }
    }

    pub(super) fn nodelay(&self) -> io::Result<bool> {
        self.endpoint(|endpoint| endpoint.connection.sending.nodelay)
    }

    pub(super) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        let place = self.key.place;
        self.endpoint(|endpoint| endpoint.connection.sending.nodelay = nodelay)?;
        self.with(|_, core| core.settle(place))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let place = self.key.place;
        // Of a dead node, the host takes care: its destructors say nothing.
        let _ = self.with(|_, core| core.release_stream(place));
    }
}
