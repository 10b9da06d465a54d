//! Polynomial decisions, for partitions in which the operations themselves say what order they had.
//!
//! To find an order is hard in general (Gibbons & Korach 1997, theorem 4.2) and easy once it is known which write
//! each read saw (their theorem 4.5). It is known when every value that somebody saw was written once. So a model
//! only says what part each operation plays ([`Role`](crate::Role)); a path tests its precondition in one pass and
//! decides, or answers [`Ruling::Unsure`], and the search does it. Each partition is decided alone, by
//!
//! - [`registers`]: writes, reads and compare-and-sets, by clusters of one value and chains of swaps;
//! - [`appends`]: appends, puts and reads, by the longest value read;
//! - [`lists`]: lists that only grow, by the longest one read;
//! - [`versions`]: puts that name the version they replace, by version;
//! - [`queues`]: first-in, first-out queues, value by value;
//! - [`stacks`]: stacks, from the bottom up;
//! - [`locks`]: locks, by who held it when;
//! - [`counts`]: counters, by how many increments stand before each read;
//! - [`elements`]: sets, element by element, or by what each read added;
//! - [`priorities`]: priority queues, from the first priority to the last.
//!
//! **Unknown outcomes** need no cases: one whose effect nobody saw is left out, and one whose effect was seen ends
//! at the end of time.
//!
//! **Nothing is believed.** A pass comes with an order, a violation with the few replies that contradict each
//! other; in builds with debug assertions the order is replayed through the model, and the replies are judged
//! again with all others forgotten.

mod appends;
mod chains;
mod counts;
mod elements;
mod lists;
mod locks;
mod priorities;
mod queues;
mod refusals;
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
    /// The order that the longest list read shows.
    List,
    /// The order of the versions.
    Versions,
    /// The order of the values that went through a queue.
    Queue,
    /// The nesting of the values on a stack.
    Stack,
    /// Who held a lock when.
    Holds,
    /// How many increments stand before each read of a counter.
    Counts,
    /// When each element was in a set.
    Elements,
    /// The order of the priorities.
    Priorities,
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Path::Search => "search",
            Path::Zones => "zones",
            Path::Swaps => "swaps",
            Path::Appends => "appends",
            Path::List => "list order",
            Path::Versions => "versions",
            Path::Queue => "queue order",
            Path::Stack => "stack nesting",
            Path::Holds => "lock holds",
            Path::Counts => "counts",
            Path::Elements => "set elements",
            Path::Priorities => "priorities",
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

/// Decides, and names the replies that are wrong by themselves.
fn rule_once<'a, M: Model>(model: &'a M, views: &[View<'a, M>], fault: Fault) -> (Path, Ruling) {
    let entries: Vec<Entry<'_>> = views.iter().map(|view| Entry::of(model, view)).collect();
    match decide(&entries, fault, &mut Room::default()) {
        (path, Ruling::Wrong(replies)) => (path, Ruling::Wrong(alone(model, views, path, replies, fault))),
        ruling => ruling,
    }
}

/// Decides. The replies to what is wrong may need others, see [`alone`].
pub(crate) fn decide(entries: &[Entry<'_>], fault: Fault, room: &mut Room) -> (Path, Ruling) {
    let Some(path) = path(entries) else { return (Path::Search, Ruling::Unsure) };
    (path, follow(path, entries, fault, room))
}

/// From replies that a path found wrong to replies that are wrong with all others forgotten.
pub(crate) fn alone<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
    path: Path,
    replies: Vec<usize>,
    fault: Fault,
) -> Vec<usize> {
    let entries: Vec<Entry<'_>> = views.iter().map(|view| Entry::of(model, view)).collect();
    match path < Path::Holds {
        true => with_failed(&entries, replies),
        false => enough(model, views, &entries, path, replies, fault),
    }
}

/// The path for these roles, if there is one.
fn path(entries: &[Entry<'_>]) -> Option<Path> {
    let mut path = Path::Zones;
    for entry in entries {
        path = path.max(match entry.role {
            Role::Other => return None,
            Role::Look | Role::Read(_) | Role::Write(_) => Path::Zones,
            Role::Swap { .. } | Role::NotSwapped { .. } => Path::Swaps,
            Role::Append { .. } => Path::Appends,
            Role::AppendElement(_) | Role::Elements(_) => Path::List,
            Role::VersionedPut { .. } | Role::VersionedRead(_) => Path::Versions,
            Role::Enqueue(_) | Role::Dequeue(_) => Path::Queue,
            Role::Push(_) | Role::Pop(_) => Path::Stack,
            Role::Acquire(_) | Role::Release(_) | Role::NotAcquired | Role::NotReleased(_) => Path::Holds,
            Role::Increment(_) | Role::Count(_) => Path::Counts,
            Role::Add(_) | Role::Remove(_) | Role::Contains(..) | Role::Members(_) => Path::Elements,
            Role::Insert { .. } | Role::TakeLeast(_) => Path::Priorities,
        });
    }
    Some(path)
}

fn follow(path: Path, entries: &[Entry<'_>], fault: Fault, room: &mut Room) -> Ruling {
    match path {
        Path::Search => Ruling::Unsure,
        Path::Zones | Path::Swaps => registers::rule(entries, fault, &mut room.registers),
        Path::Appends => appends::rule(entries, fault),
        Path::List => lists::rule(entries, fault),
        Path::Versions => versions::rule(entries, fault),
        Path::Queue => queues::rule(entries, fault),
        Path::Stack => stacks::rule(entries, fault),
        Path::Holds => locks::rule(entries, fault),
        Path::Counts => counts::rule(entries, fault),
        Path::Elements => elements::rule(entries, fault),
        Path::Priorities => priorities::rule(entries, fault),
    }
}

/// These replies and all that say "no effect": with one forgotten, the operation might have had one, and no path
/// asks for its reply where it is not the reason.
fn with_failed(entries: &[Entry<'_>], mut replies: Vec<usize>) -> Vec<usize> {
    replies.extend((0..entries.len()).filter(|at| entries[*at].failed()));
    replies.sort_unstable();
    replies.dedup();
    replies
}

/// These replies, if they are wrong with all others forgotten; else all that came until the last of them did, else
/// all. A release whose reply is forgotten may end any later hold, and so on: which replies it takes depends on what
/// the forgotten operations might have done.
fn enough<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
    entries: &[Entry<'a>],
    path: Path,
    replies: Vec<usize>,
    fault: Fault,
) -> Vec<usize> {
    let is_wrong = |replies: &Vec<usize>| {
        let mut alone: Vec<Entry<'_>> =
            views.iter().map(|view| Entry::of(model, &View { output: None, ret: None, ..*view })).collect();
        replies.iter().for_each(|at| alone[*at] = entries[*at]);
        matches!(follow(path, &alone, fault, &mut Room::default()), Ruling::Wrong(_))
    };
    let some = [replies.clone(), locks::with_acquires(entries, &replies)];
    if let Some(some) = some.into_iter().find(is_wrong) {
        return some;
    }
    let completed = || (0..entries.len()).filter(|at| entries[*at].completed);
    let until = replies.iter().map(|at| entries[*at].ret).max();
    let early: Vec<usize> = completed().filter(|at| Some(entries[*at].ret) <= until).collect();
    if is_wrong(&early) { early } else { completed().collect() }
}
