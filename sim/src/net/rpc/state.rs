//! What the network knows of calls: who waits for a reply, and who serves.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::task::Waker;

use super::super::message::{CallKey, Content, Label, Message, Status};
use super::super::state::{Protocol, recycle};
use super::super::waiters::Waiters;
use crate::NodeId;
use crate::core::Core;

/// A call that waits for its reply.
struct Pending {
    generation: u32,
    waker: Option<Waker>,
    answer: Option<(Status, Vec<u8>)>,
    /// How many copies of the request may still arrive and be answered: one, unless a link doubled it.
    copies: u32,
}

pub(crate) struct Calls {
    slots: Vec<Pending>,
    free: Vec<u32>,
}

impl Calls {
    pub(crate) const fn new() -> Calls {
        Calls { slots: Vec::new(), free: Vec::new() }
    }

    #[inline]
    pub(crate) fn open(&mut self) -> CallKey {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Pending { generation: 0, waker: None, answer: None, copies: 1 });
            self.slots.len() as u32 - 1
        });
        self.slots[place as usize].copies = 1;
        CallKey { place, generation: self.slots[place as usize].generation }
    }

    /// The answer if there is one; else notes whom to wake.
    #[inline]
    pub(crate) fn poll(&mut self, key: CallKey, waker: &Waker) -> Option<(Status, Vec<u8>)> {
        let slot = &mut self.slots[key.place as usize];
        if slot.generation != key.generation {
            // The world that the call was made in is gone; so is whoever would answer.
            return Some((Status::NoListener, Vec::new()));
        }
        if slot.answer.is_none() && !slot.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            slot.waker = Some(waker.clone());
        }
        slot.answer.take()
    }

    /// A link has doubled the request: a refusal of one copy says nothing of the other.
    pub(crate) fn doubled(&mut self, key: CallKey) {
        let slot = &mut self.slots[key.place as usize];
        if slot.generation == key.generation {
            slot.copies += 1;
        }
    }

    /// Ends a call; a reply that is still on its way will find nobody.
    #[inline]
    pub(crate) fn close(&mut self, key: CallKey) -> (Option<Waker>, Option<Vec<u8>>) {
        let slot = &mut self.slots[key.place as usize];
        if slot.generation != key.generation {
            return (None, None);
        }
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.place);
        (slot.waker.take(), slot.answer.take().map(|(_, payload)| payload))
    }

    pub(crate) fn reset(&mut self, pool: &mut Vec<Vec<u8>>, wakers: &mut Vec<Waker>) {
        self.free.clear();
        for (place, slot) in self.slots.iter_mut().enumerate().rev() {
            slot.generation = slot.generation.wrapping_add(1);
            wakers.extend(slot.waker.take());
            if let Some((_, payload)) = slot.answer.take() {
                recycle(pool, payload);
            }
            self.free.push(place as u32);
        }
    }
}

/// A request that has arrived and waits for its server.
pub(crate) struct Arrived {
    pub(crate) from: SocketAddr,
    pub(crate) client: NodeId,
    pub(crate) call: CallKey,
    pub(crate) method: u64,
    pub(crate) label: Label,
    pub(crate) payload: Vec<u8>,
}

/// One listening port.
struct Service {
    generation: u32,
    open: bool,
    node: NodeId,
    port: u16,
    inbox: VecDeque<Arrived>,
    waiters: Waiters,
}

pub(crate) struct Services {
    slots: Vec<Service>,
    free: Vec<u32>,
}

impl Services {
    pub(crate) const fn new() -> Services {
        Services { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn open(&mut self, node: NodeId, port: u16) -> (u32, u32) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Service {
                generation: 0,
                open: false,
                node,
                port,
                inbox: VecDeque::new(),
                waiters: Waiters::default(),
            });
            self.slots.len() as u32 - 1
        });
        let service = &mut self.slots[place as usize];
        (service.open, service.node, service.port) = (true, node, port);
        (place, service.generation)
    }

    /// The next request: `Err` when the service is closed, `Ok(None)` when there is none yet.
    #[inline]
    pub(crate) fn next(&mut self, place: u32, generation: u32, waker: &Waker) -> Result<Option<Arrived>, ()> {
        let service = self.slots.get_mut(place as usize).filter(|s| s.open && s.generation == generation);
        let service = service.ok_or(())?;
        let arrived = service.inbox.pop_front();
        if arrived.is_none() {
            service.waiters.add(waker);
        }
        Ok(arrived)
    }

    pub(crate) fn is_open(&self, place: u32, generation: u32) -> bool {
        self.slots.get(place as usize).is_some_and(|s| s.open && s.generation == generation)
    }

    /// The open services of a node, by place.
    pub(crate) fn of_node(&self, node: NodeId) -> Vec<u32> {
        let open = |&place: &u32| {
            let service = &self.slots[place as usize];
            service.open && service.node == node
        };
        (0..self.slots.len() as u32).filter(open).collect()
    }

    pub(crate) fn reset(&mut self, pool: &mut Vec<Vec<u8>>, wakers: &mut Vec<Waker>) {
        self.free.clear();
        for place in (0..self.slots.len()).rev() {
            self.close(place as u32, pool, wakers);
        }
    }

    fn close(&mut self, place: u32, pool: &mut Vec<Vec<u8>>, wakers: &mut Vec<Waker>) {
        let service = &mut self.slots[place as usize];
        service.open = false;
        service.generation = service.generation.wrapping_add(1);
        service.inbox.drain(..).for_each(|arrived| recycle(pool, arrived.payload));
        service.waiters.drain_into(wakers);
        self.free.push(place);
    }
}

impl Core {
    pub(crate) fn close_service(&mut self, place: u32) {
        let service = &self.net.services.slots[place as usize];
        let (node, port) = (service.node, service.port);
        self.net.unbind(Protocol::Call, node, port);
        let mut pool = Vec::new();
        self.net.services.close(place, &mut pool, &mut self.wakers);
        pool.into_iter().for_each(|buffer| self.net.recycle(buffer));
    }

    #[inline]
    pub(crate) fn call_arrives(&mut self, message: Message) {
        let Content::Call { call, port, method } = message.content else { return };
        let (client, server) = (message.from, message.to);
        let Some(place) = self.net.bound(Protocol::Call, server, port) else {
            // The host is up and nobody listens: it says so, as a kernel answers with RST.
            let label = Label { reply: true, ..message.label };
            self.net.recycle(message.payload);
            let nothing = self.net.buffer();
            let refusal = Content::Reply { call, status: Status::NoListener };
            return self.transmit(server, client, label, refusal, nothing);
        };
        let from = SocketAddr::new(self.nodes[client.index()].ip, 0);
        let (label, payload) = (message.label, message.payload);
        let service = &mut self.net.services.slots[place as usize];
        service.inbox.push_back(Arrived { from, client, call, method, label, payload });
        service.waiters.drain_into(&mut self.wakers);
    }

    #[inline]
    pub(crate) fn reply_arrives(&mut self, message: Message) {
        let Content::Reply { call, status } = message.content else { return };
        let slot = &mut self.net.calls.slots[call.place as usize];
        // Late, or a duplicate: the call is over.
        if slot.generation != call.generation || slot.answer.is_some() {
            return self.net.recycle(message.payload);
        }
        // As long as another copy may have its effect, a refusal is no answer.
        if status != Status::Ok && slot.copies > 1 {
            return self.net.recycle(message.payload);
        }
        slot.answer = Some((status, message.payload));
        self.wakers.extend(slot.waker.take());
    }
}
