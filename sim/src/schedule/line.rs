//! What waits to happen, in line, and how a strategy's choice among it is carried out.

use super::{Dice, Event, Kind, Lateness, Strategy};
use crate::NodeId;
use crate::chance::{StreamId, mix, name_hash, scale};
use crate::core::Core;
use crate::executor::{Exec, Picked, TaskKey};
use crate::hub::Hub;
use crate::time::clock::NEVER;
use crate::time::queue::{self, Planned};

/// After so many choices that passed it over, the oldest happens: a task that never waits must not stop the clock.
const PASSED_OVER: u32 = 1000;

/// Everything that could happen next, and who chooses.
pub(crate) struct Line {
    strategy: Box<dyn Strategy>,
    /// `None`: any, see [`Lateness::Any`].
    lateness: Option<u64>,
    stream: StreamId,
    /// By time; at equal times tasks first, and else in the order of appearance.
    waiting: Vec<Waiting>,
    /// Those of them that may be chosen.
    enabled: Vec<Event>,
    appeared: u64,
    /// How many events of the trace there were when each event happened: who caused what is found by it.
    begun: Vec<(u64, u64)>,
    /// Planned, chosen, and about to happen.
    chosen: Option<(u64, Planned)>,
    /// The oldest, and how often it was passed over.
    oldest: (u64, u32),
}

#[derive(Clone, Copy)]
struct Waiting {
    event: Event,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Task(TaskKey),
    Planned(Planned),
}

impl Line {
    pub(crate) fn new(core: &mut Core, strategy: Box<dyn Strategy>) -> Line {
        let stream = core.chance.open(name_hash("world/schedule"), || "world/schedule".to_owned());
        let lateness = match strategy.lateness() {
            Lateness::Any => None,
            Lateness::AtMost(nanos) => Some(nanos),
            Lateness::Drawn => Some(core.chance.decide(stream, "lateness", 0, late)),
        };
        Line {
            strategy,
            lateness,
            stream,
            waiting: Vec::new(),
            enabled: Vec::new(),
            appeared: 0,
            begun: Vec::new(),
            chosen: None,
            oldest: (0, 0),
        }
    }

    /// Everything that has become ready, or whose time is near enough, joins; who is gone leaves.
    fn gather(&mut self, exec: &mut Exec, core: &mut Core) {
        let (timers, queue) = (&core.timers, &mut core.queue);
        self.waiting.retain(|waiting| match waiting.what {
            What::Task(key) => exec.is_queued(key),
            What::Planned(planned) => {
                let stale = timers.is_stale(planned);
                if stale {
                    queue.skipped();
                }
                !stale
            }
        });
        let now = core.now;
        while let Some((key, node, cause)) = exec.next_ready() {
            self.join(What::Task(key), Kind::Task, node, node, now, cause);
        }
        loop {
            let oldest = self.waiting.iter().map(|waiting| waiting.event.at).min();
            let latest = match (self.lateness, oldest) {
                (None, _) => NEVER,
                (_, None) => NEVER - 1,
                (Some(lateness), Some(oldest)) => oldest.saturating_add(lateness).min(NEVER - 1),
            };
            let timers = &core.timers;
            let Some((at, planned)) = core.queue.pop_until(latest, |planned| timers.is_stale(planned)) else {
                break;
            };
            self.planned(core, at, planned);
        }
        self.waiting.sort_by_key(|Waiting { event, .. }| (event.at, event.kind != Kind::Task, event.id));
    }

    fn planned(&mut self, core: &mut Core, at: u64, planned: Planned) {
        let (kind, node, from, cause) = match planned.kind() {
            queue::Kind::Timer => {
                let Some((node, cause)) = core.timers.whose(planned) else { return core.queue.skipped() };
                (Kind::Timer, node, node, cause)
            }
            queue::Kind::Message => {
                let Some((from, to, sent)) = core.net.in_flight(planned.place()) else { return };
                (Kind::Message, to, from, sent)
            }
            queue::Kind::Stream => (Kind::Timer, NodeId::WORLD, NodeId::WORLD, 0),
        };
        self.join(What::Planned(planned), kind, node, from, at, cause);
    }

    fn join(&mut self, what: What, kind: Kind, node: NodeId, from: NodeId, at: u64, cause: u64) {
        self.appeared += 1;
        let before = self.begun.partition_point(|(events, _)| *events < cause);
        let cause = before.checked_sub(1).map(|place| self.begun[place].1);
        self.waiting.push(Waiting { event: Event { id: self.appeared, kind, node, from, at, cause }, what });
    }

