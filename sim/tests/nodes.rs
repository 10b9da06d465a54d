//! The laws of node life and of clocks, each with its counter-case.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{UdpSocket, rpc};
use stormglass_sim::time::{ClockFault, Instant, sleep, system_now, timeout};
use stormglass_sim::{Config, FindingKind, NodeId, Seed, Sim, node, signal, task};

const SECOND: Duration = Duration::from_secs(1);

/// A node that counts its seconds; the count is outside of it and so survives.
fn ticking(count: &Rc<Cell<u32>>) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = ()>>> + use<> {
    let count = count.clone();
    move || {
        let count = count.clone();
        Box::pin(async move {
            loop {
                sleep(SECOND).await;
                count.set(count.get() + 1);
            }
        })
    }
}

#[test]
fn a_crash_stops_everything_at_that_instant_and_a_restart_begins_anew() {
    let count = Rc::new(Cell::new(0));
    let seen = count.clone();
    Sim::new(Seed(1))
        .run(|world| async move {
            let node = world.node("a", ticking(&count));
            sleep(SECOND * 5 / 2).await;
            world.crash(node);
            assert!(!world.is_up(node));
            sleep(SECOND * 10).await;
            assert_eq!(count.get(), 2, "it is dead");
            world.restart(node);
            sleep(SECOND * 3 / 2).await;
            assert_eq!(count.get(), 3, "a new run of the factory");
            assert_eq!(world.starts(node), 2);
        })
        .unwrap();
    assert_eq!(seen.get(), 3);
}

