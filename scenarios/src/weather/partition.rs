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

    /// Who is cut from whom. Where there are too few nodes for the shape, one is isolated.
    pub(crate) fn draw(self, nodes: &[NodeId], stream: Stream) -> Vec<Cut> {
        let mut nodes = nodes.to_vec();
        stream.shuffle(&mut nodes);
        let half = nodes.len() / 2;
        match (self, nodes.as_slice()) {
            (_, [] | [_]) => Vec::new(),
            (Shape::Halves, nodes) => vec![Cut::both(&nodes[..half], &nodes[half..])],
            (Shape::Bridge, nodes) if nodes.len() > 2 => {
                let (left, right) = nodes[1..].split_at(half);
                vec![Cut::both(left, right)]
            }
            (Shape::Ring, nodes) if nodes.len() > 3 => {
                let apart = |i: usize, j: usize| j >= i + 2 && !(i == 0 && j == nodes.len() - 1);
                let pairs = (0..nodes.len()).flat_map(|i| (0..nodes.len()).map(move |j| (i, j)));
                pairs
                    .filter(|(i, j)| apart(*i, *j))
                    .map(|(i, j)| Cut::both(&[nodes[i]], &[nodes[j]]))
                    .collect()
            }
            (Shape::OneWay, [one, others @ ..]) => {
                let to_others = stream.below(2) == 0;
                let (from, to) = if to_others { (&[*one][..], others) } else { (others, &[*one][..]) };
                vec![Cut { from: from.to_vec(), to: to.to_vec(), one_way: true }]
            }
            (_, [one, others @ ..]) => vec![Cut::both(&[*one], others)],
        }
    }
}

/// Two groups that do not hear each other, or the second not the first.
pub(crate) struct Cut {
    from: Vec<NodeId>,
    to: Vec<NodeId>,
    one_way: bool,
}

impl Cut {
    fn both(from: &[NodeId], to: &[NodeId]) -> Cut {
        Cut { from: from.to_vec(), to: to.to_vec(), one_way: false }
    }

    pub(crate) fn make(&self, world: World) {
        if self.one_way {
            world.partition_one_way(&self.from, &self.to);
        } else {
            world.partition(&self.from, &self.to);
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
