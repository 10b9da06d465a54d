//! The executor: tasks in a slab, one ready queue, and a decision who is next.
//!
//! A task is one boxed future; its result stays in the box until its [`JoinHandle`] takes it, so that a handle is
//! nothing but a number and may be sent where the result may.

mod join_set;
mod task;
mod waker;
mod yielding;

pub use join_set::JoinSet;
pub use task::{JoinError, JoinHandle, spawn};
pub use yielding::{YieldNow, yield_now};

pub(crate) use task::{Runnable, dispose, spawn_on};
pub(crate) use waker::waker;

use std::collections::VecDeque;
use std::panic::Location;
use std::pin::Pin;
use std::task::Waker;

use crate::NodeId;
use crate::net::tcp::Doing;

/// A task's slot and the slot's generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TaskKey(pub(crate) u64);

impl TaskKey {
    /// The test itself: the future that was given to `Sim::run`.
    pub(crate) const MAIN: TaskKey = TaskKey(0);

    pub(crate) const fn new(slot: u32, generation: u32) -> TaskKey {
        TaskKey((generation as u64) << 32 | slot as u64)
    }

    #[inline]
    pub(crate) const fn slot(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// What a task waits for; a deadlock report says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Something that the simulator does not know: a channel, a lock, a hand-written future.
    Nothing,
    /// A timer.
    Sleep,
    /// Another task's end.
    Join(TaskKey),
    /// A datagram at a local port.
    Datagram(u16),
    /// A connection at a local port.
    Accept(u16),
    /// A stream, by its place.
    Stream(u32, Doing),
    /// An RPC's reply, from a node.
    Reply(NodeId),
    /// An RPC to serve at a local port.
    Request(u16),
    /// The disk.
    Disk,
    /// A signal.
    Signal,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Free,
    Idle,
    Queued,
    Polling,
    /// Woken during its own poll.
    PollingAgain,
    Done,
}

/// The end of a list of slots.
const NIL: u32 = u32::MAX;

struct Slot {
    task: Option<Pin<Box<dyn Runnable>>>,
    generation: u32,
    phase: Phase,
    node: NodeId,
    /// The how-manyeth task of the world: its name in traces and reports.
    serial: u64,
    site: Option<&'static Location<'static>>,
    wait: Wait,
    /// The event that woke it.
    cause: u64,
    joiner: Option<Waker>,
    /// Whether the handle is gone: nobody will take the result.
    detached: bool,
    next: u32,
    previous: u32,
}

/// Per node: its tasks as a linked list, and those that became ready while it was paused.
struct Tasks {
    head: u32,
    paused: bool,
    parked: Vec<u32>,
}

/// A task that was picked to run.
pub(crate) struct Picked {
    pub(crate) key: TaskKey,
    pub(crate) node: NodeId,
    pub(crate) serial: u64,
    pub(crate) cause: u64,
    /// `None` for the test itself, whose future is not in the slab.
    pub(crate) task: Option<Pin<Box<dyn Runnable>>>,
}

/// What is left of a task for its remover to drop, and whom to tell. See [`dispose`].
pub(crate) type Removed = (Option<Pin<Box<dyn Runnable>>>, Option<Waker>);

/// A task as reports see it.
pub(crate) struct TaskInfo {
    pub(crate) node: NodeId,
    pub(crate) serial: u64,
    pub(crate) site: Option<&'static Location<'static>>,
    pub(crate) wait: Wait,
}

pub(crate) struct Exec {
    slots: Vec<Slot>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    nodes: Vec<Tasks>,
    spawned: u64,
}

impl Exec {
    pub(crate) const fn new() -> Exec {
        Exec { slots: Vec::new(), free: Vec::new(), ready: VecDeque::new(), nodes: Vec::new(), spawned: 0 }
    }

    /// Starts over, with memory and generations kept: a waker of an earlier world fits no task of this one.
    /// The caller has dropped all tasks.
    pub(crate) fn reset(&mut self) {
        self.ready.clear();
        self.nodes.clear();
        self.spawned = 0;
        self.free.clear();
        for (index, slot) in self.slots.iter_mut().enumerate().skip(1).rev() {
            debug_assert!(slot.task.is_none());
            slot.phase = Phase::Free;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(index as u32);
        }
        if self.slots.is_empty() {
            self.slots.push(Slot::new());
        }
        self.slots[0].phase = Phase::Idle;
        self.slots[0].cause = 0;
    }

