//! Nodes from outside: made from a factory, crashed, restarted, paused.

use std::fmt::Display;
use std::future::Future;
use std::net::IpAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::World;
use crate::NodeId;
use crate::fs::Disk;
use crate::hub::{HUB, looking, with_core};
use crate::life::{self, Death, Life, Node};
use crate::net::address::standard_ip;
use crate::time::ClockFault;
use crate::trace::code;

/// What a node's main function may return.
pub trait IntoExit {
    /// As a result whose error is a text.
    fn into_exit(self) -> Result<(), String>;
}

impl IntoExit for () {
    fn into_exit(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> IntoExit for Result<(), E> {
    fn into_exit(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// Names the type `!` (as `<fn() -> ! as Returns>::Type`), which stable Rust cannot name by itself.
#[doc(hidden)]
pub trait Returns {
    /// What the function returns.
    type Type;
}

impl<T> Returns for fn() -> T {
    type Type = T;
}

/// A main function that loops for ever.
impl IntoExit for <fn() -> ! as Returns>::Type {
    fn into_exit(self) -> Result<(), String> {
        self
    }
}

/// What a node is made from: called at its start and at every restart.
pub trait Factory<Fut>: Fn() -> Fut + 'static {}

impl<Fut, F: Fn() -> Fut + 'static> Factory<Fut> for F {}

/// Adds a node and starts it, if there is something to start.
#[track_caller]
pub(crate) fn add_node(name: &str, ip: Option<IpAddr>, factory: Option<life::Factory>) -> NodeId {
    let site = Location::caller();
    let starts = factory.is_some();
    let id = HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        assert!(!core.names.contains_key(name), "there is a node named '{name}' already");
        let id = NodeId::at(core.nodes.len());
        let address = ip.unwrap_or_else(|| standard_ip(id));
        let taken = core.nodes.iter().find(|node| node.ip == address);
        assert!(
            taken.is_none(),
            "the address {address} is taken by node '{}'",
            taken.map_or("", |node| &node.name)
        );
        core.nodes.push(Node::new(name, address, factory, site));
        core.names.insert(core.nodes[id.index()].name.clone(), id);
        core.net.add_node(core.nodes.len());
        if ip.is_some() {
            core.net.addresses.insert(address, id);
        }
        hub.exec.borrow_mut().add_node();
        if !starts {
            core.nodes[id.index()].life = Life::Up;
        }
        id
    });
    if starts {
        life::start(id);
    }
    id
}

impl World {
    /// Makes a node and starts it. The factory makes the node's main function, now and at every restart.
    ///
    /// # Panics
    /// When a node of this name exists.
    #[track_caller]
    pub fn node<Fut>(self, name: &str, factory: impl Factory<Fut>) -> NodeId
    where
        Fut: Future<Output: IntoExit> + 'static,
    {
        self.make(name, None, factory)
    }

    /// Makes a node with an address of its own choice.
    ///
    /// # Panics
    /// When a node of this name or address exists.
    #[track_caller]
    pub fn node_at<Fut>(self, name: &str, ip: IpAddr, factory: impl Factory<Fut>) -> NodeId
    where
        Fut: Future<Output: IntoExit> + 'static,
    {
        self.make(name, Some(ip), factory)
    }

    #[track_caller]
    fn make<Fut>(self, name: &str, ip: Option<IpAddr>, factory: impl Factory<Fut>) -> NodeId
    where
        Fut: Future<Output: IntoExit> + 'static,
    {
        let factory: life::Factory = Rc::new(move || {
            let main = factory();
            Box::pin(async move { main.await.into_exit() })
        });
        add_node(name, ip, Some(factory))
    }

    /// The node of this name.
    pub fn id(self, name: &str) -> Option<NodeId> {
        with_core(|core| core.names.get(name).copied())
    }

    /// A node's name.
    pub fn name(self, node: NodeId) -> String {
        with_core(|core| core.node_name(node).to_owned())
    }

    /// A node's address.
    pub fn ip(self, node: NodeId) -> IpAddr {
        with_core(|core| core.nodes[node.index()].ip)
    }

    /// Whether a node runs; a paused one does.
    pub fn is_up(self, node: NodeId) -> bool {
        looking(|core| core.nodes[node.index()].life == Life::Up)
    }

    /// How often a node was started.
    pub fn starts(self, node: NodeId) -> u64 {
        looking(|core| core.nodes[node.index()].starts)
    }

    /// The nodes whose main function has ended with an error since they were started last, a sentence each. Nothing starts
    /// them again but [`restart`](World::restart).
    pub fn errors(self) -> Vec<String> {
        looking(|core| life::errors(core).collect())
    }

    /// Kills a node's process at this instant. What it wrote to files stays in the page cache, and so is there after
    /// a restart; connections are reset.
    pub fn crash(self, node: NodeId) {
        life::stop(node, Death::Crash);
    }

    /// Cuts a node's power at this instant. What was not synced may be lost, and peers hear nothing.
    pub fn power_off(self, node: NodeId) {
        life::stop(node, Death::PowerLoss);
    }

    /// The disk of a node: faults and inspection.
    pub fn disk<R>(self, node: NodeId, act: impl FnOnce(&mut Disk) -> R) -> R {
        let mut disk = with_core(|core| core.take_disk(node));
        let result = act(&mut disk);
        with_core(|core| core.put_disk(node, disk));
        result
    }

    /// Replaces a node's disk by an empty one.
    pub fn wipe(self, node: NodeId) {
        with_core(|core| core.record_node(node, "wipe", 0));
        self.disk(node, Disk::wipe);
    }

    /// Starts a node that is down. Does nothing to one that runs.
    pub fn restart(self, node: NodeId) {
        life::start(node);
    }

    /// Stops a node in its tracks, as a long garbage collection or a stopped virtual machine does: time goes on,
    /// messages arrive, nothing runs.
    pub fn pause(self, node: NodeId) {
        self.set_paused(node, true);
    }

    /// Lets a paused node go on, its timers late.
    pub fn resume(self, node: NodeId) {
        self.set_paused(node, false);
    }

    fn set_paused(self, node: NodeId, paused: bool) {
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            let state = &mut core.nodes[node.index()];
            if state.paused == paused || state.life != Life::Up {
                return;
            }
            state.paused = paused;
            core.record_node(node, if paused { "pause" } else { "resume" }, 0);
            hub.exec.borrow_mut().pause(node, paused);
        });
    }

