//! The master (§3): hands out tasks, believes one completion of each, and takes back what died with a worker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Attempt, Command, Counters, Culprit, JobId, Reply, Task, WorkerId};
use super::job::{Effects, Job, Memory, Now, Policy, Progress};
use super::record::Log;
use super::table::{One, Run, Table, Winner};

#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) address: String,
    pub(super) heard: Duration,
    pub(super) current: Option<(Task, Attempt)>,
    /// It was heard since this start.
    pub(super) fresh: bool,
    /// How often whom could not fetch from it.
    pub(super) complaints: BTreeMap<WorkerId, u32>,
    /// It knows that the job is over.
    pub(super) left: bool,
}

/// The coordinator's memory.
#[derive(Debug, Clone)]
pub struct Coordinator {
    pub(super) job: Job,
    pub(super) policy: Policy,
    pub(super) bugs: Bugs,
    pub(super) epoch: u32,
    pub(super) attempts: u32,
    pub(super) maps: Table,
    pub(super) reduces: Table,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) buried: BTreeSet<WorkerId>,
    /// The maps of which a worker has a copy of the input.
    pub(super) local: BTreeMap<String, Vec<u32>>,
    /// Why the job cannot be done, and whether it is the user's code that fails.
    pub(super) failed: Option<(String, bool)>,
    pub(super) reducing: bool,
    pub(super) backups: u32,
    pub(super) retries: u32,
    /// When it last looked for silent workers, by the monotonic clock.
    ticked: Duration,
    /// What [`Bug::CountsEveryCompletion`] counts.
    pub(super) counted: BTreeMap<String, u64>,
}

impl Coordinator {
    /// Takes up a job where the records of earlier starts left it; of another job's there are none. `now` is when each
    /// worker that is known was last heard.
    pub fn new(job: Job, policy: Policy, bugs: Bugs, records: &[Log], now: Now) -> Coordinator {
        let mut local: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (map, split) in (0..).zip(&job.splits) {
            let copies = job.inputs.get(split.input as usize).map_or(&[][..], |input| &input.copies);
            copies.iter().for_each(|address| local.entry(address.clone()).or_default().push(map));
        }
        let mut coordinator = Coordinator {
            maps: Table::new(job.splits.len() as u32),
            reduces: Table::new(job.reduces.max(1)),
            job,
            policy,
            bugs,
            epoch: 0,
            attempts: 0,
            workers: BTreeMap::new(),
            buried: BTreeSet::new(),
            local,
            failed: None,
            reducing: false,
            backups: 0,
            retries: 0,
            ticked: now.monotonic,
            counted: BTreeMap::new(),
        };
        let time = coordinator.time(now);
        records.iter().for_each(|record| coordinator.apply(record, time));
        if bugs.has(Bug::CheckpointsRunningAsDone) {
            coordinator.take_running_for_done();
        }
        coordinator.epoch += 1;
        coordinator.forgive();
        coordinator
    }

    /// The record with which this start begins; it must be durable before the first step, or attempts are numbered twice.
    pub fn started(&self) -> Log {
        Log::Started { job: self.job.fingerprint(), id: self.job.id, epoch: self.epoch }
    }

    /// Which job this is.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// Performs one request.
    pub fn step(&mut self, now: Now, command: &Command) -> Effects {
        let time = self.time(now);
        let mut persist = Vec::new();
        if let Some(worker) = command.worker().and_then(|id| self.workers.get_mut(&id)) {
            (worker.heard, worker.fresh) = (time, true);
        }
        let reply = match command {
            Command::Join(join) => Reply::Joined(self.join(time, join, &mut persist)),
            Command::Ask(ask) => Reply::Assignment(Box::new(self.ask(time, ask.worker, &mut persist))),
            Command::Ping(ping) => Reply::Pong(self.ping(ping)),
            Command::Done(done) => Reply::Kept(self.done(time, done, &mut persist)),
            Command::Gone(gone) => {
                if !self.bugs.has(Bug::OnlySilenceTells) {
                    self.bury_all_at(&gone.address, time, &mut persist);
                }
                Reply::Noted(())
            }
            Command::Failed(failed) => {
                self.task_failed(time, failed, &mut persist);
                Reply::Noted(())
            }
            Command::Locate(locate) => Reply::Located(self.locate(time, locate, &mut persist)),
        };
        Effects { persist, reply: Some(reply) }
    }

