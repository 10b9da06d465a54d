//! Halves of a connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp as real;

use super::handle::Handle;
use super::stream::{Inner, TcpStream};

/// The reading half of a connection.
#[derive(Debug)]
pub struct OwnedReadHalf(Reading);

/// The writing half of a connection. Dropping it sends FIN.
#[derive(Debug)]
pub struct OwnedWriteHalf(Writing);

#[derive(Debug)]
enum Reading {
    Simulated(Handle),
    Real(real::OwnedReadHalf),
}

#[derive(Debug)]
enum Writing {
    Simulated(WriteHandle),
    Real(real::OwnedWriteHalf),
}

/// Closes the writing direction when it is dropped, unless it was told not to.
#[derive(Debug)]
struct WriteHandle {
    handle: Handle,
    keeps_open: bool,
}

impl Drop for WriteHandle {
    fn drop(&mut self) {
        if !self.keeps_open {
            // It may be closed or gone already.
            let _ = self.handle.shutdown();
        }
    }
}

/// The two halves are not of one connection. They come back unharmed.
#[derive(Debug, thiserror::Error)]
#[error("the two halves are of two connections")]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

pub(super) fn owned(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    match stream.inner {
        Inner::Simulated(handle) => {
            let write = WriteHandle { handle: handle.share(), keeps_open: false };
            (OwnedReadHalf(Reading::Simulated(handle)), OwnedWriteHalf(Writing::Simulated(write)))
        }
        Inner::Real(stream) => {
            let (read, write) = stream.into_split();
            (OwnedReadHalf(Reading::Real(read)), OwnedWriteHalf(Writing::Real(write)))
        }
    }
}

impl OwnedReadHalf {
    /// Puts two halves together again.
    ///
    /// # Errors
    /// When they are of two connections.
    #[expect(clippy::result_large_err, reason = "the shape of tokio's, and the error gives the halves back")]
    pub fn reunite(self, write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        match (self.0, write.0) {
            (Reading::Simulated(handle), Writing::Simulated(mut write))
                if handle.is_of_same_end(&write.handle) =>
            {
                write.keeps_open = true;
                Ok(TcpStream::simulated(handle))
            }
            (Reading::Real(read), Writing::Real(write)) => {
                read.reunite(write).map(TcpStream::real).map_err(|real::ReuniteError(read, write)| {
                    ReuniteError(OwnedReadHalf(Reading::Real(read)), OwnedWriteHalf(Writing::Real(write)))
                })
            }
            (read, write) => Err(ReuniteError(OwnedReadHalf(read), OwnedWriteHalf(write))),
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Reading::Simulated(handle) => Ok(handle.remote()),
            Reading::Real(half) => half.peer_addr(),
        }
    }

    /// This end's address.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Reading::Simulated(handle) => Ok(handle.local()),
            Reading::Real(half) => half.local_addr(),
        }
    }
}

impl OwnedWriteHalf {
    /// Drops the half without sending FIN: the stream is closed when the reading half is dropped too.
    pub fn forget(self) {
        match self.0 {
            Writing::Simulated(mut write) => write.keeps_open = true,
            Writing::Real(half) => half.forget(),
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Writing::Simulated(write) => Ok(write.handle.remote()),
            Writing::Real(half) => half.peer_addr(),
        }
    }

    /// This end's address.
    ///
    /// # Errors
    /// Only for real: those of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Writing::Simulated(write) => Ok(write.handle.local()),
            Writing::Real(half) => half.local_addr(),
        }
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Reading::Simulated(handle) => handle.poll_read(cx, buffer),
            Reading::Real(half) => Pin::new(half).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Writing::Simulated(write) => write.handle.poll_write(cx, bytes),
            Writing::Real(half) => Pin::new(half).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Writing::Simulated(write) => Poll::Ready(write.handle.shutdown()),
            Writing::Real(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}

/// The reading half of a borrowed connection.
#[derive(Debug)]
pub struct ReadHalf<'a>(BorrowedReading<'a>);

/// The writing half of a borrowed connection. Dropping it sends nothing.
#[derive(Debug)]
pub struct WriteHalf<'a>(BorrowedWriting<'a>);

#[derive(Debug)]
enum BorrowedReading<'a> {
    Simulated(&'a Handle),
    Real(real::ReadHalf<'a>),
}

#[derive(Debug)]
enum BorrowedWriting<'a> {
    Simulated(&'a Handle),
    Real(real::WriteHalf<'a>),
}

pub(super) fn borrowed(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    match &mut stream.inner {
        Inner::Simulated(handle) => {
            (ReadHalf(BorrowedReading::Simulated(handle)), WriteHalf(BorrowedWriting::Simulated(handle)))
        }
        Inner::Real(stream) => {
            let (read, write) = stream.split();
            (ReadHalf(BorrowedReading::Real(read)), WriteHalf(BorrowedWriting::Real(write)))
        }
    }
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            BorrowedReading::Simulated(handle) => handle.poll_read(cx, buffer),
            BorrowedReading::Real(half) => Pin::new(half).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            BorrowedWriting::Simulated(handle) => handle.poll_write(cx, bytes),
            BorrowedWriting::Real(half) => Pin::new(half).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            BorrowedWriting::Simulated(handle) => Poll::Ready(handle.shutdown()),
            BorrowedWriting::Real(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}
