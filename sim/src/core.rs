//! All of a world but its tasks: time, chance, nodes, links, what was found.

use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::chance::{Chance, Ratio, Stream, StreamId, mix, name_hash};
use crate::config::Config;
use crate::coverage::Coverage;
use crate::life::Node;
use crate::net::{Net, Rules};
use crate::outcome::Finding;
use crate::property::Properties;
use crate::schedule::Schedule;
use crate::time::clock::Clock;
use crate::time::queue::Queue;
use crate::time::timers::Timers;
use crate::trace::Trace;
use crate::{NodeId, Seed};

pub(crate) struct Core {
    /// True virtual time, in nanoseconds since the start.
    pub(crate) now: u64,
    /// What the wall clocks showed at the start, since the Unix epoch.
    pub(crate) epoch: Duration,
    pub(crate) events: u64,
    pub(crate) digest: u64,
    /// The number of events at which the running task has gone on for too long without giving way.
    pub(crate) patience: u64,
    steps_at_once: u64,
    pub(crate) trace: Option<Trace>,
    pub(crate) chance: Chance,
    pub(crate) queue: Queue,
    pub(crate) timers: Timers,
    pub(crate) nodes: Vec<Node>,
    pub(crate) names: FxHashMap<Rc<str>, NodeId>,
    pub(crate) net: Net,
    pub(crate) findings: Vec<Finding>,
    pub(crate) properties: Properties,
    pub(crate) coverage: Coverage,
    pub(crate) watchers: Vec<crate::world::Watcher>,
    /// Who lies in wait for nodes.
    pub(crate) ambush: Option<crate::ambush::Ambush>,
    pub(crate) buggify: bool,
    /// Whether calls travel over streams.
    pub(crate) rpc_over_streams: bool,
    /// How often a stream's read or write is short.
    pub(crate) short_io: Ratio,
    /// Since when no strategy has ruled.
    pub(crate) fair_since: u64,
    schedule: Schedule,
    schedule_stream: StreamId,
    /// Streams that a test opened by name.
    named: FxHashMap<String, StreamId>,
    /// Who must be told, once the borrow is over.
    pub(crate) wakers: Vec<std::task::Waker>,
}

/// What users left in a world that has ended: closures and wakers, whose destructors are their own code.
pub(crate) struct Remains {
    _nodes: Vec<Node>,
    _watchers: Vec<crate::world::Watcher>,
    _ambush: Option<crate::ambush::Ambush>,
    _rules: Rules,
    _wakers: Vec<std::task::Waker>,
}

impl Core {
    pub(crate) const fn new() -> Core {
        Core {
            now: 0,
            epoch: Duration::ZERO,
            events: 0,
            digest: 0,
            patience: u64::MAX,
            steps_at_once: u64::MAX,
            trace: None,
            chance: Chance::new(),
            queue: Queue::new(),
            timers: Timers::new(),
            nodes: Vec::new(),
            names: FxHashMap::with_hasher(rustc_hash::FxBuildHasher),
            net: Net::new(),
            findings: Vec::new(),
            properties: Properties::new(),
            coverage: Coverage::new(),
            watchers: Vec::new(),
            ambush: None,
            buggify: false,
            rpc_over_streams: false,
            short_io: Ratio::ZERO,
            fair_since: 0,
            schedule: Schedule::Random,
            schedule_stream: StreamId::NONE,
            named: FxHashMap::with_hasher(rustc_hash::FxBuildHasher),
            wakers: Vec::new(),
        }
    }

    /// Ends a world: takes out what is its users', for the caller to drop once no borrow is held. Memory is kept.
    pub(crate) fn end(&mut self) -> Remains {
        let mut wakers = std::mem::take(&mut self.wakers);
        self.timers.reset(&mut wakers);
        let rules = self.net.end(&mut wakers);
        Remains {
            _nodes: std::mem::take(&mut self.nodes),
            _watchers: std::mem::take(&mut self.watchers),
            _ambush: self.ambush.take(),
            _rules: rules,
            _wakers: wakers,
        }
    }

    /// Starts a new world in the memory of the last one, which has ended.
    pub(crate) fn reset(&mut self, seed: Seed, config: &Config) {
        self.now = 0;
        self.epoch = config.epoch;
        self.events = 0;
        self.digest = mix(seed.0);
        self.patience = u64::MAX;
        self.steps_at_once = config.max_steps_at_once;
        self.trace = config.trace.then(Trace::default);
        self.chance.reset(seed, config.overrides.clone(), config.record_decisions, config.witness.clone());
        self.queue.clear();
        self.names.clear();
        self.net.reset(&config.link);
        self.findings.clear();
        self.properties.clear();
        self.coverage.reset(config.coverage);
        self.buggify = config.buggify;
        self.rpc_over_streams = config.rpc_over_streams;
        self.short_io = config.short_io;
        self.fair_since = 0;
        self.schedule = config.schedule;
        self.schedule_stream = StreamId::NONE;
        self.named.clear();
    }

    #[inline]
    pub(crate) fn clock(&self, node: NodeId) -> &Clock {
        &self.nodes[node.index()].clock
    }

    /// A task begins a step: from here on its patience is counted.
    #[inline]
    pub(crate) fn begin_step(&mut self) {
        self.patience = self.events.saturating_add(self.steps_at_once);
    }

    /// The running task never gives way: it has made as many events in one step as a livelock has steps.
    ///
    /// # Panics
    /// Always: that is the only way out of a task that does not return. It becomes a finding that names the task.
    #[cold]
    pub(crate) fn lose_patience(&mut self) {
        self.patience = u64::MAX;
        std::panic::panic_any(crate::panics::NeverYields);
    }

    /// Which of `ready` tasks runs next.
    #[inline]
    pub(crate) fn schedule(&mut self, ready: usize) -> usize {
        match self.schedule {
            Schedule::Fifo => 0,
            _ if ready < 2 => 0,
            // A strategy that has handed over.
            _ => {
                if self.schedule_stream == StreamId::NONE {
                    self.schedule_stream =
                        self.chance.open(name_hash("world/schedule"), || "world/schedule".to_owned());
                }
                self.chance.below(self.schedule_stream, "task", ready as u64) as usize
            }
        }
    }

    /// A strategy has handed over; the stream `world/schedule` goes on.
    pub(crate) fn handed_over(&mut self, stream: StreamId) {
        (self.schedule_stream, self.fair_since) = (stream, self.now);
    }

    /// The stream `who/why`, opened at its first use.
    pub(crate) fn named_stream(&mut self, name: &str) -> Stream {
        if let Some(&id) = self.named.get(name) {
            return Stream(id);
        }
        let id = self.chance.open(name_hash(name), || name.to_owned());
        self.named.insert(name.to_owned(), id);
        Stream(id)
    }

    pub(crate) fn node_name(&self, node: NodeId) -> &str {
        &self.nodes[node.index()].name
    }
}
