//! Polynomial decisions, for partitions in which the operations themselves say what order they had.
//!
//! To find an order is hard in general (Gibbons & Korach 1997, theorem 4.2) and easy once it is known which write
//! each read saw (their theorem 4.5). It is known when every value that somebody saw was written once. So a model
//! only says what part each operation plays ([`Role`](crate::Role)); a path tests its precondition in one pass and
//! decides, or answers [`Ruling::Unsure`], and the search does it. Each partition is decided alone, by
//!
//! - [`registers`]: writes, reads and compare-and-sets, by clusters of one value and chains of swaps;
//! - [`appends`]: appends, puts and reads, by the longest value read;
//! - [`versions`]: puts that name the version they replace, by version;
//! - [`queues`]: first-in, first-out queues, value by value;
//! - [`stacks`]: stacks, from the bottom up.
//!
//! **Unknown outcomes** need no cases: one whose effect nobody saw is left out, and one whose effect was seen ends
//! at the end of time.
//!
//! **Nothing is believed.** A pass comes with an order, a violation with the few replies that contradict each
//! other; in builds with debug assertions the order is replayed through the model, and the replies are judged
//! again with all others forgotten.

mod appends;
mod chains;
mod failed_swaps;
mod queues;
mod registers;
mod role;
mod stacks;
mod stuck;
mod version_table;
mod versions;
mod witness;

pub use role::{Answer, Role};
pub(crate) use stuck::stuck;

use crate::model::Model;
use crate::wing_gong::{Fault, View};

/// What decided a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// The general search.
    Search,
    /// The zone test for registers whose values were written once.
    Zones,
    /// The zone test over chains of compare-and-sets.
    Swaps,
    /// The order that the longest value read shows.
    Appends,
    /// The order of the versions.
    Versions,
    /// The order of the values that went through a queue.
    Queue,
    /// The nesting of the values on a stack.
    Stack,
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Path::Search => "search",
            Path::Zones => "zones",
            Path::Swaps => "swaps",
            Path::Appends => "appends",
            Path::Versions => "versions",
            Path::Queue => "queue order",
            Path::Stack => "stack nesting",
        })
    }
}

/// Which ways to a decision are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paths {
    /// Polynomial where possible, else the search.
    #[default]
    All,
    /// The search alone, for measuring it.
    SearchOnly,
}

/// What a path found out. Operations are named by their place among the views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// This order shows it.
    Holds(Vec<usize>),
    /// The replies to these are wrong with all others forgotten.
    Wrong(Vec<usize>),
    /// A precondition does not hold.
    Unsure,
}

/// One operation as a path sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    role: Role<'a>,
    call: u64,
    /// The end of time if the reply was never seen.
    ret: u64,
    /// Whether the reply was seen.
    completed: bool,
}

impl Entry<'_> {
    /// Whether its reply says that it had no effect, or perhaps none.
    fn failed(&self) -> bool {
        use Answer::{Maybe, Missing, Version};
        matches!(
            self.role,
            Role::NotSwapped { .. } | Role::VersionedPut { answer: Version | Missing | Maybe, .. }
        )
    }
}

impl<'a> Entry<'a> {
    /// `view` in roles.
    pub(crate) fn of<M: Model>(model: &'a M, view: &View<'a, M>) -> Self {
        Self {
            role: model.role(view.input, view.output),
            call: view.call,
            ret: view.ret.unwrap_or(u64::MAX),
            completed: view.ret.is_some(),
        }
    }
}

/// Room for the work, to be used again.
#[derive(Default)]
pub(crate) struct Room {
    registers: registers::Room,
}

impl Room {
    /// Gives back what a ruling took.
    pub(crate) fn take_back(&mut self, order: Vec<usize>) {
        self.registers.chains.order = order;
    }
}

/// Decides one partition, if one of the paths can.
pub(crate) fn rule<'a, M: Model>(model: &'a M, views: &[View<'a, M>], fault: Fault) -> (Path, Ruling) {
    let (path, ruling) = rule_once(model, views, fault);
    if fault == Fault::None {
        confirm(model, views, path, &ruling);
    }
    (path, ruling)
}

/// In builds with debug assertions: does the ruling hold?
pub(crate) fn confirm<'a, M: Model>(model: &'a M, views: &[View<'a, M>], path: Path, ruling: &Ruling) {
    if !cfg!(debug_assertions) {
        return;
    }
    match ruling {
        Ruling::Holds(order) => assert!(witness::holds(model, views, order), "{path} gave a wrong order"),
        Ruling::Wrong(replies) => {
            let forget = |(at, view): (usize, &View<'a, M>)| match replies.contains(&at) {
                true => *view,
                false => View { output: None, ret: None, ..*view },
            };
            let alone: Vec<_> = views.iter().enumerate().map(forget).collect();
            let again = rule_once(model, &alone, Fault::None).1;
            assert!(matches!(again, Ruling::Wrong(_)), "{path}: {replies:?} are not wrong alone: {again:?}");
        }
        Ruling::Unsure => {}
    }
}

fn rule_once<'a, M: Model>(model: &'a M, views: &[View<'a, M>], fault: Fault) -> (Path, Ruling) {
    let entries: Vec<Entry<'_>> = views.iter().map(|view| Entry::of(model, view)).collect();
    decide(&entries, fault, &mut Room::default())
}

/// Decides, and names to what is wrong every reply that says "no effect": with it forgotten, the operation might
/// have had one, and no path asks for its reply where it is not the reason.
pub(crate) fn decide(entries: &[Entry<'_>], fault: Fault, room: &mut Room) -> (Path, Ruling) {
    let mut path = Path::Zones;
    for entry in entries {
        path = path.max(match entry.role {
            Role::Other => return (Path::Search, Ruling::Unsure),
            Role::Look | Role::Read(_) | Role::Write(_) => Path::Zones,
            Role::Swap { .. } | Role::NotSwapped { .. } => Path::Swaps,
            Role::Append { .. } => Path::Appends,
            Role::VersionedPut { .. } | Role::VersionedRead(_) => Path::Versions,
            Role::Enqueue(_) | Role::Dequeue(_) => Path::Queue,
            Role::Push(_) | Role::Pop(_) => Path::Stack,
        });
    }
    let ruling = match path {
        Path::Search => Ruling::Unsure,
        Path::Zones | Path::Swaps => registers::rule(entries, fault, &mut room.registers),
        Path::Appends => appends::rule(entries, fault),
        Path::Versions => versions::rule(entries, fault),
        Path::Queue => queues::rule(entries, fault),
        Path::Stack => stacks::rule(entries, fault),
    };
    let Ruling::Wrong(mut replies) = ruling else { return (path, ruling) };
    replies.extend((0..entries.len()).filter(|at| entries[*at].failed()));
    replies.sort_unstable();
    replies.dedup();
    (path, Ruling::Wrong(replies))
}
