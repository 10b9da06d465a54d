//! What a disk did, for traces and digests.

use super::faults::Fault;
use std::io;
use std::rc::Rc;

/// One operation as the disk carried it out, in the order in which the effects happened.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskEvent {
    /// `"open"`, `"read"`, `"write"`, `"set_len"`, `"sync_file"`, `"sync_dir"`, `"rename"`, `"power_loss"` …
    pub op: &'static str,
    /// The file or directory, by its present path; the source of a rename. `"/"` for the whole disk.
    pub path: Rc<str>,
    /// First byte touched; 0 where an operation has no position.
    pub offset: u64,
    /// Bytes asked for, the new length of a `set_len`, what a power loss took (blocks, lengths, changes).
    pub len: u64,
    /// What came of it: a count (bytes, entries, blocks or changes synced, 0), or the `errno`.
    pub result: Result<u64, i32>,
    /// Set on the events with op `"fault"`: a fault struck the operation whose event follows.
    pub fault: Option<Fault>,
}

/// The events since they were last taken. Off until somebody wants them.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) on: bool,
    events: Vec<DiskEvent>,
}

impl Recorder {
    pub(super) fn take(&mut self) -> Vec<DiskEvent> {
        std::mem::take(&mut self.events)
    }

    /// Notes a fault, ahead of the operation it struck.
    pub(super) fn fault(&mut self, fault: Fault, path: &Rc<str>) {
        if self.on {
            let (path, fault) = (Rc::clone(path), Some(fault));
            self.events.push(DiskEvent { op: "fault", path, offset: 0, len: 0, result: Ok(0), fault });
        }
    }

    /// Notes what happened to the whole disk, with the number of things lost.
    pub(super) fn incident(&mut self, op: &'static str, lost: u64) {
        if self.on {
            let path = Rc::from("/");
            self.events.push(DiskEvent { op, path, offset: 0, len: lost, result: Ok(0), fault: None });
        }
    }

    /// Notes an operation and passes its result on.
    pub(super) fn note<T>(
        &mut self,
        op: &'static str,
        path: &Rc<str>,
        (offset, len): (u64, u64),
        result: io::Result<T>,
        count: impl FnOnce(&T) -> u64,
    ) -> io::Result<T> {
        if self.on {
            let outcome = match &result {
                Ok(value) => Ok(count(value)),
                Err(error) => Err(error.raw_os_error().unwrap_or(-1)),
            };
            let path = Rc::clone(path);
            self.events.push(DiskEvent { op, path, offset, len, result: outcome, fault: None });
        }
        result
    }
}
