//! From sending to delivery: what a link does to a message on its way.

use super::link::Wire;
use super::message::{Content, Envelope, Label, Message};
use super::nanos;
use super::rules::Fate;
use crate::NodeId;
use crate::chance::{StreamId, mix};
use crate::core::Core;
use crate::life::Life;
use crate::time::queue::{Kind, Planned};
use crate::trace::{Line, code};

/// What a message takes from a node to itself, in nanoseconds.
const LOOPBACK: u64 = 10_000;

/// Why a message did not arrive; the trace says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Partition,
    Random,
    Rule,
    QueueFull,
    CutInFlight,
    NodeDown,
    NoListener,
    InboxFull,
    BacklogFull,
    Checksum,
}

impl Core {
    /// Sends a message. It may be lost; therefore this cannot fail.
    #[inline]
    pub(crate) fn transmit(
        &mut self,
        from: NodeId,
        to: NodeId,
        label: Label,
        content: Content,
        payload: Vec<u8>,
    ) {
        let size = payload.len() as u64;
        let tally = self.net.tally(label);
        tally.messages += 1;
        tally.bytes += size;
        let to_and_size = (to.index() as u64) << 32 | size;
        let sent = self.record(code::SEND, from, to_and_size, u64::from(label.index), |line, core| {
            line.text("to", core.node_name(to));
            describe(line, core, label, size);
        });
        let ruled = !self.net.rules.is_empty();
        let (link, wire) = self.net.wire(from, to);
        link.messages += 1;
        link.bytes += size;
        let message = Message { from, to, label, epoch: link.epoch, sent, content, payload };
        if link.cut || link.stream == StreamId::NONE || !wire.plain || ruled {
            return self.weather(message);
        }
        let at = self.now.saturating_add(wire.delay.draw(&mut self.chance, link.stream));
        self.plan(message, at);
    }

    /// Sends a message over a link of which more is to decide than its delay.
    fn weather(&mut self, mut message: Message) {
        let (from, to) = (message.from, message.to);
        let link = self.net.link_mut(from, to);
        if link.cut {
            return self.lose(message, Loss::Partition);
        }
        if from == to {
            return self.plan(message, self.now.saturating_add(LOOPBACK));
        }
        if link.stream == StreamId::NONE {
            // A link's stream is keyed by the names of its ends: a node more changes no other link.
            let (a, b) = (&self.nodes[from.index()], &self.nodes[to.index()]);
            let id = mix(a.key ^ mix(b.key ^ 0x6c69_6e6b));
            link.stream = self.chance.open(id, || format!("{}>{}/link", a.name, b.name));
        }
        let stream = link.stream;
        let mut extra = 0;
        if !self.net.rules.is_empty() {
            match self.judge(&mut message) {
                Some(Fate::Drop) => return self.lose(message, Loss::Rule),
                Some(Fate::Delay(delay)) => extra = nanos(delay),
                Some(Fate::Duplicate(times)) => {
                    for _ in 0..times {
                        let copy = self.copy(&message);
                        self.travel(copy, stream, 0);
                    }
                }
                Some(Fate::Corrupt { .. }) | None => {}
            }
        }
        let (loss, duplicate) = {
            let config = &self.net.wire(from, to).1.config;
            (config.loss, config.duplicate)
        };
        if self.chance.chance(stream, "loss", loss) {
            return self.lose(message, Loss::Random);
        }
        if self.chance.chance(stream, "duplicate", duplicate) {
            let copy = self.copy(&message);
            self.travel(copy, stream, 0);
        }
        self.travel(message, stream, extra);
    }

    /// Applies the first rule that picks the message; a flipped bit at once, the rest is the caller's.
    #[cold]
    fn judge(&mut self, message: &mut Message) -> Option<Fate> {
        let kind = self.net.kind_name(message.label);
        let (from, to, reply) = (message.from, message.to, message.label.reply);
        let envelope = Envelope { from, to, kind, reply, payload: &message.payload };
        let fate = self.net.rules.fate(&envelope)?;
        if let Fate::Corrupt { bit } = fate {
            flip(&mut message.payload, bit);
        }
        Some(fate)
    }

    fn copy(&mut self, message: &Message) -> Message {
        if let Content::Call { call, .. } = message.content {
            self.net.calls.doubled(call);
        }
        let mut payload = self.net.buffer();
        payload.extend_from_slice(&message.payload);
        Message { payload, ..*message }
    }

