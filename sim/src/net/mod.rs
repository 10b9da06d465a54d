//! The network: nodes' addresses, links between them, and what runs over the links.
//!
//! Every ordered pair of nodes has a link of its own ([`LinkConfig`]): latency, loss, duplication, reordering,
//! corruption, bandwidth. A link may be *cut*, which also loses what is in flight on it, or *held*, which keeps
//! everything until it is released. Over links run datagrams ([`UdpSocket`]), streams ([`TcpStream`]) and typed
//! calls ([`rpc`]).

pub(crate) mod address;
pub(crate) mod counters;
mod latency;
pub(crate) mod link;
pub(crate) mod message;
pub mod rpc;
mod rules;
mod state;
pub mod tcp;
mod transmit;
mod udp;
pub(crate) mod waiters;

pub use address::{Target, lookup_host};
pub use counters::{Counters, Tally};
pub use latency::Latency;
pub use link::{Bandwidth, LinkConfig};
pub use message::Envelope;
pub use rules::{Fate, Rule, RuleId};
#[doc(no_inline)]
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;

pub(crate) use latency::{exp, ln, nanos};
pub(crate) use message::Label;
pub(crate) use rules::Rules;
pub(crate) use state::Net;