    /// Makes the test itself ready.
    pub(crate) fn start_main(&mut self) {
        if self.slots[0].phase != Phase::Queued {
            self.slots[0].phase = Phase::Queued;
            self.ready.push_back(0);
        }
    }

    pub(crate) fn add_node(&mut self) {
        self.nodes.push(Tasks { head: NIL, paused: false, parked: Vec::new() });
    }

    pub(crate) fn insert(
        &mut self,
        node: NodeId,
        task: Pin<Box<dyn Runnable>>,
        site: &'static Location<'static>,
        cause: u64,
    ) -> (TaskKey, u64) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new());
            self.slots.len() as u32 - 1
        });
        self.spawned += 1;
        let head = std::mem::replace(&mut self.nodes[node.index()].head, index);
        if head != NIL {
            self.slots[head as usize].previous = index;
        }
        let slot = &mut self.slots[index as usize];
        slot.task = Some(task);
        slot.phase = Phase::Queued;
        slot.node = node;
        slot.serial = self.spawned;
        slot.site = Some(site);
        slot.wait = Wait::Nothing;
        slot.cause = cause;
        slot.detached = false;
        slot.next = head;
        slot.previous = NIL;
        self.ready.push_back(index);
        (TaskKey::new(index, slot.generation), slot.serial)
    }

    /// Queues what was woken.
    #[inline]
    pub(crate) fn admit(&mut self, woken: &mut Vec<(TaskKey, u64)>) {
        for &(key, cause) in woken.iter() {
            let Some(slot) = self.slots.get_mut(key.slot()) else { continue };
            if slot.generation != key.generation() {
                continue;
            }
            match slot.phase {
                Phase::Idle => {
                    slot.phase = Phase::Queued;
                    slot.cause = cause;
                    self.ready.push_back(key.slot() as u32);
                }
                Phase::Polling => {
                    slot.phase = Phase::PollingAgain;
                    slot.cause = cause;
                }
                Phase::Free | Phase::Queued | Phase::PollingAgain | Phase::Done => {}
            }
        }
        woken.clear();
    }

    #[inline]
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Takes the task at place `position` of the ready queue, or parks it if its node is paused.
    #[inline(always)]
    pub(crate) fn pick(&mut self, position: usize) -> Option<Picked> {
        let index =
            if position == 0 { self.ready.pop_front() } else { self.ready.swap_remove_back(position) }?;
        self.take(index)
    }

    /// Takes a task that is ready and in no queue any more, or parks it if its node is paused.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: u32) -> Option<Picked> {
        let slot = &mut self.slots[index as usize];
        if slot.phase != Phase::Queued {
            return None; // killed while it was queued
        }
        if index != 0 && self.nodes[slot.node.index()].paused {
            self.nodes[slot.node.index()].parked.push(index);
            return None;
        }
        slot.phase = Phase::Polling;
        Some(Picked {
            key: TaskKey::new(index, slot.generation),
            node: slot.node,
            serial: slot.serial,
            cause: slot.cause,
            task: slot.task.take(),
        })
    }

    /// Takes the first of the ready queue out of it, for a [`Line`](crate::schedule::Line) to keep: the task, its node,
    /// and what woke it. Whoever was killed while queued is left out.
    pub(crate) fn next_ready(&mut self) -> Option<(TaskKey, NodeId, u64)> {
        loop {
            let index = self.ready.pop_front()?;
            let slot = &self.slots[index as usize];
            if slot.phase == Phase::Queued {
                return Some((TaskKey::new(index, slot.generation), slot.node, slot.cause));
            }
        }
    }

    /// Whether a task is ready, wherever it waits for its turn.
    pub(crate) fn is_queued(&self, key: TaskKey) -> bool {
        self.state(key) == Some(Phase::Queued)
    }

    /// Puts a ready task at the end of the queue.
    pub(crate) fn put_in_line(&mut self, key: TaskKey) {
        self.ready.push_back(key.slot() as u32);
    }

    /// Puts a task back that is not finished. Returns it when it was killed meanwhile, for the caller to drop.
    #[inline(always)]
    pub(crate) fn put_back(
        &mut self,
        key: TaskKey,
        task: Option<Pin<Box<dyn Runnable>>>,
        wait: Wait,
    ) -> Option<Pin<Box<dyn Runnable>>> {
        let slot = &mut self.slots[key.slot()];
        if slot.generation != key.generation() {
            return task;
        }
        slot.task = task;
        slot.wait = wait;
        if slot.phase == Phase::PollingAgain {
            slot.phase = Phase::Queued;
            self.ready.push_back(key.slot() as u32);
        } else {
            slot.phase = Phase::Idle;
        }
        None
    }

    /// Notes that a task has finished. Returns what the caller must drop, and whom to wake.
    #[inline]
    pub(crate) fn finish(&mut self, key: TaskKey, task: Pin<Box<dyn Runnable>>) -> Removed {
        let slot = &mut self.slots[key.slot()];
        if slot.generation != key.generation() {
            return (Some(task), None);
        }
        if slot.detached {
            let joiner = slot.joiner.take();
            self.release(key.slot() as u32);
            return (Some(task), joiner);
        }
        slot.task = Some(task);
        slot.phase = Phase::Done;
        (None, slot.joiner.take())
    }

    /// Forgets a slot: out of its node's list, next generation.
    fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.phase = Phase::Free;
        let (node, next, previous) = (slot.node, slot.next, slot.previous);
        if next != NIL {
            self.slots[next as usize].previous = previous;
        }
        match previous {
            NIL => self.nodes[node.index()].head = next,
            _ => self.slots[previous as usize].next = next,
        }
        self.free.push(index);
    }

    /// Whether a key still names a task, and whether that task is done.
    #[inline]
    fn state(&self, key: TaskKey) -> Option<Phase> {
        let slot = self.slots.get(key.slot())?;
        (slot.generation == key.generation()).then_some(slot.phase)
    }

    /// Removes a task. The caller drops what it gets, and wakes the joiner.
    pub(crate) fn remove(&mut self, key: TaskKey) -> Removed {
        if self.state(key).is_none() || key == TaskKey::MAIN {
            return (None, None);
        }
        let slot = &mut self.slots[key.slot()];
        let removed = (slot.task.take(), slot.joiner.take());
        self.release(key.slot() as u32);
        removed
    }

    /// Removes all tasks of a node, in order of their slots' list: the youngest first. A finished one stays until its
    /// result is fetched or its handle dropped, for the handle may be another node's.
    pub(crate) fn remove_node(&mut self, node: NodeId) -> Vec<Removed> {
        self.nodes[node.index()].parked.clear();
        let mut removed = Vec::new();
        let mut index = self.nodes[node.index()].head;
        while index != NIL {
            let Slot { generation, next, phase, .. } = self.slots[index as usize];
            if phase != Phase::Done {
                removed.push(self.remove(TaskKey::new(index, generation)));
            }
            index = next;
        }
        removed
    }

    /// Whether a task is in the middle of a step, as one of this node.
    pub(crate) fn is_running(&self, key: TaskKey, node: NodeId) -> bool {
        let running = matches!(self.state(key), Some(Phase::Polling | Phase::PollingAgain));
        running && key != TaskKey::MAIN && self.slots[key.slot()].node == node
    }

    pub(crate) fn pause(&mut self, node: NodeId, paused: bool) {
        self.nodes[node.index()].paused = paused;
        if !paused {
            let parked = std::mem::take(&mut self.nodes[node.index()].parked);
            self.ready.extend(parked);
        }
    }

    pub(crate) fn info(&self, key: TaskKey) -> Option<TaskInfo> {
        self.state(key)?;
        let slot = &self.slots[key.slot()];
        Some(TaskInfo { node: slot.node, serial: slot.serial, site: slot.site, wait: slot.wait })
    }

    /// What the test itself waits for.
    pub(crate) fn main_wait(&self) -> Wait {
        self.slots[0].wait
    }

    /// All unfinished tasks, in the order in which they were spawned.
    pub(crate) fn unfinished(&self) -> Vec<TaskInfo> {
        let waiting =
            self.slots.iter().skip(1).filter(|slot| !matches!(slot.phase, Phase::Free | Phase::Done));
        let mut infos: Vec<TaskInfo> = waiting
            .map(|slot| TaskInfo { node: slot.node, serial: slot.serial, site: slot.site, wait: slot.wait })
            .collect();
        infos.sort_by_key(|info| info.serial);
        infos
    }

    /// Every task there is, taken out for the caller to drop: the world ends.
    pub(crate) fn take_all(&mut self) -> Vec<Removed> {
        self.slots.iter_mut().map(|slot| (slot.task.take(), slot.joiner.take())).collect()
    }
}

impl Slot {
    fn new() -> Slot {
        Slot {
            task: None,
            generation: 0,
            phase: Phase::Free,
            node: NodeId::WORLD,
            serial: 0,
            site: None,
            wait: Wait::Nothing,
            cause: 0,
            joiner: None,
            detached: true,
            next: NIL,
            previous: NIL,
        }
    }
}
