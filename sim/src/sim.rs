//! Running a world: pick a task, poll it, and when none is ready let time jump to the next event.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::config::Config;
use crate::core::Core;
use crate::executor::{self, Runnable, TaskKey, Wait};
use crate::hub::{HUB, Hub};
use crate::life::{self, Death};
use crate::net::rpc::forget_connections;
use crate::outcome::{FindingKind, Outcome};
use crate::property::found;
use crate::schedule::{self, Line, Strategy};
use crate::time::clock::NEVER;
use crate::time::queue::{Kind, Planned};
use crate::trace::{self, code};
use crate::world::{self, World};
use crate::{NodeId, Seed, guard, leaks, panics, report};

/// Owns a world on this thread. There can be one at a time; dropping it ends it, destructors and all.
///
/// ```
/// use stormglass_sim::{Seed, Sim, time};
///
/// let outcome = Sim::new(Seed(417)).run(|world| async move {
///     time::sleep(std::time::Duration::from_secs(3600)).await; // an hour passes in no time
///     world.now()
/// });
/// assert_eq!(outcome.unwrap().as_secs(), 3600);
/// ```
pub struct Sim {
    seed: Seed,
    limits: Limits,
    /// A world lives in its thread.
    here: PhantomData<*const ()>,
}

#[derive(Clone, Copy)]
struct Limits {
    time: u64,
    end: u64,
    events: u64,
    steps_at_once: u64,
}

impl Sim {
    /// A world of calm weather.
    ///
    /// # Panics
    /// When this thread has a world already.
    pub fn new(seed: Seed) -> Sim {
        Sim::with(seed, Config::default())
    }

    /// A world as `config` says.
    ///
    /// # Panics
    /// When this thread has a world already.
    pub fn with(seed: Seed, config: Config) -> Sim {
        Sim::made(seed, &config, None)
    }

    /// A world as `config` says, in which this strategy chooses what happens next, and not `config.schedule`.
    ///
    /// # Panics
    /// When this thread has a world already.
    pub fn scheduled(seed: Seed, config: Config, strategy: Box<dyn Strategy>) -> Sim {
        Sim::made(seed, &config, Some(strategy))
    }

    fn made(seed: Seed, config: &Config, strategy: Option<Box<dyn Strategy>>) -> Sim {
        panics::install();
        leaks::install();
        HUB.with(|hub| {
            assert!(!hub.occupied.replace(true), "this thread has a world already; drop its Sim first");
            hub.node.set(NodeId::WORLD);
            hub.task.set(TaskKey::MAIN);
            hub.cause.set(0);
            hub.stop.set(false);
            hub.watched.set(false);
            hub.ambushed.set(false);
            hub.fenced.set(false);
            hub.woken.borrow_mut().clear();
            hub.exec.borrow_mut().reset();
            hub.looked.set(false);
            let core = &mut *hub.core.borrow_mut();
            core.reset(seed, config);
            let line =
                strategy.or_else(|| config.schedule.strategy()).map(|strategy| Line::new(core, strategy));
            hub.scheduled.set(line.is_some());
            hub.line.replace(line);
        });
        world::add_node("world", None, None);
        let limits = Limits {
            time: config.max_time.map_or(u64::MAX, crate::net::nanos),
            end: config.ends_at.map_or(u64::MAX, crate::net::nanos),
            events: config.max_events.unwrap_or(u64::MAX),
            steps_at_once: config.max_steps_at_once,
        };
        Sim { seed, limits, here: PhantomData }
    }

