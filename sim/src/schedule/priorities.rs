//! Strategies by priority: PCT over nodes and links, PCT over chains of messages, and partial-order sampling.
//!
//! PCT's promise, a bug of depth *d* among *n* lanes and *k* choices with probability 1/(n·k^(d−1)) at least, is for
//! a run of known length. Ours are long and of unknown length, so it is made anew for every stretch of *k* choices,
//! with *k* drawn each time: fresh priorities, fresh change points.

use rustc_hash::FxHashMap;

use super::{Dice, Event, Strategy};

/// PCT's lanes: whatever has a lane of its own keeps its priority until a change point.
struct Lanes {
    depth: u8,
    /// Higher is first. Those that fell are below all that were drawn.
    priority: FxHashMap<u64, u64>,
    /// Choices left of this stretch, and at how many left the highest falls: to the priority of the change point, its
    /// number. The points are in no order, so who falls later may end above who fell before.
    left: u64,
    changes: Vec<u64>,
}

/// Priorities that are drawn lie above this; those below are the change points'.
const DRAWN: u64 = 1 << 32;

impl Lanes {
    fn new(depth: u8) -> Lanes {
        Lanes { depth, priority: FxHashMap::default(), left: 0, changes: Vec::new() }
    }

    fn priority(&mut self, lane: u64, dice: &mut Dice) -> u64 {
        *self.priority.entry(lane).or_insert_with(|| dice.bits() | DRAWN)
    }

    /// The place of the event whose lane is highest, after the changes that are due. Equals: the oldest.
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice, lane: impl Fn(&Event) -> u64) -> usize {
        if self.left == 0 {
            let length = dice.power(6, 14);
            self.priority.clear();
            self.left = length;
            self.changes = (1..self.depth).map(|_| dice.below(length)).collect();
        }
        self.left -= 1;
        let mut highest = |lanes: &mut Lanes| {
            let mut best = (0, 0);
            for (place, event) in enabled.iter().enumerate() {
                let priority = lanes.priority(lane(event), dice);
                if priority > best.1 {
                    best = (place, priority);
                }
            }
            best.0
        };
        let mut place = highest(self);
        for point in 0..self.changes.len() {
            if self.changes[point] == self.left {
                self.priority.insert(lane(&enabled[place]), 1 + point as u64);
                place = highest(self);
            }
        }
        place
    }
}

/// PCT with a lane for every node, its tasks and timers, and one for every link: so it is slow processes and slow links.
pub(super) struct Nodes(Lanes);

impl Nodes {
    pub(super) fn new(depth: u8) -> Nodes {
        Nodes(Lanes::new(depth))
    }
}

impl Strategy for Nodes {
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice) -> usize {
        self.0.choose(enabled, dice, |event| (event.from.index() as u64) << 32 | event.node.index() as u64)
    }
}

/// PCT with a lane for every chain: an event goes on with the chain of its cause if nothing else has, or else opens
/// one. Chains are cut out of the partial order as it grows.
pub(super) struct Chains {
    lanes: Lanes,
    /// The chain of each event that waits.
    chain: FxHashMap<u64, u64>,
    /// The chains whose last event has happened, by that event.
    open: FxHashMap<u64, u64>,
    opened: u64,
}

impl Chains {
    pub(super) fn new(depth: u8) -> Chains {
        let lanes = Lanes::new(depth);
        Chains { lanes, chain: FxHashMap::default(), open: FxHashMap::default(), opened: 0 }
    }

    fn enter(&mut self, event: &Event) -> u64 {
        if let Some(&chain) = self.chain.get(&event.id) {
            return chain;
        }
        let chain = event.cause.and_then(|cause| self.open.remove(&cause)).unwrap_or_else(|| {
            self.opened += 1;
            self.opened
        });
        self.chain.insert(event.id, chain);
        chain
    }
}

impl Strategy for Chains {
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice) -> usize {
        let chains: FxHashMap<u64, u64> = enabled.iter().map(|event| (event.id, self.enter(event))).collect();
        self.lanes.choose(enabled, dice, |event| chains[&event.id])
    }

    fn happens(&mut self, event: &Event, waiting: &[Event]) {
        let chain = self.enter(event);
        self.chain.remove(&event.id);
        self.open.insert(event.id, chain);
        // What nobody went on with for long is over; what waits keeps its chain.
        if self.open.len() > 4096 {
            self.open.retain(|id, _| event.id.saturating_sub(*id) < 2048);
            self.chain.retain(|id, _| waiting.iter().any(|event| event.id == *id));
        }
    }
}

/// Partial-order sampling: of two events that race, here: at one node, each is first with equal chance, whatever else
/// there is.
#[derive(Default)]
pub(super) struct Orders {
    priority: FxHashMap<u64, u64>,
}

impl Strategy for Orders {
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice) -> usize {
        let mut best = (0, 0);
        for (place, event) in enabled.iter().enumerate() {
            let priority = *self.priority.entry(event.id).or_insert_with(|| dice.bits() | 1);
            if priority > best.1 {
                best = (place, priority);
            }
        }
        best.0
    }

    fn happens(&mut self, event: &Event, waiting: &[Event]) {
        self.priority.remove(&event.id);
        for rival in waiting.iter().filter(|rival| rival.node == event.node) {
            self.priority.remove(&rival.id);
        }
        if self.priority.len() > 4 * waiting.len() + 1024 {
            // Timers that were cancelled.
            self.priority.retain(|id, _| waiting.iter().any(|event| event.id == *id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;
    use crate::schedule::Kind;

    /// Who goes first of two, and who last, when one lane falls at 7 choices left and another at 3.
    fn first_and_last(changes: [u64; 2]) -> (u64, u64) {
        let event = |id| {
            let node = NodeId::at(id as usize);
            Event { id, kind: Kind::Task, node, from: node, at: 0, cause: None }
        };
        let enabled = [1, 2].map(event);
        let mut lanes = Lanes { left: 10, changes: changes.into(), ..Lanes::new(3) };
        let dice = &mut Dice::new(417);
        let chosen: Vec<u64> =
            (0..10).map(|_| enabled[lanes.choose(&enabled, dice, |event| event.id)].id).collect();
        (chosen[0], chosen[9])
    }

    #[test]
    fn who_falls_later_may_end_above_who_fell_before() {
        let (first, last) = first_and_last([3, 7]);
        assert_eq!(first, last, "the first falls to 2, then the other below it");
        let (first, last) = first_and_last([7, 3]);
        assert_ne!(first, last, "the first falls to 1, and the other not as deep");
    }
}
