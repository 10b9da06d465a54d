//! Worker processes: one seed in progress each, and whatever a seed does to its process is that seed's result.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::obituary::{self, Death};
use super::process::{Event, GRACE, Worker};
use super::unit::Unit;
use crate::cli::note;
use crate::outcome::{Outcome, Verdict};
use crate::wall::Stopwatch;

/// Units a worker holds at once: one in progress and one behind it, so that it never waits for the parent.
const AHEAD: usize = 2;

/// How often the parent looks at the clock while no worker speaks.
const TICK: Duration = Duration::from_millis(50);

/// Real time that may pass between two looks at the clock: when more has, this process was stopped, and so were its workers.
const BLINK: Duration = Duration::from_secs(1);

/// What a run may take of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Processor time after which it counts as hung; a multiple of it in real time does, too.
    pub(crate) patience: Duration,
    /// Bytes of memory its process may take.
    pub(crate) memory: u64,
}

/// Runs units on `jobs` processes.
pub(crate) struct Pool {
    workers: BTreeMap<u64, Worker>,
    jobs: usize,
    limits: Limits,
    /// Whether what the code under test prints is shown.
    loud: bool,
    spawned: u64,
    /// Seconds of CPU time of the runs that were answered.
    spent: Rc<Cell<f64>>,
    /// Given to a process that died before it came to them.
    orphans: VecDeque<Unit>,
    /// In progress in a process that was killed from outside: to be made again, each while no other run is made.
    bereaved: VecDeque<Unit>,
    /// The worker that does.
    alone: Option<u64>,
    /// When it last looked at the clock.
    looked: Stopwatch,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

impl Pool {
    pub(crate) fn new(jobs: usize, limits: Limits) -> Pool {
        let (sender, events) = channel();
        let jobs = jobs.max(1);
        Pool {
            workers: BTreeMap::new(),
            jobs,
            limits,
            loud: false,
            spawned: 0,
            spent: Rc::default(),
            orphans: VecDeque::new(),
            bereaved: VecDeque::new(),
            alone: None,
            looked: Stopwatch::start(),
            events,
            sender,
        }
    }

    /// The same; what the code under test prints is shown on stderr.
    pub(crate) fn loud(self) -> Pool {
        Pool { loud: true, ..self }
    }

    /// The seconds of CPU time that runs have taken so far: a meter to be read while they go on.
    pub(crate) fn spent(&self) -> Rc<Cell<f64>> {
        self.spent.clone()
    }

    /// Runs whatever `next` gives until it gives nothing and every unit has been answered.
    ///
    /// `next` is asked again after each answer, so it may give nothing now and something later.
    pub(crate) fn drive(
        &mut self,
        next: &mut dyn FnMut() -> Option<Unit>,
        done: &mut dyn FnMut(&Unit, Outcome),
    ) -> io::Result<()> {
        loop {
            self.hand_out(next)?;
            let waiting = self.orphans.len() + self.bereaved.len();
            // One that takes no work is about to be buried, and there may be work for whoever comes after it.
            if waiting == 0 && self.workers.values().all(|worker| worker.is_idle() && worker.takes_work()) {
                return Ok(());
            }
            match self.events.recv_timeout(TICK) {
                Ok(event) => self.take(event, done)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("every worker is gone")),
            }
            while let Ok(event) = self.events.try_recv() {
                self.take(event, done)?;
            }
            self.bury(done)?;
        }
    }

    /// Gives to the worker that holds least, and starts another one rather than let a second unit wait.
    fn hand_out(&mut self, next: &mut dyn FnMut() -> Option<Unit>) -> io::Result<()> {
        if self.alone.is_some() || !self.bereaved.is_empty() {
            return self.hand_out_alone();
        }
        loop {
            let able = self.workers.iter().filter(|(_, worker)| worker.takes_work());
            let least = able.map(|(id, worker)| (worker.waiting(), *id)).min();
            let taker = match least {
                Some((0, id)) => Some(id),
                _ if self.workers.len() < self.jobs => None,
                Some((waiting, id)) if waiting < AHEAD => Some(id),
                _ => return Ok(()),
            };
            let Some(unit) = self.orphans.pop_front().or_else(&mut *next) else { return Ok(()) };
            let taker = taker.map_or_else(|| self.spawn(), Ok)?;
            if let Some(worker) = self.workers.get_mut(&taker) {
                worker.give(unit)?;
            }
        }
    }

    /// The runs that others may have died of: as soon as all workers are idle, in a new process, with no other beside it.
    fn hand_out_alone(&mut self) -> io::Result<()> {
        if self.alone.is_some() || !self.workers.values().all(Worker::is_idle) {
            return Ok(());
        }
        let Some(unit) = self.bereaved.pop_front() else { return Ok(()) };
        self.workers.clear();
        let id = self.spawn()?;
        self.alone = Some(id);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.give(unit)?;
        }
        Ok(())
    }

    fn spawn(&mut self) -> io::Result<u64> {
        self.spawned += 1;
        let id = self.spawned;
        self.workers.insert(id, Worker::spawn(id, self.limits, &self.sender, self.spent.clone())?);
        Ok(id)
    }

    fn take(&mut self, event: Event, done: &mut dyn FnMut(&Unit, Outcome)) -> io::Result<()> {
        self.show(&event);
        let id = event.worker();
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if let Some((unit, outcome)) = worker.hear(event)? {
            self.alone = None;
            done(&unit, outcome);
        }
        Ok(())
    }

    fn show(&self, event: &Event) {
        if let Some(text) = event.printed().filter(|_| self.loud) {
            // Nobody may be there to read it.
            _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Ends its workers, and shows what they print until then: an answer comes by another pipe, and may come first.
    pub(crate) fn hear_out(mut self) {
        self.workers.values_mut().for_each(Worker::dismiss);
        while !self.workers.values().all(Worker::is_closed) {
            // Something else may hold a pipe open.
            let Ok(event) = self.events.recv_timeout(GRACE) else { return };
            self.show(&event);
            // What it still answers, nobody asks for any more.
            _ = self.workers.get_mut(&event.worker()).map(|worker| worker.hear(event));
        }
    }

    /// Kills what hangs, and turns a process that ended into the result of the seed it was at.
    fn bury(&mut self, done: &mut dyn FnMut(&Unit, Outcome)) -> io::Result<()> {
        let passed = std::mem::replace(&mut self.looked, Stopwatch::start()).elapsed().min(BLINK);
        for worker in self.workers.values_mut() {
            worker.wait(passed);
        }
        let dead: Vec<u64> = self.workers.iter().filter(|(_, w)| w.is_gone()).map(|(id, _)| *id).collect();
        for id in dead {
            let Some(worker) = self.workers.remove(&id) else { continue };
            let was_alone = self.alone.take().is_some();
            let (lost, orphans) = worker.bury(was_alone)?;
            self.orphans.extend(orphans);
            match lost {
                None => {}
                Some((unit, Death::Own(outcome))) => done(&unit, *outcome),
                Some((unit, Death::Outside(status))) if was_alone => {
                    let outcome = unit.lost(Verdict::Safety, obituary::killed_twice(status));
                    done(&unit, outcome);
                }
                Some((unit, Death::Outside(status))) => {
                    note(format!(
                        "a worker process was killed from outside ({status}); {}:{} is run again",
                        unit.story, unit.seed
                    ));
                    self.bereaved.push_back(unit);
                }
            }
        }
        Ok(())
    }
}