#[test]
fn destructors_of_a_crashed_node_can_neither_send_nor_start_anything() {
    struct Farewell(Rc<UdpSocket>, Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Farewell {
        fn drop(&mut self) {
            let mut send = std::pin::pin!(self.0.send_to(b"bye", "world:9"));
            let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
            let sent = matches!(send.as_mut().poll(cx), std::task::Poll::Ready(Ok(_)));
            self.1.borrow_mut().push(if sent { "sent" } else { "fenced" });
            drop(task::spawn(async { panic!("nothing runs on a dead node") }));
        }
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    let outer = log.clone();
    Sim::new(Seed(2))
        .run(|world| async move {
            let inbox = UdpSocket::bind("0.0.0.0:9").await.expect("binds");
            for dies in [true, false] {
                let (log, name) = (log.clone(), if dies { "dies" } else { "ends" });
                let node = world.node(name, move || {
                    let log = log.clone();
                    async move {
                        let socket = Rc::new(UdpSocket::bind("0.0.0.0:0").await.expect("binds"));
                        let farewell = Farewell(socket, log);
                        sleep(SECOND).await;
                        std::mem::forget(farewell.0.clone());
                    }
                });
                if dies {
                    sleep(SECOND / 2).await;
                    world.crash(node);
                    timeout(SECOND, inbox.recv(&mut [0; 3])).await.expect_err("nothing was sent");
                }
            }
            // The second node's destructor runs in peace, and its panicking task is a finding.
            inbox.recv(&mut [0; 3]).await.expect("arrives");
        })
        .findings
        .iter()
        .for_each(|finding| assert_eq!(finding.kind, FindingKind::Panic));
    assert_eq!(*outer.borrow(), ["fenced", "sent"]);
}

#[test]
fn a_paused_node_does_nothing_and_then_catches_up_late() {
    Sim::new(Seed(3))
        .run(|world| async move {
            let woke = Rc::new(Cell::new(Duration::ZERO));
            let told = woke.clone();
            let node = world.node("a", move || {
                let told = told.clone();
                async move {
                    sleep(SECOND).await;
                    told.set(world.now());
                }
            });
            sleep(SECOND / 2).await;
            world.pause(node);
            sleep(SECOND * 9).await;
            assert_eq!(woke.get(), Duration::ZERO);
            world.resume(node);
            sleep(SECOND).await;
            assert_eq!(woke.get(), SECOND * 19 / 2);
        })
        .unwrap();
}

/// Has a frame of its own, which has a name without debug information, too.
#[inline(never)]
fn runs_out_of_luck() {
    panic!("out of luck");
}

#[test]
fn a_panic_on_a_node_is_a_finding_with_node_time_and_place() {
    let outcome = Sim::new(Seed(4)).run(|world| async move {
        world.node("unlucky", || async {
            sleep(SECOND * 3).await;
            runs_out_of_luck();
        });
        sleep(SECOND * 10).await;
    });
    assert!(outcome.value.is_none());
    let finding = &outcome.findings[0];
    assert_eq!((finding.kind, finding.node.as_deref()), (FindingKind::Panic, Some("unlucky")));
    assert_eq!(finding.at, SECOND * 3);
    assert!(finding.message.contains("out of luck") && finding.message.contains("nodes.rs"), "{finding}");
    assert!(finding.backtrace.as_ref().is_some_and(|trace| trace.contains("runs_out_of_luck")));
}

#[test]
fn a_node_that_aborts_is_a_crash_and_no_finding() {
    Sim::new(Seed(5))
        .run(|world| async move {
            let node = world.node("a", || async {
                sleep(SECOND).await;
                node::abort();
            });
            sleep(SECOND * 2).await;
            assert!(!world.is_up(node));
        })
        .unwrap();
}

#[test]
fn drift_expires_a_lease_early_and_a_step_does_not() {
    Sim::new(Seed(6))
        .run(|world| async move {
            let lease = async |fault| {
                let name = format!("{fault:?}");
                let ended = Rc::new(Cell::new(Duration::ZERO));
                let told = ended.clone();
                let node = world.node(&name, move || {
                    let told = told.clone();
                    async move {
                        sleep(SECOND * 10).await;
                        told.set(world.now());
                    }
                });
                let start = world.now();
                sleep(SECOND).await;
                world.skew(node, fault);
                sleep(SECOND * 100).await;
                ended.get().saturating_sub(start)
            };
            assert_eq!(lease(ClockFault::Drift(500_000)).await, SECOND * 7, "9 s at 1.5 times the pace");
            assert_eq!(lease(ClockFault::Drift(-500_000)).await, SECOND * 19);
            assert_eq!(lease(ClockFault::Step(5_000_000_000)).await, SECOND * 10);
            assert_eq!(lease(ClockFault::Freeze).await, Duration::ZERO, "it never ends");
        })
        .unwrap();
}

#[test]
fn clocks_are_the_nodes_own() {
    Sim::new(Seed(7))
        .run(|world| async move {
            let a = world.node("a", std::future::pending::<()>);
            let b = world.node("b", std::future::pending::<()>);
            world.skew(a, ClockFault::Offset(-3_000_000_000));
            world.skew(a, ClockFault::Drift(1_000)); // 0.1 %
            sleep(SECOND * 1000).await;
            let read = async || (Instant::now(), system_now());
            let (on_a, wall_a) = world.spawn_on(a, read()).await.expect("runs");
            let (on_b, wall_b) = world.spawn_on(b, read()).await.expect("runs");
            assert_eq!(on_a.duration_since(on_b), SECOND);
            assert_eq!(wall_b.duration_since(wall_a).expect("later"), SECOND * 2);
        })
        .unwrap();
}

#[test]
fn who_waits_where_when_nothing_can_run() {
    let outcome = Sim::new(Seed(8)).run(|world| async move {
        world.node("server", || async {
            let socket = UdpSocket::bind("0.0.0.0:53").await.expect("binds");
            socket.recv(&mut [0]).await.expect("open");
        });
        std::future::pending::<()>().await;
    });
    let finding = &outcome.findings[0];
    assert_eq!(finding.kind, FindingKind::Deadlock);
    assert!(finding.message.contains("of node 'server' (spawned at"), "{finding}");
    assert!(finding.message.contains("nodes.rs:"), "the node's main task was made here: {finding}");
    assert!(finding.message.contains("for a datagram at port 53"), "{finding}");
}

#[test]
fn a_task_that_never_lets_time_pass_is_named() {
    let config = Config { max_steps_at_once: 10_000, ..Config::default() };
    let outcome = Sim::with(Seed(9), config).run(|world| async move {
        world.node("eager", || async {
            loop {
                task::yield_now().await;
            }
        });
        sleep(SECOND).await;
    });
    let finding = &outcome.findings[0];
    assert_eq!(finding.kind, FindingKind::Livelock);
    assert!(finding.message.contains("'eager'"), "{finding}");
}

#[test]
fn a_task_that_never_gives_way_is_named() {
    let config = Config { max_steps_at_once: 10_000, ..Config::default() };
    let outcome = Sim::with(Seed(9), config).run(|world| async move {
        world.node("endless", || async {
            let socket = UdpSocket::bind("0.0.0.0:0").await.expect("binds");
            loop {
                socket.send_to(b"x", "world:1").await.expect("small");
            }
        });
        sleep(SECOND).await;
    });
    let finding = &outcome.findings[0];
    assert_eq!(finding.kind, FindingKind::Livelock);
    assert!(finding.message.contains("of node 'endless' (spawned at"), "{finding}");

    let outcome = Sim::new(Seed(9)).run(|_| async move {
        let deadline = Instant::now() + SECOND;
        while Instant::now() < deadline {}
    });
    assert_eq!(outcome.findings[0].kind, FindingKind::Livelock);
}

#[test]
fn limits_count_virtual_time_and_events() {
    let forever = |config| {
        Sim::with(Seed(10), config).run(|_| async {
            loop {
                sleep(SECOND).await;
            }
        })
    };
    let timed = forever(Config { max_time: Some(SECOND * 100), ..Config::default() });
    assert_eq!(timed.findings[0].kind, FindingKind::Limit);
    assert_eq!(timed.now, SECOND * 101);
    let counted = forever(Config { max_events: Some(1000), ..Config::default() });
    assert_eq!(counted.findings[0].kind, FindingKind::Limit);
    assert!((1000..1010).contains(&counted.events));
}

#[test]
fn a_node_can_be_asked_to_end() {
    Sim::new(Seed(11))
        .run(|world| async move {
            let ended = Rc::new(Cell::new(false));
            let told = ended.clone();
            let node = world.node("polite", move || {
                let told = told.clone();
                async move {
                    signal::terminate().await.expect("simulated");
                    told.set(true);
                }
            });
            sleep(SECOND).await;
            assert!(!ended.get());
            world.terminate(node);
            sleep(SECOND).await;
            assert!(ended.get());
        })
        .unwrap();
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Double(u64);

impl rpc::Request for Double {
    type Reply = u64;
    const NAME: &'static str = "Double";
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Halve(u64);

impl rpc::Request for Halve {
    type Reply = u64;
    const NAME: &'static str = "Halve";
}

#[test]
fn a_call_is_answered_refused_or_unknown() {
    Sim::new(Seed(12))
        .run(|world| async move {
            let server = world.node("server", || async {
                let mut server = rpc::Server::bind("0.0.0.0:7").await?;
                server.on(|_, Double(n)| async move { n * 2 });
                server.serve().await
            });
            sleep(SECOND).await;
            let double = async |n| rpc::call("server:7", &Double(n), SECOND).await;
            assert_eq!(double(21).await, Ok(42));
            let refused = rpc::call("server:7", &Halve(4), SECOND).await.expect_err("not served");
            assert!(refused.is_refused(), "{refused}");
            let refused = rpc::call("server:8", &Double(4), SECOND).await.expect_err("nobody there");
            assert!(refused.is_refused(), "{refused}");
            let refused = rpc::call("nobody:8", &Double(4), SECOND).await.expect_err("no such name");
            assert!(refused.is_refused(), "{refused}");
            world.partition_one_way(&[server], &[NodeId::WORLD]);
            let unknown = double(1).await.expect_err("the reply is lost");
            assert!(!unknown.is_refused(), "{unknown}");
            world.heal();
            world.crash(server);
            assert!(double(1).await.expect_err("its process is gone").is_refused());
            world.restart(server);
            sleep(SECOND).await;
            assert_eq!(double(5).await, Ok(10));
            world.power_off(server);
            assert!(!double(1).await.expect_err("its host is off").is_refused());
            let counters = world.counters();
            assert_eq!(
                (counters.kinds["Double"].messages, counters.kinds["Double reply"].delivered),
                (6, 4),
                "refusals are replies too"
            );
        })
        .unwrap();
}

#[test]
fn a_refusal_of_one_copy_is_no_refusal_of_the_call() {
    use stormglass_sim::net::{Fate, LinkConfig, Rule};
    use stormglass_sim::{Ratio, time};
    let served = Rc::new(Cell::new(0));
    let count = served.clone();
    let config = Config { link: LinkConfig::default().duplicate(Ratio::ONE), ..Config::default() };
    Sim::with(Seed(14), config)
        .run(|world| async move {
            // The server begins to listen between the arrivals of the two copies, and its answer is lost.
            world
                .rule(Rule::new(Fate::Drop).matching(|message| message.reply && !message.payload.is_empty()));
            for round in 0..50 {
                let name = format!("server{round}");
                let count = count.clone();
                world.node(&name, move || {
                    let count = count.clone();
                    async move {
                        time::sleep(Duration::from_millis(5)).await;
                        let mut server = rpc::Server::bind("0.0.0.0:7").await?;
                        server.on(move |_, Double(n)| {
                            count.set(count.get() + 1);
                            async move { n * 2 }
                        });
                        server.serve().await
                    }
                });
                let before = served.get();
                let error = rpc::call((name.as_str(), 7), &Double(1), SECOND).await.expect_err("no answer");
                let effects = served.get() - before;
                assert!(effects == 0 || !error.is_refused(), "refused, with {effects} effects: {error}");
            }
            assert!(served.get() > 10, "the case occurs: {}", served.get());
        })
        .unwrap();
}

#[test]
fn tasks_are_joined_and_aborted() {
    Sim::new(Seed(13))
        .run(|_| async move {
            assert_eq!(task::spawn(async { 7 }).await, Ok(7));
            let sleeper = task::spawn(sleep(SECOND * 100));
            task::yield_now().await;
            sleeper.abort();
            assert!(sleeper.is_finished());
            assert!(sleeper.await.expect_err("aborted").is_cancelled());
            let mut set = task::JoinSet::new();
            for n in [3, 1, 2] {
                set.spawn(async move {
                    sleep(SECOND * n).await;
                    n
                });
            }
            let mut order = Vec::new();
            while let Some(joined) = set.join_next().await {
                order.push(joined.expect("ran"));
            }
            assert_eq!(order, [1, 2, 3]);
        })
        .unwrap();
}

#[test]
fn select_takes_what_comes_first_and_is_the_seeds_to_decide_when_both_are_ready() {
    let first = |seed| {
        Sim::new(Seed(seed))
            .run(|_| async {
                stormglass_sim::select! {
                    () = std::future::ready(()) => 'a',
                    () = std::future::ready(()) => 'b',
                }
            })
            .unwrap()
    };
    let firsts: String = (0..64).map(first).collect();
    assert!(firsts.contains('a') && firsts.contains('b'), "{firsts}");
    assert_eq!(firsts, (0..64).map(first).collect::<String>());
    Sim::new(Seed(0))
        .run(|_| async {
            let mut none = Vec::<u8>::new();
            let got = stormglass_sim::select! {
                Some(x) = async { none.pop() } => i32::from(x),
                _ = sleep(SECOND), if false => 1,
                else => 2,
            };
            assert_eq!(got, 2);
            let got = stormglass_sim::select! {
                biased;
                () = sleep(SECOND) => "slow",
                x = async { sleep(SECOND / 2).await; "fast" } => { x }
            };
            assert_eq!(got, "fast");
        })
        .unwrap();
}
