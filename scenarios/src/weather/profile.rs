//! Named settings of links.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::{NodeId, World};

/// A network with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The reliable network of the MIT 6.5840 labs: nothing is lost, nothing takes time. A microsecond stands for their
    /// zero, so that a run cannot stand still.
    LabReliable,
    /// Their unreliable network: a request takes 0..=26 ms and is lost with 10 %; its reply is lost with 10 % or comes at
    /// once. A lost message shows as silence, as it would on a wire; theirs tells the caller immediately.
    LabUnreliable,
    /// Their long reordering: as unreliable, and two replies in three are 200 to 2200 ms late.
    LabReordering,
}

impl Profile {
    /// Sets every link between `clients` and `servers`: requests one way, replies the other.
    pub fn set(self, world: World, clients: &[NodeId], servers: &[NodeId]) {
        for &client in clients {
            for &server in servers {
                world.link(client, server, self.requests());
                world.link(server, client, self.replies());
            }
        }
    }

    /// Sets every link among servers, which ask each other: requests and replies share a link, so that what the labs do to
    /// requests alone happens to replies too, and late replies are one half as frequent among all messages.
    pub fn among(self, world: World, servers: &[NodeId]) {
        let config = match self {
            Profile::LabReliable | Profile::LabUnreliable => self.requests(),
            Profile::LabReordering => {
                let fast = (Duration::ZERO, Duration::from_millis(26));
                let slow = (Duration::from_millis(200), Duration::from_millis(2200));
                link(Latency::TwoHumped { fast, slow, slow_share: Ratio::new(1, 3) }, Ratio::percent(10))
            }
        };
        for &from in servers {
            for &to in servers.iter().filter(|&&to| to != from) {
                world.link(from, to, config.clone());
            }
        }
    }

    /// The link that requests take.
    pub fn requests(self) -> LinkConfig {
        match self {
            Profile::LabReliable => link(Latency::Constant(Duration::from_micros(1)), Ratio::ZERO),
            Profile::LabUnreliable | Profile::LabReordering => {
                link(Latency::Uniform(Duration::ZERO, Duration::from_millis(26)), Ratio::percent(10))
            }
        }
    }

    /// The link that replies take.
    pub fn replies(self) -> LinkConfig {
        let at_once = Duration::from_micros(1);
        match self {
            Profile::LabReliable => link(Latency::Constant(at_once), Ratio::ZERO),
            Profile::LabUnreliable => link(Latency::Constant(at_once), Ratio::percent(10)),
            Profile::LabReordering => {
                let slow = (Duration::from_millis(200), Duration::from_millis(2200));
                let latency =
                    Latency::TwoHumped { fast: (at_once, at_once), slow, slow_share: Ratio::new(2, 3) };
                link(latency, Ratio::percent(10))
            }
        }
    }
}

fn link(latency: Latency, loss: Ratio) -> LinkConfig {
    LinkConfig { latency, loss, ..LinkConfig::default() }
}
