//! The machine room of Stormglass: nodes, clocks, disks and links of a whole distributed system, simulated
//! deterministically in one thread. What breaks once breaks again, from the same [`Seed`].
//!
//! # Two sides
//! *Inside*, code on a node sees an API in the shape of tokio's: [`time`], [`task`], [`net`], [`sync`], [`signal`],
//! [`rand`]. *Outside*, the test holds the [`World`]: it makes nodes by name from a factory and does things to them.
//!
//! ```
//! use std::time::Duration;
//! use stormglass_sim::{Seed, Sim, net::UdpSocket, time::timeout};
//!
//! let outcome = Sim::new(Seed(1)).run(|world| async move {
//!     let echo = world.node("echo", || async {
//!         let socket = UdpSocket::bind("0.0.0.0:7").await?;
//!         let mut buffer = [0; 64];
//!         loop {
//!             let (length, from) = socket.recv_from(&mut buffer).await?;
//!             socket.send_to(&buffer[..length], from).await?;
//!         }
//!         #[expect(unreachable_code, reason = "names the type of error")]
//!         Ok::<(), std::io::Error>(())
//!     });
//!     let socket = UdpSocket::bind("0.0.0.0:0").await.expect("a free port");
//!     socket.send_to(b"hello", "echo:7").await.expect("small enough");
//!     let mut buffer = [0; 64];
//!     let (length, _) = socket.recv_from(&mut buffer).await.expect("open");
//!     assert_eq!(&buffer[..length], b"hello");
//!
//!     world.partition(&[echo], &[stormglass_sim::NodeId::WORLD]);
//!     socket.send_to(b"lost", "echo:7").await.expect("losing is no error");
//!     timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await.expect_err("nothing comes back");
//! });
//! outcome.unwrap();
//! ```
//!
//! # One import, two worlds
//! Outside of a world the same calls go to tokio: real sockets, real files, the machine's clock. It is decided at run
//! time, by whether a world runs on this thread. [`real::block_on`] runs a node for real.
//!
//! # What is promised
//! A run is a function of its seed, its [`Config`] and the program. All chance is drawn from named streams of the
//! seed ([`chance`]); time is virtual; tasks run one at a time; what third-party code asks of libc is answered from
//! the seed or refused ([`guard`]). The order of std's `HashMap` is fixed only on a thread of its own: run a world in
//! [`guard::on_fresh_thread`], as the harness does. What is not promised: that the model of a network or
//! a disk has every fault of yours, and that surviving many seeds is a proof.

mod ambush;
pub mod chance;
mod config;
mod core;
pub mod coverage;
mod disk;
mod executor;
pub mod fs;
pub mod guard;
mod hub;
mod leaks;
mod life;
pub mod net;
pub mod node;
mod outcome;
mod panics;
#[doc(hidden)]
pub mod property;
pub mod rand;
pub mod real;
mod report;
pub mod schedule;
mod seed;
mod select;
pub mod signal;
mod sim;
pub mod time;
mod trace;
mod world;

pub use ambush::Juncture;
pub use chance::{Decision, Overrides, Ratio};
pub use config::Config;
pub use node::NodeId;
pub use outcome::{Finding, FindingKind, Outcome, Tally};
pub use schedule::Schedule;
pub use seed::{ParseSeedError, Seed};
pub use sim::Sim;
pub use world::{Factory, IntoExit, World};

/// Tasks: the shape of `tokio::task`.
pub mod task {
    pub use crate::executor::{JoinError, JoinHandle, JoinSet, YieldNow, spawn, yield_now};
}

/// Channels and locks between the tasks of a node: tokio's own, which run on any executor and wake in order.
pub mod sync {
    pub use tokio::sync::*;
}
