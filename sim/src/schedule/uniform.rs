//! Strategies that choose alike among many: the random walk, and the one that starves a node.

use super::{Dice, Event, Strategy};
use crate::NodeId;

/// A uniform random walk over what could happen.
pub(super) struct Walk;

impl Strategy for Walk {
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice) -> usize {
        dice.below(enabled.len() as u64) as usize
    }
}

/// What happens at the victim or was sent by it waits for as long as it may; of the others, the first in line.
#[derive(Default)]
pub(super) struct Starve {
    victim: Option<NodeId>,
    /// Choices until another is the victim.
    left: u64,
}

impl Strategy for Starve {
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice) -> usize {
        if self.left == 0 {
            // One that has something to do, and is not the test itself.
            let nodes: Vec<NodeId> =
                enabled.iter().map(|event| event.node).filter(|node| *node != NodeId::WORLD).collect();
            self.left = dice.power(6, 14);
            self.victim = (!nodes.is_empty()).then(|| nodes[dice.below(nodes.len() as u64) as usize]);
        }
        self.left -= 1;
        let spared = |event: &Event| self.victim.is_none_or(|node| event.node != node && event.from != node);
        enabled.iter().position(spared).unwrap_or(0)
    }
}
