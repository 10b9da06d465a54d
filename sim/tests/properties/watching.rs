//! What a test sees of its world: invariants, client events, counters.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{UdpSocket, rpc};
use stormglass_sim::task::{spawn, yield_now};
use stormglass_sim::time::sleep;
use stormglass_sim::{Config, FindingKind, NodeId, Outcome, Seed, Sim};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_invariant_is_seen_to_fall_at_the_very_step() {
    for seed in 0..50 {
        let steps: Rc<RefCell<Vec<u32>>> = Rc::default();
        let (seen, watched) = (steps.clone(), steps.clone());
        let outcome = Sim::new(Seed(seed)).run(|world| async move {
            world.watch("at most two of a kind", move || match watched.borrow().as_slice() {
                [.., a, b, c] if a == b && b == c => Err(format!("three times {a}")),
                _ => Ok(()),
            });
            for n in 0..3 {
                let steps = steps.clone();
                world.node(&format!("n{n}"), move || {
                    let steps = steps.clone();
                    async move {
                        sleep(SECOND).await;
                        for _ in 0..100 {
                            steps.borrow_mut().push(n);
                            yield_now().await;
                        }
                    }
                });
            }
            sleep(SECOND * 2).await;
        });
        let finding = &outcome.findings[0];
        assert_eq!((finding.kind, finding.at, &finding.node), (FindingKind::Invariant, SECOND, &None));
        assert!(finding.message.starts_with("at most two of a kind: three times "), "{finding}");
        let steps = seen.take();
        let first = steps.windows(3).position(|three| three[0] == three[1] && three[1] == three[2]);
        assert_eq!(first, Some(steps.len() - 3), "not one step later");
        assert_eq!((outcome.value, outcome.findings.len()), (None, 1));
    }
}

#[test]
fn an_invariant_is_looked_at_after_every_step_also_the_last_of_the_test() {
    let looks = Rc::new(Cell::new(0));
    let told = looks.clone();
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        world.watch("counted", move || {
            told.set(told.get() + 1);
            Ok(())
        });
        for _ in 0..9 {
            yield_now().await;
        }
    });
    assert!(outcome.holds());
    assert_eq!(looks.get(), 10);

    let outcome = Sim::new(Seed(1)).run(|world| async move {
        let broken = Rc::new(Cell::new(false));
        let watched = broken.clone();
        world.watch("whole", move || if watched.get() { Err("broken".into()) } else { Ok(()) });
        yield_now().await;
        broken.set(true);
    });
    assert_eq!((outcome.value, outcome.findings.len()), (None, 1));
    assert_eq!(outcome.findings[0].message, "whole: broken");
}

#[test]
fn a_watcher_may_be_added_at_any_time_and_the_first_that_falls_is_told() {
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        world
            .watch("time stands", move || if world.now() < SECOND { Ok(()) } else { Err("it moved".into()) });
        sleep(SECOND / 2).await;
        world.watch("time flies", move || if world.now() < SECOND * 9 { Ok(()) } else { Err("slow".into()) });
        sleep(SECOND * 10).await;
    });
    assert_eq!(outcome.findings[0].message, "time stands: it moved");
    assert_eq!(outcome.now, SECOND * 21 / 2, "nobody made a step before");
}

/// A world in which one client event and one note are written.
fn told(client: u64, text: &'static str, note: &'static str) -> Outcome<u64> {
    let config = Config { trace: true, ..Config::default() };
    Sim::with(Seed(1), config).run(|world| async move {
        sleep(SECOND).await;
        world.client_event(client, "call", text);
        world.note(note);
        assert_eq!(world.digest() == 0, world.events() == 0);
        world.events()
    })
}

