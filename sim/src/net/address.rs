//! Addresses and names.
//!
//! Node number *n* of a world has the address `10.x.y.z` whose last three bytes are *n* + 1, unless it was given
//! another; its name resolves to it. `localhost` and 127.0.0.1 are the node itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::NodeId;
use crate::core::Core;
use crate::hub::{HUB, simulated};

/// Whom to call: an address, or a name and a port (`"server:7000"`), resolved at each use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Resolved already.
    Address(SocketAddr),
    /// A host's name (a node's, in a world) and a port.
    Name(String, u16),
    /// Neither of them: the text as it was given. Using it is an error that names it.
    Malformed(String),
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Target::Address(address)
    }
}

impl From<(&str, u16)> for Target {
    fn from((host, port): (&str, u16)) -> Self {
        match host.parse() {
            Ok(ip) => Target::Address(SocketAddr::new(ip, port)),
            Err(_) => Target::Name(host.to_owned(), port),
        }
    }
}

impl From<(IpAddr, u16)> for Target {
    fn from(address: (IpAddr, u16)) -> Self {
        Target::Address(address.into())
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        if let Ok(address) = text.parse() {
            return Target::Address(address);
        }
        match text.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) if !host.is_empty() => Target::Name(host.to_owned(), port),
            _ => Target::Malformed(text.to_owned()),
        }
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&Target> for Target {
    fn from(target: &Target) -> Self {
        target.clone()
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Address(address) => address.fmt(f),
            Target::Name(host, port) => write!(f, "{host}:{port}"),
            Target::Malformed(text) => f.write_str(text),
        }
    }
}

impl Target {
    /// The address, in the world or for real.
    pub(crate) async fn resolve(&self) -> io::Result<SocketAddr> {
        match self {
            Target::Address(address) => Ok(*address),
            Target::Malformed(text) => Err(malformed(text)),
            Target::Name(host, port) if simulated() => HUB.with(|hub| {
                let core = hub.core.borrow();
                let ip = core.resolve(host, hub.node.get()).ok_or_else(|| unknown_host(host))?;
                Ok(SocketAddr::new(ip, *port))
            }),
            Target::Name(host, port) => {
                let mut found = tokio::net::lookup_host((host.as_str(), *port)).await?;
                found.next().ok_or_else(|| unknown_host(host))
            }
        }
    }
}

fn malformed(text: &str) -> io::Error {
    let message = format!("'{text}' is no address: write host:port or ip:port");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn unknown_host(host: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no host is named '{host}'"))
}

/// The addresses that a target resolves to: of a node's name in a world, by the system's resolver outside.
pub async fn lookup_host(target: impl Into<Target>) -> io::Result<impl Iterator<Item = SocketAddr>> {
    target.into().resolve().await.map(std::iter::once)
}

/// The address that a node has when it was given no other.
pub(crate) fn standard_ip(node: NodeId) -> IpAddr {
    let [_, x, y, z] = (node.index() as u32 + 1).to_be_bytes();
    Ipv4Addr::new(10, x, y, z).into()
}

impl Core {
    pub(crate) fn resolve(&self, host: &str, asking: NodeId) -> Option<IpAddr> {
        if host == "localhost" {
            return Some(self.nodes[asking.index()].ip);
        }
        self.names.get(host).map(|node| self.nodes[node.index()].ip)
    }

    /// The node that an address belongs to, as seen from `from`.
    #[inline]
    pub(crate) fn node_at(&self, ip: IpAddr, from: NodeId) -> Option<NodeId> {
        if let IpAddr::V4(v4) = ip {
            let [ten, x, y, z] = v4.octets();
            if ten == 10 {
                let index = u32::from_be_bytes([0, x, y, z]).wrapping_sub(1) as usize;
                if self.nodes.get(index).is_some_and(|node| node.ip == ip) {
                    return Some(NodeId::at(index));
                }
            }
        }
        if ip.is_loopback() || ip.is_unspecified() {
            return Some(from);
        }
        self.net.addresses.get(&ip).copied()
    }

    /// Checks that a node may bind to an address: its own, any, or loopback.
    pub(crate) fn check_bind(&self, node: NodeId, address: SocketAddr) -> io::Result<()> {
        let ip = address.ip();
        if ip.is_unspecified() || ip.is_loopback() || ip == self.nodes[node.index()].ip {
            return Ok(());
        }
        let message = format!("{ip} is not an address of node '{}'", self.node_name(node));
        Err(io::Error::new(io::ErrorKind::AddrNotAvailable, message))
    }
}
