//! Who is next: the one decision that makes an order out of what could happen.
//!
//! # What could happen next
//! A task that is ready, a message on its way, a timer that runs. None of them happens before its time, and each may
//! happen late: a network is slow now and then, a process does not get its core, a timer only promises *not before*.
//! So a [`Strategy`] may choose among everything whose time comes within the run's *lateness* from the oldest that
//! waits, and whatever it passes over happens late, though never by more than that. Every order it makes is one that
//! a slow network and busy machines could have made, and each of its choices is a decision of `world/schedule`: the
//! place in line, calm 0, the first. With that stream calm, every strategy is [`Schedule::Fifo`].
//!
//! [`Schedule::Fifo`] and [`Schedule::Random`] are no strategies: they choose only among tasks that are ready, and
//! time passes when there is none. [`World::default_schedule`](crate::World::default_schedule) hands over to them.

mod line;
mod named;
mod priorities;
pub mod search;
mod uniform;

pub(crate) use line::{Line, hand_over, pick, take};
pub use named::{ParseScheduleError, Schedule};

use crate::NodeId;
use crate::chance::{mix, scale};

/// What kind of thing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A task that is ready makes a step.
    Task,
    /// A message arrives.
    Message,
    /// A timer fires: of a task, of a disk (then it is the world's), of a stream.
    Timer,
}

/// Something that may happen next.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// A number of its own, for as long as it waits.
    pub id: u64,
    /// What it is.
    pub kind: Kind,
    /// Where it happens.
    pub node: NodeId,
    /// Who sent it, when it is a message; else where it happens.
    pub from: NodeId,
    /// Its time, in nanoseconds of true virtual time: it may happen from then on.
    pub at: u64,
    /// The event because of which it waits: who sent the message, set the timer, woke the task. `None` at the start.
    pub cause: Option<u64>,
}

/// Chooses what happens next.
///
/// Its memory is its own; its chance are the [`Dice`] of each choice. It must not touch the world.
pub trait Strategy {
    /// The place in `enabled` of what happens next. There are two at least, the oldest first.
    fn choose(&mut self, enabled: &[Event], dice: &mut Dice) -> usize;

    /// This happens now: what was chosen, what an override chose instead, or what was alone. The others wait on.
    fn happens(&mut self, event: &Event, waiting: &[Event]) {
        let _ = (event, waiting);
    }

    /// It has happened. `looked`: its step read the world's true time or touched what nodes share in another way (a
    /// watch, a stream of the world, a rule that counts), and so can tell what came before it.
    fn happened(&mut self, looked: bool) {
        let _ = looked;
    }

    /// How late what it passes over may be.
    fn lateness(&self) -> Lateness {
        Lateness::Drawn
    }
}

/// How late things may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// By up to what the seed says: log-uniform from 100 µs to 300 ms.
    Drawn,
    /// By up to so many nanoseconds.
    AtMost(u64),
    /// By any time, and messages also early: whatever is on its way may arrive next. A timer that is not due fires only
    /// when nothing else can happen; then time passes. This is the asynchronous model, for [`search`].
    Any,
}

/// The chance of one choice: as many draws as it takes, from what `world/schedule` has drawn for it.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    key: u64,
    count: u64,
}

impl Dice {
    /// Dice of this key.
    pub fn new(key: u64) -> Dice {
        Dice { key, count: 0 }
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.count += 1;
        mix(mix(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ self.key)
    }

    /// Uniform in `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        scale(self.bits(), n)
    }

    /// A whole number from `1 << least` to `1 << most`, its logarithm uniform to a bit.
    pub fn power(&mut self, least: u32, most: u32) -> u64 {
        let bit = 1_u64 << (u64::from(least) + self.below(u64::from(most - least)));
        bit + self.below(bit)
    }
}
