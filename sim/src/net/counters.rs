//! Counting messages: per link, and per type of message.

use std::collections::BTreeMap;

use crate::NodeId;
use crate::core::Core;

/// How many, and how many bytes of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages sent, whether or not they arrived.
    pub messages: u64,
    /// Their encoded payloads, in bytes.
    pub bytes: u64,
    /// Messages that reached their node.
    pub delivered: u64,
}

/// What has been sent so far in a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Per link, by the names of sender and addressee. Links on which nothing was sent are left out.
    pub links: BTreeMap<(String, String), Tally>,
    /// Per type of message: an RPC's `NAME`, `NAME reply`, `udp`, `tcp data` and so on.
    pub kinds: BTreeMap<String, Tally>,
}

impl Counters {
    /// All messages to a node, of every type.
    pub fn to(&self, node: &str) -> Tally {
        self.sum(|(_, to)| to == node)
    }

    /// All messages from a node, of every type.
    pub fn from(&self, node: &str) -> Tally {
        self.sum(|(from, _)| from == node)
    }

    /// All messages of the world.
    pub fn total(&self) -> Tally {
        self.sum(|_| true)
    }

    fn sum(&self, which: impl Fn(&(String, String)) -> bool) -> Tally {
        let chosen = self.links.iter().filter(|(link, _)| which(link));
        chosen.fold(Tally::default(), |sum, (_, tally)| Tally {
            messages: sum.messages + tally.messages,
            bytes: sum.bytes + tally.bytes,
            delivered: sum.delivered + tally.delivered,
        })
    }
}

/// One type of message.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) request: Tally,
    pub(crate) reply: Tally,
}

impl Core {
    pub(crate) fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for from in 0..self.nodes.len() {
            for to in 0..self.nodes.len() {
                let link = self.net.link(NodeId::at(from), NodeId::at(to));
                if link.messages > 0 {
                    let names = (self.nodes[from].name.to_string(), self.nodes[to].name.to_string());
                    let tally =
                        Tally { messages: link.messages, bytes: link.bytes, delivered: link.delivered };
                    counters.links.insert(names, tally);
                }
            }
        }
        for kind in &self.net.kinds {
            for (tally, suffix) in [(kind.request, ""), (kind.reply, " reply")] {
                if tally.messages > 0 {
                    counters.kinds.insert(format!("{}{suffix}", kind.name), tally);
                }
            }
        }
        counters
    }
}
