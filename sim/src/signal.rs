//! Being asked to end.

use std::task::Poll;

use crate::executor::Wait;
use crate::hub::{HUB, simulated};

/// Completes when the process is asked to end: SIGTERM for real, `World::terminate` in a world.
///
/// # Errors
/// For real, when the signal's handler cannot be installed.
pub async fn terminate() -> std::io::Result<()> {
    if simulated() {
        asked().await;
        return Ok(());
    }
    #[cfg(unix)]
    {
        let kind = tokio::signal::unix::SignalKind::terminate();
        tokio::signal::unix::signal(kind)?.recv().await;
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Completes when the process is interrupted: Ctrl-C for real, `World::terminate` in a world.
///
/// # Errors
/// For real, when the signal's handler cannot be installed.
pub async fn ctrl_c() -> std::io::Result<()> {
    if simulated() {
        asked().await;
        return Ok(());
    }
    tokio::signal::ctrl_c().await
}

async fn asked() {
    std::future::poll_fn(|cx| {
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            let node = &mut core.nodes[hub.node.get().index()];
            if node.terminating {
                return Poll::Ready(());
            }
            node.signal.add(cx.waker());
            hub.wait.set(Wait::Signal);
            Poll::Pending
        })
    })
    .await;
}
