//! All ends of connections, and all listeners, of a world.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::task::Waker;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::super::waiters::Waiters;
use super::connection::Connection;
use crate::NodeId;
use crate::chance::StreamId;

/// A place and its generation; what a handle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) place: u32,
    pub(super) generation: u32,
}

/// Which connection a segment is of, as its addressee sees it: this node and port, the other's.
pub(super) type Ends = (NodeId, u16, NodeId, u16);

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) node: NodeId,
    pub(super) peer: NodeId,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) connection: Connection,
    /// How many handles there are; a listener's queue holds one.
    pub(super) handles: u8,
    /// The listener, until the handshake is done.
    pub(super) parent: Option<u32>,
    /// Whether this end connected, and so has a port of its own.
    pub(super) owns_port: bool,
    pub(super) readers: Waiters,
    pub(super) writers: Waiters,
    /// The time of the earliest entry in the queue that stands for this end's timer.
    pub(super) queued: Option<u64>,
    /// The event that set the timer.
    pub(super) cause: u64,
}

impl Endpoint {
    pub(super) fn ends(&self) -> Ends {
        (self.node, self.local.port(), self.peer, self.remote.port())
    }
}

#[derive(Debug)]
pub(super) struct Listening {
    pub(super) node: NodeId,
    pub(super) port: u16,
    /// How many connections may wait, complete or not.
    pub(super) backlog: u32,
    /// Connections whose handshake is under way.
    pub(super) embryos: u32,
    /// Connections to be accepted.
    pub(super) complete: VecDeque<u32>,
    pub(super) waiters: Waiters,
}

/// Places with generations.
pub(super) struct Slots<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    const fn new() -> Slots<T> {
        Slots { slots: Vec::new(), free: Vec::new() }
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[place as usize];
        slot.1 = Some(value);
        Key { place, generation: slot.0 }
    }

    pub(super) fn get(&mut self, place: u32) -> Option<&mut T> {
        self.slots.get_mut(place as usize)?.1.as_mut()
    }

    pub(super) fn peek(&self, place: u32) -> Option<&T> {
        self.slots.get(place as usize)?.1.as_ref()
    }

    pub(super) fn generation(&self, place: u32) -> Option<u32> {
        self.slots.get(place as usize).map(|slot| slot.0)
    }

    pub(super) fn holds(&self, key: Key) -> bool {
        self.slots.get(key.place as usize).is_some_and(|slot| slot.0 == key.generation && slot.1.is_some())
    }

    pub(super) fn remove(&mut self, place: u32) -> Option<T> {
        let slot = self.slots.get_mut(place as usize)?;
        let value = slot.1.take()?;
        slot.0 = slot.0.wrapping_add(1);
        self.free.push(place);
        Some(value)
    }

    /// The places whose value is picked, in order.
    pub(super) fn places(&self, pick: impl Fn(&T) -> bool) -> Vec<u32> {
        let picked = |&place: &u32| self.slots[place as usize].1.as_ref().is_some_and(&pick);
        (0..self.slots.len() as u32).filter(picked).collect()
    }
}

/// The port of an end that connected stands for no listener.
pub(super) const NO_LISTENER: u32 = u32::MAX;

pub(crate) struct Streams {
    pub(super) endpoints: Slots<Endpoint>,
    pub(super) listeners: Slots<Listening>,
    /// Looked up, never walked.
    pub(super) ends: FxHashMap<Ends, u32>,
    /// The decisions of each direction.
    pub(super) chance: FxHashMap<(NodeId, NodeId), StreamId>,
    /// How many ends there have been.
    pub(super) made: u64,
}

impl Streams {
    pub(crate) const fn new() -> Streams {
        Streams {
            endpoints: Slots::new(),
            listeners: Slots::new(),
            ends: FxHashMap::with_hasher(FxBuildHasher),
            chance: FxHashMap::with_hasher(FxBuildHasher),
            made: 0,
        }
    }

    /// The first number of a new end: its own 2⁴⁰, so that no segment of an earlier connection can be taken for one
    /// of a later (the purpose of RFC 6528, without its clock).
    pub(super) fn first_number(&mut self) -> u64 {
        self.made += 1;
        self.made << 40
    }

    /// Forgets everything; generations go on, so that handles of an earlier world fit nothing. Returns who waited,
    /// for the caller to drop outside of any borrow.
    #[must_use = "a waker must not be dropped while a borrow is held"]
    pub(crate) fn reset(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for place in self.endpoints.places(|_| true).into_iter().rev() {
            if let Some(mut endpoint) = self.endpoints.remove(place) {
                endpoint.readers.drain_into(&mut wakers);
                endpoint.writers.drain_into(&mut wakers);
            }
        }
        for place in self.listeners.places(|_| true).into_iter().rev() {
            if let Some(mut listening) = self.listeners.remove(place) {
                listening.waiters.drain_into(&mut wakers);
            }
        }
        // The next place must be the same in every run of a world, whatever ran before it.
        self.endpoints.free.sort_unstable_by(|a, b| b.cmp(a));
        self.listeners.free.sort_unstable_by(|a, b| b.cmp(a));
        self.ends.clear();
        self.chance.clear();
        self.made = 0;
        wakers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_two_ends_are_a_terabyte_apart_and_places_are_taken_in_order() {
        let mut streams = Streams::new();
        let (one, two) = (streams.first_number(), streams.first_number());
        assert_eq!(two - one, 1 << 40);
        let listening = || Listening {
            node: NodeId::WORLD,
            port: 7,
            backlog: 1,
            embryos: 0,
            complete: VecDeque::new(),
            waiters: Waiters::default(),
        };
        let keys: Vec<Key> = (0..3).map(|_| streams.listeners.insert(listening())).collect();
        streams.listeners.remove(1);
        assert!(streams.reset().is_empty());
        assert!(keys.iter().all(|key| !streams.listeners.holds(*key)));
        let again: Vec<u32> = (0..3).map(|_| streams.listeners.insert(listening()).place).collect();
        assert_eq!((again, streams.first_number()), (vec![0, 1, 2], one));
    }
}
