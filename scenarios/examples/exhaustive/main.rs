//! Casts so small that every order of their messages can be explored, and bugs that need one of them.
//!
//! ```console
//! $ cargo run --example exhaustive -- explore lock/three_nodes
//! $ cargo run --example exhaustive -- explore lock/three_nodes --bug releases-any
//! ```

mod lock;
mod vote;

use std::process::ExitCode;

fn main() -> ExitCode {
    stormglass::cli(lock::stories().into_iter().chain(vote::stories()).collect())
}
