//! The real world: the same node code on tokio, with sockets, files and the machine's clock.

use std::future::Future;
use std::io;

/// Runs a node's main function for real, on this thread, until it is done.
///
/// # Errors
/// When the runtime cannot be made.
///
/// # Panics
/// When called from a world, or from within another runtime.
pub fn block_on<F: Future>(main: F) -> io::Result<F::Output> {
    assert!(!crate::hub::simulated(), "real::block_on in a world: the node's code is simulated already");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    Ok(local.block_on(&runtime, main))
}
