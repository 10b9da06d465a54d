//! Sleeping.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Instant;
use super::clock::NEVER;
use super::instant::real_origin;
use super::timers::TimerKey;
use crate::executor::Wait;
use crate::hub::{HUB, Hub, simulated};

/// Completes once `duration` has passed on the clock of the node whose code runs.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration)
}

/// Completes once the clock of the node whose code runs shows `deadline`.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, state: State::Unarmed }
}

/// The future of [`sleep`]. Dropping it cancels its timer.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    deadline: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    Unarmed,
    Armed(TimerKey),
    Real(Pin<Box<tokio::time::Sleep>>),
}

impl Sleep {
    /// When it completes.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Moves the deadline. Who waits for it is woken at the new one.
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let State::Real(sleep) = &mut self.state {
            sleep.as_mut().reset((real_origin() + Duration::from_nanos(deadline.0)).into());
        } else if let Some(waker) = self.cancel() {
            HUB.with(|hub| self.arm(hub, waker));
        }
    }

    /// Whether the deadline has come.
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Cancels the timer; returns whom it would have woken.
    fn cancel(&mut self) -> Option<Waker> {
        let State::Armed(key) = self.state else { return None };
        self.state = State::Unarmed;
        let waker = HUB.try_with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            core.timers.cancel(&mut core.queue, key)
        });
        waker.ok().flatten()
    }

    fn arm(&mut self, hub: &Hub, waker: Waker) {
        let core = &mut *hub.core.borrow_mut();
        let node = hub.node.get();
        // A deadline that has passed is due at once: time does not go back to it.
        let at = core.clock(node).when(self.deadline.0).map(|at| at.max(core.now));
        let key = core.timers.arm(&mut core.queue, node, self.deadline.0, at, hub.cause.get(), waker);
        self.state = State::Armed(key);
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Real(sleep) = &mut self.state {
            return sleep.as_mut().poll(cx);
        }
        if !simulated() {
            let deadline = real_origin() + Duration::from_nanos(self.deadline.0);
            let mut sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
            let poll = sleep.as_mut().poll(cx);
            self.state = State::Real(sleep);
            return poll;
        }
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            let node = hub.node.get();
            let clock = *core.clock(node);
            if clock.local(core.now) >= self.deadline.0 {
                return Poll::Ready(());
            }
            hub.wait.set(Wait::Sleep);
            match self.state {
                State::Armed(key) if core.timers.rewake(key, cx.waker()) => {}
                _ => {
                    let at = clock.when(self.deadline.0);
                    let (queue, waker) = (&mut core.queue, cx.waker().clone());
                    let key = core.timers.arm(queue, node, self.deadline.0, at, hub.cause.get(), waker);
                    self.state = State::Armed(key);
                }
            }
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        drop(self.cancel());
    }
}

/// Completes once `duration` of true time has passed, whatever the clock of the node shows: a disk does not look at
/// it. Only inside a world.
pub(crate) fn true_sleep(duration: Duration) -> TrueSleep {
    let deadline = HUB.with(|hub| hub.core.borrow().now).saturating_add(crate::net::nanos(duration));
    TrueSleep { deadline, key: None }
}

/// The future of [`true_sleep`]. Its timer runs on the world's clock, which nothing skews.
#[derive(Debug)]
pub(crate) struct TrueSleep {
    deadline: u64,
    key: Option<TimerKey>,
}

impl Future for TrueSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            if core.now >= self.deadline {
                return Poll::Ready(());
            }
            hub.wait.set(Wait::Disk);
            match self.key {
                Some(key) if core.timers.rewake(key, cx.waker()) => {}
                _ => {
                    let (queue, waker, at) = (&mut core.queue, cx.waker().clone(), self.deadline);
                    let when = (at != NEVER).then_some(at);
                    let key = core.timers.arm(queue, crate::NodeId::WORLD, at, when, hub.cause.get(), waker);
                    self.key = Some(key);
                }
            }
            Poll::Pending
        })
    }
}

impl Drop for TrueSleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = HUB.try_with(|hub| {
                let core = &mut *hub.core.borrow_mut();
                core.timers.cancel(&mut core.queue, key)
            });
            drop(waker);
        }
    }
}
