//! `tracing` events of node code, captured in the trace.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::hub::{HUB, simulated};

/// A subscriber that writes events into the running world's trace; spans only lend them their names.
pub(crate) fn subscriber() -> impl Subscriber {
    Capture
}

struct Capture;

impl Subscriber for Capture {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // What is said here is kept for the whole process, also for worlds that are still to come.
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        simulated()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Spans are not followed; all may share one id.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let metadata = event.metadata();
        let _ = HUB.try_with(|hub| {
            // A log line from inside the simulator itself must not trip over its own borrow.
            let Ok(mut core) = hub.core.try_borrow_mut() else { return };
            core.annotate("log", hub.node.get(), |line| {
                line.text("level", metadata.level().as_str());
                line.text("target", metadata.target()).text("message", &message.0);
            });
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message first, then `name=value` for the other fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        let written = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, "{name}={value:?}"),
        };
        written.expect("writing to memory cannot fail");
    }
}
