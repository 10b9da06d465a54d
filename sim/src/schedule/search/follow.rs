//! The strategy of a search's run: along a path, and from its end on whatever need not be left out.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::{Dice, Event, Kind, Lateness, Strategy};
use super::{Frame, LONGEST, Step};
use crate::chance::Overrides;

/// The asynchronous model, first come, first served.
pub(in crate::schedule) struct InTurn;

impl Strategy for InTurn {
    fn choose(&mut self, _: &[Event], _: &mut Dice) -> usize {
        0
    }

    fn lateness(&self) -> Lateness {
        Lateness::Any
    }
}

/// One run of a search: the path it takes, and once it was made what could have been chosen on the way. It may travel
/// between threads.
#[derive(Clone, Debug, Default)]
pub struct Run {
    path: Vec<u64>,
    /// At the end of the path: what was explored from there; later: what need not be begun with.
    asleep: Vec<Step>,
    frames: Vec<Frame>,
    places: Vec<u64>,
    redundant: bool,
}

impl Run {
    pub(super) fn new(path: Vec<u64>, asleep: Vec<Step>) -> Run {
        Run { path, asleep, ..Run::default() }
    }

    /// The strategy that makes this run in this thread's world, and what gives the run back.
    pub fn follow(self) -> (Box<dyn Strategy>, Followed) {
        let run = Rc::new(RefCell::new(self));
        (Box::new(Follow(run.clone())), Followed(run))
    }

    /// The choices it made, for [`Schedule::Asynchronous`](crate::Schedule::Asynchronous).
    pub fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        for (index, &place) in self.places.iter().enumerate().filter(|(_, place)| **place != 0) {
            overrides.set("world/schedule", index as u64, place);
        }
        overrides
    }

    pub(super) fn is_redundant(&self) -> bool {
        self.redundant
    }

    /// Whether it did not follow its path, or met something else there than the run before it.
    pub(super) fn strayed(&self, before: &[Frame]) -> bool {
        let followed = self.frames.len() >= self.path.len()
            && self.path.iter().zip(&self.frames).all(|(id, frame)| *id == frame.event.id);
        !followed || before.iter().zip(&self.frames).any(|(before, now)| !before.is_like(now))
    }

    /// What could be next at its end and need not be: it was begun with before.
    pub(super) fn asleep_at_its_end(&self) -> Vec<Step> {
        let last = self.frames.last().map(Frame::step);
        let stays = |step: &&Step| last.is_none_or(|last| !step.depends_on(last));
        self.asleep.iter().filter(stays).copied().collect()
    }

    pub(super) fn into_frames(self) -> Vec<Frame> {
        self.frames
    }

    /// What happens next: the path's, or the first that is not asleep.
    fn place(&mut self, enabled: &[Event]) -> usize {
        let at = self.frames.len();
        if let Some(id) = self.path.get(at) {
            return enabled.iter().position(|event| event.id == *id).unwrap_or(0);
        }
        let awake = |event: &Event| !self.asleep.iter().any(|step| step.id == event.id);
        enabled.iter().position(awake).unwrap_or(0)
    }

    fn happens(&mut self, event: &Event, waiting: &[Event]) {
        let at = self.frames.len();
        let beyond = at >= self.path.len();
        let asleep = if at + 1 >= self.path.len() { self.asleep.clone() } else { Vec::new() };
        self.redundant |= beyond && asleep.iter().any(|step| step.id == event.id);
        if self.redundant || at >= LONGEST {
            return; // Everything from here on is known, or is too much.
        }
        let enabled: Vec<u64> = [event].into_iter().chain(waiting).map(|event| event.id).collect();
        let timers = [event].into_iter().chain(waiting).all(|event| event.kind == Kind::Timer);
        let known = |id: &u64| self.frames.last().is_some_and(|frame| frame.enabled.contains(id));
        let after_all = timers && !enabled.iter().any(known);
        let wanted = vec![event.id];
        self.frames.push(Frame { event: *event, looked: false, enabled, after_all, asleep, wanted });
    }

    fn happened(&mut self, looked: bool) {
        let Some(frame) = self.frames.last_mut() else { return };
        if self.redundant {
            return;
        }
        frame.looked = looked;
        let (step, made) = (frame.step(), self.frames.len());
        if made >= self.path.len() {
            self.asleep.retain(|sleeper| sleeper.id != step.id && !sleeper.depends_on(step));
        }
    }
}

/// Gives the run back once its world is gone.
#[derive(Debug)]
pub struct Followed(Rc<RefCell<Run>>);

impl Followed {
    /// The run, with what it met.
    pub fn run(self) -> Run {
        self.0.take()
    }
}

struct Follow(Rc<RefCell<Run>>);

impl Strategy for Follow {
    fn choose(&mut self, enabled: &[Event], _: &mut Dice) -> usize {
        let mut run = self.0.borrow_mut();
        let place = run.place(enabled);
        run.places.push(place as u64);
        place
    }

    fn happens(&mut self, event: &Event, waiting: &[Event]) {
        self.0.borrow_mut().happens(event, waiting);
    }

    fn happened(&mut self, looked: bool) {
        self.0.borrow_mut().happened(looked);
    }

    fn lateness(&self) -> Lateness {
        Lateness::Any
    }
}
