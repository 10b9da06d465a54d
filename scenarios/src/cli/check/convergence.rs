//! Convergence: do those who read when all writing is over read the same, and what was acknowledged?
//!
//! Of what was written, only that counts which real time makes certain, whatever order the system chose. An element of a
//! set must be there if it was added, acknowledged, after every remove of it had returned; and must not, if it was
//! removed, acknowledged, after every add of it had. A value must be in a list as often as its appends were acknowledged,
//! and may be there once more for each append of unknown outcome.

use std::collections::{BTreeMap, BTreeSet};

use stormglass_checker::consistency::{Bound, Convergence, converged};
use stormglass_checker::format::Recorded;
use stormglass_checker::format::fields::{Fields, Lines};
use stormglass_checker::format::value::Value;

use super::judged::Judged;
use super::level::Level;
use super::objects::operations;

/// What was written to one key, and read when that was over.
#[derive(Default)]
struct Ending {
    writes: BTreeMap<String, Writes>,
    unknown: usize,
    /// When the last write was acknowledged.
    over: Option<u64>,
    reads: Vec<(u64, u64, Vec<String>)>,
}

/// What was done with one value.
#[derive(Default)]
struct Writes {
    appended: Done,
    added: Done,
    removed: Done,
}

#[derive(Default)]
struct Done {
    acknowledged: usize,
    unknown: usize,
    /// Of those acknowledged the last call and the last return.
    last: Option<(u64, u64)>,
}

/// A read is final if every write of its key that was acknowledged had been before it began.
pub(super) fn judge<M: Lines>(file: &str, recorded: &Recorded<M>) -> Judged {
    let mut endings: BTreeMap<String, Ending> = BTreeMap::new();
    for operation in &recorded.operations {
        let mut fields = Fields::default();
        M::encode(&mut fields, &operation.input, operation.output());
        let ending = endings.entry(fields.key.clone().unwrap_or_default()).or_default();
        if fields.op == "read" && operation.returned.is_some() {
            let seen = match &fields.output {
                Some(Value::List(items)) => items.iter().filter_map(Value::text).collect(),
                _ => Vec::new(),
            };
            ending.reads.push((operation.call, operation.client, seen));
        }
        let value = fields.value.as_ref().and_then(Value::text).unwrap_or_default();
        let done: fn(&mut Writes) -> &mut Done = match fields.op.as_str() {
            "append" => |writes| &mut writes.appended,
            "add" => |writes| &mut writes.added,
            "remove" => |writes| &mut writes.removed,
            _ => continue,
        };
        let ret = operation.returned_at();
        done(ending.writes.entry(value).or_default()).count(operation.call, ret);
        ending.over = ending.over.max(ret);
        ending.unknown += usize::from(ret.is_none());
    }
    let mut open = None;
    for (key, ending) in endings {
        match ending.judge() {
            Convergence::Converged => {}
            Convergence::Unread => {
                _ = open
                    .get_or_insert(format!("{key}: nobody read it after the last write was acknowledged"));
            }
            diverged @ Convergence::Diverged { .. } if ending.unknown > 0 => {
                if let Some(wrong) = ending.wrong_alone() {
                    let judged = Judged::violated(file, Level::Convergence, format!("{key}: {wrong}"));
                    return remarked(recorded, judged);
                }
                let unknown = "writes of unknown outcome may have taken effect between the reads";
                _ = open.get_or_insert(format!("{key}: {diverged}, but {unknown}"));
            }
            wrong => {
                return remarked(
                    recorded,
                    Judged::violated(file, Level::Convergence, format!("{key}: {wrong}")),
                );
            }
        }
    }
    remarked(
        recorded,
        match open {
            Some(why) => Judged::undecided(file, Level::Convergence, why),
            None => Judged::holds(file, Level::Convergence, Vec::new()),
        },
    )
}

fn remarked<M: Lines>(recorded: &Recorded<M>, judged: Judged) -> Judged {
    Judged { remark: operations(recorded.operations.len()), ..judged }
}

impl Done {
    fn count(&mut self, call: u64, ret: Option<u64>) {
        let Some(ret) = ret else {
            self.unknown += 1;
            return;
        };
        self.acknowledged += 1;
        let (last_call, last_ret) = self.last.unwrap_or_default();
        self.last = Some((call.max(last_call), ret.max(last_ret)));
    }

    /// Whether one of these was certainly the last: called when each of the others had returned.
    fn had_the_last_word(&self, others: &Done) -> bool {
        let after = |(call, _)| others.last.is_none_or(|(_, ret)| ret < call);
        others.unknown == 0 && self.last.is_some_and(after)
    }
}

impl Writes {
    fn bound(&self, value: &str) -> Bound<String> {
        let Self { appended, added, removed } = self;
        let may_be_in = added.acknowledged + added.unknown > 0 && !removed.had_the_last_word(added);
        let least = appended.acknowledged + usize::from(added.had_the_last_word(removed));
        let most = appended.acknowledged + appended.unknown + usize::from(may_be_in);
        Bound { value: value.to_owned(), least, most }
    }
}

impl Ending {
    fn finals(&self) -> Vec<(u64, &[String])> {
        let is_final = |call: u64| self.over.is_none_or(|over| over < call);
        let finals = self.reads.iter().filter(|(call, ..)| is_final(*call));
        finals.map(|(_, client, seen)| (*client, &seen[..])).collect()
    }

    fn bounds(&self) -> Vec<Bound<String>> {
        let mut bounds: Vec<_> = self.writes.iter().map(|(value, writes)| writes.bound(value)).collect();
        let read: BTreeSet<&String> = self.finals().into_iter().flat_map(|(_, seen)| seen).collect();
        let unwritten = read.into_iter().filter(|value| !self.writes.contains_key(*value));
        bounds.extend(unwritten.map(|value| Bound { value: value.clone(), least: 0, most: 0 }));
        bounds
    }

    fn judge(&self) -> Convergence<String> {
        converged(&self.bounds(), &self.finals())
    }

    /// What is wrong with one read, whatever the others saw.
    fn wrong_alone(&self) -> Option<Convergence<String>> {
        let bounds = self.bounds();
        let alone = self.finals().into_iter().map(|read| converged(&bounds, &[read]));
        alone.into_iter().find(|judged| *judged != Convergence::Converged)
    }
}
