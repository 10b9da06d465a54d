//! Findings of the executor itself: nothing can run, nothing ends, a limit is reached.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::NodeId;
use crate::core::Core;
use crate::executor::{TaskInfo, Wait};
use crate::hub::{HUB, Hub};
use crate::life;
use crate::outcome::FindingKind;
use crate::property::found;

/// How many tasks a report names.
const NAMED: usize = 12;

/// Nothing can run and nothing is pending: says who waits where, and for what.
#[cold]
pub(crate) fn deadlock() {
    let who = HUB.with(|hub| {
        hub.node.set(NodeId::WORLD);
        waiting(hub)
    });
    found(FindingKind::Deadlock, format!("nothing can run and nothing is pending; {who}"), None);
}

/// A task made event after event in one step, or read the clock again and again: names it.
#[cold]
pub(crate) fn never_yields() {
    let message = format!("{} goes on and on in one step and never gives way", running());
    found(FindingKind::Livelock, message, None);
}

/// A task called libc again and again in one step, and cannot be stopped there: says who it is, and ends the process.
#[cold]
pub(crate) fn never_returns() -> ! {
    let message = format!("{} calls libc on and on in one step and never gives way\n", running());
    // Without a place to say it there is nothing better to do.
    let _ = std::io::stderr().write_all(message.as_bytes());
    std::process::abort();
}

/// Tasks ran at one instant for longer than the limit: names the one that ran last.
#[cold]
pub(crate) fn livelock(steps: u64) {
    let message = format!("{steps} steps without time passing; the last was of {}", running());
    found(FindingKind::Livelock, message, None);
}

/// The task that runs, or ran last.
fn running() -> String {
    HUB.with(|hub| {
        let (core, exec) = (hub.core.borrow(), hub.exec.borrow());
        match exec.info(hub.task.get()) {
            Some(task) if task.site.is_some() => describe(&core, &task),
            _ => "the test itself".to_owned(),
        }
    })
}

/// The limit of time or events is reached.
#[cold]
pub(crate) fn limit() {
    let message = HUB.with(|hub| {
        hub.node.set(NodeId::WORLD);
        let (now, events) = {
            let core = hub.core.borrow();
            (std::time::Duration::from_nanos(core.now), core.events)
        };
        format!("the limit is reached: {now:?} of virtual time, {events} events; {}", waiting(hub))
    });
    found(FindingKind::Limit, message, None);
}

fn waiting(hub: &Hub) -> String {
    let (core, exec) = (hub.core.borrow(), hub.exec.borrow());
    let tasks = exec.unfinished();
    let mut text = format!("the test itself waits {}", what(&core, hub, exec.main_wait()));
    for task in tasks.iter().take(NAMED) {
        write!(text, "; {} waits {}", describe(&core, task), what(&core, hub, task.wait))
            .expect("writing to memory cannot fail");
    }
    if tasks.len() > NAMED {
        write!(text, "; and {} tasks more", tasks.len() - NAMED).expect("writing to memory cannot fail");
    }
    for error in life::errors(&core) {
        write!(text, "; {error}").expect("writing to memory cannot fail");
    }
    text
}

fn describe(core: &Core, task: &TaskInfo) -> String {
    let site = task.site.map_or_else(String::new, |site| format!(" (spawned at {site})"));
    format!("task {} of node '{}'{site}", task.serial, core.node_name(task.node))
}

fn what(core: &Core, hub: &Hub, wait: Wait) -> String {
    match wait {
        Wait::Nothing => "for something that is not of the simulator: a channel, a lock".to_owned(),
        Wait::Sleep => "for a timer that cannot fire".to_owned(),
        Wait::Join(key) => match hub.exec.borrow().info(key) {
            Some(task) => format!("for {}", describe(core, &task)),
            None => "for a task that is gone".to_owned(),
        },
        Wait::Datagram(port) => format!("for a datagram at port {port}"),
        Wait::Accept(port) => format!("for a connection at port {port}"),
        Wait::Stream(place, doing) => core.describe_stream(place, doing),
        Wait::Reply(node) => format!("for a reply of node '{}'", core.node_name(node)),
        Wait::Request(port) => format!("for a request at port {port}"),
        Wait::Disk => "for the disk".to_owned(),
        Wait::Signal => "for a signal".to_owned(),
    }
}
