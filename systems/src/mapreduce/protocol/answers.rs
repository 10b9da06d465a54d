//! What the coordinator answers, a function a request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bugs::Bug;
use super::super::message::{
    Assignment, Attempt, Brief, Culprit, Done, Failed, Join, Joined, Kept, Locate, Located, Ping, Place,
    Pong, Task, WorkerId,
};
use super::coordinator::{Coordinator, Worker, add};
use super::record::Log;
use super::table::{One, Run, Table, Winner};

impl Coordinator {
    fn record(&mut self, record: Log, time: Duration, persist: &mut Vec<Log>) {
        self.apply(&record, time);
        persist.push(record);
    }

    pub(super) fn join(&mut self, time: Duration, join: &Join, persist: &mut Vec<Log>) -> Joined {
        if self.buried.contains(&join.worker) {
            return Joined::Buried;
        }
        if !self.workers.contains_key(&join.worker) {
            // Whoever had this address before is gone, and its disk was wiped.
            self.bury_all_at(&join.address, time, persist);
            let (worker, address) = (join.worker, join.address.clone());
            self.record(Log::Joined { worker, address }, time, persist);
        }
        Joined::Welcome(Brief {
            job: self.job.id,
            app: self.job.app.clone(),
            args: self.job.args.clone(),
            maps: self.job.splits.len() as u32,
            reduces: self.job.reduces,
            ping_every: self.policy.ping_every,
        })
    }

    /// Those who had joined under this address are gone.
    pub(super) fn bury_all_at(&mut self, address: &str, time: Duration, persist: &mut Vec<Log>) {
        let gone = self.workers.iter().filter(|(_, worker)| worker.address == address);
        let gone: Vec<(WorkerId, bool)> = gone.map(|(id, worker)| (*id, worker.fresh)).collect();
        for (worker, at_work) in gone {
            self.record(Log::Buried { worker, at_work }, time, persist);
        }
    }

    pub(super) fn ask(&mut self, time: Duration, id: WorkerId, persist: &mut Vec<Log>) -> Assignment {
        let over = self.is_done() || self.failed.is_some();
        let Some(worker) = self.workers.get_mut(&id) else {
            return if over { Assignment::Exit } else { Assignment::Stranger };
        };
        if over {
            worker.left = true;
            return Assignment::Exit;
        }
        // Its first reply was lost.
        if let Some((task, attempt)) = worker.current {
            return self.assignment(task, attempt);
        }
        let Some(task) = self.choose(time, id) else { return Assignment::Wait };
        let attempt = Attempt { epoch: self.epoch, number: self.attempts };
        self.attempts += 1;
        self.record(Log::Assigned { task, attempt, worker: id }, time, persist);
        self.assignment(task, attempt)
    }

    /// An idle task, one whose input the worker has on its own disk if there is one (§3.4); else a backup (§3.6).
    fn choose(&mut self, time: Duration, id: WorkerId) -> Option<Task> {
        let mapped = self.maps.is_complete()
            || (self.bugs.has(Bug::ReducesAtAssignment) && self.maps.idle().is_empty())
            || (self.bugs.has(Bug::MapsNeverReopen) && self.reducing);
        if !mapped && !self.maps.idle().is_empty() {
            return self.idle_map(id).map(Task::Map);
        }
        self.reducing = mapped;
        let worker = self.workers.get(&id)?;
        let may = |table: &Table, task: u32| table.get(task).is_some_and(|one| self.may_do(worker, one));
        let mut idle = self.reduces.idle().iter().filter(|_| mapped);
        if let Some(reduce) = idle.find(|reduce| may(&self.reduces, **reduce)) {
            return Some(Task::Reduce(*reduce));
        }
        let backups = self.policy.backups.filter(|_| !self.bugs.has(Bug::NoBackups))?;
        let table = if self.maps.is_complete() { &self.reduces } else { &self.maps };
        let patience = backups.least.max(table.mean()? * backups.percent_of_mean / 100);
        let mut slow = table.alone_since(time.checked_sub(patience)?);
        // A worker that is asked twice to do the same is no backup.
        let is_at =
            |task: u32| table.get(task).is_some_and(|one| one.runs.iter().any(|run| run.worker == id));
        let slow = slow.find(|task| !is_at(*task) && may(table, *task))?;
        Some(if self.maps.is_complete() { Task::Reduce(slow) } else { Task::Map(slow) })
    }

    fn idle_map(&self, id: WorkerId) -> Option<u32> {
        let worker = self.workers.get(&id)?;
        let may = |map: &u32| self.maps.get(*map).is_some_and(|one| self.may_do(worker, one));
        let idle = self.maps.idle();
        let local = self.local.get(&worker.address).into_iter().flatten();
        let local = local.copied().find(|map| idle.contains(map) && may(map));
        local.or_else(|| idle.iter().copied().find(may))
    }

