//! What happened: a rolling digest always, and on demand a line of JSON for every event, with its cause.
//!
//! Events are numbered from 1 whether or not they are written down, so the two kinds of run agree. Log lines and
//! notes are not events: they carry the number of the event they belong to, and change neither digest nor numbers,
//! so that adding a log line changes no run.

mod line;
mod logs;

pub(crate) use line::Line;
pub(crate) use logs::subscriber;

use crate::NodeId;
use crate::core::Core;
use crate::hub::HUB;

/// The kinds of events; in a trace, the value of `"event"`.
pub(crate) mod code {
    /// A kind of event: its number in the digest, its name in the trace.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Code(pub(crate) u8, pub(crate) &'static str);

    pub(crate) const SPAWN: Code = Code(1, "spawn");
    pub(crate) const RUN: Code = Code(2, "run");
    pub(crate) const EXIT: Code = Code(3, "exit");
    pub(crate) const TIMER: Code = Code(4, "timer");
    pub(crate) const SEND: Code = Code(5, "send");
    pub(crate) const DELIVER: Code = Code(6, "deliver");
    pub(crate) const DROP: Code = Code(7, "drop");
    pub(crate) const NODE: Code = Code(8, "node");
    pub(crate) const CLOCK: Code = Code(9, "clock");
    pub(crate) const LINK: Code = Code(10, "link");
    pub(crate) const STREAM: Code = Code(11, "stream");
    pub(crate) const DISK: Code = Code(12, "disk");
    pub(crate) const PROPERTY: Code = Code(13, "property");
    pub(crate) const FINDING: Code = Code(14, "finding");
    pub(crate) const CLIENT: Code = Code(15, "client");
}

use code::Code;

/// The lines written so far.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) lines: Vec<u8>,
}

impl Core {
    /// Counts an event into the digest and, if there is a trace, writes it down. Returns its number.
    #[inline]
    pub(crate) fn record(
        &mut self,
        code: Code,
        node: NodeId,
        a: u64,
        b: u64,
        detail: impl FnOnce(&mut Line<'_>, &Core),
    ) -> u64 {
        self.events += 1;
        if self.events >= self.patience {
            self.lose_patience();
        }
        let what = u64::from(code.0) << 56 | (node.index() as u64) << 32;
        self.digest = fold(fold(self.digest, self.now ^ what), a ^ b.rotate_left(32));
        if self.trace.is_some() {
            self.write(code, node, detail);
        }
        self.events
    }

    #[cold]
    #[inline(never)]
    fn write(&mut self, code: Code, node: NodeId, detail: impl FnOnce(&mut Line<'_>, &Core)) {
        let cause = HUB.with(|hub| hub.cause.get());
        // Taken out while the rest of the core is looked at.
        let Some(mut trace) = self.trace.take() else { return };
        let name = self.nodes.get(node.index()).map_or("world", |node| &node.name);
        let mut line = Line::open(&mut trace.lines);
        line.field("id", self.events).field("at", self.now).text("node", name).text("event", code.1);
        if cause != 0 {
            line.field("cause", cause);
        }
        detail(&mut line, self);
        line.close();
        self.trace = Some(trace);
    }

    /// Writes a line that is no event: a log message, a note.
    pub(crate) fn annotate(&mut self, kind: &str, node: NodeId, detail: impl FnOnce(&mut Line<'_>)) {
        let Some(trace) = &mut self.trace else { return };
        let name = self.nodes.get(node.index()).map_or("world", |node| &node.name);
        let mut line = Line::open(&mut trace.lines);
        line.field("at", self.now).text("node", name).text("event", kind);
        line.field("cause", HUB.with(|hub| hub.cause.get()));
        detail(&mut line);
        line.close();
    }
}

/// One step of the rolling digest: every input bit reaches every later digest.
#[inline]
fn fold(digest: u64, word: u64) -> u64 {
    let x = (digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^ (x >> 29)
}
