//! All that the network knows.

use std::net::IpAddr;
use std::task::Waker;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::counters::{Kind, Tally};
use super::link::{Link, LinkConfig, Wire};
use super::message::{Label, Message};
use super::rpc::state::{Calls, Services};
use super::rules::Rules;
use super::tcp::Streams;
use super::udp::Sockets;
use crate::NodeId;

/// A socket's protocol: each has ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    Datagram,
    Stream,
    Call,
}

pub(crate) struct Net {
    /// The links from node *i* begin at *i* × `stride`.
    links: Vec<Link>,
    stride: usize,
    wires: Vec<Wire>,
    pub(crate) messages: Vec<Option<Message>>,
    free: Vec<u32>,
    /// Buffers of messages that are no more.
    pool: Vec<Vec<u8>>,
    /// Messages that wait on held links.
    pub(crate) waiting: Vec<Message>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rules: Rules,
    /// Addresses other than the standard ones.
    pub(crate) addresses: FxHashMap<IpAddr, NodeId>,
    /// What is bound where.
    ports: FxHashMap<u64, u32>,
    pub(crate) sockets: Sockets,
    pub(crate) services: Services,
    pub(crate) calls: Calls,
    pub(crate) streams: Streams,
}

/// How many buffers are kept for later messages, and how large one may be: what a world sends at once, roughly.
const POOLED: usize = 4096;
const POOLED_BYTES: usize = 4096;

impl Net {
    pub(crate) const fn new() -> Net {
        Net {
            links: Vec::new(),
            stride: 8,
            wires: Vec::new(),
            messages: Vec::new(),
            free: Vec::new(),
            pool: Vec::new(),
            waiting: Vec::new(),
            kinds: Vec::new(),
            rules: Rules::new(),
            addresses: FxHashMap::with_hasher(FxBuildHasher),
            ports: FxHashMap::with_hasher(FxBuildHasher),
            sockets: Sockets::new(),
            services: Services::new(),
            calls: Calls::new(),
            streams: Streams::new(),
        }
    }

    /// Forgets a world; what is of its users goes to the caller. Places are given out anew from the first, so that a
    /// world does not depend on what ran before it.
    pub(crate) fn end(&mut self, wakers: &mut Vec<Waker>) -> Rules {
        self.free.clear();
        for place in (0..self.messages.len()).rev() {
            if let Some(message) = self.messages[place].take() {
                self.recycle(message.payload);
            }
            self.free.push(place as u32);
        }
        while let Some(message) = self.waiting.pop() {
            self.recycle(message.payload);
        }
        self.sockets.reset(&mut self.pool, wakers);
        self.services.reset(&mut self.pool, wakers);
        self.calls.reset(&mut self.pool, wakers);
        wakers.append(&mut self.streams.reset());
        std::mem::take(&mut self.rules)
    }

    /// Prepares for a world whose links are like `default`.
    pub(crate) fn reset(&mut self, default: &LinkConfig) {
        self.links.clear();
        self.wires.clear();
        self.wires.push(default.clone().into());
        self.kinds.clear();
        self.addresses.clear();
        self.ports.clear();
    }

    /// Makes room for the links of one node more.
    pub(crate) fn add_node(&mut self, count: usize) {
        if count > self.stride {
            let wide = self.stride * 2;
            let mut links = vec![Link::NEW; wide * wide];
            for (index, link) in self.links.drain(..).enumerate() {
                links[index / self.stride * wide + index % self.stride] = link;
            }
            (self.links, self.stride) = (links, wide);
        } else if self.links.is_empty() {
            self.links.resize(self.stride * self.stride, Link::NEW);
        }
    }

    #[inline]
    pub(crate) fn link(&self, from: NodeId, to: NodeId) -> &Link {
        &self.links[from.index() * self.stride + to.index()]
    }

    #[inline]
    pub(crate) fn link_mut(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        &mut self.links[from.index() * self.stride + to.index()]
    }

    /// A link with its configuration.
    #[inline]
    pub(crate) fn wire(&mut self, from: NodeId, to: NodeId) -> (&mut Link, &Wire) {
        let link = &mut self.links[from.index() * self.stride + to.index()];
        let wire = &self.wires[link.config as usize];
        (link, wire)
    }

    /// Gives all links this configuration, also those that had one of their own.
    pub(crate) fn configure_all(&mut self, config: LinkConfig) {
        self.wires.clear();
        self.wires.push(config.into());
        self.links.iter_mut().for_each(|link| link.config = 0);
    }

    pub(crate) fn configure(&mut self, from: NodeId, to: NodeId, config: LinkConfig) {
        let own = self.link(from, to).config as usize;
        if own != 0 {
            self.wires[own] = config.into();
            return;
        }
        self.wires.push(config.into());
        self.link_mut(from, to).config = self.wires.len() as u32 - 1;
    }

    /// What is bound to a port.
    #[inline]
    pub(crate) fn bound(&self, protocol: Protocol, node: NodeId, port: u16) -> Option<u32> {
        self.ports.get(&port_key(protocol, node, port)).copied()
    }

    pub(crate) fn bind(&mut self, protocol: Protocol, node: NodeId, port: u16, place: u32) {
        self.ports.insert(port_key(protocol, node, port), place);
    }

    pub(crate) fn unbind(&mut self, protocol: Protocol, node: NodeId, port: u16) {
        self.ports.remove(&port_key(protocol, node, port));
    }

    /// An empty buffer.
    #[inline]
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.pool.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    #[inline]
    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        recycle(&mut self.pool, buffer);
    }

    #[inline(always)]
    pub(crate) fn store(&mut self, message: Message) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.messages[place as usize] = Some(message);
                place
            }
            None => {
                self.messages.push(Some(message));
                self.messages.len() as u32 - 1
            }
        }
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, place: u32) -> Option<Message> {
        let message = self.messages[place as usize].take();
        self.free.push(place);
        message
    }

    /// Sender, addressee and event of the sending of a message on its way.
    pub(crate) fn in_flight(&self, place: u32) -> Option<(NodeId, NodeId, u64)> {
        let message = self.messages[place as usize].as_ref()?;
        Some((message.from, message.to, message.sent))
    }

    /// The label of a type of message.
    #[inline]
    pub(crate) fn label(&mut self, name: &'static str, reply: bool) -> Label {
        let known = self.kinds.iter().position(|kind| {
            std::ptr::eq(kind.name, name) || kind.name == name // equal names may have several addresses
        });
        let index = known.unwrap_or_else(|| {
            self.kinds.push(Kind { name, request: Tally::default(), reply: Tally::default() });
            self.kinds.len() - 1
        });
        Label { index: index as u16, reply }
    }

    #[inline]
    pub(crate) fn tally(&mut self, label: Label) -> &mut Tally {
        let kind = &mut self.kinds[label.index as usize];
        if label.reply { &mut kind.reply } else { &mut kind.request }
    }

    pub(crate) fn kind_name(&self, label: Label) -> &'static str {
        self.kinds[label.index as usize].name
    }
}

#[inline]
fn port_key(protocol: Protocol, node: NodeId, port: u16) -> u64 {
    (protocol as u64) << 48 | (node.index() as u64) << 16 | u64::from(port)
}

#[inline]
pub(crate) fn recycle(pool: &mut Vec<Vec<u8>>, mut buffer: Vec<u8>) {
    if pool.len() < POOLED && buffer.capacity() <= POOLED_BYTES && buffer.capacity() > 0 {
        buffer.clear();
        pool.push(buffer);
    }
}
