//! Weather: which faults a story can stand, and what a seed makes of that.
//!
//! A [`Weather`] is the envelope a story states. Each seed draws a [`Forecast`] from it: for every kind of fault,
//! whether it exists at all in this run, and if so at what rate, log-uniformly. So one seed has nothing but lost
//! replies, the next nothing but clocks that run ahead, and a third half of all there is: bugs hide where faults of one
//! kind are not drowned by all others. Every draw comes from a stream named after its fault, and the calm value of each
//! is "no such fault".

mod ambush;
mod forecast;
mod nemesis;
mod partition;
mod profile;

use std::time::Duration;

pub use forecast::Forecast;
pub use profile::Profile;

/// What may happen during the storm. Starts with nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    pub(crate) lasts: (Duration, Duration),
    pub(crate) links: bool,
    pub(crate) partitions: bool,
    pub(crate) crashes: bool,
    pub(crate) power_losses: bool,
    pub(crate) pauses: bool,
    pub(crate) clocks: bool,
    pub(crate) freezes: bool,
    pub(crate) disks: bool,
    pub(crate) ambushes: bool,
    pub(crate) certain: bool,
    pub(crate) most_down: usize,
}

impl Weather {
    /// A storm without faults that lasts between the two durations, log-uniformly.
    pub fn lasting(least: Duration, most: Duration) -> Weather {
        Weather {
            lasts: (least, most),
            links: false,
            partitions: false,
            crashes: false,
            power_losses: false,
            pauses: false,
            clocks: false,
            freezes: false,
            disks: false,
            ambushes: false,
            certain: false,
            most_down: 1,
        }
    }

    /// Messages are lost, duplicated, reordered and late.
    pub fn links(mut self) -> Weather {
        self.links = true;
        self
    }

    /// Nodes cannot hear each other, in one direction or in both.
    pub fn partitions(mut self) -> Weather {
        self.partitions = true;
        self
    }

    /// Processes of servers die and come back; their disks keep what they wrote.
    pub fn crashes(mut self) -> Weather {
        self.crashes = true;
        self
    }

    /// Servers lose power: what was not synced may be lost or torn.
    pub fn power_losses(mut self) -> Weather {
        self.power_losses = true;
        self
    }

    /// Servers stop for longer than any patience, then go on as if nothing had been.
    pub fn pauses(mut self) -> Weather {
        self.pauses = true;
        self
    }

    /// Clocks are wrong, drift, jump and stand still.
    pub fn clocks(self) -> Weather {
        Weather { freezes: true, ..self.running_clocks() }
    }

    /// Clocks are wrong, drift by up to a tenth, and jump, but never stand still: what rests on a bound of drift holds.
    pub fn running_clocks(self) -> Weather {
        Weather { clocks: true, ..self }
    }

    /// Disks of servers answer with errors, fail to sync, or stall. What an fsync has acknowledged stays.
    pub fn disks(mut self) -> Weather {
        self.disks = true;
        self
    }

    /// Servers die right after an fsync and right before a reply, a few times and then less and less; where there are power
    /// losses, some of them with their host.
    pub fn ambushes(mut self) -> Weather {
        self.ambushes = true;
        self
    }

    /// Every fault that comes and goes exists in every run, for stories that are about it; else some of the seeds know each.
    /// Its rate is drawn all the same.
    pub fn certain(mut self) -> Weather {
        self.certain = true;
        self
    }

    /// Among how many kinds of faults a seed chooses.
    pub(crate) fn kinds(&self) -> u64 {
        let chosen = |allowed: bool, kinds: u64| if allowed { kinds } else { 0 };
        let come_and_go = [self.partitions, self.crashes, self.power_losses, self.pauses, self.clocks];
        let come_and_go: u64 =
            come_and_go.into_iter().map(|allowed| chosen(allowed && !self.certain, 1)).sum();
        come_and_go + chosen(self.links, 3) + chosen(self.disks, 4) + chosen(self.ambushes, 2)
    }

    /// How many servers may be down or paused at once: what the protocol claims to survive. One unless said.
    pub fn most_down(mut self, servers: usize) -> Weather {
        self.most_down = servers;
        self
    }
}
