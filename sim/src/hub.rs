//! The thread's world. One per thread at a time; code on a node finds it here, without a handle.
//!
//! What is touched at every poll are plain `Cell`s; the executor and the rest each sit behind a `RefCell`, borrowed
//! for moments and never across a call into node code: no future, waker, closure or payload of a user is polled,
//! called or dropped while a borrow is held. A wake-up therefore only ever touches [`Hub::woken`].

use std::cell::{Cell, RefCell};

use crate::NodeId;
use crate::core::Core;
use crate::executor::{Exec, TaskKey, Wait};
use crate::schedule::Line;

pub(crate) struct Hub {
    /// Whether a `Sim` exists on this thread.
    pub(crate) occupied: Cell<bool>,
    /// Whether a world runs on this thread: decides between the simulated and the real side of every call.
    pub(crate) running: Cell<bool>,
    /// The node whose code runs; [`NodeId::WORLD`] for the test itself.
    pub(crate) node: Cell<NodeId>,
    /// The task that runs.
    pub(crate) task: Cell<TaskKey>,
    /// What the running task waits for, set by the innermost future that returned `Pending`.
    pub(crate) wait: Cell<Wait>,
    /// How often the running step has read its clock or called what is refused.
    pub(crate) readings: Cell<u64>,
    /// Set while the destructors of a dead node's tasks run: they can neither send nor write.
    pub(crate) fenced: Cell<bool>,
    /// The event that is being handled; what happens now happens because of it.
    pub(crate) cause: Cell<u64>,
    /// Set when the run must stop at once: a finding.
    pub(crate) stop: Cell<bool>,
    /// Set when watchers want to look after every step.
    pub(crate) watched: Cell<bool>,
    /// Set when somebody lies in wait for nodes.
    pub(crate) ambushed: Cell<bool>,
    /// Set while a strategy chooses what happens next.
    pub(crate) scheduled: Cell<bool>,
    /// Set when a step has read or changed what nodes share: it can tell in which order steps came.
    pub(crate) looked: Cell<bool>,
    /// Wake-ups since the executor last looked, with what caused each.
    pub(crate) woken: RefCell<Vec<(TaskKey, u64)>>,
    pub(crate) exec: RefCell<Exec>,
    pub(crate) core: RefCell<Core>,
    /// What waits for the strategy's choice, while there is one.
    pub(crate) line: RefCell<Option<Line>>,
}

/// So many readings of the clock in one step are a task that waits for time to pass without giving way.
const READINGS: u64 = 10_000_000;

impl Hub {
    /// Counts a reading; true when the step has made too many.
    #[inline]
    pub(crate) fn reads_on_and_on(&self) -> bool {
        self.readings.set(self.readings.get() + 1);
        self.readings.get() > READINGS
    }
}

thread_local! {
    pub(crate) static HUB: Hub = const {
        Hub {
            occupied: Cell::new(false),
            running: Cell::new(false),
            node: Cell::new(NodeId::WORLD),
            task: Cell::new(TaskKey::MAIN),
            wait: Cell::new(Wait::Nothing),
            readings: Cell::new(0),
            fenced: Cell::new(false),
            cause: Cell::new(0),
            stop: Cell::new(false),
            watched: Cell::new(false),
            ambushed: Cell::new(false),
            scheduled: Cell::new(false),
            looked: Cell::new(false),
            woken: RefCell::new(Vec::new()),
            exec: RefCell::new(Exec::new()),
            core: RefCell::new(Core::new()),
            line: RefCell::new(None),
        }
    };
}

/// Whether this code runs in a world; outside of one, every call of the inside API is for real.
#[inline]
pub(crate) fn simulated() -> bool {
    HUB.try_with(|hub| hub.running.get()).unwrap_or(false)
}

/// The running step reads or changes what nodes share: see [`Hub::looked`].
#[inline]
pub(crate) fn looks() {
    HUB.with(|hub| hub.looked.set(true));
}

/// Borrows the core of the running world for a moment, in a step that looks.
pub(crate) fn looking<R>(f: impl FnOnce(&mut Core) -> R) -> R {
    looks();
    with_core(f)
}

/// Borrows the core of the running world for a moment.
#[inline]
pub(crate) fn with_core<R>(f: impl FnOnce(&mut Core) -> R) -> R {
    HUB.with(|hub| f(&mut hub.core.borrow_mut()))
}

/// The error of a call made by the code of a dead node: from a destructor, after the crash.
pub(crate) fn fenced_error() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the node of this code has crashed")
}
