//! The disk of one node: its parts, its settings, and what an observer from outside may ask and do.

use super::draw::Draw;
use super::errno::Errno;
use super::event::{DiskEvent, Recorder};
use super::faults::{FaultId, FaultRule, Faults};
use super::flight::Flights;
use super::journal::Journal;
use super::options::OpenOptions;
use super::tree::{Ino, Tree};
use crate::chance::Ratio;
use crate::net::Latency;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// How a disk is built and how fast it is. Faults are [`FaultRule`]s.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskConfig {
    /// Bytes per block, the unit in which the page cache reaches the platter. At least 1.
    pub block_size: u32,
    /// Bytes per sector, the unit in which a block tears. At least 1; a block is torn only when it has several.
    pub sector_size: u32,
    /// Bytes the files may hold together (the sum of their lengths); `None` for no limit.
    pub capacity: Option<u64>,
    /// Time of a read, a listing or a look at the metadata.
    pub read: Latency,
    /// Time of a write into the page cache and of a change of a directory.
    pub write: Latency,
    /// Time of an fsync.
    pub sync: Latency,
    /// After each write: the page cache writes one dirty block of the file back on its own.
    pub write_back: Ratio,
    /// In a mixed power loss: an unsynced block or directory change is lost.
    pub unsynced_lost: Ratio,
    /// In a mixed power loss: one dirty block of the disk is torn.
    pub torn: Ratio,
}

impl Default for DiskConfig {
    /// A solid-state drive of unlimited size with 4 KiB blocks and 512 B sectors.
    fn default() -> DiskConfig {
        DiskConfig {
            block_size: 4096,
            sector_size: 512,
            capacity: None,
            read: Latency::Constant(Duration::from_micros(50)),
            write: Latency::Constant(Duration::from_micros(5)),
            sync: Latency::Uniform(Duration::from_micros(500), Duration::from_millis(2)),
            write_back: Ratio::ZERO,
            unsynced_lost: Ratio::percent(50),
            torn: Ratio::percent(50),
        }
    }
}

/// An open file. It dies with the process that opened it; a dead one answers EBADF for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub(super) u64);

#[derive(Debug)]
pub(super) struct Open {
    pub(super) ino: Ino,
    pub(super) options: OpenOptions,
    /// Operations begun on it and not yet carried out; a close waits for them.
    pub(super) busy: u64,
    pub(super) closing: bool,
}

/// The simulated disk of one node. See the [module](super) for what may break and what never will.
#[derive(Debug)]
pub struct Disk {
    pub(super) config: DiskConfig,
    pub(super) tree: Tree,
    pub(super) journal: Journal,
    pub(super) handles: BTreeMap<Handle, Open>,
    pub(super) next_handle: u64,
    pub(super) flights: Flights,
    pub(super) faults: Faults,
    pub(super) recorder: Recorder,
    /// Sum of the lengths of all files in use.
    pub(super) used: u64,
    pub(super) stalled_until: u64,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new(DiskConfig::default())
    }
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(config: DiskConfig) -> Disk {
        Disk::numbered(config, 0)
    }

    /// An empty disk, one of several: the handles of disks with different numbers never coincide, so that a file
    /// carried to another node answers EBADF there.
    #[must_use]
    pub fn numbered(mut config: DiskConfig, number: u32) -> Disk {
        let first = u64::from(number) << 32;
        config.block_size = config.block_size.max(1);
        config.sector_size = config.sector_size.clamp(1, config.block_size);
        Disk {
            config,
            tree: Tree::new(),
            journal: Journal::default(),
            handles: BTreeMap::new(),
            next_handle: first,
            flights: Flights::starting(first),
            faults: Faults::default(),
            recorder: Recorder::default(),
            used: 0,
            stalled_until: 0,
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &DiskConfig {
        &self.config
    }

    /// Sets latencies and probabilities. The geometry (block and sector size) stays as it was built.
    pub fn configure(&mut self, change: impl FnOnce(&mut DiskConfig)) {
        let geometry = (self.config.block_size, self.config.sector_size);
        change(&mut self.config);
        (self.config.block_size, self.config.sector_size) = geometry;
    }

    /// Adds a fault.
    pub fn fault(&mut self, rule: FaultRule) -> FaultId {
        self.faults.add(rule)
    }

    /// Takes one rule back. False when it was not there any more.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        self.faults.remove(id)
    }

    /// Takes all rules back and ends a stall.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.stalled_until = 0;
    }

    /// Whether destroying faults (rot, lost and misdirected writes) pass this disk by. A caller protects enough
    /// disks for the protocol to keep what it needs to survive.
    pub fn protect(&mut self, protected: bool) {
        self.faults.protected = protected;
    }

    /// See [`protect`](Disk::protect).
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.faults.protected
    }

    /// The disk answers nothing before `now + time`.
    pub fn stall(&mut self, now: u64, time: Duration) {
        self.stalled_until = self.stalled_until.max(now.saturating_add(nanos(time)));
    }

    /// Leaves room for exactly this many more bytes: the byte after them meets ENOSPC.
    pub fn leave_room(&mut self, bytes: u64) {
        self.config.capacity = Some(self.used.saturating_add(bytes));
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Flips one bit of a file on the platter. What the page cache holds stays as it is. False when the disk is
    /// protected or the platter holds no such byte.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR.
    pub fn flip_bit(&mut self, path: impl AsRef<Path>, offset: u64, bit: u8) -> io::Result<bool> {
        let ino = self.tree.lookup(path.as_ref())?;
        let protected = self.faults.protected;
        let pages = self.tree.file_mut(ino)?;
        Ok(!protected && pages.flip(offset, bit))
    }

    /// Forgets every clean page, so that the next reads go to the platter.
    pub fn drop_caches(&mut self) {
        for ino in self.files() {
            if let Ok(pages) = self.tree.file_mut(ino) {
                pages.evict();
            }
        }
    }

    /// Whether to record what the disk does. Off at first.
    pub fn record_events(&mut self, on: bool) {
        self.recorder.on = on;
    }

    /// The events since the last call.
    pub fn take_events(&mut self) -> Vec<DiskEvent> {
        self.recorder.take()
    }

    /// The open handles with the paths of their files, in the order of opening.
    #[must_use]
    pub fn handles(&self) -> Vec<(Handle, Rc<str>)> {
        let open = self.handles.iter().filter(|(_, open)| !open.closing);
        open.map(|(handle, open)| (*handle, Rc::clone(self.tree.path(open.ino)))).collect()
    }

    /// How many directory changes a power loss could still undo.
    #[must_use]
    pub fn pending_changes(&self) -> usize {
        self.journal.len()
    }

    pub(super) fn files(&self) -> Vec<Ino> {
        self.tree.nodes.iter().filter(|(_, node)| !node.is_dir()).map(|(ino, _)| *ino).collect()
    }

    pub(super) fn opened(&self, handle: Handle) -> Result<&Open, Errno> {
        self.handles.get(&handle).filter(|open| !open.closing).ok_or(Errno::BadHandle)
    }

    pub(super) fn path_of(&self, handle: Handle) -> Rc<str> {
        self.handles
            .get(&handle)
            .map_or_else(|| Rc::from("(closed)"), |open| Rc::clone(self.tree.path(open.ino)))
    }

    pub(super) fn struck(&mut self, fault: super::Fault, path: &Rc<str>, draw: &mut dyn Draw) -> bool {
        let struck = self.faults.strike(fault, path, draw);
        if struck {
            self.recorder.fault(fault, path);
        }
        struck
    }
}

/// Virtual time is counted in nanoseconds.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
