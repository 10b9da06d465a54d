//! Many tasks, joined in the order in which they end.

use std::future::Future;
use std::panic::Location;

use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};

use super::{JoinError, JoinHandle, task};
use crate::NodeId;
use crate::hub::{HUB, simulated};

/// Tasks that belong together. Dropping the set ends them all, as tokio's does; unlike tokio's, tasks that end at
/// the same instant are joined in the order in which they ended, on every run.
pub struct JoinSet<T: 'static> {
    handles: FuturesUnordered<JoinHandle<T>>,
}

impl<T: 'static> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        JoinSet { handles: FuturesUnordered::new() }
    }

    /// Starts a task on the node whose code runs, as [`spawn`](super::spawn) does, and keeps it here.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F)
    where
        F: Future<Output = T> + 'static,
    {
        let site = Location::caller();
        let handle = if simulated() {
            let node: NodeId = HUB.with(|hub| hub.node.get());
            task::spawn_on(node, future, site)
        } else {
            task::spawn(future)
        };
        self.handles.push(handle);
    }

    /// The next task to end; `None` when none is left.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.handles.next().await
    }

    /// The next task that has ended already; `None` when there is none.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.join_next().now_or_never().flatten()
    }

    /// Ends all tasks; each is still joined, as cancelled.
    pub fn abort_all(&mut self) {
        self.handles.iter().for_each(JoinHandle::abort);
    }

    /// Ends all tasks and joins them.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// How many have not been joined.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether all have been joined.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }
}

impl<T: 'static> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}
