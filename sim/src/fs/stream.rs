//! A file as a stream of bytes: `AsyncRead`, `AsyncWrite`, `AsyncSeek`.

use super::disk::Handle;
use super::file::{File, World};
use super::flight::{Change, Done, Ticket};
use super::inside;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

type Sleep = Pin<Box<dyn Future<Output = ()>>>;

/// The most that one write through the stream takes, as in tokio.
const WRITE_MAX: usize = 2 << 20;

/// A write that was begun: its ticket and how many bytes it has.
type Writing = (Ticket, u64);

/// An open file of a simulated node.
pub(super) struct SimFile {
    pub(super) handle: Handle,
    append: bool,
    position: Cell<u64>,
    writing: Cell<Option<Writing>>,
    write_time: Option<Sleep>,
    read_time: Option<Sleep>,
    seeking: Option<SeekFrom>,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile").field("handle", &self.handle).field("position", &self.position).finish()
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if let Some((ticket, _)) = self.writing.take() {
            inside::forget(ticket);
        }
        // The handles of a dead node are dead already.
        let _ = inside::on_disk(|disk, _, _| {
            disk.close(self.handle);
            Ok(())
        });
    }
}

impl SimFile {
    pub(super) fn new(handle: Handle, append: bool) -> SimFile {
        let position = Cell::new(0);
        let writing = Cell::new(None);
        SimFile { handle, append, position, writing, write_time: None, read_time: None, seeking: None }
    }

    /// Waits for the write that was begun and tells its error.
    pub(super) async fn drain(&self) -> io::Result<()> {
        if let Some((ticket, _)) = self.writing.get() {
            let left = inside::on_disk(|_, _, now| Ok(Duration::from_nanos(ticket.due.saturating_sub(now))))?;
            inside::pass(left).await;
        }
        self.collect()
    }

    fn collect(&self) -> io::Result<()> {
        if let Some((ticket, len)) = self.writing.take()
            && let Done::At(start) = inside::finish(ticket)?
        {
            self.position.set(start + len);
        }
        Ok(())
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.writing.get().is_some()
            && let Some(time) = &mut self.write_time
        {
            ready!(time.as_mut().poll(cx));
        }
        self.write_time = None;
        Poll::Ready(self.collect())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let time = match &mut self.read_time {
            Some(time) => time,
            none => none.insert(Box::pin(inside::pass(inside::read_time(self.handle)?))),
        };
        ready!(time.as_mut().poll(cx));
        self.read_time = None;
        let position = self.position.get();
        let count = inside::on_disk(|disk, draw, _| {
            disk.read_at(self.handle, buffer.initialize_unfilled(), position, draw)
        })?;
        buffer.advance(count);
        self.position.set(position + count as u64);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        self.read_time = None;
        let data = &data[..data.len().min(WRITE_MAX)];
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let (position, len) = (self.position.get(), data.len() as u64);
        let change = if self.append {
            Change::Append(self.handle, data.to_vec())
        } else {
            Change::WriteAll(self.handle, data.to_vec(), position)
        };
        let (ticket, time) = inside::begin(change)?;
        self.writing.set(Some((ticket, len)));
        self.write_time = Some(Box::pin(inside::pass(time)));
        self.position.set(position + len);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        ready!(self.poll_drain(cx))?;
        let position = self.position.get();
        let target = match self.seeking.take() {
            None => Some(position),
            Some(SeekFrom::Start(offset)) => Some(offset),
            Some(SeekFrom::Current(by)) => position.checked_add_signed(by),
            Some(SeekFrom::End(by)) => {
                let metadata = inside::on_disk(|disk, _, _| disk.handle_metadata(self.handle))?;
                metadata.len().checked_add_signed(by)
            }
        };
        let target = target.ok_or_else(|| io::Error::from(super::errno::Errno::Invalid))?;
        self.position.set(target);
        Poll::Ready(Ok(target))
    }
}

impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            World::Sim(file) => file.poll_read(cx, buffer),
            World::Real(file) => Pin::new(&mut file.stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for File {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            World::Sim(file) => file.poll_write(cx, data),
            World::Real(file) => Pin::new(&mut file.stream).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            World::Sim(file) => file.poll_drain(cx),
            World::Real(file) => Pin::new(&mut file.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match &mut self.get_mut().0 {
            World::Sim(file) => {
                file.seeking = Some(position);
                Ok(())
            }
            World::Real(file) => Pin::new(&mut file.stream).start_seek(position),
        }
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match &mut self.get_mut().0 {
            World::Sim(file) => file.poll_seek(cx),
            World::Real(file) => Pin::new(&mut file.stream).poll_complete(cx),
        }
    }
}
