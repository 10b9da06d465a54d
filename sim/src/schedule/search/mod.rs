//! Every order there is, for a small cast: the same test again and again, each time in an order that is not equivalent
//! to any before, until there is none left.
//!
//! # What is explored
//! The asynchronous model ([`Lateness::Any`](super::Lateness::Any)): of what is ready or on its way, anything may be next; timers fire when
//! nothing else can happen, and what a disk was asked for and what comes through a stream are timers here. Chance apart from that is the seed's. Loss, crashes and time-outs that come early are not
//! explored unless the test makes them itself.
//!
//! # What is left out
//! Two steps are *independent* when they happen on different nodes, neither on the world's own, and at most one of them
//! *looks*: reads [`World::now`](crate::World::now), is followed by a look of [`World::watch`](crate::World::watch), draws
//! from a [`World::stream`](crate::World::stream) or an active `buggify!`, sends what a rule for many senders counts or
//! examines, is asked about by an ambush, or asks a [`World`] who is up, what was sent and how many events there were.
//! Orders that differ only in the order of independent steps are one: each node sees the same in both. An observer
//! outside of the nodes sees the same too if it reads the true time whenever it notes something. What nodes share
//! besides (a static, an `Rc`) must not tell who came first; nor may what a [`World`] counts of steps that do not look, or
//! what one node does to another through it.
//!
//! Dynamic partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson and Sagonas, *Optimal
//! dynamic partial order reduction*, POPL 2014, algorithm 1).

mod follow;
mod order;

use std::future::Future;

use rustc_hash::FxHashSet;

pub(super) use follow::InTurn;
pub use follow::{Followed, Run};
use order::Order;

use super::Event;
use crate::chance::Overrides;
use crate::{Config, NodeId, Outcome, Schedule, Seed, Sim, World};

/// What can be said of a step once it has been made, for whether it depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    id: u64,
    node: NodeId,
    looked: bool,
}

impl Step {
    fn depends_on(self, other: Step) -> bool {
        let anywhere = [self.node, other.node].contains(&NodeId::WORLD);
        anywhere || self.node == other.node || self.looked && other.looked
    }
}

/// One choice of a run, and what is known of the others that could have been made.
#[derive(Clone, Debug)]
struct Frame {
    /// What happened.
    event: Event,
    looked: bool,
    /// What could have.
    enabled: Vec<u64>,
    /// Time passed right before: nothing but timers was left.
    after_all: bool,
    /// Begun with these and everything equivalent has been explored.
    asleep: Vec<Step>,
    /// What must be begun with.
    wanted: Vec<u64>,
}

impl Frame {
    /// Whether the same happened, of the same that could have.
    fn is_like(&self, other: &Frame) -> bool {
        let what = |event: &Event| (event.id, event.kind, event.node, event.from);
        what(&self.event) == what(&other.event) && self.enabled == other.enabled
    }

    fn step(&self) -> Step {
        Step { id: self.event.id, node: self.event.node, looked: self.looked }
    }
}

/// A search through all orders, depth first. It keeps one run's choices, not the tree.
#[derive(Debug)]
pub struct Search {
    most: u64,
    frames: Vec<Frame>,
    /// How many choices of the last run the next one shares.
    shared: usize,
    begun: bool,
    over: bool,
    /// A run did not follow its path.
    strayed: bool,
    explored: Explored,
}

/// What a search has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Orders, no two of them equivalent.
    pub schedules: u64,
    /// Runs that turned out to be equivalent to an earlier one.
    pub redundant: u64,
    /// The most events of a run.
    pub longest: usize,
    /// Whether no order is left. False while the search goes on, when it was ended, when a run was too long, and when one
    /// did not go as the one before it had up to the choice that was to be made otherwise: then the test is no function
    /// of its seed and its order.
    pub complete: bool,
}

/// Choices in one run after which it is too long to be explored.
const LONGEST: usize = 20_000;

impl Search {
    /// A search that gives up after so many runs.
    pub fn new(most: u64) -> Search {
        let explored = Explored::default();
        Search { most, frames: Vec::new(), shared: 0, begun: false, over: false, strayed: false, explored }
    }

    /// The next run to be made; `None` when the search is over.
    pub fn next_run(&mut self) -> Option<Run> {
        if self.over || self.explored.schedules + self.explored.redundant >= self.most {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(Run::new(Vec::new(), Vec::new()));
        }
        // The deepest choice that must be made otherwise.
        while let Some(frame) = self.frames.last_mut() {
            let step = frame.step();
            frame.asleep.push(step);
            let is_asleep = |id: &&u64| frame.asleep.iter().any(|step| step.id == **id);
            if let Some(&next) = frame.wanted.iter().find(|id| !is_asleep(id)) {
                self.shared = self.frames.len() - 1;
                let path = self.frames[..self.shared].iter().map(|frame| frame.event.id).chain([next]);
                return Some(Run::new(path.collect(), self.frames[self.shared].asleep.clone()));
            }
            self.frames.pop();
        }
        self.over = true;
        self.explored.complete = self.explored.longest < LONGEST && !self.strayed;
        None
    }

