//! Transactions: isolation levels, the anomalies that break them, and the cycle that shows it.

use std::collections::BTreeSet;

use stormglass_checker::transactions::{self, Anomaly, Dependency, Keys, Recorded, Status, Verdict};

use super::judged::{Edge, Judged, Told};
use super::level::Level;
use super::{Check, open};

/// Micro-operations of a transaction that are told.
const MOST: usize = 12;

impl Check {
    pub(super) fn transactions(&self, keys: Keys, level: Level, file: &str) -> Judged {
        let (file, input) = open(file);
        let read = |input| transactions::read(file, self.format.format(), keys, input);
        let recorded = match input.and_then(|input| read(input).map_err(|error| error.to_string())) {
            Ok(recorded) => recorded,
            Err(error) => return Judged::unreadable(file, level, error),
        };
        if recorded.transactions.is_empty() {
            let error = format!("{file}: expected transactions; there is none in it, and nothing to judge");
            return Judged::unreadable(file, level, error);
        }
        let Some(isolation) = level.isolation() else {
            return Judged::unreadable(file, level, format!("{} is no isolation level", level.name()));
        };
        let count = match recorded.transactions.len() {
            1 => "1 transaction".to_owned(),
            count => format!("{count} transactions"),
        };
        let mut remark = count;
        let mut judged = match transactions::check(&recorded.transactions, isolation, self.budget()) {
            Verdict::Holds { order } => Judged::holds(file, level, order),
            Verdict::Undecided { explored, why } => {
                Judged::undecided(file, level, format!("{why}{}", effort(explored)))
            }
            Verdict::Violated { anomalies } => {
                let names: Vec<String> = anomalies.iter().map(Anomaly::name).collect();
                remark = format!("{remark}, {}", names.join(", "));
                let anomalies = anomalies.iter().map(|anomaly| told(anomaly, &recorded)).collect();
                let mut judged = Judged { anomalies, ..Judged::violated(file, level, String::new()) };
                judged.sentence = Some(sentence(&judged.anomalies, &recorded));
                judged
            }
        };
        judged.remark = remark;
        judged.operations = recorded.transactions.len();
        judged.format = Some(recorded.format.to_string());
        judged
    }
}

fn effort(explored: u64) -> String {
    if explored == 0 { String::new() } else { format!(" ({explored} transactions placed)") }
}

fn told(anomaly: &Anomaly, recorded: &Recorded) -> Told {
    let edges = anomaly.cycle.iter().map(|step| Edge {
        from: step.from,
        to: step.to,
        dependency: match step.dependency {
            Dependency::WriteWrite => "ww",
            Dependency::WriteRead => "wr",
            Dependency::ReadWrite => "rw",
            Dependency::Process => "process",
            Dependency::RealTime => "realtime",
        },
        key: step.key.as_ref().map(ToString::to_string),
        sentence: step.sentence.clone(),
    });
    Told {
        name: anomaly.name(),
        sentence: anomaly.sentence.clone(),
        lines: anomaly.transactions.iter().map(|txn| recorded.lines[*txn]).collect(),
        transactions: anomaly.transactions.clone(),
        cycle: edges.collect(),
    }
}

/// Each anomaly, a cycle step by step; then who took part.
fn sentence(anomalies: &[Told], recorded: &Recorded) -> String {
    let mut lines = Vec::new();
    for anomaly in anomalies {
        match &anomaly.cycle[..] {
            [] => lines.push(format!("{}: {}", anomaly.name, anomaly.sentence)),
            cycle => {
                lines.push(format!(
                    "{}: each stands before the next, and the last before the first",
                    anomaly.name
                ));
                let steps = cycle.iter();
                lines.extend(steps.map(|step| {
                    format!("  T{} -> T{}  {:<8}  {}", step.from, step.to, step.dependency, step.sentence)
                }));
            }
        }
    }
    lines.push("where".to_owned());
    let who: BTreeSet<usize> =
        anomalies.iter().flat_map(|anomaly| anomaly.transactions.iter().copied()).collect();
    lines.extend(who.into_iter().map(|txn| transaction(txn, recorded)));
    lines.join("\n")
}

/// "  T3 is line 7: c1 read x = [1 2], appended 3 to x"
fn transaction(txn: usize, recorded: &Recorded) -> String {
    let transaction = &recorded.transactions[txn];
    let mut ops: Vec<String> = transaction.ops.iter().take(MOST).map(ToString::to_string).collect();
    if transaction.ops.len() > MOST {
        ops.push(format!("{} more", transaction.ops.len() - MOST));
    }
    let ended = match transaction.status {
        Status::Ok => "",
        Status::Fail => "; it aborted",
        Status::Unknown => "; its client never learned how it ended",
    };
    let (line, client) = (recorded.lines[txn], transaction.client);
    format!("  T{txn} is line {line}: c{client} {}{ended}", ops.join(", "))
}
