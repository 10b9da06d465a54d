//! The way from code on a simulated node to its disk: begin, let virtual time pass, collect.

use super::disk::{Disk, Handle};
use super::draw::Draw;
use super::flight::{Change, Done, Ticket};
use crate::ambush::{self, Juncture};
use crate::disk::with_disk;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The disk of the node that runs now, with everything done on it that is due.
pub(super) fn on_disk<R>(act: impl FnOnce(&mut Disk, &mut dyn Draw, u64) -> io::Result<R>) -> io::Result<R> {
    with_disk(act)?
}

/// An operation under way. Dropped before its end it goes on without us.
struct Begun(Option<Ticket>);

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(ticket) = self.0 {
            forget(ticket);
        }
    }
}

/// Begins an operation and says how long it takes.
pub(super) fn begin(change: Change) -> io::Result<(Ticket, Duration)> {
    on_disk(|disk, draw, now| {
        let ticket = disk.begin(change, now, draw);
        Ok((ticket, Duration::from_nanos(ticket.due.saturating_sub(now))))
    })
}

/// Waits no longer for an operation.
pub(super) fn forget(ticket: Ticket) {
    // A dead node has nobody left to forget anything; its disk has dropped all tickets.
    let _ = with_disk(|disk, _, _| disk.forget(ticket));
}

/// The result of an operation whose time is over.
pub(super) fn finish(ticket: Ticket) -> io::Result<Done> {
    on_disk(|disk, draw, _| disk.finish(ticket, draw))
}

/// One operation from its beginning to its end.
pub(super) async fn change(change: Change) -> io::Result<Done> {
    let syncs = matches!(change, Change::SyncFile(_) | Change::SyncDir(_));
    let (ticket, time) = begin(change)?;
    let mut begun = Begun(Some(ticket));
    pass(time).await;
    begun.0 = None;
    let done = finish(ticket);
    if syncs && done.is_ok() {
        ambush::at(Juncture::Synced);
    }
    done
}

/// Something that only looks: it takes the time of a read and sees the disk as it is at the end.
pub(super) async fn look<R>(
    path: &Path,
    see: impl FnOnce(&mut Disk, &mut dyn Draw) -> io::Result<R>,
) -> io::Result<R> {
    pass(on_disk(|disk, draw, now| Ok(disk.read_time(path, now, draw)))?).await;
    on_disk(|disk, draw, _| see(disk, draw))
}

/// How long a read of an open file takes if it begins now.
pub(super) fn read_time(handle: Handle) -> io::Result<Duration> {
    on_disk(|disk, draw, now| Ok(disk.handle_read_time(handle, now, draw)))
}

pub(super) async fn pass(time: Duration) {
    if time > Duration::ZERO {
        crate::time::true_sleep(time).await;
    }
}
