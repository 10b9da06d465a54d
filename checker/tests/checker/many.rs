//! Cases with many owners, elements and priorities, or steps of one size: what the polynomial paths ask for.

use super::cases::{Case, Counters, InputOf, Lists, Locks, OutputOf, PriorityQueues, Sets, World};
use stormglass_checker::models::append_list::{self, AppendList};
use stormglass_checker::models::counter::{self, Counter};
use stormglass_checker::models::lock::{self, Lock};
use stormglass_checker::models::priority_queue::{self, PriorityQueue};
use stormglass_checker::models::set::{self, Set};

/// Locks with an owner for nearly every operation.
pub(crate) struct ManyOwners;

impl Case for ManyOwners {
    type Model = Lock;
    const NAME: &'static str = "lock of many owners";

    fn model() -> Lock {
        Lock
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Locks::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use lock::Output;
        let done = || Self::pending().into_iter().map(|input| (input, Output::Done));
        let refused = Self::pending().into_iter().step_by(3).map(|input| (input, Output::Refused));
        done().chain(done()).chain(refused).collect()
    }

    fn pending() -> Vec<InputOf<Self>> {
        use lock::Input;
        let both = |owner| {
            let key = || "x".into();
            [Input::Acquire { key: key(), owner }, Input::Release { key: key(), owner }]
        };
        [1, 2, 3].into_iter().flat_map(both).collect()
    }
}

/// Sets that are asked element by element, with removals.
pub(crate) struct ManyElements;

impl Case for ManyElements {
    type Model = Set;
    const NAME: &'static str = "set of many elements";

    fn model() -> Set {
        Set
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Sets::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use set::{Input, Output};
        let mut all: Vec<_> = Self::pending().into_iter().map(|input| (input, Output::Done)).collect();
        for value in ["a", "b", "c"] {
            for is_in in [true, false] {
                let input = Input::Contains { key: "x".into(), value: value.into() };
                all.push((input, Output::Contains(is_in)));
            }
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        use set::Input;
        let both = |value: &str| {
            let (key, value) = (|| "x".into(), || value.into());
            [Input::Add { key: key(), value: value() }, Input::Remove { key: key(), value: value() }]
        };
        ["a", "b", "c"].into_iter().flat_map(both).collect()
    }
}

/// Sets that are read as a whole and from which little is removed.
pub(crate) struct GrowingSets;

impl Case for GrowingSets {
    type Model = Set;
    const NAME: &'static str = "set that grows";

    fn model() -> Set {
        Set
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Sets::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use set::{Input, Output};
        let mut all = Vec::new();
        for seen in ["", "a", "b", "ab", "abc"] {
            let seen = seen.split("").filter(|element| !element.is_empty()).map(Into::into).collect();
            all.push((Input::Read { key: "x".into() }, Output::Elements(seen)));
        }
        for value in ["a", "b", "c", "d"] {
            all.push((Input::Add { key: "x".into(), value: value.into() }, Output::Done));
        }
        for is_in in [true, false] {
            let input = Input::Contains { key: "x".into(), value: "c".into() };
            all.push((input, Output::Contains(is_in)));
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        use set::Input;
        let add = |value: &str| Input::Add { key: "x".into(), value: value.into() };
        let remove = Input::Remove { key: "x".into(), value: "a".into() };
        [["a", "b", "c", "d", "b", "c"].map(add).to_vec(), vec![remove]].concat()
    }
}

/// Counters that go down by two, or not at all.
pub(crate) struct EvenCounters;

impl Case for EvenCounters {
    type Model = Counter;
    const NAME: &'static str = "counter of one step";

    fn model() -> Counter {
        Counter
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Counters::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use counter::{Input, Output};
        let read = |seen| (Input::Read { key: "x".into() }, Output::Value(seen));
        let mut all = [0, -2, -2, -4, -4, -6, -1, 2].map(read).to_vec();
        for input in [Self::pending(), Self::pending()].concat() {
            all.push((input, Output::Done));
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        [-2, -2, -2, 0].map(|by| counter::Input::Inc { key: "x".into(), by }).to_vec()
    }
}

/// Priority queues of values that are new, some of one priority.
pub(crate) struct DistinctPriorities;

impl Case for DistinctPriorities {
    type Model = PriorityQueue;
    const NAME: &'static str = "priority-queue of new values";

    fn model() -> PriorityQueue {
        PriorityQueue
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        PriorityQueues::run(world, input)
    }

    fn outcomes(world: &World, input: &InputOf<Self>, seen: Option<&OutputOf<Self>>) -> Vec<World> {
        PriorityQueues::outcomes(world, input, seen)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use priority_queue::{Input, Output};
        let pop =
            |taken: Option<&str>| (Input::Pop { key: "x".into() }, Output::Taken(taken.map(Into::into)));
        let mut all = vec![pop(None), pop(None)];
        for input in Self::pending() {
            if let Input::Push { value, .. } = &input {
                all.push(pop(Some(value)));
                all.push((input, Output::Done));
            }
        }
        all
    }

    /// A pop that never returned is one of many, so that the path has something to do.
    fn pending() -> Vec<InputOf<Self>> {
        let values = [("a", 1), ("b", 2), ("c", 3), ("d", 1), ("e", 2), ("f", 4)];
        let pop = priority_queue::Input::Pop { key: "x".into() };
        let mut all = values.map(|(value, priority)| PriorityQueues::push(value, priority)).to_vec();
        all.push(pop);
        all
    }
}

/// Lists of elements that are new, read in orders right and wrong.
pub(crate) struct DistinctLists;

impl Case for DistinctLists {
    type Model = AppendList;
    const NAME: &'static str = "append-list of new elements";

    fn model() -> AppendList {
        AppendList
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Lists::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use append_list::{Input, Output};
        let read = |seen: &[&str]| {
            let seen = seen.iter().map(|element| (*element).into()).collect();
            (Input::Read { key: "x".into() }, Output::Elements(seen))
        };
        let mut all: Vec<_> = Self::pending().into_iter().map(|input| (input, Output::Done)).collect();
        let reads: [&[&str]; 8] =
            [&[], &["a"], &["b"], &["a", "b"], &["b", "a"], &["a", "b", "c"], &["a", "a"], &["c", "b", "a"]];
        all.extend(reads.map(read));
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        let append = |value: &str| append_list::Input::Append { key: "x".into(), value: value.into() };
        ["a", "b", "c", "d", "e"].map(append).to_vec()
    }
}
