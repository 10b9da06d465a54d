//! `sim::rand` and the named streams of a test.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use rand_core::Rng;
use stormglass_sim::time::sleep;
use stormglass_sim::{Config, Overrides, Ratio, Seed, Sim, World, rand};

const SECOND: Duration = Duration::from_secs(1);

/// What a node named "a" draws in two lives, while something else goes on in its world.
fn drawn(seed: u64, overrides: Overrides, beside: fn(World)) -> Vec<u64> {
    let drawn: Rc<RefCell<Vec<u64>>> = Rc::default();
    let told = drawn.clone();
    let config = Config { overrides, ..Config::default() };
    Sim::with(Seed(seed), config)
        .run(|world| async move {
            beside(world);
            let a = world.node("a", move || {
                let told = told.clone();
                async move { told.borrow_mut().extend((0..20).map(|_| rand::random_u64())) }
            });
            sleep(SECOND).await;
            world.crash(a);
            world.restart(a);
            sleep(SECOND).await;
        })
        .unwrap();
    drawn.take()
}

#[test]
fn a_node_draws_from_a_stream_of_its_own() {
    let alone = drawn(1, Overrides::default(), |_| ());
    assert_eq!(alone.len(), 40);
    let crowded = drawn(1, Overrides::default(), |world| {
        world.node("b", || async {
            rand::random_u64();
        });
        world.stream("workload").next_u64();
        rand::random_u64();
    });
    assert_eq!(alone, crowded);
    assert_ne!(alone, drawn(2, Overrides::default(), |_| ()));
    assert_ne!(alone[..20], alone[20..], "a restart does not draw the same again");
    let mut overrides = Overrides::default();
    overrides.calm("a/rand");
    overrides.set("a/rand", 3, 17);
    let calm = drawn(1, overrides, |_| ());
    assert_eq!(calm[3], 17);
    assert!(calm.iter().all(|id| *id < 1 << 40), "calm draws are small: {calm:?}");
    assert_eq!(calm.iter().collect::<BTreeSet<_>>().len(), 40, "and each another");
}

/// Ten buckets of below(10), how often a tenth came true, and whether the ends of the scale are exact.
fn spread() -> ([u32; 10], u32, bool) {
    let (mut buckets, mut tenths) = ([0; 10], 0);
    for _ in 0..10_000 {
        buckets[rand::below(10) as usize] += 1;
        tenths += u32::from(rand::chance(Ratio::percent(10)));
    }
    let ends = rand::below(0) == 0
        && rand::below(1) == 0
        && (0..1000).all(|_| rand::chance(Ratio::ONE) && !rand::chance(Ratio::ZERO));
    (buckets, tenths, ends)
}

#[test]
fn draws_are_uniform_in_a_world_and_outside() {
    for (buckets, tenths, ends) in [Sim::new(Seed(5)).run(|_| async { spread() }).unwrap(), spread()] {
        // Expectation 1,000, standard deviation 30: five of them; outside, the operating system draws.
        assert!(
            buckets.iter().chain([&tenths]).all(|count| (850..=1150).contains(count)),
            "{buckets:?} {tenths}"
        );
        assert!(ends);
    }
}

#[test]
fn the_generator_is_the_same_stream() {
    Sim::new(Seed(6))
        .run(|world| async move {
            let [a, b, c] = ["a", "b", "c"].map(|name| world.node(name, std::future::pending::<()>));
            let drawn = world.spawn_on(a, async {
                let mut bytes = [0; 20];
                rand::rng().fill_bytes(&mut bytes);
                (bytes, rand::random_u64())
            });
            let (bytes, next) = drawn.await.expect("runs");
            assert_ne!(bytes[..8], bytes[8..16]);
            assert_ne!(bytes[16..], [0; 4]);
            assert_ne!(next.to_le_bytes(), bytes[..8]);
            let one = world.spawn_on(b, async { rand::rng().next_u64() }).await.expect("runs");
            let two = world.spawn_on(c, async { rand::rng().next_u32() }).await.expect("runs");
            assert_ne!(one >> 32, u64::from(two), "two nodes draw different numbers");
        })
        .unwrap();
}

/// What the stream "workload" gives in a world in which `first` was drawn from other streams before.
fn workload(seed: u64, first: &'static [&'static str]) -> (Vec<u64>, u64) {
    let outcome = Sim::new(Seed(seed)).run(|world| async move {
        for name in first {
            world.stream(name).next_u64();
        }
        let half: Vec<u64> = (0..50).map(|_| world.stream("workload").below(1_000_000)).collect();
        let stream = world.stream("workload");
        half.into_iter().chain((0..50).map(|_| stream.below(1_000_000))).collect()
    });
    let digest = outcome.digest;
    (outcome.unwrap(), digest)
}

#[test]
fn a_named_stream_is_a_function_of_seed_and_name() {
    let plain = workload(7, &[]);
    assert_eq!(plain, workload(7, &[]));
    assert_eq!(plain.0, workload(7, &["weather", "", "workload/", "a/rand"]).0);
    assert_ne!(plain.0, workload(8, &[]).0);
    assert_ne!(plain.0[..50], plain.0[50..], "opened again, it goes on");
    assert_eq!(plain.0[1..], workload(7, &["workload"]).0[..99]);
}

#[test]
fn a_stream_draws_within_its_bounds() {
    Sim::new(Seed(9))
        .run(|world| async move {
            let stream = world.stream("bounds");
            for _ in 0..1000 {
                assert!((5..8).contains(&stream.range(5..8)));
                assert!((0.001..=10.0).contains(&stream.log_uniform(0.001, 10.0)));
                assert!([2, 4].contains(stream.pick(&[2, 4]).expect("two")));
                assert!(stream.chance(Ratio::ONE) && !stream.chance(Ratio::ZERO));
            }
            assert_eq!(stream.pick::<u8>(&[]), None);
            let mut items: Vec<u8> = (0..100).collect();
            stream.shuffle(&mut items);
            assert!(!items.is_sorted());
            items.sort_unstable();
            assert!(items.into_iter().eq(0..100));
        })
        .unwrap();
    let mut overrides = Overrides::default();
    overrides.calm("calm");
    Sim::with(Seed(9), Config { overrides, ..Config::default() })
        .run(|world| async move {
            let stream = world.stream("calm");
            assert_eq!((stream.range(5..8), stream.pick(&[2, 4]), stream.next_u64()), (5, Some(&2), 0));
            assert_eq!(stream.log_uniform(0.001, 10.0), 0.001);
            assert!(!stream.chance(Ratio::percent(99)));
            let mut items: Vec<u8> = (0..100).collect();
            stream.shuffle(&mut items);
            assert!(items.is_sorted());
        })
        .unwrap();
}
