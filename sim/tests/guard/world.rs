//! The least world that can answer: a clock that stands still, a counter for chance, a list of findings.

use std::cell::{Cell, RefCell};

use stormglass_sim::guard::{self, Hooks};

pub(crate) const NODE: &str = "node-7";

thread_local! {
    static MONOTONIC: Cell<u64> = const { Cell::new(0) };
    static WALL: Cell<u64> = const { Cell::new(0) };
    static CHANCE: Cell<u8> = const { Cell::new(0) };
    static FINDINGS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// What a world of the test says before node code runs in it.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) monotonic: u64,
    pub(crate) wall: u64,
    pub(crate) chance: u8,
}

pub(crate) const CALM: World = World { monotonic: 0, wall: 0, chance: 0 };

impl World {
    /// Runs node code, and returns its value with the calls that were refused.
    pub(crate) fn run<R>(self, node_code: impl FnOnce() -> R) -> (R, Vec<&'static str>) {
        guard::install(Hooks {
            monotonic_now: || MONOTONIC.get(),
            wall_now: || WALL.get(),
            fill_random: |bytes| bytes.fill_with(|| CHANCE.replace(CHANCE.get().wrapping_add(1))),
            host_name: |room| {
                let fits = room.len().min(NODE.len());
                room[..fits].copy_from_slice(&NODE.as_bytes()[..fits]);
                NODE.len()
            },
            refused: |what| FINDINGS.with_borrow_mut(|findings| findings.push(what)),
        });
        MONOTONIC.set(self.monotonic);
        WALL.set(self.wall);
        CHANCE.set(self.chance);
        let value = guard::inside(node_code);
        (value, FINDINGS.take())
    }
}

/// Moves the clocks of the running world.
pub(crate) fn advance(nanos: u64) {
    MONOTONIC.set(MONOTONIC.get() + nanos);
    WALL.set(WALL.get() + nanos);
}

/// The one call that was refused.
pub(crate) fn assert_refused(findings: &[&str], call: &str) {
    assert!(
        matches!(findings, [only] if only.contains(call)),
        "expected one finding that names {call}, found {findings:?}"
    );
}
