//! The world from outside: what a test may do to it.

mod nodes;
mod weather;

pub(crate) use nodes::add_node;
pub use nodes::{Factory, IntoExit};

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::NodeId;
use crate::chance::Stream;
use crate::executor::{self, JoinHandle};
use crate::hub::{HUB, Hub, looking, with_core};
use crate::net::Counters;
use crate::outcome::FindingKind;
use crate::property::found;
use crate::schedule;
use crate::trace::code;

/// A handle on the world of this thread, for the test that runs in it: makes nodes and does things to them.
///
/// Code of a node should not have one; it would know more than a real process can.
#[derive(Clone, Copy, Debug)]
pub struct World {
    here: PhantomData<*const ()>,
}

/// An invariant with its name.
pub(crate) struct Watcher {
    name: String,
    check: Rc<dyn Fn() -> Result<(), String>>,
}

impl World {
    pub(crate) fn here() -> World {
        World { here: PhantomData }
    }

    /// True virtual time since the start of the world, which no node can read.
    ///
    /// A step that reads it may tell, of steps on different nodes, which came first: [`search`](crate::schedule::search)
    /// takes no two such steps for independent.
    pub fn now(self) -> Duration {
        looking(|core| Duration::from_nanos(core.now))
    }

    /// Ends the rule of the run's strategy: from here on things happen at their times, and of ready tasks any may be
    /// next. True when a strategy has ruled until now. The calm calls it: whether something good happens in time is only
    /// judged under a schedule that is fair.
    pub fn default_schedule(self) -> bool {
        HUB.with(schedule::hand_over)
    }

    /// Starts a task on a node, as if its own code had. Nothing happens when the node is down.
    #[track_caller]
    pub fn spawn_on<F>(self, node: NodeId, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        executor::spawn_on(node, future, Location::caller())
    }

    /// Watches an invariant: it is looked at after every step of every task, and its first failure is a finding that
    /// ends the run. It must not wait and must not change anything. A [`search`](crate::schedule::search) then tells all
    /// orders of steps apart.
    pub fn watch(self, name: impl Into<String>, check: impl Fn() -> Result<(), String> + 'static) {
        with_core(|core| core.watchers.push(Watcher { name: name.into(), check: Rc::new(check) }));
        HUB.with(|hub| hub.watched.set(true));
    }

    /// Notes that a claim of the test has fallen; the run ends here.
    pub fn fail(self, message: impl Into<String>) {
        found(FindingKind::Claim, message.into(), None);
    }

    /// A stream of chance for the test's own decisions, by name: for a workload, for weather.
    pub fn stream(self, name: &str) -> Stream {
        with_core(|core| core.named_stream(name))
    }

    /// Writes a note into the trace. It is no event and changes no digest.
    pub fn note(self, text: &str) {
        with_core(|core| {
            core.annotate("note", NodeId::WORLD, |line| {
                line.text("message", text);
            });
        });
    }

    /// Writes an event of a client's history into digest and trace: `what` as in "call", "return".
    pub fn client_event(self, client: u64, what: &str, text: &str) {
        with_core(|core| {
            let node = crate::hub::HUB.with(|hub| hub.node.get());
            core.record(code::CLIENT, node, client, crate::chance::name_hash(text), |line, _| {
                line.field("client", client).text("what", what).text("message", text);
            });
        });
    }

    /// What has been sent so far.
    pub fn counters(self) -> Counters {
        looking(|core| core.counters())
    }

    /// The digest of all events so far.
    pub fn digest(self) -> u64 {
        looking(|core| core.digest)
    }

    /// How many events there were so far.
    pub fn events(self) -> u64 {
        looking(|core| core.events)
    }
}

/// Lets the watchers look, after a step.
#[cold]
pub(crate) fn look(hub: &Hub) {
    // They may look at what any node has changed: no step is independent of the others.
    hub.looked.set(true);
    let watchers = std::mem::take(&mut hub.core.borrow_mut().watchers);
    let failed = watchers.iter().find_map(|watcher| (watcher.check)().err().map(|why| (&watcher.name, why)));
    let message = failed.map(|(name, why)| format!("{name}: {why}"));
    {
        // A watcher may have been added meanwhile.
        let added = std::mem::replace(&mut hub.core.borrow_mut().watchers, watchers);
        hub.core.borrow_mut().watchers.extend(added);
    }
    if let Some(message) = message {
        hub.node.set(NodeId::WORLD);
        found(FindingKind::Invariant, message, None);
    }
}
