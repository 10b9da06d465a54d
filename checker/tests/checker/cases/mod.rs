//! The models under test, each with a map that is run and compared, and the operations to try.

mod elements;
mod numbers;

pub(crate) use elements::{Lists, PriorityQueues, Queues, Sets, Stacks};
pub(crate) use numbers::{Banks, Counters, Locks};

use std::collections::BTreeMap;
use std::fmt::Debug;
use stormglass_checker::Model;
use stormglass_checker::models::Text;
use stormglass_checker::models::cas_register::{self, CasRegister};
use stormglass_checker::models::kv::{self, Kv};
use stormglass_checker::models::register::{self, Register};
use stormglass_checker::models::versioned_kv::{self, VersionedKv};

/// Value and version of every key.
pub(crate) type World = BTreeMap<String, (String, u64)>;
pub(crate) type InputOf<C> = <<C as Case>::Model as Model>::Input;
pub(crate) type OutputOf<C> = <<C as Case>::Model as Model>::Output;

pub(crate) trait Case {
    type Model: Model<Input: Clone + Debug + PartialEq, Output: Clone + Debug + PartialEq>;
    const NAME: &'static str;

    fn model() -> Self::Model;

    /// Does it, and answers.
    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self>;

    /// Whether a client that was answered `seen` may have met what `run` answered.
    fn accepts(seen: &OutputOf<Self>, answer: &OutputOf<Self>) -> bool {
        seen == answer
    }

    /// The worlds that may follow.
    fn outcomes(world: &World, input: &InputOf<Self>, seen: Option<&OutputOf<Self>>) -> Vec<World> {
        let mut next = world.clone();
        let answer = Self::run(&mut next, input);
        if seen.is_none_or(|seen| Self::accepts(seen, &answer)) { vec![next] } else { Vec::new() }
    }

    /// Operations with a reply, right or wrong.
    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)>;

    /// Operations without one.
    fn pending() -> Vec<InputOf<Self>>;
}

fn get(world: &World, key: &Text) -> Option<String> {
    world.get(&**key).map(|(value, _)| value.clone())
}

fn put(world: &mut World, key: &Text, value: &str) {
    world.insert(key.to_string(), (value.to_owned(), 0));
}

/// Puts if the key holds `from`.
fn swap(world: &mut World, key: &Text, from: Option<&str>, value: &str) -> bool {
    let swaps = get(world, key).as_deref() == from;
    if swaps {
        put(world, key, value);
    }
    swaps
}

fn text(value: Option<&str>) -> Option<Text> {
    value.map(Text::from)
}

pub(crate) struct Registers;

impl Case for Registers {
    type Model = Register;
    const NAME: &'static str = "register";

    fn model() -> Register {
        Register
    }

    fn run(world: &mut World, input: &register::Input) -> register::Output {
        match input {
            register::Input::Write { register, value } => {
                put(world, register, value);
                register::Output::Done
            }
            register::Input::Read { register } => {
                register::Output::Value(text(get(world, register).as_deref()))
            }
        }
    }

    fn completed() -> Vec<(register::Input, register::Output)> {
        use register::{Input, Output};
        let read = |value| (Input::read("x"), Output::Value(text(value)));
        vec![
            (Input::write("x", "1"), Output::Done),
            (Input::write("x", "2"), Output::Done),
            read(None),
            read(Some("1")),
            read(Some("2")),
            (Input::write("y", "1"), Output::Done),
        ]
    }

    fn pending() -> Vec<register::Input> {
        use register::Input;
        vec![Input::write("x", "1"), Input::write("x", "2"), Input::read("x")]
    }
}

pub(crate) struct CasRegisters;

impl Case for CasRegisters {
    type Model = CasRegister;
    const NAME: &'static str = "cas-register";

    fn model() -> CasRegister {
        CasRegister
    }

    fn run(world: &mut World, input: &cas_register::Input) -> cas_register::Output {
        use cas_register::{Input, Output};
        match input {
            Input::Write { register, value } => {
                put(world, register, value);
                Output::Done
            }
            Input::Read { register } => Output::Value(text(get(world, register).as_deref())),
            Input::Cas { register, from, value } => {
                Output::Swapped(swap(world, register, from.as_deref(), value))
            }
        }
    }

    fn completed() -> Vec<(cas_register::Input, cas_register::Output)> {
        use cas_register::{Input, Output};
        let read = |value| (Input::Read { register: "x".into() }, Output::Value(text(value)));
        let mut all = vec![
            (Input::Write { register: "x".into(), value: "1".into() }, Output::Done),
            read(None),
            read(Some("1")),
            read(Some("2")),
        ];
        for input in Self::pending().into_iter().filter(|input| matches!(input, Input::Cas { .. })) {
            all.push((input.clone(), Output::Swapped(true)));
            all.push((input, Output::Swapped(false)));
        }
        all
    }

    fn pending() -> Vec<cas_register::Input> {
        use cas_register::Input;
        let cas =
            |from, value: &str| Input::Cas { register: "x".into(), from: text(from), value: value.into() };
        vec![Input::Write { register: "x".into(), value: "1".into() }, cas(None, "1"), cas(Some("1"), "2")]
    }
}

/// A map in which a missing key is missing.
pub(crate) struct Maps;
/// A map in which a missing key is empty.
pub(crate) struct LabMaps;

