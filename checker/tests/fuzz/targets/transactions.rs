//! Files of transactions, judged at every level; small ones by brute force as well.

#[path = "../../transactions/oracle.rs"]
mod oracle;

use oracle::{explains, is_serial_order};
use stormglass_checker::Budget;
use stormglass_checker::format::Format;
use stormglass_checker::transactions::{Keys, Level, Status, Transaction, Verdict, check, jsonl, read};

/// Transactions, and micro-operations of all of them, that brute force can still put into every order.
const FEW: (usize, usize) = (4, 16);

/// Each with what keeps it, too.
const STRONGER: [(Level, Level); 7] = [
    (Level::SnapshotIsolation, Level::ReadCommitted),
    (Level::StrongSessionSnapshotIsolation, Level::SnapshotIsolation),
    (Level::StrongSnapshotIsolation, Level::StrongSessionSnapshotIsolation),
    (Level::Serializable, Level::SnapshotIsolation),
    (Level::StrongSessionSerializable, Level::Serializable),
    (Level::StrictSerializable, Level::StrongSessionSerializable),
    (Level::StrictSerializable, Level::StrongSnapshotIsolation),
];

pub(super) fn transactions(bytes: &[u8]) {
    for keys in [Keys::Lists, Keys::Registers] {
        for format in [None, Some(Format::Jsonl), Some(Format::Edn), Some(Format::Json), Some(Format::Log)] {
            match read("h", format, keys, bytes) {
                Ok(recorded) => {
                    assert_eq!(recorded.lines.len(), recorded.transactions.len());
                    judged(&recorded.transactions);
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.starts_with("h:") && message.contains("expected"), "{message}");
                    assert!(message.len() < 4_000, "{message}");
                }
            }
        }
    }
}

fn judged(history: &[Transaction]) {
    let mut written = Vec::new();
    jsonl::write(&mut written, history).expect("memory");
    let again = jsonl::read("again", &written[..]);
    let again = again.unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&written)));
    assert_eq!(again.len(), history.len());
    let budget = Budget { states: 2_000, memo: 2_000 };
    let verdicts = Level::ALL.map(|level| (level, check(history, level, budget)));
    let verdict = |level| verdicts.iter().find(|(other, _)| *other == level).map(|(_, verdict)| verdict);
    for (stronger, weaker) in STRONGER {
        let (Some(stronger), Some(weaker)) = (verdict(stronger), verdict(weaker)) else { continue };
        let contradict = stronger.holds() && !weaker.anomalies().is_empty();
        assert!(!contradict, "{stronger:?}\n{weaker:?}\n{history:#?}");
    }
    let micros: usize = history.iter().map(|transaction| transaction.ops.len()).sum();
    let is_small = history.len() <= FEW.0 && micros <= FEW.1;
    for (level, verdict) in &verdicts {
        let expected = match verdict {
            Verdict::Undecided { .. } => continue,
            Verdict::Holds { .. } => true,
            Verdict::Violated { anomalies } => {
                assert!(!anomalies.is_empty());
                false
            }
        };
        if is_small {
            assert_eq!(explains(history, *level), expected, "{level}: {verdict:#?}\n{history:#?}");
        }
        if let (Verdict::Holds { order }, Level::Serializable | Level::StrictSerializable) = (verdict, level)
        {
            assert!(is_serial_order(history, *level, order), "{level}: {order:?}\n{history:#?}");
        }
    }
    // Nobody's abort is anybody's commit.
    if let Some(Verdict::Holds { order }) = verdict(Level::Serializable) {
        assert!(order.iter().all(|txn| history[*txn].status != Status::Fail));
    }
}
