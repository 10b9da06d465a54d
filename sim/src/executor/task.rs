//! Spawning and joining, in both worlds.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::MaybeDone;

use super::{Phase, Removed, TaskKey, Wait};
use crate::NodeId;
use crate::hub::{HUB, simulated};
use crate::life::Life;
use crate::trace::code;

/// A future whose result stays with it until it is fetched.
pub(crate) trait Runnable: Future<Output = ()> {
    /// Moves the result into `slot`, an `&mut Option<T>` for the right `T`.
    fn take_output(self: Pin<&mut Self>, slot: &mut dyn Any);
}

impl<F: Future<Output: 'static>> Runnable for MaybeDone<F> {
    fn take_output(self: Pin<&mut Self>, slot: &mut dyn Any) {
        *slot.downcast_mut::<Option<F::Output>>().expect("the handle knows its task's type") =
            MaybeDone::take_output(self);
    }
}

/// Starts a task on the node whose code runs.
///
/// In a world the future need not be `Send`: a world has one thread. For real it runs on the current thread too, in
/// the `LocalSet` of `sim::real::block_on`.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    if !simulated() {
        return JoinHandle { inner: Inner::Real(tokio::task::spawn_local(future)) };
    }
    let node = HUB.with(|hub| hub.node.get());
    spawn_on(node, future, Location::caller())
}

pub(crate) fn spawn_on<F>(node: NodeId, future: F, site: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    HUB.with(|hub| {
        let is_down = || hub.core.borrow().nodes[node.index()].life != Life::Up;
        if hub.fenced.get() || is_down() {
            // The node is dead: neither its destructors nor others start anything on it.
            drop(future);
            return JoinHandle { inner: Inner::Simulated(TaskKey::new(u32::MAX, u32::MAX), PhantomData) };
        }
        let task = Box::pin(futures::future::maybe_done(future));
        let (key, serial) = hub.exec.borrow_mut().insert(node, task, site, hub.cause.get());
        hub.core.borrow_mut().record(code::SPAWN, node, serial, 0, |line, _| {
            line.field("task", serial).text("site", &site.to_string());
        });
        JoinHandle { inner: Inner::Simulated(key, PhantomData) }
    })
}

/// Waits for a task's result. Dropping it lets the task go on; [`JoinHandle::abort`] ends it.
#[must_use = "a handle that is dropped leaves its task running on its own"]
pub struct JoinHandle<T> {
    inner: Inner<T>,
}

enum Inner<T> {
    Simulated(TaskKey, PhantomData<fn() -> T>),
    Real(tokio::task::JoinHandle<T>),
}

/// The task did not come to its end: it was aborted, its node crashed, or (for real) it panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task was {}", if *.panicked { "ended by a panic" } else { "cancelled" })]
pub struct JoinError {
    panicked: bool,
}

impl JoinError {
    /// Whether the task was aborted or its node crashed.
    pub fn is_cancelled(&self) -> bool {
        !self.panicked
    }

    /// Whether the task panicked. In a world a panic ends the run instead: it is a finding.
    pub fn is_panic(&self) -> bool {
        self.panicked
    }
}

impl<T: 'static> JoinHandle<T> {
    /// Ends the task at once; its destructors run now.
    pub fn abort(&self) {
        match &self.inner {
            Inner::Simulated(key, _) => HUB.with(|hub| {
                let unfinished = !matches!(hub.exec.borrow().state(*key), None | Some(Phase::Done));
                if unfinished {
                    let node = hub.exec.borrow().info(*key).map_or(NodeId::WORLD, |info| info.node);
                    let removed = hub.exec.borrow_mut().remove(*key);
                    dispose(node, removed);
                }
            }),
            Inner::Real(handle) => handle.abort(),
        }
    }

    /// Whether the task has ended, one way or another.
    pub fn is_finished(&self) -> bool {
        match &self.inner {
            Inner::Simulated(key, _) => {
                HUB.with(|hub| matches!(hub.exec.borrow().state(*key), None | Some(Phase::Done)))
            }
            Inner::Real(handle) => handle.is_finished(),
        }
    }
}

/// Runs the destructors of a removed task as code of its node, then tells who waited for it.
pub(crate) fn dispose(node: NodeId, (task, joiner): Removed) {
    HUB.with(|hub| {
        let caller = hub.node.replace(node);
        crate::guard::inside(|| drop(task));
        hub.node.set(caller);
    });
    if let Some(joiner) = joiner {
        joiner.wake();
    }
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.inner {
            Inner::Simulated(key, _) => {
                let key = *key;
                let finished = HUB.with(|hub| {
                    let mut exec = hub.exec.borrow_mut();
                    match exec.state(key) {
                        None => Poll::Ready(None),
                        Some(Phase::Done) => Poll::Ready(exec.remove(key).0),
                        Some(_) => {
                            exec.slots[key.slot()].joiner = Some(cx.waker().clone());
                            hub.wait.set(Wait::Join(key));
                            Poll::Pending
                        }
                    }
                });
                let mut output: Option<T> = None;
                if let Some(mut task) = ready!(finished) {
                    task.as_mut().take_output(&mut output);
                }
                Poll::Ready(output.ok_or(JoinError { panicked: false }))
            }
            Inner::Real(handle) => {
                let result = ready!(Pin::new(handle).poll(cx));
                Poll::Ready(result.map_err(|error| JoinError { panicked: error.is_panic() }))
            }
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let Inner::Simulated(key, _) = self.inner else { return };
        let result = HUB.try_with(|hub| {
            let mut exec = hub.exec.borrow_mut();
            match exec.state(key) {
                None => None,
                Some(Phase::Done) => exec.remove(key).0,
                Some(_) => {
                    let slot = &mut exec.slots[key.slot()];
                    slot.detached = true;
                    slot.joiner.take();
                    None
                }
            }
        });
        drop(result);
    }
}
