//! Streams.
pub use tokio::net::{TcpListener, TcpStream};
