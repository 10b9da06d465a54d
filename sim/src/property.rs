//! Properties stated where they matter: in the code of a node, or of a test.
//!
//! `always!` and `unreachable!` are findings when they fail. `sometimes!` and `reachable!` count how often they came
//! true: a campaign in which one never did has not tested what it claims to. `buggify!` marks a place where
//! something unlikely but legal may happen; a seed switches some of them on. Outside of a world `always!` and
//! `unreachable!` panic, and the others do nothing.

use std::collections::BTreeMap;
use std::panic::Location;

use crate::chance::{Ratio, StreamId, name_hash};
use crate::hub::{HUB, simulated};
use crate::outcome::{Finding, FindingKind, Tally};
use crate::trace::code;

/// A `buggify!` point of a world.
#[derive(Clone, Copy)]
struct Point {
    stream: StreamId,
    active: bool,
}

/// Where a `buggify!` stands: its function or closure, and its line and column.
type Site = (&'static str, u32, u32);

/// A line of the program that states an `always!`, `sometimes!` or `reachable!`, whether a run comes to it or not.
#[derive(Debug)]
pub struct Stated {
    /// What it states.
    pub name: &'static str,
    /// The module that it stands in.
    pub module: &'static str,
}

inventory::collect!(Stated);

#[doc(hidden)]
pub use inventory::submit;

/// All such lines that are linked into this program, in the order of their modules.
pub fn stated() -> Vec<&'static Stated> {
    let mut all: Vec<&Stated> = inventory::iter::<Stated>.into_iter().collect();
    all.sort_by_key(|stated| (stated.module, stated.name));
    all
}

/// What a world knows of its properties.
pub(crate) struct Properties {
    tallies: BTreeMap<&'static str, Tally>,
    points: BTreeMap<Site, Point>,
    /// How many of them each function has, its closures and async blocks included.
    in_function: BTreeMap<String, u32>,
}

impl Properties {
    pub(crate) const fn new() -> Properties {
        Properties { tallies: BTreeMap::new(), points: BTreeMap::new(), in_function: BTreeMap::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.tallies.clear();
        self.points.clear();
        self.in_function.clear();
    }

    pub(crate) fn take(&mut self) -> BTreeMap<String, Tally> {
        std::mem::take(&mut self.tallies).into_iter().map(|(name, tally)| (name.to_owned(), tally)).collect()
    }
}

/// What the macros call.
#[doc(hidden)]
pub fn observe(name: &'static str, held: bool) {
    if !simulated() {
        return;
    }
    HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        let tally = core.properties.tallies.entry(name).or_default();
        tally.looked += 1;
        tally.held += u64::from(held);
        if held && tally.held == 1 {
            let node = hub.node.get();
            core.record(code::PROPERTY, node, name_hash(name), 1, |line, _| {
                line.text("name", name);
            });
        }
    });
}

/// What the macros call when a property has failed.
#[doc(hidden)]
#[cold]
#[track_caller]
pub fn violated(name: &str, detail: &str) {
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    let message = format!("{name}{detail} ({})", Location::caller());
    if !simulated() {
        panic!("{message}");
    }
    found(FindingKind::Always, message, None);
}

/// Notes a finding of the code that runs, and stops the run at the end of its step.
pub(crate) fn found(kind: FindingKind, message: String, backtrace: Option<String>) {
    HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        let node = hub.node.get();
        core.record(code::FINDING, node, kind as u64, name_hash(&message), |line, _| {
            line.text("kind", &kind.to_string()).text("message", &message);
        });
        let name = (node != crate::NodeId::WORLD).then(|| core.node_name(node).to_owned());
        let at = std::time::Duration::from_nanos(core.now);
        core.findings.push(Finding { kind, node: name, at, message, backtrace });
        hub.stop.set(true);
    });
}

/// How often an active `buggify!` point fires, and how often a seed activates one (FoundationDB's two levels).
const ACTIVE: Ratio = Ratio::percent(25);
const FIRES: Ratio = Ratio::percent(25);

#[doc(hidden)]
#[track_caller]
pub fn buggified(place: &'static str) -> bool {
    if !simulated() {
        return false;
    }
    let caller = Location::caller();
    let site = (place, caller.line(), caller.column());
    HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        if !core.buggify {
            return false;
        }
        let Properties { points, in_function, .. } = &mut core.properties;
        let point = points.get(&site).copied().unwrap_or_else(|| {
            // Told from others in the same function by who came first, not by its line, which any line above moves.
            let function = place.trim_end_matches("::here").replace("::{{closure}}", "");
            let earlier = in_function.entry(function.clone()).or_insert(0);
            let name = format!("{function}#{earlier}/buggify");
            *earlier += 1;
            let stream = core.chance.open(name_hash(&name), || name);
            let point = Point { stream, active: core.chance.chance(stream, "active", ACTIVE) };
            points.insert(site, point);
            point
        });
        if !point.active {
            return false;
        }
        hub.looked.set(true); // the place is in the code of many nodes, and its stream is one
        core.chance.chance(point.stream, "fires", FIRES)
    })
}

/// Makes a property known to the program before any run comes to it.
#[doc(hidden)]
#[macro_export]
macro_rules! stated {
    ($name:literal) => {
        $crate::property::submit! {
            $crate::property::Stated { name: $name, module: ::std::module_path!() }
        }
    };
}

/// States that something holds whenever this line runs. When it does not, that is a finding, and the run ends.
///
/// `always!(condition, "name of the claim")`, `always!(condition, "name", "detail {x}")`.
#[macro_export]
macro_rules! always {
    ($condition:expr, $name:literal $(,)?) => { $crate::always!($condition, $name, "") };
    ($condition:expr, $name:literal, $($detail:tt)+) => {{
        $crate::stated!($name);
        let held: bool = $condition;
        $crate::property::observe($name, held);
        if !held {
            $crate::property::violated($name, &::std::format!($($detail)+));
        }
    }};
}

/// States that something holds at least once in a campaign when this line runs: that the interesting case occurs.
#[macro_export]
macro_rules! sometimes {
    ($condition:expr, $name:literal $(,)?) => {{
        $crate::stated!($name);
        $crate::property::observe($name, $condition)
    }};
}

/// States that this line is reached at least once in a campaign.
#[macro_export]
macro_rules! reachable {
    ($name:literal $(,)?) => {{
        $crate::stated!($name);
        $crate::property::observe($name, true)
    }};
}

/// States that this line is never reached.
#[macro_export]
macro_rules! unreachable {
    ($name:literal $(,)?) => { $crate::unreachable!($name, "") };
    ($name:literal, $($detail:tt)+) => {
        $crate::property::violated($name, &::std::format!($($detail)+))
    };
}

/// Whether to do something unlikely but legal here: a delay, a short batch, an early time-out. Always false unless the
/// world enables it; then a seed activates a quarter of all such places, and an active one fires a quarter of the
/// times. A place is known by the function around it, so that a failure replays when lines are added above.
#[macro_export]
macro_rules! buggify {
    () => {{
        fn here() {}
        $crate::property::buggified(::std::any::type_name_of_val(&here))
    }};
}
