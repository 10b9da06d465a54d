//! The disks of the world: one per node, made at its first use, with its stream of chance.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::NodeId;
use crate::chance::{Chance, Ratio, StreamId, mix};
use crate::core::Core;
use crate::fs::{Disk, DiskConfig, DiskEvent, Draw};
use crate::hub::{HUB, fenced_error};
use crate::net::Latency;
use crate::trace::code;

/// The decisions of a disk, from its node's stream.
struct Draws<'a> {
    chance: &'a mut Chance,
    stream: StreamId,
}

impl Draw for Draws<'_> {
    fn below(&mut self, kind: &'static str, n: u64) -> u64 {
        self.chance.below(self.stream, kind, n)
    }

    fn chance(&mut self, kind: &'static str, p: Ratio) -> bool {
        self.chance.chance(self.stream, kind, p)
    }

    fn latency(&mut self, kind: &'static str, latency: &Latency) -> Duration {
        Duration::from_nanos(match latency {
            Latency::Constant(delay) => crate::net::nanos(*delay),
            _ => self.chance.decide(self.stream, kind, latency.least(), |raw| latency.at(raw)),
        })
    }
}

/// The disk of the node whose code runs.
pub(crate) fn with_disk<R>(act: impl FnOnce(&mut Disk, &mut dyn Draw, u64) -> R) -> io::Result<R> {
    HUB.with(|hub| {
        if hub.fenced.get() {
            return Err(fenced_error());
        }
        Ok(hub.core.borrow_mut().with_disk(hub.node.get(), act))
    })
}

impl Core {
    /// Lets `act` work on a node's disk, with what is due on it done, and notes what it did.
    pub(crate) fn with_disk<R>(
        &mut self,
        node: NodeId,
        act: impl FnOnce(&mut Disk, &mut dyn Draw, u64) -> R,
    ) -> R {
        let mut disk = self.take_disk(node);
        let stream = self.nodes[node.index()].disk_stream;
        let result = act(&mut disk, &mut Draws { stream, chance: &mut self.chance }, self.now);
        self.put_disk(node, disk);
        result
    }

    /// Takes a node's disk out, for somebody who must not hold the core meanwhile.
    pub(crate) fn take_disk(&mut self, node: NodeId) -> Box<Disk> {
        let state = &mut self.nodes[node.index()];
        let mut disk = state.disk.take().unwrap_or_else(|| {
            let mut disk = Box::new(Disk::numbered(DiskConfig::default(), node.index() as u32));
            disk.record_events(true);
            disk
        });
        if state.disk_stream == StreamId::NONE {
            let name = &state.name;
            state.disk_stream = self.chance.open(mix(state.key ^ 0x6469_736b), || format!("{name}/disk"));
        }
        disk.settle(self.now, &mut Draws { stream: state.disk_stream, chance: &mut self.chance });
        disk
    }

    pub(crate) fn put_disk(&mut self, node: NodeId, mut disk: Box<Disk>) {
        for event in disk.take_events() {
            self.record_disk(node, &event);
        }
        self.nodes[node.index()].disk = Some(disk);
    }

    fn record_disk(&mut self, node: NodeId, event: &DiskEvent) {
        let result = event.result.unwrap_or_else(|errno| u64::MAX - u64::from(errno.unsigned_abs()));
        let path: Rc<str> = Rc::clone(&event.path);
        let a = crate::chance::name_hash(&path) ^ crate::chance::name_hash(event.op);
        self.record(code::DISK, node, a, mix(event.offset) ^ mix(event.len ^ 1) ^ result, |line, _| {
            line.text("op", event.op)
                .text("path", &path)
                .field("offset", event.offset)
                .field("len", event.len);
            match event.result {
                Ok(count) => line.field("result", count),
                Err(errno) => line.text("error", &std::io::Error::from_raw_os_error(errno).to_string()),
            };
            if let Some(fault) = &event.fault {
                line.text("fault", &format!("{fault:?}"));
            }
        });
    }
}
