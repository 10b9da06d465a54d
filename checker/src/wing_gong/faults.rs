//! Known wrong turns of the search and of the polynomial paths, chosen at run time, so that the cross-check against brute force can
//! be shown to catch each.

/// One wrong turn; `None` is the search as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// The search as it should be.
    #[default]
    None,
    /// Believes that an operation without a reply had no effect.
    UnknownTakenAsFailed,
    /// Believes that an operation without a reply took effect.
    UnknownTakenAsDone,
    /// Lets an operation without a reply take effect only until the next return of any other.
    PendingDropped,
    /// Splits by client in place of key.
    SplitsByClient,
    /// Orders two operations that touch at one instant.
    OpenIntervals,
    /// Places at once whatever changes nothing in this very state, as if it were read-only.
    GreedyWherever,
    /// Forgets the state in the memo's key.
    MemoWithoutState,
    /// Uses numbers of states again that the cache of steps still knows.
    NumbersUsedAgain,
    /// Takes a configuration that used more optional operations for one that dominates.
    DominationReversed,
    /// Cuts after a settling operation that another one still overlaps.
    CutsAmongConcurrent,
    /// Lets an operation wait for a twin that was not called yet.
    TwinsBeforeTheirCall,
    /// Takes a value for lost although an operation of unknown outcome may still make it.
    UnknownMakesNothing,
    /// Believes that what could not be explained without the unlikely cannot be with it.
    GuessBelieved,
    /// Paths: lets no two chains exclude each other if one of them could stand at an instant.
    BackwardZonesIgnored,
    /// Paths: lets a level of a chain begin before an earlier one.
    LevelsUnordered,
    /// Paths: lets other values come between the two of a compare-and-set.
    SwapsUnlinked,
    /// Paths: lets a compare-and-set fail where it would not.
    FailedSwapsAnywhere,
    /// Paths: does not ask why nobody saw an append.
    UnseenAppendsDropped,
    /// Paths: lets two reads of a list show different orders.
    ListsUnordered,
    /// Paths: believes that a version that was not met was met before.
    FailedPutsOnlyAbove,
    /// Paths: lets values leave a queue in another order than they went in.
    QueueUnordered,
    /// Paths: lets a queue be empty where it cannot be.
    EmptyWherever,
    /// Paths: lets any value of a stack lie at the bottom.
    StackUnordered,
    /// Paths: believes that a lock which nobody released is free.
    LocksFreeThemselves,
    /// Paths: lets a read miss increments that had ended when it was called.
    CountsUnordered,
    /// Paths: lets a set be read in an order in which it shrinks.
    ReadsUnordered,
    /// Paths: lets an element go in and out of a set at will.
    ElementsComeAndGo,
    /// Paths: lets a value be taken while one of a lower priority number is in.
    WorseFirst,
}