    /// Takes a run that was made into account.
    pub fn learn(&mut self, run: Run) {
        self.strayed |= run.strayed(&self.frames[..self.shared]);
        if run.is_redundant() {
            self.explored.redundant += 1;
        } else {
            self.explored.schedules += 1;
        }
        let asleep = run.asleep_at_its_end();
        let new = run.into_frames();
        let before = self.frames.get(self.shared).map(|frame| (frame.wanted.clone(), frame.asleep.clone()));
        self.frames.truncate(self.shared);
        self.frames.extend(new.into_iter().skip(self.shared));
        self.explored.longest = self.explored.longest.max(self.frames.len());
        if let (Some((wanted, asleep)), Some(frame)) = (before, self.frames.get_mut(self.shared)) {
            frame.wanted = wanted;
            frame.asleep = asleep;
        }
        for (at, id) in Order::of(&self.frames).reversals(&self.frames, self.shared) {
            self.frames[at].wanted.push(id);
        }
        self.want_the_missed(&asleep);
    }

    /// What could have happened and did not, for the run ended or something else made it impossible, is in no race. Whatever
    /// came last while it could have happened is in one with it.
    fn want_the_missed(&mut self, asleep: &[Step]) {
        let happened = self.frames.iter().map(|frame| frame.event.id);
        let mut known: FxHashSet<u64> = happened.chain(asleep.iter().map(|step| step.id)).collect();
        for Frame { enabled, wanted, .. } in self.frames.iter_mut().rev() {
            let missed = enabled.iter().copied().filter(|id| known.insert(*id) && !wanted.contains(id));
            let missed: Vec<u64> = missed.collect();
            wanted.extend(missed);
        }
    }

    /// What the search has come to so far.
    pub fn explored(&self) -> Explored {
        self.explored
    }
}

/// An order in which something went wrong.
#[derive(Debug)]
pub struct Wrong<T> {
    /// What it came to.
    pub outcome: Outcome<T>,
    /// The choices that make it, for [`Schedule::Asynchronous`].
    pub overrides: Overrides,
}

/// Explores a test until an order breaks it, or no order is left, or `most` runs were made.
///
/// All runs are on this thread. A std `HashMap` has another order in each, and the search is not complete then: see
/// [`guard::on_fresh_thread`](crate::guard::on_fresh_thread), and [`Search`] for runs on threads of their own.
///
/// ```
/// use stormglass_sim::schedule::search::explore;
/// use stormglass_sim::{Config, Seed, World, net::UdpSocket};
///
/// // Two senders, one receiver: who is first?
/// async fn race(world: World) -> u8 {
///     let inbox = UdpSocket::bind("0.0.0.0:1").await.unwrap();
///     for name in ["a", "b"] {
///         world.node(name, || async {
///             UdpSocket::bind("0.0.0.0:0").await.unwrap().send_to(name.as_bytes(), "world:1").await.unwrap();
///         });
///     }
///     let mut first = [0];
///     inbox.recv_from(&mut first).await.unwrap();
///     first[0]
/// }
/// let seen = &std::cell::RefCell::new(std::collections::BTreeSet::new());
/// let test = |world| async move { _ = seen.borrow_mut().insert(race(world).await) };
/// let (explored, wrong) = explore(Seed(0), &Config::default(), 1000, test);
/// assert!(explored.complete && wrong.is_none());
/// assert_eq!(seen.take(), [b'a', b'b'].into());
/// ```
pub fn explore<F: Future>(
    seed: Seed,
    config: &Config,
    most: u64,
    test: impl Fn(World) -> F,
) -> (Explored, Option<Wrong<F::Output>>) {
    let mut search = Search::new(most);
    while let Some(run) = search.next_run() {
        let (strategy, followed) = run.follow();
        let config = Config { schedule: Schedule::Asynchronous, ..config.clone() };
        let mut sim = Sim::scheduled(seed, config, strategy);
        let outcome = sim.run(&test);
        drop(sim);
        let run = followed.run();
        let overrides = run.overrides();
        search.learn(run);
        if !outcome.holds() {
            return (search.explored(), Some(Wrong { outcome, overrides }));
        }
    }
    (search.explored(), None)
}
