//! The order of std's hash maps follows from the seed.

use std::collections::{BTreeSet, HashMap};
use std::panic::{catch_unwind, panic_any};
use std::process::Command;
use std::thread;
use std::time::{Instant, SystemTime};

use stormglass_sim::guard::{self, on_fresh_thread};

use crate::world::{CALM, World, advance};

const STACK: usize = 1 << 20;

fn order() -> Vec<u32> {
    (0..16).map(|key| (key, ())).collect::<HashMap<u32, ()>>().into_keys().collect()
}

/// The orders of two maps that node code makes one after the other.
fn orders_of_a_world(seed: u64) -> [Vec<u32>; 2] {
    on_fresh_thread(seed, STACK, || CALM.run(|| [order(), order()]).0)
}

#[test]
fn equal_seeds_give_equal_orders() {
    for seed in 0..20 {
        let first = orders_of_a_world(seed);
        order();
        assert_eq!(first, orders_of_a_world(seed), "seed {seed}");
    }
}

#[test]
fn other_seeds_and_later_maps_give_other_orders() {
    let orders: BTreeSet<_> = (0..100).flat_map(orders_of_a_world).collect();
    assert!(orders.len() > 190, "only {} of 200 orders differ", orders.len());
}

/// The counter-case: without a fresh thread, the keys come from wherever the thread first drew them.
#[test]
fn a_used_thread_does_not_repeat_its_orders() {
    let orders: BTreeSet<_> = (0..20).map(|_| CALM.run(order).0).collect();
    assert!(orders.len() > 10, "only {} of 20 orders differ", orders.len());
}

/// The keys are fixed before node code runs: none of it comes out of a node's own stream.
#[test]
fn hash_keys_take_nothing_from_the_node_s_stream() {
    let drawn = on_fresh_thread(1, STACK, || {
        CALM.run(|| {
            order();
            random_byte()
        })
    });
    assert_eq!(drawn.0, 0);
}

fn random_byte() -> u8 {
    let mut byte = 0;
    // SAFETY: one writable byte.
    assert_eq!(unsafe { libc::getrandom((&raw mut byte).cast(), 1, 0) }, 1);
    byte
}

#[test]
fn a_panic_and_the_name_of_the_thread_pass_through() {
    let here = thread::current().name().map(str::to_owned);
    assert_eq!(on_fresh_thread(1, STACK, || thread::current().name().map(str::to_owned)), here);

    let panic = catch_unwind(|| on_fresh_thread(1, STACK, || -> () { panic_any(417) })).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&417));
}

/// A frame that a thread of the default size, 2 MiB, cannot hold.
#[test]
fn the_stack_is_as_large_as_asked_for() {
    const LARGE: usize = 64 << 20;
    let sum = on_fresh_thread(1, LARGE, || {
        let frame = std::hint::black_box([1_u8; LARGE / 8]);
        frame.iter().step_by(4096).map(|&byte| u64::from(byte)).sum::<u64>()
    });
    assert_eq!(sum, (LARGE / 8 / 4096) as u64);
}

#[test]
fn a_world_may_be_started_in_the_middle_of_node_code() {
    let (order, findings) = CALM.run(|| {
        let order = orders_of_a_world(3);
        assert!(guard::is_inside());
        order
    });
    assert_eq!(order, orders_of_a_world(3));
    assert!(findings.is_empty(), "{findings:?}");
}

/// All that node code can learn from the machine, as text.
fn account(seed: u64) -> String {
    on_fresh_thread(seed, STACK, || {
        let world = World { monotonic: 7, wall: 1_700_000_000_000_000_000, chance: seed as u8 };
        let account = world.run(|| {
            let start = (Instant::now(), SystemTime::now());
            advance(1_000_000);
            let processors = thread::available_parallelism().unwrap();
            (start, Instant::now() - start.0, order(), random_byte(), processors, order())
        });
        format!("{account:?}")
    })
}

const MARK: &str = "account of seed 417: ";

/// Runs in a process of its own, started by the test below.
#[test]
#[ignore = "prints what another test compares"]
fn print_account() {
    println!("{MARK}{}", account(417));
}

#[test]
fn two_processes_give_the_same_account() {
    let run = || {
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", "hash_order::print_account", "--ignored", "--nocapture"];
        let output = Command::new(program).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find_map(|line| line.split_once(MARK)).expect("the account").1.to_owned()
    };
    let (first, second) = (run(), run());
    assert_eq!(first, second);
    assert_eq!(first, account(417));
    assert_ne!(first, account(418));
}
