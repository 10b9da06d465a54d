//! What a history says before any graph is drawn: who wrote what, which transactions certainly committed, and what
//! each read saw.

use super::anomaly::{Anomaly, Beyond, Phenomenon, Why};
use super::faults::Fault;
use super::history::{Op, Saw, Scalar, Status, Transaction};
use super::reads;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// A micro-operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    /// The transaction's index in the history.
    pub(super) txn: usize,
    /// Its place in the transaction.
    pub(super) op: usize,
}

/// A read of a committed transaction that shows what others had written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) at: At,
    /// The write seen last; `None`: the initial version.
    pub(super) version: Option<At>,
    /// For a list: how much of [`Key::order`] was seen.
    pub(super) seen: usize,
}

/// What is known of one key.
#[derive(Default)]
pub(super) struct Key {
    pub(super) is_list: bool,
    /// For a list: the appends that somebody saw, oldest first. All reads are prefixes of one list, so this is the
    /// order of the versions.
    pub(super) order: Vec<At>,
    pub(super) sights: Vec<Sight>,
    /// The last write of each committed transaction, by transaction.
    pub(super) writes: Vec<At>,
}

/// All that is known of a history.
pub(super) struct Facts<'a> {
    pub(super) history: &'a [Transaction],
    pub(super) fault: Fault,
    /// Whether a transaction committed: it says so, or somebody saw what it wrote.
    pub(super) committed: Vec<bool>,
    pub(super) keys: Vec<Key>,
    pub(super) writers: FxHashMap<(usize, &'a Scalar), At>,
    /// The last write of a transaction to a key.
    pub(super) last: FxHashMap<(usize, usize), usize>,
    /// What is wrong whatever the order; the first of each kind.
    pub(super) anomalies: BTreeMap<Phenomenon, Anomaly>,
}

impl<'a> Facts<'a> {
    pub(super) fn gather(history: &'a [Transaction], fault: Fault) -> Result<Self, Why> {
        check_times(history)?;
        let mut facts = Self {
            history,
            fault,
            committed: history.iter().map(|txn| takes_effect(txn, fault)).collect(),
            keys: Vec::new(),
            writers: FxHashMap::default(),
            last: FxHashMap::default(),
            anomalies: BTreeMap::new(),
        };
        let numbers = facts.number_keys()?;
        facts.index_writes(&numbers)?;
        reads::look(&mut facts, &numbers);
        facts.list_writes(&numbers);
        Ok(facts)
    }

    fn number_keys(&mut self) -> Result<FxHashMap<&'a Scalar, usize>, Why> {
        let mut numbers = FxHashMap::default();
        let mut kinds: Vec<Option<bool>> = Vec::new();
        for (txn, transaction) in self.history.iter().enumerate() {
            for op in &transaction.ops {
                let number = *numbers.entry(op.key()).or_insert(self.keys.len());
                if number == self.keys.len() {
                    self.keys.push(Key::default());
                    kinds.push(None);
                }
                let kind = match op {
                    Op::Append { .. } | Op::Read { saw: Some(Saw::List(_)), .. } => Some(true),
                    Op::Write { .. } | Op::Read { saw: Some(Saw::Value(_)), .. } => Some(false),
                    Op::Read { .. } => None,
                };
                let known = &mut kinds[number];
                if known.is_some() && kind.is_some() && *known != kind {
                    return Err(Why::MixedKey { key: op.key().clone(), transaction: txn });
                }
                *known = known.or(kind);
            }
        }
        self.keys.iter_mut().zip(kinds).for_each(|(key, kind)| key.is_list = kind == Some(true));
        Ok(numbers)
    }

    /// A value that was tried in vain may be written again.
    fn index_writes(&mut self, numbers: &FxHashMap<&'a Scalar, usize>) -> Result<(), Why> {
        for (txn, transaction) in self.history.iter().enumerate() {
            for (op, micro) in transaction.ops.iter().enumerate() {
                let Some(value) = micro.written() else { continue };
                let key = numbers[micro.key()];
                self.last.insert((txn, key), op);
                let at = At { txn, op };
                let known = *self.writers.entry((key, value)).or_insert(at);
                if known == at {
                    continue;
                }
                let failed = |txn: usize| self.history[txn].status == Status::Fail;
                if failed(known.txn) {
                    self.writers.insert((key, value), at);
                } else if !failed(txn) {
                    let transactions = [known.txn, txn];
                    let (key, value) = (micro.key().clone(), value.clone());
                    return Err(Why::RepeatedWrite { key, value, transactions });
                }
            }
        }
        Ok(())
    }

    fn list_writes(&mut self, numbers: &FxHashMap<&'a Scalar, usize>) {
        for (txn, transaction) in self.history.iter().enumerate().filter(|(txn, _)| self.committed[*txn]) {
            for (op, micro) in transaction.ops.iter().enumerate().filter(|(_, op)| op.written().is_some()) {
                let key = numbers[micro.key()];
                if self.last[&(txn, key)] == op {
                    self.keys[key].writes.push(At { txn, op });
                }
            }
        }
        if self.fault == Fault::UnobservedForgotten {
            for key in self.keys.iter_mut().filter(|key| key.is_list) {
                key.writes.retain(|at| key.order.contains(at));
            }
        }
    }

    /// Notes what is wrong, unless something of the kind is known already.
    pub(super) fn wrong(&mut self, phenomenon: Phenomenon, transactions: &[usize], sentence: String) {
        self.anomalies.entry(phenomenon).or_insert_with(|| {
            let mut transactions = transactions.to_vec();
            transactions.sort_unstable();
            transactions.dedup();
            Anomaly { phenomenon, beyond: Beyond::Nothing, transactions, cycle: Vec::new(), sentence }
        });
    }
}

/// Whether a transaction commits whatever others saw.
fn takes_effect(transaction: &Transaction, fault: Fault) -> bool {
    match transaction.status {
        Status::Ok => true,
        Status::Fail => fault == Fault::AbortedTakenAsCommitted,
        Status::Unknown => false,
    }
}

fn check_times(history: &[Transaction]) -> Result<(), Why> {
    let returns_early = |txn: &Transaction| txn.returned.is_some_and(|returned| returned < txn.call);
    if let Some(transaction) = history.iter().position(returns_early) {
        return Err(Why::ReturnsBeforeCall { transaction });
    }
    for (client, session) in sessions(history) {
        for pair in session.windows(2) {
            if history[pair[0]].returned.is_some_and(|returned| returned > history[pair[1]].call) {
                return Err(Why::Overlapping { client, transactions: [pair[0], pair[1]] });
            }
        }
    }
    Ok(())
}

/// What each client ran, in order.
pub(super) fn sessions(history: &[Transaction]) -> BTreeMap<u64, Vec<usize>> {
    let mut sessions: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (txn, transaction) in history.iter().enumerate() {
        sessions.entry(transaction.client).or_default().push(txn);
    }
    for session in sessions.values_mut() {
        session.sort_by_key(|txn| {
            (history[*txn].call, history[*txn].returned.unwrap_or(history[*txn].call), *txn)
        });
    }
    sessions
}
