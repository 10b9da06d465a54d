//! What each read saw, and what is wrong with a read whatever the order of the transactions.

use super::anomaly::Phenomenon;
use super::facts::{At, Facts, Sight};
use super::faults::Fault;
use super::history::{Op, Saw, Scalar, Status};
use super::words::{did, had_done, what};
use rustc_hash::{FxHashMap, FxHashSet};

/// A read of a list.
#[derive(Clone, Copy)]
struct ListRead<'a> {
    at: At,
    elements: &'a [Scalar],
    /// Its transaction had not appended to the list before.
    external: bool,
}

/// What a transaction knows of one key while it runs.
#[derive(Default)]
struct Local<'a> {
    /// The last read, what it saw, and whether the transaction had written by then.
    read: Option<(usize, &'a [Scalar], bool)>,
    /// Values written since that read.
    own: Vec<&'a Scalar>,
    /// The last write.
    wrote: Option<usize>,
}

/// Looks at every read of every transaction that is known to have committed.
pub(super) fn look<'a>(facts: &mut Facts<'a>, numbers: &FxHashMap<&'a Scalar, usize>) {
    let history = facts.history;
    let mut lists: Vec<Vec<ListRead<'a>>> = facts.keys.iter().map(|_| Vec::new()).collect();
    for (txn, transaction) in history.iter().enumerate() {
        if transaction.status != Status::Ok {
            continue;
        }
        let mut locals: FxHashMap<usize, Local<'a>> = FxHashMap::default();
        for (op, micro) in transaction.ops.iter().enumerate() {
            let key = numbers[micro.key()];
            let local = locals.entry(key).or_default();
            let at = At { txn, op };
            match micro {
                Op::Append { value, .. } => {
                    local.own.push(value);
                    local.wrote = Some(op);
                }
                Op::Write { value, .. } => {
                    local.own = vec![value];
                    local.wrote = Some(op);
                }
                Op::Read { saw: None, .. } => {}
                Op::Read { saw: Some(saw), .. } => {
                    check_internal(facts, key, at, saw.elements(), local);
                    let external = local.wrote.is_none();
                    if facts.keys[key].is_list {
                        lists[key].push(ListRead { at, elements: saw.elements(), external });
                        local.own.clear();
                    } else if external {
                        look_at_register(facts, key, at, saw);
                    }
                    local.read = Some((op, saw.elements(), !external));
                }
            }
        }
    }
    lists.iter().enumerate().for_each(|(key, reads)| look_at_list(facts, key, reads));
}

fn check_internal(facts: &mut Facts<'_>, key: usize, at: At, saw: &[Scalar], local: &Local<'_>) {
    let history = facts.history;
    if facts.fault == Fault::InternalIgnored {
        return;
    }
    let is_list = facts.keys[key].is_list;
    let before = saw
        .len()
        .checked_sub(local.own.len())
        .filter(|before| saw[*before..].iter().eq(local.own.iter().copied()));
    let later = |value: &&Scalar| {
        facts.writers.get(&(key, *value)).is_some_and(|writer| writer.txn == at.txn && writer.op > at.op)
    };
    if let (None, Some(wrote)) = (before, local.wrote) {
        let own = had_done(&history[at.txn].ops[wrote]);
        facts.wrong(
            Phenomenon::Internal,
            &[at.txn],
            format!("{}, although it had itself {own}", did(history, at)),
        );
    } else if let Some(value) = saw.iter().find(later) {
        let sentence = format!("{}, with its own {value}, which it wrote only afterwards", did(history, at));
        facts.wrong(Phenomenon::Internal, &[at.txn], sentence);
    } else if let (Some(before), Some((read, seen, had_written))) = (before, local.read)
        && (is_list || local.wrote.is_none())
        && saw[..before] != *seen
    {
        let first = did(history, At { op: read, ..at });
        let second = what(&history[at.txn].ops[at.op]);
        let sentence = format!("{first}, and then it {second}, without what could explain the difference");
        // Once it wrote, its own version is what it has to see, at every level.
        let kind = if had_written { Phenomenon::Internal } else { Phenomenon::NonRepeatableRead };
        facts.wrong(kind, &[at.txn], sentence);
    }
}

/// Who wrote a value, if it was written and not aborted; notes that a reader saw it.
fn writer(facts: &mut Facts<'_>, key: usize, reader: At, value: &Scalar) -> Option<At> {
    let history = facts.history;
    let Some(at) = facts.writers.get(&(key, value)).copied() else {
        let sentence = format!("{}, but nobody wrote {value}", did(history, reader));
        facts.wrong(Phenomenon::GarbageRead, &[reader.txn], sentence);
        return None;
    };
    match history[at.txn].status {
        Status::Ok => {}
        Status::Unknown if facts.fault == Fault::UnknownTakenAsFailed => return None,
        Status::Unknown => facts.committed[at.txn] = true,
        Status::Fail if facts.fault == Fault::AbortedTakenAsCommitted => {}
        Status::Fail => {
            let own = what(&history[at.txn].ops[at.op]);
            let sentence = format!("{}, but T{}, which {own}, aborted", did(history, reader), at.txn);
            facts.wrong(Phenomenon::G1a, &[at.txn, reader.txn], sentence);
            return None;
        }
    }
    Some(at)
}

