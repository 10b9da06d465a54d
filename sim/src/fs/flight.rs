//! Operations that take time: begun now, carried out when they are due.
//!
//! An operation once begun completes on its own, as one handed to the kernel does; who gives up waiting for it
//! does not stop it. A crash before it is due cuts it short: it has happened or not, and of a write a prefix
//! has, each by a draw.

use super::disk::{Disk, Handle, nanos};
use super::draw::Draw;
use super::errno::Errno;
use super::options::OpenOptions;
use super::sync::Scope;
use crate::net::Latency;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An operation that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// [`Disk::open`]
    Open(PathBuf, OpenOptions),
    /// [`Disk::write_at`]: once, and perhaps only a part.
    Write(Handle, Vec<u8>, u64),
    /// [`Disk::write_all_at`]
    WriteAll(Handle, Vec<u8>, u64),
    /// [`Disk::append`]
    Append(Handle, Vec<u8>),
    /// [`Disk::set_len`]
    SetLen(Handle, u64),
    /// [`Disk::sync_file`]
    SyncFile(Handle),
    /// [`Disk::sync_dir`]
    SyncDir(PathBuf),
    /// [`Disk::create_dir`]
    CreateDir(PathBuf),
    /// [`Disk::remove_file`]
    RemoveFile(PathBuf),
    /// [`Disk::remove_dir`]
    RemoveDir(PathBuf),
    /// [`Disk::rename`]
    Rename(PathBuf, PathBuf),
}

/// What a [`Change`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing to tell.
    Unit,
    /// The handle of an `Open`.
    Opened(Handle),
    /// The bytes that a `Write` wrote.
    Wrote(usize),
    /// The offset at which an `Append` began.
    At(u64),
}

/// Names an operation that has been begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    id: u64,
    /// When it completes, in virtual nanoseconds.
    pub due: u64,
}

/// An operation under way.
#[derive(Debug)]
struct Flight {
    change: Change,
    /// It keeps its handle open.
    holds: bool,
    /// What it is to make durable, if it is an fsync.
    scope: Scope,
}

#[derive(Debug, Default)]
pub(super) struct Flights {
    next: u64,
    /// By completion time and number.
    waiting: BTreeMap<(u64, u64), Flight>,
    done: BTreeMap<u64, io::Result<Done>>,
    /// Nobody will ask for the result.
    forgotten: BTreeSet<u64>,
}

impl Flights {
    pub(super) fn starting(next: u64) -> Flights {
        Flights { next, ..Flights::default() }
    }

    /// A number never given before.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.done.clear();
        self.forgotten.clear();
    }
}

impl Disk {
    /// Begins an operation.
    pub fn begin(&mut self, change: Change, now: u64, draw: &mut dyn Draw) -> Ticket {
        let path = match &change {
            Change::Write(handle, ..)
            | Change::WriteAll(handle, ..)
            | Change::Append(handle, _)
            | Change::SetLen(handle, _)
            | Change::SyncFile(handle) => self.path_of(*handle),
            Change::Open(path, _)
            | Change::SyncDir(path)
            | Change::CreateDir(path)
            | Change::RemoveFile(path)
            | Change::RemoveDir(path)
            | Change::Rename(path, _) => super::names::spelled(path),
        };
        let sync = matches!(change, Change::SyncFile(_) | Change::SyncDir(_));
        let latency = if sync { self.config.sync } else { self.config.write };
        let kind = if sync { "sync latency" } else { "write latency" };
        let due = now.saturating_add(nanos(self.delay(&path, kind, &latency, now, draw)));
        let open =
            change.handle().and_then(|handle| self.handles.get_mut(&handle)).filter(|open| !open.closing);
        let ino = open.as_ref().map(|open| open.ino);
        let holds = open.is_some();
        if let Some(open) = open {
            open.busy += 1;
        }
        let scope = match &change {
            Change::SyncFile(_) => self.begin_sync(ino),
            Change::SyncDir(path) => self.begin_sync_dir(path),
            _ => Scope::Nothing,
        };
        let id = self.flights.number();
        self.flights.waiting.insert((due, id), Flight { change, holds, scope });
        Ticket { id, due }
    }

    /// How long a read, a listing or a look at the metadata takes if it begins now.
    pub fn read_time(
        &mut self,
        path: impl AsRef<std::path::Path>,
        now: u64,
        draw: &mut dyn Draw,
    ) -> Duration {
        let latency = self.config.read;
        self.delay(&super::names::spelled(path.as_ref()), "read latency", &latency, now, draw)
    }

    /// [`read_time`](Disk::read_time) of an open file.
    pub fn handle_read_time(&mut self, handle: Handle, now: u64, draw: &mut dyn Draw) -> Duration {
        let latency = self.config.read;
        self.delay(&self.path_of(handle), "read latency", &latency, now, draw)
    }

