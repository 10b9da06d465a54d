//! Known wrong turns, chosen at run time, so that the cross-check against brute force can be shown to catch each.

/// One wrong turn; `None` is the check as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// The check as it should be.
    #[default]
    None,
    /// Draws no anti-dependencies, and does not notice stale reads.
    AntiDependenciesForgotten,
    /// Draws no edges of real time.
    RealTimeForgotten,
    /// Draws no edges between the transactions of a client.
    ProcessForgotten,
    /// Takes every shorter list for a prefix of the longer one.
    ShorterTakenAsPrefix,
    /// Does not know of appends that no read saw.
    UnobservedForgotten,
    /// Believes that a transaction of unknown outcome had no effect, though somebody saw it.
    UnknownTakenAsFailed,
    /// Believes that an aborted transaction committed.
    AbortedTakenAsCommitted,
    /// Orders two transactions that touch at one instant.
    OpenIntervals,
    /// Takes a value that its writer overwrote for as good as its last.
    IntermediateTakenAsFinal,
    /// Does not notice two concurrent transactions that wrote one key.
    WriteConflictsIgnored,
    /// Gives up an order of writes for good when its first repair fails.
    NeverBacksUp,
    /// Does not look at a transaction's own writes.
    InternalIgnored,
}