    /// Time has passed: declares dead who was silent for too long.
    pub fn tick(&mut self, now: Now) -> Effects {
        let time = self.time(now);
        // It was not they who were silent: this process was stopped, or its machine asleep. A part of the gap counts, so
        // that the dead are found even where every gap is long.
        let gap = now.monotonic.saturating_sub(self.ticked);
        if gap > self.policy.dead_after / 2 && !self.bugs.has(Bug::OwnSleepIsTheirSilence) {
            let asleep = match self.bugs.has(Bug::EveryGapIsOwnSleep) {
                true => gap,
                false => gap - self.policy.look_every(),
            };
            self.workers.values_mut().for_each(|worker| worker.heard = (worker.heard + asleep).min(time));
        }
        self.ticked = now.monotonic;
        let silent = |worker: &Worker| time.saturating_sub(worker.heard) > self.policy.dead_after;
        let dead = self.workers.iter().filter(|(_, worker)| silent(worker));
        let persist: Vec<Log> =
            dead.map(|(id, worker)| Log::Buried { worker: *id, at_work: worker.fresh }).collect();
        persist.iter().for_each(|record| self.apply(record, time));
        Effects { persist, reply: None }
    }

    /// Whether every output file is there.
    pub fn is_done(&self) -> bool {
        if self.bugs.has(Bug::DoneAtAssignment) && self.maps.is_complete() && self.reduces.idle().is_empty() {
            return true;
        }
        self.reduces.is_complete()
    }

