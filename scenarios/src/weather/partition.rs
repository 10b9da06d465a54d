//! The shapes of partitions (after Jepsen's nemeses; most failures need but one isolated node, Alquraan et al. OSDI'18).

use std::fmt;

use stormglass_sim::chance::Stream;
use stormglass_sim::{NodeId, World};

/// Who cannot hear whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One node is alone.
    IsolateOne,
    /// Two halves.
    Halves,
    /// Two halves, and one node that hears and is heard by both.
    Bridge,
    /// Each node hears only its neighbours in a ring.
    Ring,
    /// One node is heard, but hears nobody; or the other way round.
    OneWay,
}

impl Shape {
    pub(crate) const ALL: [Shape; 5] =
        [Shape::IsolateOne, Shape::Halves, Shape::Bridge, Shape::Ring, Shape::OneWay];

    /// The shape where a seed drew none.
    pub(crate) const ONE: Shape = Shape::IsolateOne;

    /// Cuts the links. Where there are too few nodes for the shape, one is isolated.
    pub(crate) fn cut(self, world: World, nodes: &[NodeId], stream: Stream) {
        let mut nodes = nodes.to_vec();
        stream.shuffle(&mut nodes);
        let half = nodes.len() / 2;
        match (self, nodes.as_slice()) {
            (_, [] | [_]) => {}
            (Shape::Halves, nodes) => world.partition(&nodes[..half], &nodes[half..]),
            (Shape::Bridge, nodes) if nodes.len() > 2 => {
                let (left, right) = nodes[1..].split_at(half);
                world.partition(left, right);
            }
            (Shape::Ring, nodes) if nodes.len() > 3 => {
                for (i, a) in nodes.iter().enumerate() {
                    for (j, b) in nodes.iter().enumerate().skip(i + 2) {
                        if !(i == 0 && j == nodes.len() - 1) {
                            world.partition(&[*a], &[*b]);
                        }
                    }
                }
            }
            (Shape::OneWay, [one, others @ ..]) => {
                if stream.below(2) == 0 {
                    world.partition_one_way(&[*one], others);
                } else {
                    world.partition_one_way(others, &[*one]);
                }
            }
            (_, [one, others @ ..]) => world.partition(&[*one], others),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::IsolateOne => "one node alone",
            Shape::Halves => "halves",
            Shape::Bridge => "bridge",
            Shape::Ring => "ring",
            Shape::OneWay => "one way",
        })
    }
}
