//! What a host's kernel does for its streams: takes segments to their connections, sends theirs, keeps their timers.

use std::io;
use std::net::SocketAddr;

use super::super::message::{Content, Message};
use super::super::state::Protocol;
use super::super::transmit::Loss;
use super::connection::Connection;
use super::segment::{ACK, FIN, HEADER, Header, RST, SYN};
use super::table::{Endpoint, Ends, Key, NO_LISTENER};
use crate::NodeId;
use crate::core::Core;
use crate::hub::HUB;
use crate::life::Death;
use crate::time::queue::{Kind, Planned};
use crate::trace::code;

impl Core {
    /// Makes an end of a connection.
    fn add_endpoint(&mut self, connection: Connection, ends: Ends, parent: Option<u32>) -> Key {
        let (node, port, peer, peer_port) = ends;
        let address = |node: NodeId, port| SocketAddr::new(self.nodes[node.index()].ip, port);
        let endpoint = Endpoint {
            node,
            peer,
            local: address(node, port),
            remote: address(peer, peer_port),
            connection,
            handles: 1,
            parent,
            owns_port: parent.is_none(),
            readers: Default::default(),
            writers: Default::default(),
            queued: None,
            cause: 0,
        };
        let key = self.net.streams.endpoints.insert(endpoint);
        self.net.streams.ends.insert(ends, key.place);
        self.settle(key.place);
        key
    }

    /// Begins to connect.
    pub(super) fn connect(&mut self, node: NodeId, address: SocketAddr) -> io::Result<Key> {
        let Some(peer) = self.node_at(address.ip(), node) else {
            let message = format!("no node has the address {}", address.ip());
            return Err(io::Error::new(io::ErrorKind::HostUnreachable, message));
        };
        let mut port = self.claim_port(Protocol::Stream, node, 0)?;
        if (node, port) == (peer, address.port()) {
            // Connected to itself, a stream would be its own peer.
            port = self.claim_port(Protocol::Stream, node, 0)?;
        }
        self.net.bind(Protocol::Stream, node, port, NO_LISTENER);
        let syn = self.net.streams.first_number();
        let connection = Connection::connect(syn, self.now);
        Ok(self.add_endpoint(connection, (node, port, peer, address.port()), None))
    }

    /// A segment has come.
    pub(crate) fn segment_arrives(&mut self, message: Message) {
        let Some(header) = Header::decode(&message.payload) else {
            return self.lose(message, Loss::Checksum);
        };
        let ends = (message.to, header.target, message.from, header.source);
        if let Some(&place) = self.net.streams.ends.get(&ends) {
            let now = self.now;
            let Some(endpoint) = self.net.streams.endpoints.get(place) else { return };
            let known = endpoint.connection.receive(&header, &message.payload[HEADER..], now);
            if endpoint.connection.is_open()
                && let Some(parent) = endpoint.parent.take()
            {
                self.complete(parent, place);
            }
            if !known {
                self.reject(ends, &header, message.payload.len());
            }
            self.settle(place);
        } else if header.flags == SYN {
            let listener = self.net.bound(Protocol::Stream, message.to, header.target);
            match listener.filter(|&place| place != NO_LISTENER) {
                None => self.reject(ends, &header, message.payload.len()),
                Some(place) if self.take_backlog(place) => {
                    let syn = self.net.streams.first_number();
                    let connection = Connection::answer(syn, &header, self.now);
                    self.add_endpoint(connection, ends, Some(place));
                }
                Some(_) => return self.lose(message, Loss::BacklogFull),
            }
        } else if !header.has(RST) {
            self.reject(ends, &header, message.payload.len());
        }
        self.net.recycle(message.payload);
    }

    /// Answers a segment that is of no connection.
    fn reject(&mut self, (node, source, peer, target): Ends, header: &Header, size: usize) {
        let length = (size - HEADER) as u64 + u64::from(header.has(SYN)) + u64::from(header.has(FIN));
        let seq = if header.has(ACK) { header.ack } else { 0 };
        let ack = header.seq + length;
        let answer = Header { source, target, flags: RST | ACK, window: 0, seq, ack };
        let mut payload = self.net.buffer();
        answer.encode(&mut payload, []);
        let label = self.net.label(answer.kind(0), false);
        self.transmit(node, peer, label, Content::Segment, payload);
    }

    /// After anything has happened to an end: sends what it has to say, wakes whom it concerns, sets its timer, and
    /// forgets it when it is over.
    pub(super) fn settle(&mut self, place: u32) {
        let now = self.now;
        loop {
            let net = &mut self.net;
            let mut payload = net.buffer();
            let Some(endpoint) = net.streams.endpoints.get(place) else { return };
            let connection = &mut endpoint.connection;
            let Some(saying) = connection.next(now) else {
                net.recycle(payload);
                break;
            };
            let length = saying.bytes.len() as u64;
            let header = Header {
                source: endpoint.local.port(),
                target: endpoint.remote.port(),
                flags: saying.flags,
                window: connection.receiving.tell(),
                seq: saying.seq,
                ack: connection.receiving.next(),
            };
            header.encode(&mut payload, connection.sending.bytes(saying.bytes));
            let (node, peer) = (endpoint.node, endpoint.peer);
            let label = net.label(header.kind(length), false);
            self.transmit(node, peer, label, Content::Segment, payload);
        }
        let Some(endpoint) = self.net.streams.endpoints.get(place) else { return };
        if endpoint.connection.is_readable() {
            endpoint.readers.drain_into(&mut self.wakers);
        }
        if endpoint.connection.is_writable() {
            endpoint.writers.drain_into(&mut self.wakers);
        }
        let broken = endpoint.connection.broken().is_some();
        let over = endpoint.connection.is_over() || (broken && endpoint.parent.is_some());
        if broken || over {
            self.forget_ends(place);
        }
        if over { self.remove_endpoint(place) } else { self.set_timer(place) }
    }