fn run_map(world: &mut World, input: &kv::Input) -> kv::Output {
    use kv::{Input, Output};
    match input {
        Input::Put { key, value } => {
            put(world, key, value);
            Output::Done
        }
        Input::Get { key } => Output::value(get(world, key).as_deref()),
        Input::Append { key, value } => {
            let old = get(world, key);
            put(world, key, &format!("{}{value}", old.as_deref().unwrap_or("")));
            Output::value(old.as_deref())
        }
        Input::Cas { key, from, value } => Output::Swapped(swap(world, key, from.as_deref(), value)),
        Input::Delete { key } => {
            world.remove(&**key);
            Output::Done
        }
    }
}

impl Case for Maps {
    type Model = Kv;
    const NAME: &'static str = "kv";

    fn model() -> Kv {
        Kv::default()
    }

    fn run(world: &mut World, input: &kv::Input) -> kv::Output {
        run_map(world, input)
    }

    /// An append may say nothing of the value from before.
    fn accepts(seen: &kv::Output, answer: &kv::Output) -> bool {
        seen == answer || *seen == kv::Output::Done
    }

    fn completed() -> Vec<(kv::Input, kv::Output)> {
        use kv::{Input, Output};
        vec![
            (Input::put("x", "a"), Output::Done),
            (Input::append("x", "b"), Output::Done),
            (Input::append("x", "b"), Output::value(Some("a"))),
            (Input::delete("x"), Output::Done),
            (Input::get("x"), Output::value(None)),
            (Input::get("x"), Output::value(Some("a"))),
            (Input::get("x"), Output::value(Some("ab"))),
            (Input::cas("x", Some("a"), "b"), Output::Swapped(true)),
            (Input::cas("x", Some("a"), "b"), Output::Swapped(false)),
            (Input::put("y", "a"), Output::Done),
            (Input::get("x"), Output::value(Some(""))),
        ]
    }

    fn pending() -> Vec<kv::Input> {
        use kv::Input;
        vec![
            Input::put("x", "a"),
            Input::append("x", "b"),
            Input::cas("x", Some("a"), "b"),
            Input::delete("x"),
        ]
    }
}

impl Case for LabMaps {
    type Model = Kv;
    const NAME: &'static str = "kv of the labs";

    fn model() -> Kv {
        Kv::lab()
    }

    /// Every key is there, and empty to begin with.
    fn run(world: &mut World, input: &kv::Input) -> kv::Output {
        world.entry(input.key().to_string()).or_default();
        match input {
            kv::Input::Delete { key } => {
                put(world, key, "");
                kv::Output::Done
            }
            kv::Input::Cas { key, from, value } => {
                kv::Output::Swapped(swap(world, key, Some(from.as_deref().unwrap_or("")), value))
            }
            _ => run_map(world, input),
        }
    }

    fn accepts(seen: &kv::Output, answer: &kv::Output) -> bool {
        let missing = *seen == kv::Output::value(None) && *answer == kv::Output::value(Some(""));
        missing || Maps::accepts(seen, answer)
    }

    fn completed() -> Vec<(kv::Input, kv::Output)> {
        use kv::{Input, Output};
        let mut all = Maps::completed();
        all.push((Input::put("x", ""), Output::Done));
        all.push((Input::cas("x", None, "a"), Output::Swapped(true)));
        all
    }

    fn pending() -> Vec<kv::Input> {
        Maps::pending()
    }
}

pub(crate) struct VersionedMaps;

impl Case for VersionedMaps {
    type Model = VersionedKv;
    const NAME: &'static str = "versioned-kv";

    fn model() -> VersionedKv {
        VersionedKv
    }

    fn run(world: &mut World, input: &versioned_kv::Input) -> versioned_kv::Output {
        use versioned_kv::{Input, Output};
        match input {
            Input::Put { key, value, version } => match world.get_mut(&**key) {
                Some(entry) if entry.1 == *version => {
                    *entry = (value.to_string(), version + 1);
                    Output::Ok
                }
                Some(_) => Output::Version,
                None if *version == 0 => {
                    world.insert(key.to_string(), (value.to_string(), 1));
                    Output::Ok
                }
                None => Output::NoKey,
            },
            Input::Get { key } => match world.get(&**key) {
                Some((value, version)) => Output::Value { value: value.as_str().into(), version: *version },
                None => Output::NoKey,
            },
        }
    }

    /// `Maybe`: either it was done, or it never was.
    fn outcomes(
        world: &World,
        input: &versioned_kv::Input,
        seen: Option<&versioned_kv::Output>,
    ) -> Vec<World> {
        let mut next = world.clone();
        let answer = Self::run(&mut next, input);
        match seen {
            Some(versioned_kv::Output::Maybe) => vec![world.clone(), next],
            Some(seen) if *seen != answer => Vec::new(),
            _ => vec![next],
        }
    }

    fn completed() -> Vec<(versioned_kv::Input, versioned_kv::Output)> {
        use versioned_kv::{Input, Output};
        let mut all = Vec::new();
        for input in Self::pending() {
            for output in [Output::Ok, Output::Version, Output::NoKey, Output::Maybe] {
                all.push((input.clone(), output));
            }
        }
        for (value, version) in [("a", 1), ("b", 2), ("a", 2)] {
            let seen = Output::Value { value: value.into(), version };
            all.push((Input::Get { key: "x".into() }, seen));
        }
        all.push((Input::Get { key: "x".into() }, Output::NoKey));
        all
    }

    fn pending() -> Vec<versioned_kv::Input> {
        use versioned_kv::Input;
        let put = |value: &str, version| Input::Put { key: "x".into(), value: value.into(), version };
        vec![put("a", 0), put("b", 1)]
    }
}
