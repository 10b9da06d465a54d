//! What the holder of a stream does with it: reads, writes, lets go; and what a report says of it.

use super::Doing;
use crate::NodeId;
use crate::chance::{StreamId, mix};
use crate::core::Core;

impl Core {
    /// How many of `count` bytes pass at once: sometimes fewer than could.
    pub(super) fn shorten(&mut self, from: NodeId, to: NodeId, count: usize) -> usize {
        if count < 2 || self.short_io.is_zero() {
            return count;
        }
        let stream = self.stream_chance(from, to);
        if !self.chance.chance(stream, "short", self.short_io) {
            return count;
        }
        count - self.chance.below(stream, "less", count as u64) as usize
    }

    fn stream_chance(&mut self, from: NodeId, to: NodeId) -> StreamId {
        let (a, b) = (&self.nodes[from.index()], &self.nodes[to.index()]);
        let chance = &mut self.chance;
        *self.net.streams.chance.entry((from, to)).or_insert_with(|| {
            let id = mix(a.key ^ mix(b.key ^ 0x0074_6370));
            chance.open(id, || format!("{}>{}/tcp", a.name, b.name))
        })
    }

    /// Reads the first unread bytes. `None`: there are none.
    pub(super) fn read_stream(
        &mut self,
        place: u32,
        room: usize,
        out: impl FnOnce(&[u8], &[u8]),
    ) -> Option<usize> {
        let endpoint = self.net.streams.endpoints.get(place)?;
        let (node, peer, ends) = (endpoint.node, endpoint.peer, endpoint.ends());
        let count = endpoint.connection.receiving.available().min(room);
        if count == 0 {
            return None;
        }
        let count = self.shorten(peer, node, count);
        let endpoint = self.net.streams.endpoints.get(place)?;
        let (one, two) = endpoint.connection.receiving.unread();
        let split = count.min(one.len());
        out(&one[..split], &two[..count - split]);
        if endpoint.connection.consume(count) {
            self.nudge(ends);
            self.settle(place);
        }
        Some(count)
    }

    /// Writes what fits. `None`: nothing does.
    pub(super) fn write_stream(&mut self, place: u32, bytes: &[u8]) -> Option<usize> {
        let endpoint = self.net.streams.endpoints.get(place)?;
        let (node, peer) = (endpoint.node, endpoint.peer);
        let count = endpoint.connection.sending.room().min(bytes.len());
        if count == 0 {
            return None;
        }
        let count = self.shorten(node, peer, count);
        self.net.streams.endpoints.get(place)?.connection.sending.push(&bytes[..count]);
        self.settle(place);
        Some(count)
    }

    /// One handle less; with the last, the end is closed.
    pub(super) fn release_stream(&mut self, place: u32) {
        let Some(endpoint) = self.net.streams.endpoints.get(place) else { return };
        endpoint.handles -= 1;
        if endpoint.handles == 0 {
            endpoint.connection.abandon();
            self.settle(place);
        }
    }

    /// Whom and what a task waits for that waits on a stream, for a report.
    pub(crate) fn describe_stream(&self, place: u32, doing: Doing) -> String {
        let Some(endpoint) = self.net.streams.endpoints.peek(place) else {
            return "on a stream that is gone".to_owned();
        };
        let (peer, port) = (self.node_name(endpoint.peer), endpoint.remote.port());
        match doing {
            Doing::Connecting => format!("to connect to node '{peer}', port {port}"),
            Doing::Reading => format!("for bytes of the stream from node '{peer}', port {port}"),
            Doing::Writing => format!("for room on the stream to node '{peer}', port {port}"),
        }
    }
}
