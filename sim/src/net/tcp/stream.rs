//! Connections, in both worlds.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::address::Target;
use super::handle::Handle;
use super::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::hub::simulated;

/// A TCP connection, in tokio's shape. The [module](super) says what becomes of it in a world.
///
/// Dropping it sends FIN after everything that was written, or RST when something that arrived was not read.
#[derive(Debug)]
pub struct TcpStream {
    pub(super) inner: Inner,
}

#[derive(Debug)]
pub(super) enum Inner {
    Simulated(Handle),
    Real(tokio::net::TcpStream),
}

impl TcpStream {
    pub(super) fn simulated(handle: Handle) -> TcpStream {
        TcpStream { inner: Inner::Simulated(handle) }
    }

    pub(super) fn real(stream: tokio::net::TcpStream) -> TcpStream {
        TcpStream { inner: Inner::Real(stream) }
    }

    /// Connects. Dropping the future gives up.
    ///
    /// # Errors
    /// `ConnectionRefused` when nobody listens there, `TimedOut` when nobody answers for 127 s, `HostUnreachable`
    /// when no node has the address, and those of resolving a name.
    pub async fn connect(target: impl Into<Target>) -> io::Result<TcpStream> {
        let address = target.into().resolve().await?;
        if !simulated() {
            return Ok(TcpStream::real(tokio::net::TcpStream::connect(address).await?));
        }
        let handle = Handle::connect(address)?;
        std::future::poll_fn(|cx| handle.poll_connected(cx)).await?;
        Ok(TcpStream::simulated(handle))
    }

    /// This end's address.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Simulated(handle) => Ok(handle.local()),
            Inner::Real(stream) => stream.local_addr(),
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Simulated(handle) => Ok(handle.remote()),
            Inner::Real(stream) => stream.peer_addr(),
        }
    }

    /// Whether small writes are sent at once. Otherwise they wait until what is under way has arrived (Nagle).
    ///
    /// # Errors
    /// When the connection's node has crashed; for real, those of the system call.
    pub fn nodelay(&self) -> io::Result<bool> {
        match &self.inner {
            Inner::Simulated(handle) => handle.nodelay(),
            Inner::Real(stream) => stream.nodelay(),
        }
    }

    /// Sets whether small writes are sent at once.
    ///
    /// # Errors
    /// When the connection's node has crashed; for real, those of the system call.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match &self.inner {
            Inner::Simulated(handle) => handle.set_nodelay(nodelay),
            Inner::Real(stream) => stream.set_nodelay(nodelay),
        }
    }

    /// Waits for bytes and copies them, without taking them; 0 at the end of the stream.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.inner {
            Inner::Simulated(handle) => {
                let mut buffer = ReadBuf::new(buffer);
                std::future::poll_fn(|cx| handle.poll_peek(cx, &mut buffer)).await
            }
            Inner::Real(stream) => stream.peek(buffer).await,
        }
    }

    /// Splits into halves that may go to two tasks. Dropping the writing half sends FIN.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::owned(self)
    }

    /// Splits into halves that borrow the stream.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::borrowed(self)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Simulated(handle) => handle.poll_read(cx, buffer),
            Inner::Real(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            Inner::Simulated(handle) => handle.poll_write(cx, bytes),
            Inner::Real(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written is on its way, in both worlds.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Simulated(handle) => Poll::Ready(handle.shutdown()),
            Inner::Real(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
