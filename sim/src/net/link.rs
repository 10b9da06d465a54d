//! One direction of one wire.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Latency;
use super::latency::Delay;
use crate::chance::{Ratio, StreamId};

/// What a link does to messages. The default is calm: 1 to 10 ms, nothing lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkConfig {
    /// How long a message takes. Datagrams and calls with different delays overtake each other, unless `fifo`.
    pub latency: Latency,
    /// How many messages vanish.
    pub loss: Ratio,
    /// How many messages arrive twice, the second time with a delay of its own.
    pub duplicate: Ratio,
    /// How many messages arrive with one bit flipped.
    pub corrupt: Ratio,
    /// How many messages are held back by a further delay, four times a draw of the latency, and so overtaken.
    pub reorder: Ratio,
    /// At most so much at once; none is unlimited.
    pub bandwidth: Option<Bandwidth>,
    /// Whether messages keep their order, but for those that `reorder` picks.
    pub fifo: bool,
}

/// A link's capacity. Messages queue for the wire; what does not fit into the queue is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// How fast the queue drains.
    pub bytes_per_second: u64,
    /// How much may wait.
    pub queue_bytes: u64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        LinkConfig::with_latency(Latency::Uniform(Duration::from_millis(1), Duration::from_millis(10)))
    }
}

impl LinkConfig {
    /// A link without faults.
    pub const fn with_latency(latency: Latency) -> LinkConfig {
        LinkConfig {
            latency,
            loss: Ratio::ZERO,
            duplicate: Ratio::ZERO,
            corrupt: Ratio::ZERO,
            reorder: Ratio::ZERO,
            bandwidth: None,
            fifo: false,
        }
    }

    /// The same with another loss.
    #[must_use]
    pub fn loss(mut self, loss: Ratio) -> Self {
        self.loss = loss;
        self
    }

    /// The same with another share of duplicates.
    #[must_use]
    pub fn duplicate(mut self, duplicate: Ratio) -> Self {
        self.duplicate = duplicate;
        self
    }
}

/// A configuration made ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) config: LinkConfig,
    pub(crate) delay: Delay,
    /// Whether a message's delay is all there is to decide.
    pub(crate) plain: bool,
}

impl From<LinkConfig> for Wire {
    fn from(config: LinkConfig) -> Wire {
        let faults = [config.loss, config.duplicate, config.corrupt, config.reorder];
        let plain = faults.iter().all(|fault| fault.is_zero()) && config.bandwidth.is_none() && !config.fifo;
        Wire { delay: config.latency.into(), plain, config }
    }
}

/// The state of one link: one line of the cache.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Link {
    /// Its place in the table of configurations; 0 is the default of the world.
    pub(crate) config: u32,
    /// Its decisions; opened at the first.
    pub(crate) stream: StreamId,
    /// How often it was cut: a message of an earlier epoch is lost.
    pub(crate) epoch: u32,
    pub(crate) cut: bool,
    pub(crate) held: bool,
    /// When the last message arrives, for `fifo`.
    pub(crate) last_arrival: u64,
    /// Until when the wire is busy, for `bandwidth`.
    pub(crate) busy_until: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) delivered: u64,
}

impl Link {
    pub(crate) const NEW: Link = Link {
        config: 0,
        stream: StreamId::NONE,
        epoch: 0,
        cut: false,
        held: false,
        last_arrival: 0,
        busy_until: 0,
        messages: 0,
        bytes: 0,
        delivered: 0,
    };
}
