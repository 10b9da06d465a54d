//! Histories as events: a call is one event and its end another, as Jepsen, Knossos, Maelstrom and Porcupine's
//! tests write them.
//!
//! ```text
//! {:process 0, :type :invoke, :f :write, :value 1, :time 1000, :index 0}
//! {:process 0, :type :ok,     :f :write, :value 1, :time 2500, :index 1}
//! ```
//!
//! - An event ends the open operation of its process. `:ok`: it took effect and answered. `:fail`: it certainly
//!   did not take effect, and is left out; but a compare-and-set that fails without an `:error`, or with one that
//!   says `precondition-failed`, did compare. `:info`, or no end: the outcome is unknown.
//! - The order in the file is the order of time, as Knossos takes it; `:time` only says how far apart events are.
//!   A time that goes backwards is taken as just after the event before; but no operation ends before it began. Without
//!   `:time`, times count events.
//! - Events of `:nemesis` are ignored. Every other process is a client, whether it has a number or a name; but not both in
//!   one file.
//! - The key is `:key`, or the first of a pair `[key value]`, tagged `#jepsen.independent.Tuple` or not; without
//!   either there is one object, called `x`.
//! - An answer must be to what was asked: of the same key, and a write's, if it has a value at all, of the same value.
//!   An acquire, a release, a transfer or a compare-and-set may answer `true` or `false` instead, whether it was done.
//! - A map has no key twice; `:a` and `"a"` are one key, and so are `1` and `"1"`.
//! - The number 1 and the string "1" are the same value.

mod line;
mod log;
mod operation;
mod pairs;

pub use line::{Event, Kind, Process};
pub use log::Log;
pub(crate) use log::is_event;
pub(crate) use operation::operation;
pub use pairs::{Ended, Pairs};