    /// Somebody who has not tried in vain should do it, if there is one.
    fn may_do(&self, worker: &Worker, one: &One) -> bool {
        let avoided = |worker: &Worker| one.avoid.contains(&worker.address);
        !avoided(worker) || self.workers.values().all(avoided)
    }

    fn assignment(&self, task: Task, attempt: Attempt) -> Assignment {
        let skipped = self.skipped(task);
        match task {
            Task::Map(map) => {
                let split = self.job.splits[map as usize];
                let input = self.job.inputs[split.input as usize].clone();
                let records = skipped.into_iter().filter_map(|culprit| match culprit {
                    Culprit::Record(offset) => Some(offset),
                    Culprit::Key(_) => None,
                });
                Assignment::Map { map, attempt, split, input, skip: records.collect() }
            }
            Task::Reduce(reduce) => {
                let keys = skipped.into_iter().filter_map(|culprit| match culprit {
                    Culprit::Key(key) => Some(key),
                    Culprit::Record(_) => None,
                });
                Assignment::Reduce { reduce, attempt, skip: keys.collect() }
            }
        }
    }

    /// What so many attempts have failed on that the next shall leave it out.
    fn skipped(&self, task: Task) -> BTreeSet<Culprit> {
        let (Some(after), Some(one)) = (self.policy.skip_after, self.one(task)) else {
            return BTreeSet::new();
        };
        let times = |culprit: &Culprit| one.culprits.iter().filter(|known| *known == culprit).count();
        one.culprits.iter().filter(|culprit| times(culprit) >= after as usize).cloned().collect()
    }

    pub(super) fn ping(&self, ping: &Ping) -> Pong {
        let Some(worker) = self.workers.get(&ping.worker) else { return Pong::Stranger };
        if ping.running.is_none() || worker.current == ping.running { Pong::GoOn } else { Pong::Drop }
    }

    /// Says whether this attempt has won, now or when it said so before.
    pub(super) fn done(&mut self, time: Duration, done: &Done, persist: &mut Vec<Log>) -> Kept {
        self.complete(time, done, persist);
        let winner = self.one(done.task).and_then(|one| one.winner.as_ref());
        Kept(winner.is_some_and(|winner| (winner.attempt, winner.worker) == (done.attempt, done.worker)))
    }

    fn complete(&mut self, time: Duration, done: &Done, persist: &mut Vec<Log>) {
        let Some(one) = self.one(done.task) else { return };
        let known = |run: &Run| (run.attempt, run.worker) == (done.attempt, done.worker);
        let accepted = if self.bugs.has(Bug::LateCompletionAccepted) {
            one.winner.is_none()
        } else {
            one.runs.iter().any(known)
        };
        if !accepted {
            self.late(done);
            return;
        }
        let began = one.runs.iter().find(|run| known(run)).map_or(time, |run| run.since);
        let took = time.saturating_sub(began);
        let (task, attempt, worker, counters) = (done.task, done.attempt, done.worker, done.counters.clone());
        self.record(Log::Completed { task, attempt, worker, counters, took }, time, persist);
    }

    /// A completion that nobody waits for any more changes nothing.
    fn late(&mut self, done: &Done) {
        if self.bugs.has(Bug::CountsEveryCompletion) {
            add(&mut self.counted, &done.counters);
        }
        if self.bugs.has(Bug::MergesAttempts) && self.workers.contains_key(&done.worker) {
            let winner =
                Winner { attempt: done.attempt, worker: done.worker, counters: done.counters.clone() };
            let (table, number) = self.table(done.task);
            if table.get(number).is_some_and(|one| one.winner.is_some()) {
                table.complete(number, winner, None);
            }
        }
    }

    pub(super) fn task_failed(&mut self, time: Duration, failed: &Failed, persist: &mut Vec<Log>) {
        let known = |run: &Run| (run.attempt, run.worker) == (failed.attempt, failed.worker);
        if self.one(failed.task).is_some_and(|one| one.runs.iter().any(known)) {
            let Failed { task, attempt, culprit, why, .. } = failed.clone();
            self.record(Log::Failed { task, attempt, culprit, why }, time, persist);
        }
    }

    pub(super) fn locate(&mut self, time: Duration, locate: &Locate, persist: &mut Vec<Log>) -> Located {
        let known = |run: &Run| (run.attempt, run.worker) == (locate.attempt, locate.worker);
        let running = |one: &One| one.runs.iter().any(known);
        if !self.reduces.get(locate.reduce).is_some_and(running) {
            return Located::Drop;
        }
        let hopeless = !self.bugs.has(Bug::FetchFailureIgnored) && self.complain(time, locate, persist);
        if hopeless || (locate.waits && self.is_needed_for_a_map(locate.worker)) {
            let (task, attempt) = (Task::Reduce(locate.reduce), locate.attempt);
            self.record(Log::Revoked { task, attempt }, time, persist);
            return Located::Drop;
        }
        let mut places: BTreeMap<WorkerId, Vec<(u32, Attempt)>> = BTreeMap::new();
        for (map, one) in self.maps.all() {
            if let Some(winner) = &one.winner {
                places.entry(winner.worker).or_default().push((map, winner.attempt));
            }
        }
        // A winner that is gone (only a bug leaves one behind) is nowhere.
        let here = |(worker, maps)| {
            let address = self.workers.get(&worker).map_or_else(String::new, |worker| worker.address.clone());
            Place { address, maps }
        };
        let all = self.job.splits.len() as u32;
        let of = if self.bugs.has(Bug::ReducesAtAssignment) { self.maps.completed() } else { all };
        Located::Here { places: places.into_iter().map(here).collect(), of }
    }