    /// Runs the world until the test that `f` makes is done, or something is found. What the nodes are doing then
    /// stops where it is; another `run` goes on from there.
    pub fn run<F: Future>(&mut self, f: impl FnOnce(World) -> F) -> Outcome<F::Output> {
        let tracing = HUB.with(|hub| hub.core.borrow().trace.is_some());
        let _logs = tracing.then(|| tracing::subscriber::set_default(trace::subscriber()));
        let value = HUB.with(|hub| {
            hub.running.set(true);
            hub.stop.set(false);
            hub.exec.borrow_mut().start_main();
            // The closure is the test's own code too: it may panic.
            let made = catch_unwind(AssertUnwindSafe(|| guard::inside(|| f(World::here()))));
            let value = match made {
                Ok(main) => drive(hub, pin!(main), self.limits),
                Err(payload) => {
                    panicked(hub, payload);
                    None
                }
            };
            hub.running.set(false);
            hub.node.set(NodeId::WORLD);
            value
        });
        self.outcome(value)
    }

    fn outcome<T>(&self, value: Option<T>) -> Outcome<T> {
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            Outcome {
                seed: self.seed,
                // After a finding the value may rest on what went wrong.
                value: value.filter(|_| core.findings.is_empty()),
                findings: std::mem::take(&mut core.findings),
                now: Duration::from_nanos(core.now),
                digest: core.digest,
                events: core.events,
                properties: core.properties.take(),
                drawn: core.chance.drawn(),
                coverage: core.coverage.take(),
                decisions: core.chance.take_record(),
                trace: core.trace.as_mut().map(|trace| std::mem::take(&mut trace.lines)),
            }
        })
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        HUB.with(|hub| {
            // Destructors of the nodes' tasks see a world in which they can do nothing any more.
            hub.running.set(true);
            hub.fenced.set(true);
            hub.node.set(NodeId::WORLD);
            let tasks = hub.exec.borrow_mut().take_all();
            let dropped = catch_unwind(AssertUnwindSafe(|| guard::inside(|| drop(tasks))));
            let remains = hub.core.borrow_mut().end();
            let line = hub.line.take();
            hub.scheduled.set(false);
            let dropped = dropped.and_then(|()| catch_unwind(AssertUnwindSafe(|| drop((remains, line)))));
            forget_connections();
            panics::take();
            hub.fenced.set(false);
            hub.running.set(false);
            hub.occupied.set(false);
            if let (Err(payload), false) = (dropped, std::thread::panicking()) {
                std::panic::resume_unwind(payload);
            }
        });
    }
}

/// Why a stretch of running ended.
enum End<T> {
    Done(T),
    Stopped,
}

/// Runs until the end. A panic unwinds to here: no poll pays for catching it.
fn drive<F: Future>(hub: &Hub, mut main: Pin<&mut F>, limits: Limits) -> Option<F::Output> {
    loop {
        match catch_unwind(AssertUnwindSafe(|| turn(hub, main.as_mut(), limits))) {
            Ok(End::Done(value)) => return Some(value),
            Ok(End::Stopped) => return None,
            Err(payload) => {
                panicked(hub, payload);
                if hub.stop.get() {
                    return None;
                }
            }
        }
    }
}

