//! Stormglass: run a whole distributed system in one thread, under weather drawn from a seed, find what breaks, and have
//! it break again.
//!
//! # In a test
//! [`check`] runs a closure over many seeds in a plain `#[test]`; the message of a failure says how to replay it.
//!
//! ```
//! use std::time::Duration;
//! use stormglass::sim::{net::UdpSocket, time::timeout};
//! use stormglass::{Seeds, check};
//!
//! check(Seeds::range(0..20), |world| async move {
//!     world.node("echo", || async {
//!         let socket = UdpSocket::bind("0.0.0.0:7").await?;
//!         let mut buffer = [0; 64];
//!         loop {
//!             let (length, from) = socket.recv_from(&mut buffer).await?;
//!             socket.send_to(&buffer[..length], from).await?;
//!         }
//!         #[expect(unreachable_code, reason = "names the type of error")]
//!         Ok::<(), std::io::Error>(())
//!     });
//!     let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
//!     socket.send_to(b"hello", "echo:7").await.unwrap();
//!     let mut buffer = [0; 64];
//!     let answer = timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await.expect("an answer in time");
//!     assert_eq!(answer.unwrap(), 5);
//! });
//! ```
//!
//! # As a command
//! A [`Story`] is a claim with a name, a cast, a storm and a calm. [`cli`] makes a `main` of a crate's stories: campaigns
//! on all cores, findings that replay, known bugs that must be caught. The command `stormglass` is `cli` over the
//! built-in stories (feature `systems`, on by default).
//!
//! # What a pass means
//! Surviving many seeds is evidence and no proof, and a model of a network or a disk is only as good as its faults.
//!
//! # Where to read on
//! [`Story`] and [`Stage`] for writing one, [`weather`] for what a storm may bring, [`Outcome`] for what a run comes to.
//! Of the source: `run` (one run), `campaign` (many, in processes), `cli` (a file a subcommand), `stories`.

mod campaign;
mod check;
mod cli;
mod history;
mod outcome;
mod report;
mod run;
mod seeds;
mod shrink;
mod stage;
#[cfg(feature = "systems")]
mod stories;
mod story;
mod wall;
pub mod weather;
mod when;

pub use stormglass_checker as checker;
pub use stormglass_sim as sim;

pub use campaign::Finding;
pub use check::check;
pub use cli::cli;
#[cfg(feature = "systems")]
pub use cli::command;
pub use history::{Call, History, linearizable};
pub use outcome::{Fall, Outcome, Verdict};
pub use seeds::Seeds;
pub use stage::Stage;
#[cfg(feature = "systems")]
pub use stories::all as stories;
pub use story::Story;
pub use weather::Weather;
