//! The node whose code runs, as seen from inside.

use std::fmt;

use crate::hub::{HUB, simulated};
use crate::panics::NodeAborts;

/// Names a node of a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The test itself: a node without faults of its own, which is never down.
    pub const WORLD: NodeId = NodeId(0);

    #[inline]
    pub(crate) fn at(index: usize) -> NodeId {
        NodeId(index as u32)
    }

    /// Its place in the order in which nodes were made; the test itself is 0.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

/// Whether this code runs in a world.
pub fn is_simulated() -> bool {
    simulated()
}

/// The name of the node whose code runs; for real, the host's.
pub fn name() -> String {
    if !simulated() {
        return std::env::var("HOSTNAME").unwrap_or_else(|_| "localhost".to_owned());
    }
    HUB.with(|hub| hub.core.borrow().node_name(hub.node.get()).to_owned())
}

/// Ends the node's process at this instant, as `std::process::abort` does: for code that must not go on, such as a
/// server whose fsync has failed. In a world this is a crash of the node, and no finding. It unwinds; who catches that
/// can neither send nor write, and dies at the end of the step.
pub fn abort() -> ! {
    if !simulated() {
        std::process::abort();
    }
    // From here to the crash, destructors of the unwinding task can neither send nor write.
    HUB.with(|hub| hub.fenced.set(true));
    std::panic::resume_unwind(Box::new(NodeAborts))
}
