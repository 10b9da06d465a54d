//! Typed calls: a request, and a reply or the honest admission that nobody knows.
//!
//! Requests and replies are encoded with serde (postcard) in both worlds, so that encoding bugs and byte counts are
//! real. In a world a request is one message and so is its reply: each may be lost, late, doubled or damaged on its
//! own, which is a superset of what a connection lets happen; `Config::rpc_over_streams` sends them over simulated
//! TCP instead. For real they travel over TCP, in frames led by their length.
//!
//! A call ends in one of three ways: with a reply; [`Error::Refused`], when it certainly had no effect; or
//! [`Error::Unknown`], when it may have had one. A client that takes `Unknown` for a failure is wrong, and the
//! checker will find out.

mod call;
mod server;
pub(crate) mod state;
mod stream;

pub use call::call;
pub use server::{Call, Listener, Server, listen};
pub(crate) use stream::forget_connections;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request type, its name, and the type of its reply.
pub trait Request: Serialize + DeserializeOwned + 'static {
    /// What a server answers with.
    type Reply: Serialize + DeserializeOwned + 'static;
    /// Names the type on the wire, in counters, in fault rules and in traces. Unique among what one server serves.
    const NAME: &'static str;
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request certainly had no effect: nobody listened, or it was not understood.
    #[error("refused: {0}")]
    Refused(String),
    /// The request may have had its effect: no reply came in time, or the reply was not understood.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

impl Error {
    /// Whether the request certainly had no effect.
    pub fn is_refused(&self) -> bool {
        matches!(self, Error::Refused(_))
    }
}

/// The number that stands for a request type on the wire.
pub(crate) const fn method_of<R: Request>() -> u64 {
    crate::chance::name_hash(R::NAME)
}

/// Appends `value`, encoded.
pub(crate) fn encode<T: Serialize>(value: &T, buffer: Vec<u8>) -> Result<Vec<u8>, String> {
    postcard::serialize_with_flavor(value, Appended(buffer))
        .map_err(|error| format!("cannot be encoded: {error}"))
}

/// Appends to a buffer, runs of bytes at once.
struct Appended(Vec<u8>);

impl Flavor for Appended {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes too many", rest.len())),
        Err(error) => Err(format!("cannot be decoded: {error}")),
    }
}
