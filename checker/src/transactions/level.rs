//! Isolation levels, and what each forbids.

use super::anomaly::{Beyond, Phenomenon};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// What a database may promise. Each level forbids phenomena; see [`Level::forbids`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// PL-2 of Adya 1999, §3.2.3.
    ReadCommitted,
    /// Snapshot isolation: PL-SI of Adya 1999, §4.3; the equivalent cycles are those of Cerone & Gotsman 2018.
    SnapshotIsolation,
    /// Snapshot isolation, and a client's snapshot holds what the same client committed before.
    StrongSessionSnapshotIsolation,
    /// Snapshot isolation, and a snapshot holds what anybody had been told was committed before it began.
    StrongSnapshotIsolation,
    /// PL-3 of Adya 1999, §3.2.4.
    Serializable,
    /// Serializable in an order in which each client's transactions stand as it ran them.
    StrongSessionSerializable,
    /// Serializable in an order that respects real time (Papadimitriou 1979; Herlihy & Wing 1990).
    StrictSerializable,
}

/// Which cycles a level forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cycles {
    /// Without an anti-dependency.
    OfDependencies,
    /// Those and the ones in which no two anti-dependencies follow each other.
    WithoutAdjacentAntiDependencies,
    /// All.
    Any,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Level; 7] = [
        Level::ReadCommitted,
        Level::SnapshotIsolation,
        Level::StrongSessionSnapshotIsolation,
        Level::StrongSnapshotIsolation,
        Level::Serializable,
        Level::StrongSessionSerializable,
        Level::StrictSerializable,
    ];

    /// The name, as a command line would have it.
    pub fn name(self) -> &'static str {
        match self {
            Level::ReadCommitted => "read-committed",
            Level::SnapshotIsolation => "snapshot-isolation",
            Level::StrongSessionSnapshotIsolation => "strong-session-snapshot-isolation",
            Level::StrongSnapshotIsolation => "strong-snapshot-isolation",
            Level::Serializable => "serializable",
            Level::StrongSessionSerializable => "strong-session-serializable",
            Level::StrictSerializable => "strict-serializable",
        }
    }

    pub(super) fn cycles(self) -> Cycles {
        match self {
            Level::ReadCommitted => Cycles::OfDependencies,
            Level::SnapshotIsolation
            | Level::StrongSessionSnapshotIsolation
            | Level::StrongSnapshotIsolation => Cycles::WithoutAdjacentAntiDependencies,
            Level::Serializable | Level::StrongSessionSerializable | Level::StrictSerializable => Cycles::Any,
        }
    }

    /// The order beyond the data's that the level respects.
    pub(super) fn beyond(self) -> Beyond {
        match self {
            Level::ReadCommitted | Level::SnapshotIsolation | Level::Serializable => Beyond::Nothing,
            Level::StrongSessionSnapshotIsolation | Level::StrongSessionSerializable => Beyond::Process,
            Level::StrongSnapshotIsolation | Level::StrictSerializable => Beyond::RealTime,
        }
    }

    /// Whether the level forbids the phenomenon.
    ///
    /// | | read committed | snapshot isolation | serializable |
    /// |---|---|---|---|
    /// | garbage read, duplicate elements, incompatible order, internal, dirty update | forbids | forbids | forbids |
    /// | G0, G1a, G1b, G1c | forbids | forbids | forbids |
    /// | non-repeatable read, G-single, lost update, G-nonadjacent, long fork | | forbids | forbids |
    /// | G2-item, write skew | | | forbids |
    ///
    /// The variants with `-process` are forbidden by the strong-session levels and those of real time, the
    /// variants with `-realtime` by strong snapshot isolation and strict serializability.
    pub fn forbids(self, phenomenon: Phenomenon, beyond: Beyond) -> bool {
        let from = match phenomenon {
            Phenomenon::NonRepeatableRead
            | Phenomenon::GSingle
            | Phenomenon::LostUpdate
            | Phenomenon::GNonadjacent
            | Phenomenon::LongFork => Cycles::WithoutAdjacentAntiDependencies,
            Phenomenon::G2Item | Phenomenon::WriteSkew => Cycles::Any,
            _ => Cycles::OfDependencies,
        };
        self.cycles() >= from && self.beyond() >= beyond
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Level::ALL.into_iter().find(|level| level.name() == name).ok_or_else(|| {
            let known = Level::ALL.map(Level::name).join(", ");
            format!("there is no isolation level {name:?}; the levels are {known}")
        })
    }
}