    /// Says who may be chosen, the oldest first. Time passes when it must.
    fn enable(&mut self, core: &mut Core) {
        self.enabled.clear();
        let mut in_order: Vec<(NodeId, NodeId)> = Vec::new();
        for Waiting { event, .. } in &self.waiting {
            if self.lateness.is_none() && event.kind == Kind::Timer && event.at > core.now {
                continue;
            }
            if event.kind == Kind::Message && core.net.wire(event.from, event.node).1.config.fifo {
                if in_order.contains(&(event.from, event.node)) {
                    continue;
                }
                in_order.push((event.from, event.node));
            }
            self.enabled.push(*event);
        }
        if let (true, Some(first)) = (self.enabled.is_empty(), self.waiting.first()) {
            core.now = first.event.at;
            let due = |waiting: &&Waiting| waiting.event.at == core.now;
            self.enabled.extend(self.waiting.iter().filter(due).map(|waiting| waiting.event));
        }
        let Some(first) = self.enabled.first() else { return };
        match &mut self.oldest {
            (id, passed) if *id == first.id => *passed += 1,
            oldest => *oldest = (first.id, 0),
        }
        if self.oldest.1 > PASSED_OVER && self.lateness.is_some() {
            self.enabled.truncate(1);
        }
    }
}

/// Log-uniform from 2¹⁷ to 2²⁸ ns, 0.13 to 268 ms.
fn late(raw: u64) -> u64 {
    let bit = 1_u64 << (17 + scale(raw, 11));
    bit + scale(mix(raw), bit)
}

/// Chooses what happens next. `None` when it is nothing that a task does: see [`take`].
pub(crate) fn pick(hub: &Hub) -> Option<Option<Picked>> {
    let mut line = hub.line.borrow_mut();
    let line = line.as_mut()?;
    {
        let (exec, core) = (&mut *hub.exec.borrow_mut(), &mut *hub.core.borrow_mut());
        line.gather(exec, core);
        let idle = line.waiting.iter().all(|waiting| waiting.event.kind != Kind::Task);
        if idle && !core.wakers.is_empty() {
            // Somebody is about to be ready.
            return None;
        }
        line.enable(core);
    }
    if !line.begun.is_empty() {
        line.strategy.happened(hub.looked.replace(false));
    }
    let wanted = match line.enabled.len() {
        0 => return None,
        1 => 0,
        _ => {
            let drawn = hub.core.borrow().chance.ahead(line.stream);
            // The strategy may not be ours: no borrow is held.
            line.strategy.choose(&line.enabled, &mut Dice::new(drawn))
        }
    };
    let (exec, core) = (&mut *hub.exec.borrow_mut(), &mut *hub.core.borrow_mut());
    let place = match line.enabled.len() {
        1 => 0,
        many => (core.chance.decide(line.stream, "event", 0, |_| wanted as u64) as usize).min(many - 1),
    };
    let event = line.enabled.remove(place);
    let at = line.waiting.iter().position(|waiting| waiting.event.id == event.id)?;
    let Waiting { what, .. } = line.waiting.remove(at);
    line.begun.push((core.events, event.id));
    line.strategy.happens(&event, &line.enabled);
    match what {
        What::Task(key) => Some(exec.take(key.slot() as u32)),
        What::Planned(planned) => {
            let time = if line.lateness.is_some() { event.at.max(core.now) } else { core.now };
            line.chosen = Some((time, planned));
            None
        }
    }
}

/// What was chosen and is no task's step, with the time at which it happens.
pub(crate) fn take(hub: &Hub) -> Option<(u64, Planned)> {
    hub.line.borrow_mut().as_mut()?.chosen.take()
}

/// From here on time order and the default decide. False when they do already; under [`Lateness::Any`] they never do,
/// for there time passes only when nothing else can happen, which is fair.
pub(crate) fn hand_over(hub: &Hub) -> bool {
    if hub.line.borrow().as_ref().is_none_or(|line| line.lateness.is_none()) {
        return false;
    }
    let Some(line) = hub.line.borrow_mut().take() else { return false };
    hub.scheduled.set(false);
    let (exec, core) = (&mut *hub.exec.borrow_mut(), &mut *hub.core.borrow_mut());
    core.handed_over(line.stream);
    for Waiting { event, what } in &line.waiting {
        match *what {
            What::Task(key) => exec.put_in_line(key),
            What::Planned(planned) => core.queue.push(event.at.max(core.now), planned),
        }
    }
    true
}
