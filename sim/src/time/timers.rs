//! Timers of tasks: armed, fired, cancelled, and armed again when their node's clock changes its pace.

use std::task::Waker;

use super::queue::{Kind, Planned, Queue};
use crate::NodeId;

/// A timer's place and generation; what a sleeping future holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    place: u32,
    generation: u32,
}

struct Timer {
    waker: Option<Waker>,
    generation: u32,
    node: NodeId,
    /// On the node's clock.
    deadline: u64,
    /// The event that armed it.
    cause: u64,
    /// Whether an entry in the queue stands for it; not while its node's clock stands still.
    queued: bool,
}

pub(crate) struct Timers {
    slots: Vec<Timer>,
    free: Vec<u32>,
}

impl Timers {
    pub(crate) const fn new() -> Timers {
        Timers { slots: Vec::new(), free: Vec::new() }
    }

    /// Forgets all timers; generations go on, so that keys from an earlier world fit nothing. The caller drops the
    /// wakers.
    pub(crate) fn reset(&mut self, wakers: &mut Vec<Waker>) {
        self.free.clear();
        for (place, timer) in self.slots.iter_mut().enumerate().rev() {
            wakers.extend(timer.waker.take());
            timer.queued = false;
            timer.generation = timer.generation.wrapping_add(1);
            self.free.push(place as u32);
        }
    }

    /// `at` is the deadline in true time; `None`: never, as the clock stands now.
    pub(crate) fn arm(
        &mut self,
        queue: &mut Queue,
        node: NodeId,
        deadline: u64,
        at: Option<u64>,
        cause: u64,
        waker: Waker,
    ) -> TimerKey {
        let place = self.free.pop().unwrap_or_else(|| {
            let empty = Timer { waker: None, generation: 0, node, deadline: 0, cause: 0, queued: false };
            self.slots.push(empty);
            self.slots.len() as u32 - 1
        });
        let timer = &mut self.slots[place as usize];
        timer.waker = Some(waker);
        timer.node = node;
        timer.deadline = deadline;
        timer.cause = cause;
        timer.queued = at.is_some();
        if let Some(at) = at {
            queue.push(at, Planned::new(Kind::Timer, timer.generation, place));
        }
        TimerKey { place, generation: timer.generation }
    }

    fn get(&mut self, key: TimerKey) -> Option<&mut Timer> {
        self.slots.get_mut(key.place as usize).filter(|timer| timer.generation == key.generation)
    }

    /// Changes whom a timer wakes; `false` when it has fired.
    pub(crate) fn rewake(&mut self, key: TimerKey, waker: &Waker) -> bool {
        let Some(timer) = self.get(key) else { return false };
        if !timer.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            timer.waker = Some(waker.clone());
        }
        true
    }

    #[inline]
    fn release(&mut self, place: u32) -> &mut Timer {
        self.free.push(place);
        let timer = &mut self.slots[place as usize];
        timer.generation = timer.generation.wrapping_add(1);
        timer
    }

    /// Cancels a timer, if it has not fired. Returns its waker, for the caller to drop outside of any borrow.
    pub(crate) fn cancel(&mut self, queue: &mut Queue, key: TimerKey) -> Option<Waker> {
        self.get(key)?;
        let timer = self.release(key.place);
        let (waker, queued) = (timer.waker.take(), std::mem::take(&mut timer.queued));
        if queued {
            queue.cancelled(|planned| self.is_stale(planned));
        }
        waker
    }

    /// Whether a queue entry stands for a timer that is gone.
    pub(crate) fn is_stale(&self, planned: Planned) -> bool {
        planned.kind() == Kind::Timer && !planned.fits(self.slots[planned.place() as usize].generation)
    }

    /// The node of a queue entry's timer, and the event that armed it; `None` when it is gone.
    pub(crate) fn whose(&self, planned: Planned) -> Option<(NodeId, u64)> {
        let timer = &self.slots[planned.place() as usize];
        planned.fits(timer.generation).then_some((timer.node, timer.cause))
    }

    /// A timer is due: its waker, its node, and the event that armed it. `None` for one that was cancelled.
    #[inline]
    pub(crate) fn fire(&mut self, planned: Planned) -> Option<(Waker, NodeId, u64)> {
        if !planned.fits(self.slots[planned.place() as usize].generation) {
            return None;
        }
        let timer = self.release(planned.place());
        timer.queued = false;
        let (node, cause) = (timer.node, timer.cause);
        timer.waker.take().map(|waker| (waker, node, cause))
    }

    /// Plans the timers of a node anew: its clock has changed its pace. A rare event, hence the walk.
    pub(crate) fn replan(&mut self, queue: &mut Queue, node: NodeId, when: impl Fn(u64) -> Option<u64>) {
        for place in 0..self.slots.len() {
            let timer = &mut self.slots[place];
            if timer.waker.is_none() || timer.node != node {
                continue;
            }
            // The key that the sleeping future holds must go on fitting, so the generation stays, and the entry
            // that lies in the queue is told apart by its time: see `due`.
            timer.queued = false;
            if let Some(at) = when(timer.deadline) {
                timer.queued = true;
                queue.push(at, Planned::new(Kind::Timer, timer.generation, place as u32));
            }
        }
    }

    /// Whether the timer of a queue entry is due at `now`, true time: an entry from before a change of pace may
    /// come up too early, while the one that counts is still in the queue.
    #[inline]
    pub(crate) fn due(&self, planned: Planned, is_due: impl FnOnce(NodeId, u64) -> bool) -> bool {
        let timer = &self.slots[planned.place() as usize];
        !planned.fits(timer.generation) || is_due(timer.node, timer.deadline)
    }
}