    /// Plans the arrival of a message that is not lost.
    #[inline]
    fn travel(&mut self, mut message: Message, stream: StreamId, extra: u64) {
        let (link, Wire { config, delay, .. }) = self.net.wire(message.from, message.to);
        let mut at = self.now;
        if let Some(bandwidth) = config.bandwidth {
            let rate = bandwidth.bytes_per_second.max(1);
            let backlog = link.busy_until.saturating_sub(at);
            let size = message.payload.len() as u64;
            let queued = u128::from(backlog) * u128::from(rate) / 1_000_000_000;
            if queued + u128::from(size) > u128::from(bandwidth.queue_bytes) {
                return self.lose(message, Loss::QueueFull);
            }
            let takes = backlog + (u128::from(size) * 1_000_000_000 / u128::from(rate)) as u64;
            link.busy_until = at.saturating_add(takes);
            at = link.busy_until;
        }
        at = at.saturating_add(delay.draw(&mut self.chance, stream)).saturating_add(extra);
        if !config.corrupt.is_zero() && self.chance.chance(stream, "corrupt", config.corrupt) {
            let bits = message.payload.len() as u64 * 8;
            let bit = self.chance.below(stream, "bit", bits.max(1));
            flip(&mut message.payload, bit);
        }
        if self.chance.chance(stream, "reorder", config.reorder) {
            at = at.saturating_add(delay.draw(&mut self.chance, stream).saturating_mul(4));
        } else if config.fifo {
            at = at.max(link.last_arrival);
            link.last_arrival = at;
        }
        self.plan(message, at);
    }

    #[inline(always)]
    fn plan(&mut self, message: Message, at: u64) {
        let place = self.net.store(message);
        self.queue.push(at, Planned::new(Kind::Message, 0, place));
    }

    pub(crate) fn lose(&mut self, message: Message, why: Loss) {
        let (label, sent, size) = (message.label, message.sent, message.payload.len() as u64);
        self.record(code::DROP, message.from, sent, why as u64, |line, core| {
            line.text("to", core.node_name(message.to)).text("why", &format!("{why:?}")).field("sent", sent);
            describe(line, core, label, size);
        });
        self.net.recycle(message.payload);
    }

    /// A message's time has come.
    #[inline]
    pub(crate) fn arrive(&mut self, place: u32) {
        let Some(message) = self.net.take(place) else { return };
        let link = self.net.link_mut(message.from, message.to);
        if link.epoch != message.epoch {
            return self.lose(message, Loss::CutInFlight);
        }
        if link.held {
            self.net.waiting.push(message);
            return;
        }
        if self.nodes[message.to.index()].life == Life::Off {
            return self.lose(message, Loss::NodeDown);
        }
        link.delivered += 1;
        let (label, sent, size) = (message.label, message.sent, message.payload.len() as u64);
        self.net.tally(label).delivered += 1;
        let event = self.record(code::DELIVER, message.to, sent, 0, |line, core| {
            line.text("from", core.node_name(message.from)).field("sent", sent);
            describe(line, core, label, size);
        });
        self.cover_delivery(message.from, message.to, label);
        crate::hub::HUB.with(|hub| hub.cause.set(event));
        match message.content {
            Content::Datagram { .. } => self.datagram_arrives(message),
            Content::Call { .. } => self.call_arrives(message),
            Content::Reply { .. } => self.reply_arrives(message),
            Content::Segment => self.segment_arrives(message),
        }
    }

    /// Cuts or mends a link. Cutting loses what is in flight on it, and what is held.
    pub(crate) fn set_cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        let link = self.net.link_mut(from, to);
        if link.cut == cut {
            return;
        }
        link.cut = cut;
        if cut {
            link.epoch += 1;
        }
        self.record_link(from, to, if cut { "cut" } else { "mend" }, u64::from(cut));
        if cut {
            let lost = self.take_waiting(from, to);
            lost.into_iter().for_each(|message| self.lose(message, Loss::CutInFlight));
        }
    }

    /// Holds or releases a link. Released messages arrive at once, in the order in which they would have.
    pub(crate) fn set_held(&mut self, from: NodeId, to: NodeId, held: bool) {
        let link = self.net.link_mut(from, to);
        if link.held == held {
            return;
        }
        link.held = held;
        self.record_link(from, to, if held { "hold" } else { "release" }, 2 + u64::from(held));
        if !held {
            for message in self.take_waiting(from, to) {
                self.plan(message, self.now);
            }
        }
    }

    fn take_waiting(&mut self, from: NodeId, to: NodeId) -> Vec<Message> {
        self.net.waiting.extract_if(.., |message| (message.from, message.to) == (from, to)).collect()
    }

    pub(crate) fn record_link(&mut self, from: NodeId, to: NodeId, what: &'static str, number: u64) {
        self.record(code::LINK, from, to.index() as u64, number, |line, core| {
            line.text("to", core.node_name(to)).text("what", what);
        });
    }
}

fn flip(payload: &mut [u8], bit: u64) {
    if !payload.is_empty() {
        let bit = bit % (payload.len() as u64 * 8);
        payload[bit as usize / 8] ^= 1 << (bit % 8);
    }
}

fn describe(line: &mut Line<'_>, core: &Core, label: Label, size: u64) {
    line.text("kind", core.net.kind_name(label)).field("bytes", size);
    if label.reply {
        line.text("reply", "yes");
    }
}