    /// From here on, segments of this connection find nobody.
    fn forget_ends(&mut self, place: u32) {
        let Some(endpoint) = self.net.streams.endpoints.get(place) else { return };
        let ends = endpoint.ends();
        let owns_port = std::mem::take(&mut endpoint.owns_port);
        if self.net.streams.ends.get(&ends) != Some(&place) {
            return;
        }
        self.net.streams.ends.remove(&ends);
        if owns_port {
            self.net.unbind(Protocol::Stream, ends.0, ends.1);
        }
        self.nudge(ends);
    }

    /// Something has changed that the other end may be waiting to learn.
    pub(super) fn nudge(&mut self, (node, port, peer, peer_port): Ends) {
        let now = self.now;
        let streams = &mut self.net.streams;
        let Some(&other) = streams.ends.get(&(peer, peer_port, node, port)) else { return };
        let Some(endpoint) = streams.endpoints.get(other) else { return };
        endpoint.connection.sending.nudge(now);
        self.set_timer(other);
    }

    fn remove_endpoint(&mut self, place: u32) {
        self.forget_ends(place);
        let Some(mut endpoint) = self.net.streams.endpoints.remove(place) else { return };
        endpoint.readers.drain_into(&mut self.wakers);
        endpoint.writers.drain_into(&mut self.wakers);
        if let Some(parent) = endpoint.parent {
            self.miscarry(parent);
        }
    }

    /// Plans the end's next deadline, unless an earlier entry of the queue stands for it already.
    fn set_timer(&mut self, place: u32) {
        let streams = &mut self.net.streams;
        let (Some(generation), Some(endpoint)) =
            (streams.endpoints.generation(place), streams.endpoints.get(place))
        else {
            return;
        };
        let Some(at) = endpoint.connection.deadline() else { return };
        endpoint.cause = HUB.with(|hub| hub.cause.get());
        if endpoint.queued.is_none_or(|queued| at < queued) {
            endpoint.queued = Some(at);
            self.queue.push(at, Planned::new(Kind::Stream, generation, place));
        }
    }

    /// An entry of the queue for a stream's timer has come up. `false`: it stands for nothing any more, and it is
    /// not time yet for whatever came in its place.
    pub(crate) fn stream_timer(&mut self, at: u64, planned: Planned) -> bool {
        let place = planned.place();
        if !self.net.streams.endpoints.generation(place).is_some_and(|it| planned.fits(it)) {
            return false;
        }
        let Some(endpoint) = self.net.streams.endpoints.get(place) else { return false };
        endpoint.queued = endpoint.queued.filter(|queued| *queued > at);
        let (Some(deadline), cause) = (endpoint.connection.deadline(), endpoint.cause) else { return false };
        if deadline > at {
            self.set_timer(place);
            return false;
        }
        let stalled = endpoint.connection.is_open() && endpoint.connection.sending.is_stalled();
        if stalled && !self.has_news(place) {
            if let Some(endpoint) = self.net.streams.endpoints.get(place) {
                endpoint.connection.sending.rest();
            }
            return false;
        }
        self.now = at;
        HUB.with(|hub| hub.cause.set(cause));
        let Some(endpoint) = self.net.streams.endpoints.get(place) else { return false };
        let (node, peer, port) = (endpoint.node, endpoint.peer, endpoint.remote.port());
        let what = endpoint.connection.expire(at);
        let event = self.record(code::STREAM, node, peer.index() as u64, u64::from(port), |line, core| {
            line.text("to", core.node_name(peer)).field("port", u64::from(port)).text("what", what);
        });
        HUB.with(|hub| hub.cause.set(event));
        self.settle(place);
        true
    }

    /// Whether a stalled end would learn something by asking: its peer is gone, or has room again.
    fn has_news(&mut self, place: u32) -> bool {
        let streams = &mut self.net.streams;
        let Some(endpoint) = streams.endpoints.get(place) else { return false };
        let (edge, (node, port, peer, peer_port)) = (endpoint.connection.sending.edge(), endpoint.ends());
        let other = streams.ends.get(&(peer, peer_port, node, port)).copied();
        match other.and_then(|other| streams.endpoints.get(other)) {
            Some(other) => other.connection.receiving.edge() > edge,
            None => true,
        }
    }

    /// Ends what a node that goes down had open. Of a process that dies, the host resets the connections, except
    /// those which the process had closed and which are the host's own business; without power nobody says anything.
    pub(crate) fn close_streams(&mut self, node: NodeId, death: Death) {
        for place in self.net.streams.listeners.places(|listening| listening.node == node) {
            self.close_listener(place, death == Death::Crash);
        }
        let crash = death == Death::Crash;
        let mine = |it: &Endpoint| it.node == node && !(crash && it.connection.is_orphan());
        for place in self.net.streams.endpoints.places(mine) {
            self.end_stream(place, crash);
        }
    }

    /// Ends a connection at once.
    pub(super) fn end_stream(&mut self, place: u32, tell: bool) {
        if tell && let Some(endpoint) = self.net.streams.endpoints.get(place) {
            endpoint.connection.break_off();
            self.settle(place);
        }
        self.remove_endpoint(place);
    }
}
