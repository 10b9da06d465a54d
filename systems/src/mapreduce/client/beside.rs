//! What must go on while user code computes: signs of life, and what others fetch.
//!
//! A map or reduce function is a call that nothing interrupts, for as long as it likes. Outside of a world whatever has to
//! answer meanwhile runs on a thread of its own; in a world no time passes within a call, and it is a branch like any other.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stormglass_sim::net::rpc;
use stormglass_sim::node::is_simulated;
use stormglass_sim::real;
use stormglass_sim::sync::{Notify, oneshot, watch};
use stormglass_sim::time::{Instant, sleep};

use super::super::message::{Attempt, Ping, Pong, Task, WorkerId};
use super::{Config, End, Error};

/// Carries out what `make` makes, beside the caller, until this future is dropped.
///
/// # Errors
/// When there is no thread for it, or it has panicked.
pub(super) async fn beside<F: Future>(make: impl FnOnce() -> F + Send + 'static) -> io::Result<F::Output>
where
    F::Output: Send + 'static,
{
    if is_simulated() {
        return Ok(make().await);
    }
    let (tell, told) = oneshot::channel();
    let (stay, gone) = oneshot::channel::<()>();
    let main = move || {
        let ended = async {
            stormglass_sim::select! {
                value = make() => Some(value),
                _ = gone => None,
            }
        };
        let ended = real::block_on(ended);
        // Whoever does not wait any more does not mind.
        _ = tell.send(ended.transpose());
    };
    thread::Builder::new().name("beside".to_owned()).spawn(main)?;
    let ended = told.await;
    drop(stay);
    ended.ok().flatten().unwrap_or_else(|| Err(io::Error::other("a thread of the worker has ended")))
}

/// What the worker and its pings know of each other, perhaps on two threads.
pub(super) struct Standing {
    coordinator: String,
    reply: Duration,
    patience: Duration,
    now: watch::Sender<Now>,
    /// The running task is not wanted any more.
    pub(super) dropped: Notify,
}

#[derive(Clone, Copy)]
struct Now {
    id: WorkerId,
    running: Option<(Task, Attempt)>,
    /// When the coordinator last said something.
    heard: Instant,
}

impl Standing {
    pub(super) fn new(config: &Config) -> Arc<Standing> {
        let now = Now { id: 0, running: None, heard: Instant::now() };
        Arc::new(Standing {
            coordinator: config.coordinator.clone(),
            reply: config.reply,
            patience: config.patience,
            now: watch::Sender::new(now),
            dropped: Notify::new(),
        })
    }

    pub(super) fn id(&self) -> WorkerId {
        self.now.borrow().id
    }

    /// It is another incarnation now.
    pub(super) fn is_born(&self, id: WorkerId) {
        self.now.send_modify(|now| now.id = id);
    }

    pub(super) fn runs(&self, running: Option<(Task, Attempt)>) {
        self.now.send_modify(|now| now.running = running);
    }

    /// The coordinator has said something.
    pub(super) fn hears(&self) {
        self.now.send_modify(|now| now.heard = Instant::now());
    }

    pub(super) fn check_patience(&self) -> Result<(), Error> {
        let silent = self.now.borrow().heard.elapsed() > self.patience;
        if silent { Err(Error::Alone(self.coordinator.clone())) } else { Ok(()) }
    }

    /// Pings until the coordinator does not know this worker, or says nothing for too long.
    pub(super) async fn ping(self: Arc<Self>, every: Duration) -> Result<End, Error> {
        loop {
            sleep(every).await;
            let Now { id, running, .. } = *self.now.borrow();
            let ping = Ping { worker: id, running };
            match rpc::call(&self.coordinator, &ping, self.reply).await {
                Ok(Pong::GoOn) => self.hears(),
                Ok(Pong::Drop) => {
                    self.hears();
                    if running.is_some() && self.now.borrow().running == running {
                        self.dropped.notify_waiters();
                    }
                }
                Ok(Pong::Stranger) => return Ok(End::Stranger),
                Err(_) => self.check_patience()?,
            }
        }
    }
}
