//! Links from outside: partitions, and what the wires do.

use super::World;
use crate::NodeId;
use crate::core::Core;
use crate::hub::with_core;
use crate::net::{LinkConfig, Rule, RuleId};

impl World {
    /// Cuts every link between the two groups, both ways. What is in flight on them is lost.
    pub fn partition(self, one: &[NodeId], other: &[NodeId]) {
        self.partition_one_way(one, other);
        self.partition_one_way(other, one);
    }

    /// Cuts every link from the first group to the second. What is in flight on them is lost; the other direction
    /// goes on.
    pub fn partition_one_way(self, from: &[NodeId], to: &[NodeId]) {
        with_core(|core| {
            for (&from, &to) in pairs(from, to) {
                core.set_cut(from, to, true);
            }
        });
    }

    /// Mends every link, and releases what is held.
    pub fn heal(self) {
        with_core(|core| {
            for (from, to) in every_link(core) {
                core.set_cut(from, to, false);
                core.set_held(from, to, false);
            }
        });
    }

    /// Mends the links between two nodes, both ways.
    pub fn heal_between(self, a: NodeId, b: NodeId) {
        with_core(|core| {
            core.set_cut(a, b, false);
            core.set_cut(b, a, false);
        });
    }

    /// Whether a message from one to the other would be lost to a partition.
    pub fn is_cut(self, from: NodeId, to: NodeId) -> bool {
        with_core(|core| core.net.link(from, to).cut)
    }

    /// Keeps everything that arrives on a link, until it is released.
    pub fn hold(self, from: NodeId, to: NodeId) {
        with_core(|core| core.set_held(from, to, true));
    }

    /// Lets what was held arrive at once, in the order in which it would have, and what follows pass.
    pub fn release(self, from: NodeId, to: NodeId) {
        with_core(|core| core.set_held(from, to, false));
    }

    /// Sets what one link, one direction, is like.
    pub fn link(self, from: NodeId, to: NodeId, config: LinkConfig) {
        with_core(|core| {
            core.record_link(from, to, "configure", 4);
            core.net.configure(from, to, config);
        });
    }

    /// Sets what all links are like, also those that were set one by one.
    pub fn links(self, config: LinkConfig) {
        with_core(|core| {
            core.record_link(NodeId::WORLD, NodeId::WORLD, "configure all", 5);
            core.net.configure_all(config);
        });
    }

    /// What one link is like.
    pub fn link_config(self, from: NodeId, to: NodeId) -> LinkConfig {
        with_core(|core| core.net.wire(from, to).1.config.clone())
    }

    /// Adds a rule that picks messages and decides their fate.
    pub fn rule(self, rule: Rule) -> RuleId {
        with_core(|core| core.net.rules.add(rule))
    }

    /// Takes a rule back.
    pub fn remove_rule(self, rule: RuleId) {
        with_core(|core| core.net.rules.remove(rule));
    }
}

fn pairs<'a>(one: &'a [NodeId], other: &'a [NodeId]) -> impl Iterator<Item = (&'a NodeId, &'a NodeId)> {
    one.iter().flat_map(move |a| other.iter().map(move |b| (a, b))).filter(|(a, b)| a != b)
}

fn every_link(core: &Core) -> Vec<(NodeId, NodeId)> {
    let nodes = core.nodes.len();
    (0..nodes).flat_map(|from| (0..nodes).map(move |to| (NodeId::at(from), NodeId::at(to)))).collect()
}
