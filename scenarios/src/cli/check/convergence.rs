//! Convergence: do those who read when all writing is over read the same, and all that was acknowledged?

use std::collections::BTreeMap;

use stormglass_checker::consistency::{Convergence, convergence};
use stormglass_checker::format::Recorded;
use stormglass_checker::format::fields::{Fields, Lines};
use stormglass_checker::format::value::Value;

use super::judged::Judged;
use super::level::Level;
use super::objects::operations;

/// What was written to one key, and read when that was over.
#[derive(Default)]
struct Ending {
    acknowledged: Vec<String>,
    removed: Vec<String>,
    unknown: usize,
    /// When the last write was acknowledged.
    over: Option<u64>,
    reads: Vec<(u64, u64, Vec<String>)>,
}

/// A read is final if every write of its key that was acknowledged had been before it began.
pub(super) fn judge<M: Lines>(file: &str, recorded: &Recorded<M>) -> Judged {
    let mut endings: BTreeMap<String, Ending> = BTreeMap::new();
    for operation in &recorded.operations {
        let mut fields = Fields::default();
        M::encode(&mut fields, &operation.input, operation.output());
        let ending = endings.entry(fields.key.clone().unwrap_or_default()).or_default();
        let value = fields.value.as_ref().and_then(Value::text).unwrap_or_default();
        match (fields.op.as_str(), operation.returned_at()) {
            ("read", Some(_)) => {
                let seen = match &fields.output {
                    Some(Value::List(items)) => items.iter().filter_map(Value::text).collect(),
                    _ => Vec::new(),
                };
                ending.reads.push((operation.call, operation.client, seen));
            }
            ("append" | "add", Some(at)) => {
                ending.acknowledged.push(value);
                ending.over = ending.over.max(Some(at));
            }
            ("remove", at) => {
                ending.removed.push(value);
                ending.over = ending.over.max(at);
                ending.unknown += usize::from(at.is_none());
            }
            ("append" | "add", None) => ending.unknown += 1,
            _ => {}
        }
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

impl Ending {
    fn judge(&self) -> Convergence<String> {
        let stays = self.acknowledged.iter().filter(|value| !self.removed.contains(value));
        let stays: Vec<String> = stays.cloned().collect();
        let is_final = |call: u64| self.over.is_none_or(|over| over < call);
        let finals = self.reads.iter().filter(|(call, ..)| is_final(*call));
        let finals: Vec<(u64, &[String])> = finals.map(|(_, client, seen)| (*client, &seen[..])).collect();
        convergence(&stays, &finals)
    }
}
