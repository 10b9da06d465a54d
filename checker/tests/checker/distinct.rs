//! Cases with many values, so that each can be new: what the polynomial paths ask for.

use super::cases::{
    CasRegisters, Case, InputOf, Maps, OutputOf, Queues, Registers, Stacks, VersionedMaps, World,
};
use stormglass_checker::models::cas_register::{self, CasRegister};
use stormglass_checker::models::kv::{self, Kv};
use stormglass_checker::models::queue::{self, Queue};
use stormglass_checker::models::register::{self, Register};
use stormglass_checker::models::stack::{self, Stack};
use stormglass_checker::models::versioned_kv::{self, VersionedKv};

const VALUES: [&str; 6] = ["1", "2", "3", "4", "5", "6"];

pub(crate) struct DistinctRegisters;

impl Case for DistinctRegisters {
    type Model = Register;
    const NAME: &'static str = "register with new values";

    fn model() -> Register {
        Register
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Registers::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use register::{Input, Output};
        let mut all = vec![(Input::read("x"), Output::Value(None))];
        for value in VALUES {
            all.push((Input::write("x", value), Output::Done));
            all.push((Input::read("x"), Output::Value(Some(value.into()))));
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        VALUES.map(|value| register::Input::write("x", value)).to_vec()
    }
}

pub(crate) struct DistinctSwaps;

impl Case for DistinctSwaps {
    type Model = CasRegister;
    const NAME: &'static str = "cas-register with new values";

    fn model() -> CasRegister {
        CasRegister
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        CasRegisters::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use cas_register::{Input, Output};
        let mut all = Vec::new();
        for input in Self::pending() {
            match &input {
                Input::Cas { from, .. } => {
                    let read = Input::Read { register: "x".into() };
                    all.push((read, Output::Value(from.clone())));
                    all.push((input.clone(), Output::Swapped(true)));
                    all.push((input, Output::Swapped(false)));
                }
                _ => all.push((input, Output::Done)),
            }
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        use cas_register::Input;
        let cas = |from: Option<&str>, value: &str| Input::Cas {
            register: "x".into(),
            from: from.map(Into::into),
            value: value.into(),
        };
        let write = |value: &str| Input::Write { register: "x".into(), value: value.into() };
        vec![
            cas(None, "a"),
            cas(None, "b"),
            cas(Some("a"), "c"),
            cas(Some("b"), "d"),
            cas(Some("c"), "e"),
            cas(Some("1"), "2"),
            cas(Some("2"), "1"),
            cas(Some("1"), "3"),
            write("1"),
            write("4"),
        ]
    }
}

/// Appends and reads alone.
pub(crate) struct Appends;
/// Appends, puts and reads.
pub(crate) struct DistinctMaps;

impl Case for Appends {
    type Model = Kv;
    const NAME: &'static str = "appends of new tokens";

    fn model() -> Kv {
        Kv::default()
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Maps::run(world, input)
    }

    fn accepts(seen: &OutputOf<Self>, answer: &OutputOf<Self>) -> bool {
        Maps::accepts(seen, answer)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use kv::{Input, Output};
        let mut all = Vec::new();
        for token in VALUES {
            all.push((Input::append("x", token), Output::Done));
            all.push((Input::append("x", token), Output::value(Some("21"))));
            all.push((Input::append("x", token), Output::value(None)));
        }
        for value in [None, Some("1"), Some("12"), Some("312"), Some("21"), Some("")] {
            all.push((Input::get("x"), Output::value(value)));
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        VALUES.map(|token| kv::Input::append("x", token)).to_vec()
    }
}

impl Case for DistinctMaps {
    type Model = Kv;
    const NAME: &'static str = "kv with new values";

    fn model() -> Kv {
        Kv::lab()
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        super::cases::LabMaps::run(world, input)
    }

    fn accepts(seen: &OutputOf<Self>, answer: &OutputOf<Self>) -> bool {
        super::cases::LabMaps::accepts(seen, answer)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use kv::{Input, Output};
        let mut all = Appends::completed();
        for value in ["a", "b", "c"] {
            all.push((Input::put("x", value), Output::Done));
            all.push((Input::get("x"), Output::value(Some(value))));
            all.push((Input::get("x"), Output::value(Some(&format!("{value}1")))));
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        let puts = ["a", "b", "c"].map(|value| kv::Input::put("x", value));
        [Appends::pending(), puts.to_vec()].concat()
    }
}

/// Queues of values that are new.
pub(crate) struct DistinctQueues;

impl Case for DistinctQueues {
    type Model = Queue;
    const NAME: &'static str = "queue of new values";

    fn model() -> Queue {
        Queue
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Queues::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use queue::{Input, Output};
        let dequeue = || Input::Dequeue { key: "x".into() };
        let mut all = vec![(dequeue(), Output::Taken(None)), (dequeue(), Output::Taken(None))];
        for value in VALUES {
            all.push((Input::Enqueue { key: "x".into(), value: value.into() }, Output::Done));
            all.push((dequeue(), Output::Taken(Some(value.into()))));
        }
        all
    }

    /// A dequeue that never returned is one of many, so that the paths have something to do.
    fn pending() -> Vec<InputOf<Self>> {
        use queue::Input;
        let enqueues = VALUES.map(|value| Input::Enqueue { key: "x".into(), value: value.into() });
        [enqueues.to_vec(), vec![Input::Dequeue { key: "x".into() }]].concat()
    }
}

/// Stacks of values that are new.
pub(crate) struct DistinctStacks;

impl Case for DistinctStacks {
    type Model = Stack;
    const NAME: &'static str = "stack of new values";

    fn model() -> Stack {
        Stack
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Stacks::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use stack::{Input, Output};
        let pop = || Input::Pop { key: "x".into() };
        let mut all = vec![(pop(), Output::Taken(None)), (pop(), Output::Taken(None))];
        for value in VALUES {
            all.push((Input::Push { key: "x".into(), value: value.into() }, Output::Done));
            all.push((pop(), Output::Taken(Some(value.into()))));
        }
        all
    }

    /// A pop that never returned is one of many, so that the paths have something to do.
    fn pending() -> Vec<InputOf<Self>> {
        use stack::Input;
        let pushes = VALUES.map(|value| Input::Push { key: "x".into(), value: value.into() });
        [pushes.to_vec(), vec![Input::Pop { key: "x".into() }]].concat()
    }
}

/// Puts over several versions.
pub(crate) struct Versions;

impl Case for Versions {
    type Model = VersionedKv;
    const NAME: &'static str = "versioned-kv with many versions";

    fn model() -> VersionedKv {
        VersionedKv
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        VersionedMaps::run(world, input)
    }

    fn outcomes(world: &World, input: &InputOf<Self>, seen: Option<&OutputOf<Self>>) -> Vec<World> {
        VersionedMaps::outcomes(world, input, seen)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use versioned_kv::{Input, Output};
        let mut all = VersionedMaps::completed();
        for input in Self::pending() {
            for output in [Output::Ok, Output::Version, Output::Maybe] {
                all.push((input.clone(), output));
            }
        }
        for (value, version) in [("c", 3), ("d", 3), ("d", 4)] {
            let seen = Output::Value { value: value.into(), version };
            all.push((Input::Get { key: "x".into() }, seen));
        }
        all
    }

    fn pending() -> Vec<InputOf<Self>> {
        use versioned_kv::Input;
        let put = |value: &str, version| Input::Put { key: "x".into(), value: value.into(), version };
        vec![put("a", 0), put("b", 1), put("c", 2), put("d", 2), put("d", 3), put("e", 4)]
    }
}