fn turn<F: Future>(hub: &Hub, mut main: Pin<&mut F>, limits: Limits) -> End<F::Output> {
    let mut steps = 0_u64;
    loop {
        while let Some(picked) = pick(hub) {
            // Killed while it was queued, or parked because its node is paused.
            let Some(picked) = picked else { continue };
            steps += 1;
            if steps > limits.steps_at_once {
                report::livelock(limits.steps_at_once);
                return End::Stopped;
            }
            let waker = std::mem::ManuallyDrop::new(executor::waker(picked.key));
            let cx = &mut Context::from_waker(&waker);
            match picked.task {
                Some(mut task) => {
                    guard::enter();
                    let poll = task.as_mut().poll(cx);
                    guard::leave();
                    let (leftover, joiner) = match poll {
                        _ if hub.fenced.get() => died(hub, picked.key, picked.node, task),
                        Poll::Pending => {
                            (hub.exec.borrow_mut().put_back(picked.key, Some(task), hub.wait.get()), None)
                        }
                        Poll::Ready(()) => {
                            hub.core.borrow_mut().record(
                                code::EXIT,
                                picked.node,
                                picked.serial,
                                0,
                                |line, _| {
                                    line.field("task", picked.serial);
                                },
                            );
                            hub.exec.borrow_mut().finish(picked.key, task)
                        }
                    };
                    if leftover.is_some() || joiner.is_some() {
                        executor::dispose(picked.node, (leftover, joiner));
                    }
                }
                None => {
                    guard::enter();
                    let poll = main.as_mut().poll(cx);
                    guard::leave();
                    match poll {
                        Poll::Ready(value) => {
                            if hub.watched.get() {
                                world::look(hub);
                            }
                            return End::Done(value);
                        }
                        Poll::Pending => {
                            drop(hub.exec.borrow_mut().put_back(picked.key, None, hub.wait.get()))
                        }
                    }
                }
            }
            if hub.watched.get() {
                world::look(hub);
            }
            if hub.stop.get() {
                return End::Stopped;
            }
        }
        if !advance(hub, limits) {
            return End::Stopped;
        }
        steps = 0;
    }
}

/// Picks who runs next and makes the hub its own; `None` when nobody is ready, `Some(None)` when whoever was picked
/// cannot run after all.
#[inline(always)]
fn pick(hub: &Hub) -> Option<Option<executor::Picked>> {
    let mut exec = hub.exec.borrow_mut();
    {
        let woken = &mut *hub.woken.borrow_mut();
        if !woken.is_empty() {
            exec.admit(woken);
        }
    }
    if hub.scheduled.get() {
        drop(exec);
        let picked = schedule::pick(hub)?;
        return Some(picked.map(|picked| begin(hub, &mut hub.core.borrow_mut(), picked)));
    }
    let ready = exec.ready();
    if ready == 0 {
        return None;
    }
    let core = &mut *hub.core.borrow_mut();
    let Some(picked) = exec.pick(core.schedule(ready)) else { return Some(None) };
    Some(Some(begin(hub, core, picked)))
}

/// Makes the hub the picked task's own.
#[inline(always)]
fn begin(hub: &Hub, core: &mut Core, picked: executor::Picked) -> executor::Picked {
    hub.node.set(picked.node);
    hub.task.set(picked.key);
    hub.wait.set(Wait::Nothing);
    hub.readings.set(0);
    hub.cause.set(picked.cause);
    core.begin_step();
    let run = core.record(code::RUN, picked.node, picked.serial, 0, |line, _| {
        line.field("task", picked.serial);
    });
    hub.cause.set(run);
    picked
}

/// What came of waiting for the next event.
enum Next {
    Happened,
    Nothing,
    Limit,
}

/// Lets time jump to the next event, and lets it happen. `false` when the run must end.
#[inline(always)]
fn advance(hub: &Hub, limits: Limits) -> bool {
    match next(hub, limits) {
        Next::Happened => {
            wake_all(hub);
            return true;
        }
        Next::Nothing => report::deadlock(),
        // What a strategy kept from happening in time has its time anew.
        Next::Limit if !is_over(hub, limits) && schedule::hand_over(hub) => {
            wake_all(hub);
            return true;
        }
        Next::Limit if hub.core.borrow().now > limits.end => {}
        Next::Limit => report::limit(),
    }
    false
}

/// Whether the run ends here whoever rules.
#[cold]
fn is_over(hub: &Hub, limits: Limits) -> bool {
    let core = hub.core.borrow();
    core.now > limits.end || core.events > limits.events
}

