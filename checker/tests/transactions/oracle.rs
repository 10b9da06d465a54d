//! Isolation levels by their definitions: try every order. Shares nothing with the checker.

use std::collections::BTreeMap;
use stormglass_checker::transactions::{Level, Op, Saw, Scalar, Status, Transaction};

/// Every value that was written to each key, in order. A register's value is the last.
type State = BTreeMap<Scalar, Vec<Scalar>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ReadCommitted,
    Snapshot,
    Serial,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Free,
    Session,
    Real,
}

fn kind(level: Level) -> (Kind, Order) {
    match level {
        Level::ReadCommitted => (Kind::ReadCommitted, Order::Free),
        Level::SnapshotIsolation => (Kind::Snapshot, Order::Free),
        Level::StrongSessionSnapshotIsolation => (Kind::Snapshot, Order::Session),
        Level::StrongSnapshotIsolation => (Kind::Snapshot, Order::Real),
        Level::Serializable => (Kind::Serial, Order::Free),
        Level::StrongSessionSerializable => (Kind::Serial, Order::Session),
        Level::StrictSerializable => (Kind::Serial, Order::Real),
    }
}

/// Whether the level has an explanation of the history: any order, and any choice of what committed among the
/// transactions of unknown outcome.
pub(crate) fn explains(history: &[Transaction], level: Level) -> bool {
    let unknown: Vec<usize> =
        (0..history.len()).filter(|at| history[*at].status == Status::Unknown).collect();
    (0..1_usize << unknown.len()).any(|chosen| {
        let absent = |at: usize| {
            unknown.iter().position(|other| *other == at).is_some_and(|bit| chosen >> bit & 1 == 0)
        };
        let present: Vec<bool> =
            (0..history.len()).map(|at| history[at].status != Status::Fail && !absent(at)).collect();
        let mut run = Run::new(history, level, present);
        run.go_on()
    })
}

/// Whether this order of the transactions, one after the other, explains the history.
pub(crate) fn is_serial_order(history: &[Transaction], level: Level, order: &[usize]) -> bool {
    let present: Vec<bool> = (0..history.len()).map(|at| order.contains(&at)).collect();
    let all_ok = (0..history.len()).all(|at| match history[at].status {
        Status::Ok => present[at],
        Status::Fail => !present[at],
        Status::Unknown => true,
    });
    let mut run = Run::new(history, level, present);
    all_ok
        && order
            .iter()
            .all(|txn| run.phase[*txn] == Phase::Waiting && run.may_start(*txn) && run.serially(*txn))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Done,
}

#[derive(Clone)]
struct Run<'a> {
    history: &'a [Transaction],
    level: Level,
    present: Vec<bool>,
    phase: Vec<Phase>,
    /// After each commit.
    states: Vec<State>,
    /// How many commits a transaction's snapshot holds.
    snapshot: Vec<usize>,
    commits: Vec<usize>,
}

impl<'a> Run<'a> {
    fn new(history: &'a [Transaction], level: Level, present: Vec<bool>) -> Self {
        let (phase, snapshot) = (vec![Phase::Waiting; history.len()], vec![0; history.len()]);
        Self { history, level, present, phase, states: vec![State::new()], snapshot, commits: Vec::new() }
    }

    fn go_on(&mut self) -> bool {
        let all = 0..self.history.len();
        if all.clone().all(|txn| !self.present[txn] || self.phase[txn] == Phase::Done) {
            return true;
        }
        for txn in all.filter(|txn| self.present[*txn]) {
            let mut next = self.clone();
            let fits = match (self.phase[txn], kind(self.level).0) {
                (Phase::Done, _) => false,
                (Phase::Waiting, Kind::Snapshot) => self.may_start(txn) && next.start(txn),
                (Phase::Waiting, _) => self.may_start(txn) && next.serially(txn),
                (Phase::Running, _) => next.commit(txn),
            };
            if fits && next.go_on() {
                return true;
            }
        }
        false
    }

    /// All that must come before has committed.
    fn may_start(&self, txn: usize) -> bool {
        let me = &self.history[txn];
        (0..self.history.len()).filter(|other| *other != txn && self.present[*other]).all(|other| {
            let before = &self.history[other];
            let ended = before.returned.filter(|_| before.status == Status::Ok);
            let earlier = ended.is_some_and(|returned| returned < me.call);
            let in_session = before.client == me.client
                && ended.is_some_and(|returned| {
                    (before.call, returned, other) < (me.call, me.returned.unwrap_or(me.call), txn)
                });
            let must = match kind(self.level).1 {
                Order::Free => false,
                Order::Session => in_session,
                Order::Real => in_session || earlier,
            };
            !must || self.phase[other] == Phase::Done
        })
    }

    fn start(&mut self, txn: usize) -> bool {
        self.phase[txn] = Phase::Running;
        self.snapshot[txn] = self.commits.len();
        self.reads_fit(txn)
    }

    fn serially(&mut self, txn: usize) -> bool {
        self.start(txn) && self.commit(txn)
    }

    /// First committer wins.
    fn commit(&mut self, txn: usize) -> bool {
        let wrote = |txn: usize, key: &Scalar| {
            self.history[txn].ops.iter().any(|op| op.written().is_some() && op.key() == key)
        };
        let since = &self.commits[self.snapshot[txn]..];
        if self.history[txn]
            .ops
            .iter()
            .any(|op| since.iter().any(|other| op.written().is_some() && wrote(*other, op.key())))
        {
            return false;
        }
        let mut state = self.states[self.commits.len()].clone();
        for op in &self.history[txn].ops {
            if let Some(value) = op.written() {
                state.entry(op.key().clone()).or_default().push(value.clone());
            }
        }
        self.states.push(state);
        self.commits.push(txn);
        self.phase[txn] = Phase::Done;
        true
    }

    fn reads_fit(&self, txn: usize) -> bool {
        let me = &self.history[txn];
        if me.status != Status::Ok {
            return true;
        }
        let now = self.commits.len();
        (0..me.ops.len()).all(|at| {
            let Op::Read { key, saw: Some(saw) } = &me.ops[at] else { return true };
            let own: Vec<&Scalar> =
                me.ops[..at].iter().filter(|op| op.key() == key).filter_map(Op::written).collect();
            // At read committed, what was not written by itself may be as old as it likes.
            let oldest = if kind(self.level).0 == Kind::ReadCommitted && own.is_empty() { 0 } else { now };
            (oldest..=now).any(|state| {
                let before = self.states[state].get(key).into_iter().flatten();
                let all: Vec<Scalar> = before.chain(own.iter().copied()).cloned().collect();
                match saw {
                    Saw::Null => all.is_empty(),
                    Saw::Value(value) => all.last() == Some(value),
                    Saw::List(elements) => all == *elements,
                }
            })
        })
    }
}