    /// Maps must be done again, nobody who is free may do one, and this worker may.
    fn is_needed_for_a_map(&self, id: WorkerId) -> bool {
        let Some(worker) = self.workers.get(&id) else { return false };
        let idle = self.maps.idle().iter().filter_map(|map| self.maps.get(*map));
        let mut waiting = idle.filter(|one| self.may_do(worker, one));
        waiting
            .any(|one| self.workers.values().all(|other| other.current.is_some() || !self.may_do(other, one)))
    }

    /// Outputs of maps could not be fetched. Once is an accident. A mapper of which two workers say it again and again no
    /// reducer will ever reach, however well it answers the coordinator. Of one alone nobody knows at which end it lies:
    /// somebody else shall try, and only when nobody is left who has not, the mapper is given up. Whether this worker is
    /// the one that shall try no more.
    fn complain(&mut self, time: Duration, locate: &Locate, persist: &mut Vec<Log>) -> bool {
        let mut lost: BTreeMap<WorkerId, Vec<u32>> = BTreeMap::new();
        for (map, attempt) in &locate.lost {
            let winner = self.maps.get(*map).and_then(|one| one.winner.as_ref());
            if let Some(winner) = winner.filter(|winner| winner.attempt == *attempt) {
                lost.entry(winner.worker).or_default().push(*map);
            }
        }
        for (id, mapper) in &mut self.workers {
            if lost.contains_key(id) {
                *mapper.complaints.entry(locate.worker).or_default() += 1;
            } else if locate.waits {
                // Everything was tried, and this one could be reached.
                mapper.complaints.remove(&locate.worker);
            }
        }
        let mut told_by_one = Vec::new();
        for (mapper, maps) in lost {
            let told = self
                .workers
                .get(&mapper)
                .map_or(0, |worker| worker.complaints.get(&locate.worker).copied().unwrap_or(0));
            let lone = self.bugs.has(Bug::LoneComplaintBelieved);
            if self.is_told_by_two(mapper) || (lone && told >= self.policy.complaints) {
                self.give_up(time, mapper, &maps, persist);
            } else if told >= self.policy.complaints {
                told_by_one.push((mapper, maps));
            }
        }
        let Some(address) = self.workers.get(&locate.worker).map(|worker| worker.address.clone()) else {
            return false;
        };
        if told_by_one.is_empty() {
            return false;
        }
        self.reduces.note(locate.reduce, |one| one.avoid.push(address));
        let tried = |worker: &Worker| {
            self.reduces.get(locate.reduce).is_some_and(|one| one.avoid.contains(&worker.address))
        };
        if !self.workers.values().all(tried) {
            return true;
        }
        for (mapper, maps) in told_by_one {
            self.give_up(time, mapper, &maps, persist);
        }
        false
    }

    /// Whether enough complaints of a mapper come from two workers at least. Of those who complain of everybody none
    /// counts: it is they who are cut off.
    fn is_told_by_two(&self, mapper: WorkerId) -> bool {
        let mappers: BTreeSet<WorkerId> =
            self.maps.all().filter_map(|(_, one)| Some(one.winner.as_ref()?.worker)).collect();
        let is_cut_off = |reducer: WorkerId| {
            let mut others = mappers.iter().filter(|mapper| **mapper != reducer);
            let complains = |mapper: &WorkerId| {
                self.workers.get(mapper).is_some_and(|mapper| mapper.complaints.contains_key(&reducer))
            };
            others.clone().count() > 1 && others.all(complains)
        };
        let Some(mapper) = self.workers.get(&mapper) else { return false };
        let told =
            mapper.complaints.iter().filter(|(by, _)| self.workers.contains_key(by) && !is_cut_off(**by));
        told.clone().count() > 1 && told.map(|(_, times)| times).sum::<u32>() >= self.policy.complaints
    }

    /// Declares a mapper dead that answers; its maps are to be done elsewhere.
    fn give_up(&mut self, time: Duration, mapper: WorkerId, maps: &[u32], persist: &mut Vec<Log>) {
        let Some(address) = self.workers.get(&mapper).map(|worker| worker.address.clone()) else { return };
        for map in maps {
            self.maps.note(*map, |one| one.avoid.push(address.clone()));
        }
        self.record(Log::Buried { worker: mapper, at_work: false }, time, persist);
    }
}
