//! The algorithm, pure: values in, effects out. No I/O, no clock, no `async`.
//!
//! [`Store`] is the server: a map, and what must be on disk before which reply may leave.
//! [`PutCall`] is the clerk's half of the contract: what an answer means after a resend.
//! [`wal`] is what the store's records look like in a file, and what may be believed of one after a crash.
//! [`Acquire`] and [`Release`] are the lock, which sees nothing of either but Get and Put.

mod clerk;
mod lock;
mod store;
pub mod wal;

#[cfg(test)]
mod tests;

pub use clerk::{PutCall, PutError, Unanswered};
pub use lock::{Acquire, FREE, Next, Release};
pub use store::{Effects, Record, Store};
