//! What the coordinator answers, a function a request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bugs::Bug;
use super::super::message::{
    Assignment, Attempt, Brief, Culprit, Done, Failed, Join, Joined, Locate, Located, Ping, Place, Pong,
    Task, WorkerId,
};
use super::coordinator::{Coordinator, Worker, add};
use super::record::Log;
use super::table::{One, Run, Winner};

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
            let gone = self.workers.iter().filter(|(_, worker)| worker.address == join.address);
            let gone: Vec<WorkerId> = gone.map(|(id, _)| *id).collect();
            for worker in gone {
                self.record(Log::Buried { worker }, time, persist);
            }
            let (worker, address) = (join.worker, join.address.clone());
            self.record(Log::Joined { worker, address }, time, persist);
        }
        Joined::Welcome(Brief {
            app: self.job.app.clone(),
            args: self.job.args.clone(),
            maps: self.job.splits.len() as u32,
            reduces: self.job.reduces,
            ping_every: self.policy.ping_every,
        })
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
        if let Some(reduce) = self.reduces.idle().first().filter(|_| mapped) {
            return Some(Task::Reduce(*reduce));
        }
        let backups = self.policy.backups?;
        let table = if self.maps.is_complete() { &self.reduces } else { &self.maps };
        let patience = backups.least.max(table.mean()? * backups.percent_of_mean / 100);
        let slow = table.oldest_alone(time.checked_sub(patience)?)?;
        // A worker that is asked twice to do the same is no backup.
        if table.get(slow)?.runs.iter().any(|run| run.worker == id) {
            return None;
        }
        self.backups += 1;
        Some(if self.maps.is_complete() { Task::Reduce(slow) } else { Task::Map(slow) })
    }

    fn idle_map(&self, id: WorkerId) -> Option<u32> {
        let address = &self.workers.get(&id)?.address;
        let shunned = |map: &u32| self.maps.get(*map).is_some_and(|one| one.avoid.contains(address));
        let idle = self.maps.idle();
        let local = self.local.get(address).into_iter().flatten();
        let local = local.copied().find(|map| idle.contains(map) && !shunned(map));
        let choice = local.or_else(|| idle.iter().copied().find(|map| !shunned(map)));
        // Somebody whose output can be fetched should do it, if he is free. Who is busy may be waiting for just this map.
        choice.or_else(|| idle.first().copied().filter(|map| self.whoever_is_free_is_shunned(*map)))
    }

    fn whoever_is_free_is_shunned(&self, map: u32) -> bool {
        let avoid = self.maps.get(map).map_or(&[][..], |one| &one.avoid);
        let mut free = self.workers.values().filter(|worker| worker.current.is_none());
        free.all(|worker| avoid.contains(&worker.address))
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

    pub(super) fn done(&mut self, time: Duration, done: &Done, persist: &mut Vec<Log>) {
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
        let (task, attempt, worker, counters) = (done.task, done.attempt, done.worker, done.counters.clone());
        self.record(Log::Completed { task, attempt, worker, counters }, time, persist);
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
        let running = |one: &One| one.runs.iter().any(|run| run.attempt == locate.attempt);
        if !self.reduces.get(locate.reduce).is_some_and(running) {
            return Located::Drop;
        }
        if !self.bugs.has(Bug::FetchFailureIgnored) {
            self.complain(time, locate, persist);
        }
        // Maps that must be done again, everybody is busy, and this one can only wait: it had better do one of them.
        let busy = |worker: &Worker| worker.current.is_some();
        if locate.waits && !self.maps.idle().is_empty() && self.workers.values().all(busy) {
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

    /// The output of a map could not be fetched. Once is an accident; of a worker of which it is said again and again, no
    /// reducer will ever have it, however well it answers the coordinator.
    fn complain(&mut self, time: Duration, locate: &Locate, persist: &mut Vec<Log>) {
        let mut complained = BTreeSet::new();
        for (map, attempt) in &locate.lost {
            let winner = self.maps.get(*map).and_then(|one| one.winner.clone());
            let Some(winner) = winner.filter(|winner| winner.attempt == *attempt) else { continue };
            let Some(worker) = self.workers.get_mut(&winner.worker) else { continue };
            worker.complaints += u32::from(complained.insert(winner.worker));
            if worker.complaints >= self.policy.complaints {
                let (id, address) = (winner.worker, worker.address.clone());
                self.maps.note(*map, |one| one.avoid.push(address));
                self.record(Log::Buried { worker: id }, time, persist);
            }
        }
    }
}
