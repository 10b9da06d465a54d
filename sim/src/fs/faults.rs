//! Faults: which, where, and how often.
//!
//! A rule strikes the operations that its kind concerns on the paths it names, by probability or by count. Every
//! disk starts without rules.

use super::draw::{Draw, happens};
use crate::chance::Ratio;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// What can go wrong with one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A read or a directory listing answers EIO.
    ReadError,
    /// A write, `set_len`, create, rename or remove answers EIO. Of a failed write a prefix, drawn, has
    /// reached the page cache; the others have had no effect.
    WriteError,
    /// An fsync of a file answers EIO **and drops the dirty pages**: they stay readable from the page cache and
    /// count as clean, so the next fsync succeeds although the data never reached the platter ("fsyncgate").
    /// An fsync of a directory answers EIO and its changes stay pending.
    SyncError,
    /// A read returns fewer bytes than it could, at least one.
    ShortRead,
    /// A write takes fewer bytes than offered, at least one.
    ShortWrite,
    /// A write or `set_len` that grows the file answers ENOSPC and has no effect. For a disk that is full at
    /// a chosen byte set [`capacity`](super::DiskConfig::capacity).
    NoSpace,
    /// A block that an fsync acknowledges never reaches the platter. *Destroying.*
    LostWrite,
    /// A block that an fsync acknowledges is written over another block of the same disk. *Destroying.*
    MisdirectedWrite,
    /// A bit of a block flips on the platter just before it is read into the page cache. *Destroying.*
    BitRot,
    /// The whole disk stops answering for this long, beginning with the operation struck.
    Stall(Duration),
}

impl Fault {
    /// Whether it destroys what an fsync has promised to keep; a protected disk suffers none of these.
    #[must_use]
    pub fn is_destroying(self) -> bool {
        matches!(self, Fault::LostWrite | Fault::MisdirectedWrite | Fault::BitRot)
    }

    /// The kind under which the draws for this fault are recorded.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::ReadError => "read error",
            Fault::WriteError => "write error",
            Fault::SyncError => "sync error",
            Fault::ShortRead => "short read",
            Fault::ShortWrite => "short write",
            Fault::NoSpace => "no space",
            Fault::LostWrite => "lost write",
            Fault::MisdirectedWrite => "misdirected write",
            Fault::BitRot => "bit rot",
            Fault::Stall(_) => "stall",
        }
    }
}

/// The paths a rule concerns.
#[derive(Clone)]
enum Place {
    Anywhere,
    Under(PathBuf),
    When(Rc<dyn Fn(&Path) -> bool>),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Anywhere => f.write_str("anywhere"),
            Place::Under(path) => write!(f, "under {}", path.display()),
            Place::When(_) => f.write_str("where a predicate holds"),
        }
    }
}

/// A fault with its place and its frequency. Without more said it strikes every operation it concerns.
#[derive(Debug, Clone)]
pub struct FaultRule {
    fault: Fault,
    place: Place,
    rate: Ratio,
    skip: u64,
    left: Option<u64>,
}

impl FaultRule {
    /// The fault, everywhere and always.
    #[must_use]
    pub fn new(fault: Fault) -> FaultRule {
        FaultRule { fault, place: Place::Anywhere, rate: Ratio::ONE, skip: 0, left: None }
    }

    /// Only on this file, or on everything below this directory. Paths are absolute.
    #[must_use]
    pub fn under(mut self, path: impl Into<PathBuf>) -> FaultRule {
        self.place = Place::Under(path.into());
        self
    }

    /// Only where the predicate holds. It is asked while the disk is in use and must not call into the world.
    #[must_use]
    pub fn when(mut self, predicate: impl Fn(&Path) -> bool + 'static) -> FaultRule {
        self.place = Place::When(Rc::new(predicate));
        self
    }

    /// Each time with this probability.
    #[must_use]
    pub fn rate(mut self, rate: Ratio) -> FaultRule {
        self.rate = rate;
        self
    }

    /// Once, then never again.
    #[must_use]
    pub fn once(self) -> FaultRule {
        self.times(1)
    }

    /// So many times, then never again.
    #[must_use]
    pub fn times(mut self, times: u64) -> FaultRule {
        self.left = Some(times);
        self
    }

    /// Once, on the `n`-th operation it concerns, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> FaultRule {
        self.skip = n.saturating_sub(1);
        self.once()
    }

    fn concerns(&self, path: &str) -> bool {
        match &self.place {
            Place::Anywhere => true,
            Place::Under(prefix) => Path::new(path).starts_with(prefix),
            Place::When(predicate) => predicate(Path::new(path)),
        }
    }

    /// Counts one operation it concerns and says whether the fault strikes it.
    fn strikes(&mut self, draw: &mut dyn Draw) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let struck = happens(draw, self.fault.name(), self.rate);
        if let (true, Some(left)) = (struck, &mut self.left) {
            *left -= 1;
        }
        struck
    }
}

/// Names a rule, to take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

/// The rules of one disk.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<(FaultId, FaultRule)>,
    next: u64,
    /// No destroying fault strikes.
    pub(super) protected: bool,
}

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) -> FaultId {
        let id = FaultId(self.next);
        self.next += 1;
        if rule.left != Some(0) {
            self.rules.push((id, rule));
        }
        id
    }

    pub(super) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|(other, _)| *other != id);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Whether `fault` strikes an operation on `path` now.
    pub(super) fn strike(&mut self, fault: Fault, path: &str, draw: &mut dyn Draw) -> bool {
        self.first(path, draw, |other| other == fault).is_some()
    }

    /// The stall that begins with an operation on `path`, if one does.
    pub(super) fn stall(&mut self, path: &str, draw: &mut dyn Draw) -> Option<Duration> {
        match self.first(path, draw, |fault| matches!(fault, Fault::Stall(_))) {
            Some(Fault::Stall(time)) => Some(time),
            _ => None,
        }
    }

    fn first(&mut self, path: &str, draw: &mut dyn Draw, wanted: impl Fn(Fault) -> bool) -> Option<Fault> {
        let protected = self.protected;
        let at = self.rules.iter_mut().position(|(_, rule)| {
            let armed = wanted(rule.fault) && !(protected && rule.fault.is_destroying());
            armed && rule.concerns(path) && rule.strikes(draw)
        })?;
        let fault = self.rules[at].1.fault;
        if self.rules[at].1.left == Some(0) {
            self.rules.remove(at);
        }
        Some(fault)
    }
}