    /// Why the job cannot be done.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_ref().map(|(why, _)| why.as_str())
    }

    /// Whether it would fail again, because it is the user's code that fails.
    pub fn would_fail_again(&self) -> bool {
        self.failed.as_ref().is_some_and(|(_, code)| *code)
    }

    /// Whether every worker that is alive knows that the job is over.
    pub fn all_left(&self) -> bool {
        self.workers.values().all(|worker| worker.left)
    }

    /// What the winners counted; of tasks that were executed several times, once (§4.9).
    pub fn counters(&self) -> BTreeMap<String, u64> {
        if self.bugs.has(Bug::CountsEveryCompletion) {
            return self.counted.clone();
        }
        let mut sum = BTreeMap::new();
        let all = self.maps.all().chain(self.reduces.all());
        all.for_each(|(_, one)| add(&mut sum, &one.counters));
        sum
    }

    /// What it believes.
    pub fn memory(&self) -> Memory {
        let maps = self.maps.all().map(|(map, one)| (Task::Map(map), one));
        let all = maps.chain(self.reduces.all().map(|(reduce, one)| (Task::Reduce(reduce), one)));
        let mut memory = Memory { buried: self.buried.clone(), ..Memory::default() };
        for (task, one) in all {
            memory.winners.extend(one.winner.as_ref().map(|winner| (task, winner.attempt, winner.worker)));
            memory.running.extend(one.runs.iter().map(|run| (task, run.attempt, run.worker)));
        }
        memory
    }

    /// How far the job is.
    pub fn progress(&self, now: Now) -> Progress {
        let time = self.time(now);
        let slow = |table: &Table| {
            let limit = table.mean().and_then(|mean| time.checked_sub(mean * 2));
            limit.map_or(0, |since| table.alone_since(since).count())
        };
        Progress {
            maps: (self.maps.completed(), self.job.splits.len() as u32),
            reduces: (self.reduces.completed(), self.job.reduces),
            running: (self.maps.running() + self.reduces.running()) as u32,
            stragglers: (slow(&self.maps) + slow(&self.reduces)) as u32,
            workers: self.workers.len() as u32,
            backups: self.backups,
            retries: self.retries,
            buried: self.buried.len() as u32,
        }
    }

    fn time(&self, now: Now) -> Duration {
        if self.bugs.has(Bug::SilenceByWallClock) { now.wall } else { now.monotonic }
    }

    pub(super) fn table(&mut self, task: Task) -> (&mut Table, u32) {
        match task {
            Task::Map(map) => (&mut self.maps, map),
            Task::Reduce(reduce) => (&mut self.reduces, reduce),
        }
    }

    pub(super) fn one(&self, task: Task) -> Option<&One> {
        match task {
            Task::Map(map) => self.maps.get(map),
            Task::Reduce(reduce) => self.reduces.get(reduce),
        }
    }

    /// Changes the memory as the record says, now as at a later start.
    pub(super) fn apply(&mut self, record: &Log, time: Duration) {
        match record {
            Log::Started { id, epoch, .. } => {
                (self.job.id, self.epoch) = (*id, *epoch);
                self.forgive();
            }
            Log::Joined { worker, address } => {
                let address = address.clone();
                let joined = Worker {
                    address,
                    heard: time,
                    current: None,
                    fresh: false,
                    complaints: BTreeMap::new(),
                    left: false,
                };
                self.workers.insert(*worker, joined);
            }
            Log::Assigned { task, attempt, worker } => {
                let run = Run { attempt: *attempt, worker: *worker, since: time };
                self.backups += u32::from(self.one(*task).is_some_and(|one| !one.runs.is_empty()));
                let (table, number) = self.table(*task);
                table.begin(number, run);
                if let Some(worker) = self.workers.get_mut(worker) {
                    worker.current = Some((*task, *attempt));
                }
            }
            Log::Completed { task, attempt, worker, counters, took } => {
                add(&mut self.counted, counters);
                let winner = Winner { attempt: *attempt, worker: *worker, counters: counters.clone() };
                let (table, number) = self.table(*task);
                let over = table.complete(number, winner, Some(*took));
                over.iter().for_each(|run| self.release(run));
            }
            Log::Failed { task, attempt, culprit, why } => self.apply_failure(*task, *attempt, culprit, why),
            Log::Revoked { task, attempt } => self.revoke(*task, *attempt),
            Log::Buried { worker, at_work } => self.bury(*worker, *at_work),
        }
    }

    fn apply_failure(&mut self, task: Task, attempt: Attempt, culprit: &Option<Culprit>, why: &str) {
        let run = self.one(task).and_then(|one| one.runs.iter().find(|run| run.attempt == attempt).copied());
        let skip_after = self.policy.skip_after;
        let (table, number) = self.table(task);
        table.keep(number, |run| run.attempt != attempt);
        let mut failures = 0;
        table.note(number, |one| {
            one.culprits.extend(culprit.clone());
            let skipped = skip_after.zip(culprit.as_ref()).is_some_and(|(after, culprit)| {
                one.culprits.iter().filter(|known| *known == culprit).count() == after as usize
            });
            // Progress has been made: one record less to fail on.
            one.failures = if skipped { 0 } else { one.failures + 1 };
            failures = one.failures;
        });
        self.retries += 1;
        run.iter().for_each(|run| self.release(run));
        self.give_up_at(task, failures, why, culprit.is_some());
    }

    fn give_up_at(&mut self, task: Task, failures: u32, why: &str, code: bool) {
        if failures >= self.policy.max_failures {
            let why = || format!("{task} has failed {failures} times, the last time: {why}");
            self.failed.get_or_insert_with(|| (why(), code));
        }
    }

    fn revoke(&mut self, task: Task, attempt: Attempt) {
        let (table, number) = self.table(task);
        let runs = table.get(number).map_or(Vec::new(), |one| one.runs.clone());
        table.keep(number, |run| run.attempt != attempt);
        runs.iter().filter(|run| run.attempt == attempt).for_each(|run| self.release(run));
    }

    /// The worker of this run is free again.
    fn release(&mut self, run: &Run) {
        if let Some(worker) = self.workers.get_mut(&run.worker) {
            worker.current = worker.current.filter(|(_, attempt)| *attempt != run.attempt);
        }
    }

    /// A dead worker's attempts are void, and so are its completed maps; completed reduces are in the store (§3.3).
    fn bury(&mut self, id: WorkerId, at_work: bool) {
        self.workers.remove(&id);
        self.buried.insert(id);
        // What reducers could not reach may be gone with it.
        self.reduces.avoid_nobody();
        let lost = |one: &One| one.winner.as_ref().is_some_and(|winner| winner.worker == id);
        let maps: Vec<u32> = self.maps.all().filter(|(_, one)| lost(one)).map(|(map, _)| map).collect();
        if !self.bugs.has(Bug::DeadMapsKept) && !self.reduces.is_complete() {
            for map in maps {
                self.maps.reopen(map);
                self.retries += 1;
            }
        }
        for task in self.tasks_of(id) {
            let (table, number) = self.table(task);
            table.keep(number, |run| run.worker != id);
            let mut deaths = 0;
            table.note(number, |one| {
                one.deaths += u32::from(at_work);
                deaths = one.deaths;
            });
            self.retries += 1;
            self.give_up_at(task, deaths, "its worker died", false);
        }
    }

    fn tasks_of(&self, id: WorkerId) -> Vec<Task> {
        let runs = |one: &One| one.runs.iter().any(|run| run.worker == id);
        let maps = self.maps.all().filter(|(_, one)| runs(one)).map(|(map, _)| Task::Map(map));
        let reduces = self.reduces.all().filter(|(_, one)| runs(one)).map(|(reduce, _)| Task::Reduce(reduce));
        maps.chain(reduces).collect()
    }

    /// Who starts it again may have mended what made tasks fail.
    fn forgive(&mut self) {
        self.failed = None;
        self.maps.forgive();
        self.reduces.forgive();
    }

    fn take_running_for_done(&mut self) {
        for (task, attempt, worker) in self.memory().running {
            let winner = Winner { attempt, worker, counters: Counters::new() };
            let (table, number) = self.table(task);
            table.complete(number, winner, None);
        }
    }
}

pub(super) fn add(sum: &mut BTreeMap<String, u64>, counters: &Counters) {
    for (name, times) in counters {
        *sum.entry(name.clone()).or_default() += times;
    }
}