    fn delay(
        &mut self,
        path: &str,
        kind: &'static str,
        latency: &Latency,
        now: u64,
        draw: &mut dyn Draw,
    ) -> Duration {
        if let Some(time) = self.faults.stall(path, draw) {
            self.recorder.fault(super::Fault::Stall(time), &std::rc::Rc::from(path));
            self.stall(now, time);
        }
        let stalled = Duration::from_nanos(self.stalled_until.saturating_sub(now));
        stalled + draw.latency(kind, latency)
    }

    /// Carries out everything that is due by `now`, in the order in which it is due.
    pub fn settle(&mut self, now: u64, draw: &mut dyn Draw) {
        while let Some(entry) = self.flights.waiting.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, id), flight) = entry.remove_entry();
            let result = self.carry_out(flight, draw);
            if self.flights.forgotten.remove(&id) {
                self.drop_result(result);
            } else {
                self.flights.done.insert(id, result);
            }
        }
    }

    /// Waits no longer: carries the operation out, after all that is due before it, and returns its result.
    ///
    /// # Errors
    /// Those of the operation; EBADF when the node has crashed in between.
    pub fn finish(&mut self, ticket: Ticket, draw: &mut dyn Draw) -> io::Result<Done> {
        self.settle(ticket.due, draw);
        self.flights.done.remove(&ticket.id).unwrap_or_else(|| Err(Errno::BadHandle.into()))
    }

    /// Nobody will ask for the result. The operation still completes when it is due.
    pub fn forget(&mut self, ticket: Ticket) {
        if let Some(result) = self.flights.done.remove(&ticket.id) {
            self.drop_result(result);
        } else if self.flights.waiting.contains_key(&(ticket.due, ticket.id)) {
            self.flights.forgotten.insert(ticket.id);
        }
    }

    fn drop_result(&mut self, result: io::Result<Done>) {
        if let Ok(Done::Opened(handle)) = result {
            self.close(handle);
        }
    }

    fn carry_out(&mut self, flight: Flight, draw: &mut dyn Draw) -> io::Result<Done> {
        let Flight { change, holds, scope } = flight;
        let handle = change.handle().filter(|_| holds);
        // A file closed while an operation on it is under way stays open for it.
        let closing = handle.and_then(|handle| self.handles.get_mut(&handle)).map(|open| {
            open.busy -= 1;
            std::mem::take(&mut open.closing)
        });
        let result = self.apply(change, scope, draw);
        if let (Some(handle), Some(true)) = (handle, closing) {
            self.close(handle);
        }
        result
    }

    fn apply(&mut self, change: Change, scope: Scope, draw: &mut dyn Draw) -> io::Result<Done> {
        match change {
            Change::Open(path, options) => self.open(path, &options, draw).map(Done::Opened),
            Change::Write(handle, data, offset) => {
                self.write_at(handle, &data, offset, draw).map(Done::Wrote)
            }
            Change::WriteAll(handle, data, offset) => {
                self.write_all_at(handle, &data, offset, draw).map(|()| Done::Unit)
            }
            Change::Append(handle, data) => self.append(handle, &data, draw).map(Done::At),
            Change::SetLen(handle, len) => self.set_len(handle, len, draw).map(|()| Done::Unit),
            Change::SyncFile(handle) => self.finish_sync_file(handle, scope, draw).map(|()| Done::Unit),
            Change::SyncDir(path) => self.finish_sync_dir(&path, scope, draw).map(|()| Done::Unit),
            Change::CreateDir(path) => self.create_dir(path, draw).map(|()| Done::Unit),
            Change::RemoveFile(path) => self.remove_file(path, draw).map(|()| Done::Unit),
            Change::RemoveDir(path) => self.remove_dir(path, draw).map(|()| Done::Unit),
            Change::Rename(from, to) => self.rename(from, to, draw).map(|()| Done::Unit),
        }
    }

    /// A crash: what is due has happened, of the rest a drawn part. The calm draw is that it had not begun.
    pub(super) fn end_flights(&mut self, now: u64, draw: &mut dyn Draw) {
        self.settle(now, draw);
        for mut flight in std::mem::take(&mut self.flights.waiting).into_values() {
            let part = match flight.change.data_mut() {
                Some(data) => {
                    let part = draw.below("bytes of a write cut short", data.len() as u64 + 1);
                    data.truncate(super::pages::to_usize(part));
                    part
                }
                None => draw.below("operation cut short", 2),
            };
            if part > 0 {
                // Nobody is left to be told an error.
                let _ = self.carry_out(flight, draw);
            } else {
                self.abort_sync(&flight.scope);
            }
        }
        self.flights.clear();
    }
}

impl Change {
    fn handle(&self) -> Option<Handle> {
        match self {
            Change::Write(handle, ..)
            | Change::WriteAll(handle, ..)
            | Change::Append(handle, _)
            | Change::SetLen(handle, _)
            | Change::SyncFile(handle) => Some(*handle),
            _ => None,
        }
    }

    fn data_mut(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Change::Write(_, data, _) | Change::WriteAll(_, data, _) | Change::Append(_, data) => Some(data),
            _ => None,
        }
    }
}
