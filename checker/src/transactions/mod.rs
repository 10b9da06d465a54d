//! Transactions: is a history serializable, strictly serializable, snapshot isolated, and if not, which anomaly is it?
//!
//! A transaction is a list of micro-operations, all of which take effect together or not at all: appends to lists and
//! reads of whole lists, or writes and reads of registers. No value is written to a key twice, so every read tells
//! which writes it saw, and a list tells their order as well (Kingsbury & Alvaro 2020: Elle).
//!
//! ```
//! use stormglass_checker::Budget;
//! use stormglass_checker::transactions::{Level, Op, Transaction, check};
//!
//! let history = [
//!     Transaction::ok(0, 0, 10, vec![Op::null("x"), Op::append("y", 1)]),
//!     Transaction::ok(1, 5, 15, vec![Op::null("y"), Op::append("x", 2)]),
//!     Transaction::ok(2, 20, 30, vec![Op::list("x", [2]), Op::list("y", [1])]),
//! ];
//! let verdict = check(&history, Level::Serializable, Budget::default());
//! assert_eq!(
//!     verdict.anomalies()[0].to_string(),
//!     "write-skew: T0 read x = null before T1 appended 2 to x; T1 read y = null before T0 appended 1 to y"
//! );
//! assert!(check(&history, Level::SnapshotIsolation, Budget::default()).holds());
//! ```
//!
//! # How
//!
//! `facts` and `reads` look at each read by itself: aborted, intermediate, garbage, internal. `graph` draws what must
//! stand before what (Adya 1999: ww, wr, rw; besides, sessions and real time), `cycles` finds and names cycles.
//! `order` then looks for an order of what is left open.
//!
//! # What the answers mean
//!
//! - **Violated**: no explanation of this history keeps the level. Every edge of the cycle holds in every
//!   explanation; the sentences say why. The name is that of the gravest cycle found, and cycles are the shortest of
//!   their kind unless the graph is so entangled that the search for shorter ones was cut off.
//! - **Holds**: the order in the verdict explains all that was seen: it was replayed. That says nothing about what nobody
//!   read, and nothing about the next run.
//! - **Undecided**: the budget ran out, or the history breaks a rule (a value written twice, times that go backwards).
//!   The answer is exact otherwise. Serializability over lists is decided in about linear time; registers with blind
//!   writes, and snapshot isolation with writes that nobody saw, can take exponentially long.
//!
//! Of an aborted transaction it is enough that nobody sees it; what it read is not judged, and neither is what a
//! transaction of unknown outcome read. One of unknown outcome counts as committed if somebody saw it, else as absent.
//! What no read reveals about the predicates of queries is out of sight: G2 is G2-item here.
//!
//! Snapshot isolation is taken as Cerone & Gotsman 2018 define it: a transaction sees a prefix of the commits, its
//! strong session and strong variants one that includes all that came before in its session, or in real time.

mod anomaly;
mod cycles;
mod events;
mod facts;
mod faults;
mod graph;
mod history;
pub mod jsonl;
mod level;
mod order;
mod reads;
mod recorded;
mod words;

pub use anomaly::{Anomaly, Beyond, Dependency, Phenomenon, Step, Verdict, Why};
#[doc(hidden)]
pub use faults::Fault;
pub use history::{Op, Saw, Scalar, Status, Transaction};
pub use level::Level;
pub use recorded::{Keys, Recorded, read};

use crate::verdict::Budget;
use facts::Facts;
use graph::Graph;
use order::{Outcome, Search};

/// Judges a history of transactions, which may be in any order. A state of the budget is one transaction placed while
/// trying orders; memory is linear in the history, so [`Budget::memo`] does not matter.
pub fn check(history: &[Transaction], level: Level, budget: Budget) -> Verdict {
    check_with(history, level, budget, Fault::None)
}

/// The check with a planted fault, for the checker's own tests.
#[doc(hidden)]
pub fn check_with(history: &[Transaction], level: Level, budget: Budget, fault: Fault) -> Verdict {
    let facts = match Facts::gather(history, fault) {
        Ok(facts) => facts,
        Err(why) => return Verdict::Undecided { explored: 0, why },
    };
    let mut graph = Graph::new(&facts, level);
    let mut anomalies: Vec<Anomaly> = facts.anomalies.values().cloned().collect();
    anomalies.extend(cycles::find(&facts, &graph, level));
    anomalies.retain(|anomaly| level.forbids(anomaly.phenomenon, anomaly.beyond));
    if !anomalies.is_empty() {
        anomalies.sort_by_key(|anomaly| (anomaly.phenomenon, anomaly.beyond));
        return Verdict::Violated { anomalies };
    }
    match Search::new(&facts, &graph, level).run(budget.states) {
        Outcome::Order(order) => Verdict::Holds { order },
        Outcome::Exhausted(explored) => Verdict::Undecided { explored, why: Why::States },
        Outcome::Cycle(inferred) => {
            inferred.into_iter().for_each(|edge| edge.add_to(&mut graph));
            let mut anomalies = cycles::find(&facts, &graph, level);
            if anomalies.is_empty() {
                anomalies.extend(cycles::any(&facts, &graph, level));
            }
            Verdict::Violated { anomalies }
        }
    }
}
