//! Panics in a world: caught, located, and kept off the terminal; they are findings, not noise.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::sync::Once;

use crate::guard;
use crate::hub::simulated;

/// What the panic hook saw.
pub(crate) struct Note {
    pub(crate) location: String,
    pub(crate) backtrace: String,
}

/// The payload with which a node's own code gives up: see `sim::node::abort`.
pub(crate) struct NodeAborts;

/// The payload that takes the executor out of a task that makes event after event and never gives way.
pub(crate) struct NeverYields;

thread_local! {
    static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
}

/// Sets the process's panic hook, once: panics in a world are noted, others go where they went before.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !simulated() {
                return previous(info);
            }
            let location = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
            let backtrace = guard::suspend(|| Backtrace::force_capture().to_string());
            NOTE.with(|note| note.replace(Some(Note { location, backtrace })));
        }));
    });
}

/// The note of the panic that was just caught.
pub(crate) fn take() -> Option<Note> {
    NOTE.with(RefCell::take)
}

/// What a panic said.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}