#[test]
fn a_client_event_is_an_event_and_a_note_is_none() {
    let plain = told(3, "put x \"1\"", "half time");
    assert_eq!(plain.digest, told(3, "put x \"1\"", "another note").digest);
    assert_ne!(plain.digest, told(4, "put x \"1\"", "half time").digest);
    assert_ne!(plain.digest, told(3, "put x \"2\"", "half time").digest);
    let trace = String::from_utf8(plain.trace.expect("asked for")).expect("text");
    let lines: Vec<serde_json::Value> =
        trace.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let of = |event: &str| lines.iter().find(|line| line["event"] == event).expect("written");
    let call = of("client");
    assert_eq!(call["at"], 1_000_000_000);
    assert_eq!(
        (&call["client"], &call["what"], &call["message"]),
        (&3.into(), &"call".into(), &"put x \"1\"".into())
    );
    assert_eq!((&of("note")["message"], of("note").get("id")), (&"half time".into(), None));
    assert_eq!(Some(of("client")["id"].clone()), plain.value.map(Into::into), "the last event");
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Echo(String);

impl rpc::Request for Echo {
    type Reply = String;
    const NAME: &'static str = "Echo";
}

#[test]
fn messages_and_their_bytes_are_counted_by_link_and_by_kind() {
    Sim::new(Seed(1))
        .run(|world| async move {
            let server = world.node("server", || async {
                let mut server = rpc::Server::bind("0.0.0.0:7").await?;
                server.on(|_, Echo(text)| async move { text });
                server.serve().await
            });
            let client = world.node("client", std::future::pending::<()>);
            sleep(SECOND).await;
            assert_eq!(world.counters(), Default::default());
            let call = |length| {
                let echo = async move { rpc::call("server:7", &Echo("x".repeat(length)), SECOND).await };
                world.spawn_on(client, echo)
            };
            call(10).await.expect("runs").expect("answers");
            let small = world.counters();
            call(60).await.expect("runs").expect("answers");
            let large = world.counters();
            let (one, two) = (small.kinds["Echo"], large.kinds["Echo"]);
            assert_eq!((one.messages, two.messages, two.delivered), (1, 2, 2));
            assert_eq!(two.bytes - one.bytes, one.bytes + 50, "fifty more bytes of text");
            assert_eq!(large.kinds["Echo reply"].messages, 2);

            world.partition_one_way(&[client], &[server]);
            let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
            socket.send_to(b"12345", (world.ip(server), 9)).await.expect("small");
            call(10).await.expect("runs").expect_err("cut off");
            let counters = world.counters();
            let link = counters.links[&("client".to_owned(), "server".to_owned())];
            assert_eq!((link.messages, link.delivered), (3, 2), "what is lost was sent");
            assert_eq!(counters.links[&("world".to_owned(), "server".to_owned())].bytes, 5);
            assert_eq!(counters.kinds["udp"].bytes, 5);
            assert_eq!((counters.to("server").messages, counters.from("server").messages), (4, 2));
            let of_kinds: u64 = counters.kinds.values().map(|tally| tally.messages).sum();
            assert_eq!((counters.total().messages, of_kinds), (6, 6));
            let of_links: u64 = counters.links.values().map(|tally| tally.bytes).sum();
            assert_eq!(of_links, counters.kinds.values().map(|tally| tally.bytes).sum::<u64>());
        })
        .unwrap();
}

#[test]
fn what_a_run_left_going_goes_on_in_the_next_run_of_its_world() {
    let count = Rc::new(Cell::new(0));
    let told = count.clone();
    let mut sim = Sim::new(Seed(1));
    sim.run(|world| async move {
        drop(world.spawn_on(NodeId::WORLD, async move {
            loop {
                sleep(SECOND).await;
                told.set(told.get() + 1);
            }
        }));
        drop(spawn(async {}));
        sleep(SECOND * 5 / 2).await;
    })
    .unwrap();
    assert_eq!(count.get(), 2);
    let outcome = sim.run(|world| async move {
        sleep(SECOND).await;
        world.now()
    });
    assert_eq!((outcome.unwrap(), count.get()), (SECOND * 7 / 2, 3));
}
