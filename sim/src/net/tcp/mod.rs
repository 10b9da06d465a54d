//! Streams: TCP, segment by segment over the links.
//!
//! A segment is a message like any other: it may be lost, late, doubled, overtaken, damaged. Rules, counters and
//! traces see it as `tcp syn`, `tcp syn-ack`, `tcp data`, `tcp ack`, `tcp fin`, `tcp rst` or `tcp probe`; its bytes
//! are a header of 33 bytes and then the data. What a stream makes of it is what a kernel does:
//!
//! * Connecting takes a round trip. Nobody listens: `ConnectionRefused`. Nobody answers: SYNs after 0, 1, 3, 7, 15,
//!   31 and 63 s, then `TimedOut` after 127 s (Linux).
//! * Bytes arrive in order, once and undamaged. Lost segments are sent again after a time-out that follows the
//!   measured round trips, 200 ms to 60 s, and doubles each time (RFC 6298); slow start and halving keep a thin link
//!   from drowning (RFC 5681). What is not acknowledged for 120 s breaks the stream: `TimedOut` (RFC 1122 §4.2.3.5
//!   asks for 100 s at least).
//! * Closing sends FIN; the peer reads the end and may go on writing. Closing with bytes unread, and writing to a
//!   peer that is gone, is answered by RST: `ConnectionReset`. What had arrived before can still be read (Linux).
//! * A crash of a process resets its connections. After a power loss the peer hears nothing: it notices when it
//!   writes and times out, or when the host is back and answers RST.
//! * Each side buffers 64 KiB; a writer that is further ahead of its reader waits.
//! * Reads and writes are short now and then: a decision of the stream `a>b/tcp`, `a` being the side that writes.
//!
//! Where this is not TCP: sequence numbers have 64 bits and do not wrap, so that no TIME-WAIT is needed; there is no
//! fast retransmit, no delayed acknowledgement and no keep-alive; and a writer that waits for a closed window asks
//! only when there is something to learn, so that an idle or a stuck stream costs no event and a deadlock is seen.

mod connection;
mod handle;
mod host;
mod listener;
mod pace;
mod receiving;
mod segment;
mod sending;
mod split;
mod stream;
mod table;
mod transfer;

pub use listener::TcpListener;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use stream::TcpStream;

pub(crate) use table::Streams;

/// What a task does with a stream while it waits; a deadlock report says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Connecting,
    Reading,
    Writing,
}

/// How much data a segment carries at most: what fits into an Ethernet frame.
const SEGMENT: u64 = 1460;
/// What each side keeps: of what it sent until it is acknowledged, of what it received until it is read.
const BUFFER: u64 = 65_536;
/// How many connections wait to be accepted, unless a listener says otherwise: tokio's number.
const BACKLOG: u32 = 1024;
const SECOND: u64 = 1_000_000_000;
