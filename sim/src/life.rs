//! The life of a node: started from its factory, paused, crashed, powered off, started again.

use std::future::Future;
use std::net::IpAddr;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use crate::NodeId;
use crate::chance::{StreamId, mix, name_hash};
use crate::core::Core;
use crate::executor;
use crate::hub::HUB;
use crate::net::waiters::Waiters;
use crate::time::clock::Clock;
use crate::trace::code;

/// What a node runs: called at its start and at every restart.
pub(crate) type Factory = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>>>>>;

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs, or is paused.
    Up,
    /// Its process is gone; its host is up, and answers that nobody listens.
    Down,
    /// Its host is off and answers nothing.
    Off,
}

pub(crate) struct Node {
    pub(crate) name: Rc<str>,
    /// A hash of its name: the key of its streams.
    pub(crate) key: u64,
    pub(crate) ip: IpAddr,
    pub(crate) life: Life,
    pub(crate) paused: bool,
    pub(crate) factory: Option<Factory>,
    /// Where it was made: the spawn site of its main task.
    pub(crate) site: &'static Location<'static>,
    pub(crate) clock: Clock,
    pub(crate) rand: StreamId,
    /// The next ephemeral port, counted from the first.
    pub(crate) next_port: u16,
    /// How often it was started.
    pub(crate) starts: u64,
    /// With what its main function ended since it was started last, and when.
    pub(crate) error: Option<(u64, String)>,
    /// Who waits for a signal to end, and whether one came.
    pub(crate) signal: Waiters,
    pub(crate) terminating: bool,
    /// Made at its first use.
    pub(crate) disk: Option<Box<crate::fs::Disk>>,
    pub(crate) disk_stream: StreamId,
}

impl Node {
    pub(crate) fn new(
        name: &str,
        ip: IpAddr,
        factory: Option<Factory>,
        site: &'static Location<'static>,
    ) -> Node {
        Node {
            name: name.into(),
            key: name_hash(name),
            ip,
            life: Life::Down,
            paused: false,
            factory,
            site,
            clock: Clock::STEADY,
            rand: StreamId::NONE,
            next_port: 0,
            starts: 0,
            error: None,
            signal: Waiters::default(),
            terminating: false,
            disk: None,
            disk_stream: StreamId::NONE,
        }
    }
}

impl Core {
    /// The stream of a node's own randomness: what its code draws.
    pub(crate) fn node_rand(&mut self, node: NodeId) -> StreamId {
        let state = &mut self.nodes[node.index()];
        if state.rand == StreamId::NONE {
            let name = &state.name;
            state.rand = self.chance.open(mix(state.key ^ 0x7261_6e64), || format!("{name}/rand"));
        }
        state.rand
    }

    pub(crate) fn record_node(&mut self, node: NodeId, what: &'static str, number: u64) {
        self.record(code::NODE, node, number, 0, |line, _| {
            line.text("what", what);
        });
    }
}

/// Starts a node from its factory, also when it is the code of a dead node that does so. Does nothing when it runs
/// already.
pub(crate) fn start(node: NodeId) {
    HUB.with(|hub| {
        let (factory, site) = {
            let core = &mut *hub.core.borrow_mut();
            let state = &mut core.nodes[node.index()];
            if state.life == Life::Up {
                return;
            }
            state.life = Life::Up;
            hub.looked.set(true);
            state.terminating = false;
            state.starts += 1;
            state.error = None;
            let (starts, factory, site) = (state.starts, state.factory.clone(), state.site);
            core.record_node(node, if starts == 1 { "start" } else { "restart" }, starts);
            (factory, site)
        };
        if let Some(factory) = factory {
            // The factory is code of the node: what it reads and draws is the node's.
            let (caller, fenced) = (hub.node.replace(node), hub.fenced.replace(false));
            let future = crate::guard::inside(|| factory());
            hub.node.set(caller);
            drop(executor::spawn_on(node, run(node, future), site));
            hub.fenced.set(fenced);
        }
    });
}

/// The node's main task. Its other tasks go on when it ends, as on a host whose process detached; an error is noted.
async fn run(node: NodeId, main: Pin<Box<dyn Future<Output = Result<(), String>>>>) {
    if let Err(error) = main.await {
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            core.annotate("error", node, |line| {
                line.text("message", &error);
            });
            core.nodes[node.index()].error = Some((core.now, error.clone()));
        });
        tracing::error!("the node's main function failed: {error}");
    }
}

/// Whose main function has ended with an error since it was started last, a sentence each.
pub(crate) fn errors(core: &Core) -> impl Iterator<Item = String> {
    core.nodes.iter().filter_map(|node| {
        let (at, error) = node.error.as_ref()?;
        let at = Duration::from_nanos(*at);
        Some(format!("{} ended with an error at {at:?} and was not started again: {error}", node.name))
    })
}

/// How a node goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The process dies; what it wrote is in the host's page cache, and the host resets its connections.
    Crash,
    /// The host loses power: what was not synced may be lost, and nobody answers.
    PowerLoss,
}

/// Takes a node down: every task is dropped at this instant, and its destructors can neither send nor write. Nor can
/// the running task if it is of this node, for what is left of its step.
pub(crate) fn stop(node: NodeId, death: Death) {
    HUB.with(|hub| {
        let (removed, its_own) = {
            let core = &mut *hub.core.borrow_mut();
            let state = &mut core.nodes[node.index()];
            if state.life == Life::Off || (state.life == Life::Down && death == Death::Crash) {
                return;
            }
            state.life = if death == Death::Crash { Life::Down } else { Life::Off };
            state.paused = false;
            hub.looked.set(true);
            core.record_node(node, if death == Death::Crash { "crash" } else { "power off" }, 0);
            let mut exec = hub.exec.borrow_mut();
            let its_own = exec.is_running(hub.task.get(), node);
            let removed = exec.remove_node(node);
            exec.pause(node, false);
            (removed, its_own)
        };
        let fenced = hub.fenced.replace(true);
        for task in removed {
            executor::dispose(node, task);
        }
        hub.fenced.set(fenced || its_own);
        let core = &mut *hub.core.borrow_mut();
        core.close_ports(node, death);
        if core.nodes[node.index()].disk.is_some() {
            core.with_disk(node, |disk, draw, now| match death {
                Death::Crash => disk.process_crash(now, draw),
                Death::PowerLoss => disk.power_loss(crate::fs::PowerLoss::Drawn, now, draw),
            });
        }
        // Those of the node itself wake nobody any more; others may have been told of something else just before.
        core.nodes[node.index()].signal.drain_into(&mut core.wakers);
    });
}

impl Core {
    /// Closes what the node had open and its tasks did not own.
    fn close_ports(&mut self, node: NodeId, death: Death) {
        self.close_streams(node, death);
        for place in self.net.sockets.of_node(node) {
            self.close_socket(place);
        }
        for place in self.net.services.of_node(node) {
            self.close_service(place);
        }
    }
}
