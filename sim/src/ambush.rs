//! Ambushes: a node dies at a chosen instant of its own doing, where a crash at a drawn time would hardly ever hit.

use std::rc::Rc;

use crate::hub::{HUB, looks, with_core};
use crate::world::World;
use crate::{NodeId, node};

/// An instant at which much is true that nobody knows of yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Juncture {
    /// An fsync has just succeeded, and the code that waits for it has not gone on.
    Synced,
    /// A reply to a call is just about to be sent.
    Replying,
}

/// Says of a node at a juncture whether it dies there.
pub(crate) type Ambush = Rc<dyn Fn(NodeId, Juncture) -> bool>;

impl World {
    /// Lies in wait for nodes: `strikes` is asked at every [`Juncture`] of every node, and a node dies where it says so, as in
    /// [`World::crash`]. It may draw and send to channels, and must not wait. There is one ambush at a time.
    pub fn ambush(self, strikes: impl Fn(NodeId, Juncture) -> bool + 'static) {
        set(Some(Rc::new(strikes)));
    }

    /// Lies in wait no longer.
    pub fn lift_ambush(self) {
        set(None);
    }
}

fn set(ambush: Option<Ambush>) {
    HUB.with(|hub| hub.ambushed.set(ambush.is_some()));
    let before = with_core(|core| std::mem::replace(&mut core.ambush, ambush));
    // The closure is its user's code: dropped when no borrow is held.
    drop(before);
}

/// The running node is at a juncture. Does not return when it dies there.
#[inline]
pub(crate) fn at(juncture: Juncture) {
    if HUB.with(|hub| hub.ambushed.get() && !hub.fenced.get()) {
        ask(juncture);
    }
}

#[cold]
fn ask(juncture: Juncture) {
    looks(); // one closure for all nodes: it may count, or draw
    let (running, ambush) = HUB.with(|hub| (hub.node.get(), hub.core.borrow().ambush.clone()));
    // A destructor that replies while its task unwinds cannot unwind once more.
    if running == NodeId::WORLD || std::thread::panicking() {
        return;
    }
    if ambush.is_some_and(|strikes| strikes(running, juncture)) {
        node::abort();
    }
}
