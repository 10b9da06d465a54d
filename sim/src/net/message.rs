//! What travels.

use std::fmt;

use crate::NodeId;

/// What a message is, besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A datagram between two ports.
    Datagram { source: u16, target: u16 },
    /// An RPC's request: which call waits for the reply, where it goes, and its type.
    Call { call: CallKey, port: u16, method: u64 },
    /// An RPC's reply.
    Reply { call: CallKey, status: Status },
    /// A piece of a stream; its header is in the payload.
    Segment,
}

/// A call's place and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallKey {
    pub(crate) place: u32,
    pub(crate) generation: u32,
}

/// How a call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// With a reply.
    Ok,
    /// Nobody listens at that port.
    NoListener,
    /// The listener does not know this type of request.
    NoMethod,
    /// The listener could not decode the request.
    Undecodable,
}

/// A message's type, as counters, rules and traces name it: an index into the world's table of labels, and whether
/// it is the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) index: u16,
    pub(crate) reply: bool,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) label: Label,
    /// The link's epoch when it was sent.
    pub(crate) epoch: u32,
    /// The event of its sending.
    pub(crate) sent: u64,
    pub(crate) content: Content,
    pub(crate) payload: Vec<u8>,
}

/// What a fault rule sees of a message.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    /// The sender.
    pub from: NodeId,
    /// The addressee.
    pub to: NodeId,
    /// Its type: an RPC's `Request::NAME`, `"udp"`, or `"tcp data"`, `"tcp syn"` and so on.
    pub kind: &'a str,
    /// Whether it is a reply.
    pub reply: bool,
    /// Its bytes, encoded.
    pub payload: &'a [u8],
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reply = if self.reply { " reply" } else { "" };
        write!(f, "{}{reply} {:?} → {:?}, {} bytes", self.kind, self.from, self.to, self.payload.len())
    }
}