/// The last value a read saw must be the last that its writer wrote.
fn check_final(facts: &mut Facts<'_>, key: usize, reader: At, seen: At) {
    let history = facts.history;
    let last = facts.last[&(seen.txn, key)];
    if last == seen.op || seen.txn == reader.txn || facts.fault == Fault::IntermediateTakenAsFinal {
        return;
    }
    let (first, then) = (did(history, seen), what(&history[seen.txn].ops[last]));
    let sentence = format!("{} although {first} and then {then}", did(history, reader));
    facts.wrong(Phenomenon::G1b, &[seen.txn, reader.txn], sentence);
}

fn look_at_register(facts: &mut Facts<'_>, key: usize, at: At, saw: &Saw) {
    let mut version = None;
    if let Saw::Value(value) = saw {
        let Some(seen) = writer(facts, key, at, value) else { return };
        check_final(facts, key, at, seen);
        version = Some(seen);
    }
    if version.is_none_or(|seen| seen.txn != at.txn) {
        facts.keys[key].sights.push(Sight { at, version, seen: 0 });
    }
}

/// The longest read is the order of the appends, and all others must be prefixes of it.
fn look_at_list<'a>(facts: &mut Facts<'a>, key: usize, reads: &[ListRead<'a>]) {
    let longest = reads.iter().rev().max_by_key(|read| read.elements.len());
    let Some(longest) = longest.copied() else { return };
    let (kept, order) = look_at_longest(facts, key, longest);
    facts.keys[key].order = order;
    for read in reads {
        let length = read.elements.len();
        let is_prefix =
            facts.fault == Fault::ShorterTakenAsPrefix || longest.elements.starts_with(read.elements);
        if !is_prefix {
            let (one, other) = (did(facts.history, read.at), did(facts.history, longest.at));
            let sentence = format!("{one} and {other}: neither is a prefix of the other");
            facts.wrong(Phenomenon::IncompatibleOrder, &[read.at.txn, longest.at.txn], sentence);
            for value in read.elements {
                writer(facts, key, read.at, value);
            }
            check_duplicates(facts, *read);
            continue;
        }
        let seen = kept[length];
        let version = seen.checked_sub(1).map(|last| facts.keys[key].order[last]);
        // Nothing was left out at the end: the last element has a writer.
        if let Some(version) = version.filter(|_| length > 0 && kept[length - 1] < seen) {
            check_final(facts, key, read.at, version);
        }
        if read.external && version.is_none_or(|version| version.txn != read.at.txn) {
            facts.keys[key].sights.push(Sight { at: read.at, version, seen });
        }
    }
}

/// The writers of the elements, and for each length of a prefix how many of its elements have one.
fn look_at_longest<'a>(facts: &mut Facts<'a>, key: usize, longest: ListRead<'a>) -> (Vec<usize>, Vec<At>) {
    check_duplicates(facts, longest);
    let (mut kept, mut order) = (vec![0], Vec::new());
    let mut aborted: Option<&Scalar> = None;
    let mut met = FxHashSet::default();
    for value in longest.elements {
        if met.insert(value) {
            let found = writer(facts, key, longest.at, value);
            if let (Some(at), Some(lost)) = (found, aborted) {
                let own = did(facts.history, at);
                let sentence = format!("{own} behind {lost}, whose writer aborted");
                facts.wrong(Phenomenon::DirtyUpdate, &[at.txn, longest.at.txn], sentence);
            }
            if found.is_none() && facts.writers.contains_key(&(key, value)) {
                aborted = Some(value);
            }
            order.extend(found);
        }
        kept.push(order.len());
    }
    check_own_order(facts, longest.at, &order);
    (kept, order)
}

/// The appends of one transaction are seen in its order, and none without the ones before.
fn check_own_order(facts: &mut Facts<'_>, reader: At, order: &[At]) {
    let history = facts.history;
    let mut next: FxHashMap<usize, usize> = FxHashMap::default();
    for at in order {
        let micro = &history[at.txn].ops[at.op];
        let from = next.insert(at.txn, at.op + 1).unwrap_or(0);
        let is_append = |op: &usize| {
            let other = &history[at.txn].ops[*op];
            other.written().is_some() && other.key() == micro.key()
        };
        if let Some(skipped) = (from..at.op).find(is_append) {
            let (own, before) = (what(micro), did(history, At { op: skipped, ..*at }));
            let sentence = format!("{}, but {before} before it {own}", did(history, reader));
            facts.wrong(Phenomenon::IncompatibleOrder, &[reader.txn, at.txn], sentence);
        }
    }
}

fn check_duplicates(facts: &mut Facts<'_>, read: ListRead<'_>) {
    let mut met = FxHashSet::default();
    if let Some(twice) = read.elements.iter().find(|value| !met.insert(*value)) {
        let sentence = format!("{}, with {twice} twice", did(facts.history, read.at));
        facts.wrong(Phenomenon::DuplicateElements, &[read.at.txn], sentence);
    }
}
