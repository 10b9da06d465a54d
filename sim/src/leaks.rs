//! How a world answers what its code asks of libc: the hooks of the [`guard`].

use std::backtrace::Backtrace;

use crate::guard::{self, Hooks};
use crate::hub::{HUB, Hub};
use crate::outcome::{Finding, FindingKind};
use crate::property::found;
use crate::report;

/// Sets the hooks, once for the process.
pub(crate) fn install() {
    guard::install(Hooks { monotonic_now, wall_now, fill_random, host_name, refused });
}

/// Calls `f` in the world of this thread. The simulator never calls libc for time or chance while it holds its core,
/// so the fallback is for a thread that is ending.
fn in_world<R>(fallback: R, f: impl FnOnce(&Hub) -> R) -> R {
    let answer = HUB.try_with(|hub| {
        let free = hub.core.try_borrow_mut().is_ok();
        free.then(|| f(hub))
    });
    answer.ok().flatten().unwrap_or(fallback)
}

/// Counts a call that takes no time. Made again and again it waits for what will not come, and nothing can unwind from
/// here through the caller's C frame: the process ends.
fn count(hub: &Hub) {
    if hub.reads_on_and_on() {
        report::never_returns();
    }
}

fn monotonic_now() -> u64 {
    in_world(0, |hub| {
        count(hub);
        let core = hub.core.borrow();
        core.clock(hub.node.get()).local(core.now)
    })
}

fn wall_now() -> u64 {
    in_world(0, |hub| {
        count(hub);
        let core = hub.core.borrow();
        core.clock(hub.node.get()).wall(core.now, core.epoch).as_nanos() as u64
    })
}

fn fill_random(bytes: &mut [u8]) {
    in_world((), |hub| {
        let core = &mut *hub.core.borrow_mut();
        let stream = core.node_rand(hub.node.get());
        for chunk in bytes.chunks_mut(8) {
            let word = core.chance.decide(stream, "libc", 0, |raw| raw);
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    });
}

fn host_name(buffer: &mut [u8]) -> usize {
    in_world(0, |hub| {
        let core = hub.core.borrow();
        let name = core.node_name(hub.node.get()).as_bytes();
        let fits = name.len().min(buffer.len());
        buffer[..fits].copy_from_slice(&name[..fits]);
        name.len()
    })
}

/// One finding for each call, however often the step makes it: the run ends with the step.
fn refused(what: &'static str) {
    in_world((), |hub| {
        count(hub);
        let known =
            |finding: &Finding| finding.kind == FindingKind::Refused && finding.message.as_str() == what;
        if hub.core.borrow().findings.iter().any(known) {
            return;
        }
        // To lose patience is to unwind, and this is no place for that.
        let patience = std::mem::replace(&mut hub.core.borrow_mut().patience, u64::MAX);
        found(FindingKind::Refused, what.to_owned(), Some(Backtrace::force_capture().to_string()));
        hub.core.borrow_mut().patience = patience;
    });
}
