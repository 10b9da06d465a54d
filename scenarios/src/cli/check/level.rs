//! What a system may promise, and of what.

use clap::ValueEnum;
use stormglass_checker::consistency::Guarantee;
use stormglass_checker::transactions::Level as Isolation;

use super::Against;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Level {
    /// One order explains all, in which nothing stands before what had returned before it was called
    Linearizable,
    /// One order explains all, in which each client's operations stand as it called them
    Sequential,
    /// Who reads when all writing is over reads the same, and all that was acknowledged (models append-list and set)
    Convergence,
    /// A server may show clients different worlds, but each is linearizable and they never join again
    ForkLinearizable,
    /// A read sees what its client wrote before, or something later (registers and maps)
    ReadYourWrites,
    /// A read sees what its client read before, or something later
    MonotonicReads,
    /// The writes of a client are everywhere in their order
    MonotonicWrites,
    /// What a client read is everywhere before what it wrote then
    WritesFollowReads,
    /// The four before this one together, with one order of all writes
    Causal,
    ReadCommitted,
    SnapshotIsolation,
    StrongSessionSnapshotIsolation,
    StrongSnapshotIsolation,
    Serializable,
    StrongSessionSerializable,
    StrictSerializable,
}

impl Level {
    /// As on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |name| name.get_name().into())
    }

    /// Of transactions.
    pub(super) fn isolation(self) -> Option<Isolation> {
        Some(match self {
            Level::Linearizable
            | Level::Sequential
            | Level::Convergence
            | Level::ForkLinearizable
            | Level::ReadYourWrites
            | Level::MonotonicReads
            | Level::MonotonicWrites
            | Level::WritesFollowReads
            | Level::Causal => return None,
            Level::ReadCommitted => Isolation::ReadCommitted,
            Level::SnapshotIsolation => Isolation::SnapshotIsolation,
            Level::StrongSessionSnapshotIsolation => Isolation::StrongSessionSnapshotIsolation,
            Level::StrongSnapshotIsolation => Isolation::StrongSnapshotIsolation,
            Level::Serializable => Isolation::Serializable,
            Level::StrongSessionSerializable => Isolation::StrongSessionSerializable,
            Level::StrictSerializable => Isolation::StrictSerializable,
        })
    }

    /// Of objects: whether it counts what had returned before what was called.
    pub(super) fn asks_for_time(self) -> bool {
        matches!(self, Level::Linearizable | Level::Convergence | Level::ForkLinearizable)
    }

    /// Of sessions.
    pub(super) fn guarantees(self) -> &'static [Guarantee] {
        match self {
            Level::ReadYourWrites => &[Guarantee::ReadYourWrites],
            Level::MonotonicReads => &[Guarantee::MonotonicReads],
            Level::MonotonicWrites => &[Guarantee::MonotonicWrites],
            Level::WritesFollowReads => &[Guarantee::WritesFollowReads],
            Level::Causal => &Guarantee::ALL,
            _ => &[],
        }
    }

    /// What a history that keeps the promise is.
    pub(super) fn adjective(self) -> &'static str {
        match self {
            Level::Linearizable => "linearizable",
            Level::Sequential => "sequentially consistent",
            Level::Convergence => "convergent",
            Level::ForkLinearizable => "fork-linearizable",
            Level::ReadYourWrites => "reading its writes",
            Level::MonotonicReads => "monotonic in reads",
            Level::MonotonicWrites => "monotonic in writes",
            Level::WritesFollowReads => "writing after reads",
            Level::Causal => "causal",
            Level::ReadCommitted => "read committed",
            Level::SnapshotIsolation => "snapshot isolated",
            Level::StrongSessionSnapshotIsolation => "strong session snapshot isolated",
            Level::StrongSnapshotIsolation => "strong snapshot isolated",
            Level::Serializable => "serializable",
            Level::StrongSessionSerializable => "strong session serializable",
            Level::StrictSerializable => "strict serializable",
        }
    }

    /// The names of the levels of transactions.
    pub(super) fn of_transactions() -> String {
        names(|level| level.isolation().is_some())
    }

    /// Whether the promise can be made of such an object; an error says what can.
    pub(super) fn suits(self, model: Against) -> Result<(), String> {
        let (name, level) = (model.name(), self.name());
        let known = match (self, model.keys(), self.isolation()) {
            (Level::Convergence, None, _) if !matches!(model, Against::AppendList | Against::Set) => {
                return Err("--level convergence goes with --model append-list and set only".to_owned());
            }
            (_, Some(_), Some(_)) | (_, None, None) => return Ok(()),
            (_, Some(_), None) => Level::of_transactions(),
            (_, None, Some(_)) => names(|level| level.isolation().is_none()),
        };
        Err(format!("--level {level} does not go with --model {name}, of which can be asked: {known}"))
    }
}

fn names(which: impl Fn(Level) -> bool) -> String {
    let all = Level::value_variants().iter().copied().filter(|level| which(*level));
    all.map(Level::name).collect::<Vec<_>>().join(", ")
}