    /// Asks a node to end, as SIGTERM does: its `sim::signal::terminate()` completes.
    pub fn terminate(self, node: NodeId) {
        let wakers = with_core(|core| {
            core.record_node(node, "terminate", 0);
            core.nodes[node.index()].terminating = true;
            let mut wakers = Vec::new();
            core.nodes[node.index()].signal.drain_into(&mut wakers);
            wakers
        });
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    /// Does something to a node's clocks.
    pub fn skew(self, node: NodeId, fault: ClockFault) {
        let number = match fault {
            ClockFault::Offset(by) | ClockFault::Drift(by) | ClockFault::Step(by) => by as u64,
            ClockFault::Freeze | ClockFault::Thaw => 0,
        };
        with_core(|core| {
            core.record(code::CLOCK, node, number, 0, |line, _| {
                line.text("what", &format!("{fault:?}"));
            });
            let now = core.now;
            let clock = &mut core.nodes[node.index()].clock;
            clock.apply(fault, now);
            let clock = *clock;
            core.timers.replan(&mut core.queue, node, |deadline| clock.when(deadline));
        });
    }

    /// What a node's monotonic clock shows, since the start of the world.
    pub fn clock(self, node: NodeId) -> Duration {
        looking(|core| Duration::from_nanos(core.clock(node).local(core.now)))
    }
}
