//! What a handle, dropped or kept, means for its task.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::task::{JoinSet, spawn, yield_now};
use stormglass_sim::time::sleep;
use stormglass_sim::{Seed, Sim};

const SECOND: Duration = Duration::from_secs(1);

/// Counts how many of its clones are alive.
type Alive = Rc<()>;

#[test]
fn a_dropped_handle_lets_its_task_go_on() {
    Sim::new(Seed(1))
        .run(|_| async {
            let done = Rc::new(Cell::new(0));
            for dropped_after in [Duration::ZERO, SECOND / 2, SECOND * 2] {
                let told = done.clone();
                let handle = spawn(async move {
                    sleep(SECOND).await;
                    told.set(told.get() + 1);
                });
                sleep(dropped_after).await;
                drop(handle);
            }
            sleep(SECOND * 2).await;
            assert_eq!(done.get(), 3);
        })
        .unwrap();
}

#[test]
fn the_result_of_a_detached_task_is_dropped_and_its_place_used_again() {
    Sim::new(Seed(2))
        .run(|_| async {
            let alive = Alive::default();
            for _ in 0..100 {
                let result = alive.clone();
                drop(spawn(async move {
                    yield_now().await;
                    result
                }));
                let kept = spawn({
                    let result = alive.clone();
                    async move { result }
                });
                sleep(Duration::from_nanos(1)).await;
                assert_eq!(Rc::strong_count(&alive), 2, "only the kept one");
                drop(kept);
                assert_eq!(Rc::strong_count(&alive), 1);
            }
        })
        .unwrap();
}

#[test]
fn a_set_that_is_shut_down_has_ended_all_of_its_tasks() {
    Sim::new(Seed(3))
        .run(|world| async move {
            let alive = Alive::default();
            let went_on = Rc::new(Cell::new(false));
            let mut set = JoinSet::new();
            for n in 0..10 {
                let (guard, told) = (alive.clone(), went_on.clone());
                set.spawn(async move {
                    sleep(SECOND * n).await;
                    if n == 9 {
                        pending::<()>().await;
                    }
                    told.set(n >= 3);
                    drop(guard);
                });
            }
            sleep(SECOND * 5 / 2).await;
            assert_eq!((set.len(), Rc::strong_count(&alive)), (10, 8), "three are done and not yet joined");
            set.shutdown().await;
            assert_eq!((set.len(), Rc::strong_count(&alive)), (0, 1), "their destructors have run");
            assert_eq!(world.now(), SECOND * 5 / 2, "and nobody had to wait");
            sleep(SECOND * 20).await;
            assert!(set.is_empty() && !went_on.get());
            assert_eq!(set.join_next().await, None);
        })
        .unwrap();
}

#[test]
fn a_set_joins_the_aborted_as_cancelled_and_ends_all_when_dropped() {
    Sim::new(Seed(4))
        .run(|_| async {
            let alive = Alive::default();
            let mut set = JoinSet::new();
            for n in 0..4_u64 {
                let guard = alive.clone();
                set.spawn(async move {
                    if n > 0 {
                        pending::<()>().await;
                    }
                    drop(guard);
                    n
                });
            }
            sleep(SECOND).await;
            set.abort_all();
            let mut joined = Vec::new();
            while let Some(result) = set.join_next().await {
                joined.push(result.map_err(|error| error.is_cancelled()));
            }
            joined.sort();
            assert_eq!(joined, [Ok(0), Err(true), Err(true), Err(true)]);
            let guard = alive.clone();
            set.spawn(async move {
                let _guard = guard;
                pending().await
            });
            sleep(SECOND).await;
            assert_eq!(Rc::strong_count(&alive), 2);
            drop(set);
            assert_eq!(Rc::strong_count(&alive), 1);
        })
        .unwrap();
}

#[test]
fn nothing_is_started_on_a_node_that_is_down() {
    Sim::new(Seed(1))
        .run(|world| async move {
            let node = world.node("a", pending::<()>);
            for power in [true, false] {
                if power {
                    world.power_off(node)
                } else {
                    world.crash(node)
                }
                let started = Rc::new(Cell::new(false));
                let told = started.clone();
                let ended = world.spawn_on(node, async move { told.set(true) }).await;
                assert!(ended.is_err_and(|error| error.is_cancelled()) && !started.get());
                world.restart(node);
                world.spawn_on(node, async {}).await.expect("it is up again");
            }
        })
        .unwrap();
}

#[test]
fn a_result_outlives_the_node_of_its_task() {
    Sim::new(Seed(1))
        .run(|world| async move {
            let alive = Alive::default();
            let node = world.node("a", pending::<()>);
            let (fetched, dropped) = (alive.clone(), alive.clone());
            let own = alive.clone();
            let fetched = world.spawn_on(node, async { fetched });
            let dropped = world.spawn_on(node, async { dropped });
            drop(world.spawn_on(node, async {
                let _own = spawn(async { own });
                pending::<()>().await;
            }));
            sleep(SECOND).await;
            world.crash(node);
            assert_eq!(Rc::strong_count(&alive), 3, "what only the node could fetch is gone");
            drop(fetched.await.expect("it had come to its end"));
            drop(dropped);
            assert_eq!(Rc::strong_count(&alive), 1);
        })
        .unwrap();
}