#[inline(always)]
fn next(hub: &Hub, limits: Limits) -> Next {
    let scheduled = hub.scheduled.get();
    let chosen = if scheduled { schedule::take(hub) } else { None };
    let core = &mut *hub.core.borrow_mut();
    match chosen {
        // It may turn out to be nothing; then there is another choice.
        Some((at, planned)) => _ = happens(hub, core, at, planned),
        // Node code closed something that others wait for.
        None if !core.wakers.is_empty() => return Next::Happened,
        None if scheduled => return Next::Nothing,
        None => loop {
            let next = core.queue.pop(|planned| core.timers.is_stale(planned));
            let Some((at, planned)) = next.filter(|(at, _)| *at != NEVER) else {
                return Next::Nothing;
            };
            if happens(hub, core, at, planned) {
                break;
            }
        },
    }
    if core.now - core.fair_since > limits.time || core.now > limits.end || core.events > limits.events {
        Next::Limit
    } else {
        Next::Happened
    }
}

/// Lets what was planned happen. `false`: it was cancelled, or is not due.
#[inline(always)]
fn happens(hub: &Hub, core: &mut Core, at: u64, planned: Planned) -> bool {
    // A timer that a strategy made late is planned anew, at its old time, when its node's clock is set.
    let at = at.max(core.now);
    match planned.kind() {
        Kind::Timer => {
            let nodes = &core.nodes;
            let is_due = |node: NodeId, deadline| nodes[node.index()].clock.local(at) >= deadline;
            let due = core.timers.due(planned, is_due);
            let fired = if due { core.timers.fire(planned) } else { None };
            let Some((waker, node, armed)) = fired else {
                core.queue.skipped();
                return false;
            };
            core.now = at;
            hub.cause.set(armed);
            let event = core.record(code::TIMER, node, armed, 0, |_, _| ());
            hub.cause.set(event);
            core.wakers.push(waker);
            true
        }
        Kind::Message => {
            core.now = at;
            hub.cause.set(0);
            core.arrive(planned.place());
            true
        }
        Kind::Stream => core.stream_timer(at, planned),
    }
}

/// Wakes whom the last event concerns, now that no borrow is held.
#[inline]
fn wake_all(hub: &Hub) {
    let only = {
        let wakers = &mut hub.core.borrow_mut().wakers;
        if wakers.len() == 1 { wakers.pop() } else { None }
    };
    if let Some(waker) = only {
        return waker.wake();
    }
    let mut wakers = std::mem::take(&mut hub.core.borrow_mut().wakers);
    for waker in wakers.drain(..) {
        waker.wake();
    }
    let core = &mut *hub.core.borrow_mut();
    if core.wakers.is_empty() {
        core.wakers = wakers;
    }
}

/// A step has come to its end all the same although its node has died in it: it was the node's own doing, or the
/// unwinding with which the node gave up was caught.
#[cold]
fn died(hub: &Hub, key: TaskKey, node: NodeId, task: Pin<Box<dyn Runnable>>) -> executor::Removed {
    // A task that is still there has a node that does not know yet.
    let gave_up = hub.exec.borrow().info(key).is_some();
    let (_, joiner) = hub.exec.borrow_mut().remove(key);
    executor::dispose(node, (Some(task), joiner));
    hub.fenced.set(false);
    if gave_up {
        life::stop(node, Death::Crash);
    }
    (None, None)
}

/// Code panicked: its own node gave up, or it is a finding.
#[cold]
fn panicked(hub: &Hub, payload: Box<dyn Any + Send>) {
    guard::leave();
    let note = panics::take();
    if payload.is::<panics::NeverYields>() {
        report::never_yields();
    }
    let (node, key) = (hub.node.get(), hub.task.get());
    let removed = hub.exec.borrow_mut().remove(key);
    executor::dispose(node, removed);
    hub.fenced.set(false);
    if payload.is::<panics::NodeAborts>() {
        life::stop(node, Death::Crash);
        return;
    }
    if payload.is::<panics::NeverYields>() {
        return;
    }
    let message = panics::message(&*payload);
    let (place, backtrace) =
        note.map_or((String::new(), None), |note| (format!(" ({})", note.location), Some(note.backtrace)));
    found(FindingKind::Panic, format!("{message}{place}"), backtrace);
}
