//! Partitions, storms, and what reports and traces say of streams.

use super::*;

#[test]
fn a_short_partition_stalls_and_a_long_one_breaks() {
    let held = run(18, calm(), |world| async move {
        let (mut near, mut far, b) = pair(world).await;
        world.partition(&[HERE], &[b]);
        near.write_all(b"x").await.expect("nobody knows yet");
        sleep(SECOND * 30).await;
        world.heal();
        let healed = world.now();
        near.shutdown().await.expect("open");
        assert_eq!(read_all(&mut far).await, (b"x".to_vec(), None));
        world.now() - healed
    });
    assert!(held > SECOND && held < SECOND * 60, "the next try comes {held:?} after the partition");
    run(18, calm(), |world| async move {
        let (mut near, far, b) = pair(world).await;
        sleep(SECOND).await;
        world.partition(&[HERE], &[b]);
        near.write_all(b"x").await.expect("nobody knows yet");
        let start = world.now();
        assert_eq!(near.read(&mut [0]).await.expect_err("too long").kind(), ErrorKind::TimedOut);
        assert_eq!(world.now() - start, SECOND * 120);
        drop(far);
    });
    // An idle stream does not notice at all.
    run(18, calm(), |world| async move {
        let (mut near, mut far, b) = pair(world).await;
        sleep(SECOND).await;
        let events = world.events();
        world.partition(&[HERE], &[b]);
        sleep(SECOND * 86_400).await;
        assert!(world.events() - events < 6, "no timers for idle streams");
        world.heal();
        near.write_all(b"x").await.expect("open");
        far.read_exact(&mut [0]).await.expect("arrives");
    });
}

#[test]
fn a_deadlock_names_who_waits_for_whom() {
    let outcome = Sim::with(Seed(22), calm()).run(|world| async move {
        world.node("server", || async {
            let listener = TcpListener::bind("0.0.0.0:7").await?;
            let (mut stream, _) = listener.accept().await?;
            task::spawn(async move { listener.accept().await }).is_finished();
            stream.write_all(&pattern(1_000_000)).await
        });
        let mut stream = TcpStream::connect("server:7").await.expect("somebody listens");
        let (mut read, _write) = stream.split();
        read.read_exact(&mut [0; 10]).await.expect("something");
        let other = task::spawn(async move {
            let listener = TcpListener::bind("0.0.0.0:9").await.expect("free");
            let stream = TcpStream::connect("world:9").await.expect("connects");
            let (mut far, _) = listener.accept().await.expect("accepts");
            let _ = far.read(&mut [0]).await;
            drop(stream);
        });
        let _ = other.await;
    });
    assert_eq!(outcome.findings[0].kind, FindingKind::Deadlock);
    let message = &outcome.findings[0].message;
    for part in [
        "room on the stream to node 'world', port",
        "for a connection at port 7",
        "for bytes of the stream from node 'world', port",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn nothing_is_sent_twice_in_calm_weather() {
    let config = Config { trace: true, ..calm() };
    let (mut outcome, time, _) = exchange(28, config, 3_000_000);
    let trace = String::from_utf8(outcome.trace.take().expect("asked for")).expect("JSON");
    outcome.unwrap();
    assert!(time > ms(800), "long enough for time-outs: {time:?}");
    assert!(!trace.contains(r#""event":"stream""#));
}

#[test]
fn streams_are_seen_by_rules_counters_and_the_trace() {
    let mut outcome = Sim::with(Seed(23), Config { trace: true, ..calm() }).run(|world| async move {
        let (mut near, mut far, b) = pair(world).await;
        world.rule(Rule::new(Fate::Corrupt { bit: 300 }).from(HERE).to(b).kind("tcp data").nth(2));
        for byte in b"abc" {
            near.write_all(&[*byte]).await.expect("open");
            far.read_exact(&mut [0]).await.expect("open");
        }
        let data = world.counters().kinds["tcp data"];
        assert_eq!(
            (data.messages, data.bytes),
            (4, 4 * 34),
            "the second was damaged, dropped, and sent again"
        );
    });
    let trace = String::from_utf8(outcome.trace.take().expect("asked for")).expect("JSON");
    outcome.unwrap();
    for part in
        [r#""why":"Checksum""#, r#""event":"stream""#, r#""what":"retransmit""#, r#""kind":"tcp syn-ack""#]
    {
        assert!(trace.contains(part), "no {part}");
    }
}

/// Writes `whole` as fast as it can, reconnecting when the stream breaks; notes how often.
async fn keep_sending(whole: Rc<Vec<u8>>, breaks: Rc<Cell<u32>>) {
    loop {
        let sent = async {
            let mut stream = TcpStream::connect("b:7").await?;
            stream.write_all(&whole).await?;
            stream.shutdown().await?;
            stream.read_exact(&mut [0]).await.map(|_| ())
        };
        match sent.await {
            Ok(()) => return,
            Err(_) => breaks.set(breaks.get() + 1),
        }
        sleep(SECOND).await;
    }
}

/// Node `b`: what it reads must be a beginning of `expected`, and all of it when the end is seen. Counts what broke in
/// the middle.
fn reader(world: World, expected: Rc<Vec<u8>>, partly: Rc<Cell<u32>>) -> NodeId {
    world.node("b", move || {
        let (expected, partly) = (expected.clone(), partly.clone());
        async move {
            let listener = TcpListener::bind_with_backlog("0.0.0.0:7", 4).await.expect("free");
            loop {
                let (mut stream, _) = listener.accept().await.expect("open");
                let (expected, partly) = (expected.clone(), partly.clone());
                drop(task::spawn(async move {
                    let (got, error) = read_all(&mut stream).await;
                    assert!(expected.starts_with(&got), "{} bytes are wrong", got.len());
                    if error.is_none() {
                        assert_eq!(got.len(), expected.len(), "the end came too early");
                        // The writer may be gone.
                        let _ = stream.write_all(&[1]).await;
                    } else if !got.is_empty() {
                        partly.set(partly.get() + 1);
                    }
                }));
            }
        }
    })
}

/// Twenty misfortunes, and then the sun.
async fn storm(world: World, a: NodeId, b: NodeId) {
    let weather = world.stream("weather");
    for _ in 0..20 {
        sleep(ms(weather.range(20..3000))).await;
        match weather.below(9) {
            0 => world.crash(b),
            8 => world.crash(a),
            1 => world.power_off(b),
            2 => world.partition_one_way(&[a], &[b]),
            3 => world.partition_one_way(&[b], &[a]),
            4 => world.hold(a, b),
            5 => world.pause(b),
            _ => world.heal(),
        }
        sleep(ms(weather.log_uniform(1.0, 200_000.0) as u64)).await;
        world.resume(b);
        world.restart(b);
        world.restart(a);
    }
    world.heal();
}

#[test]
fn in_any_weather_what_is_read_is_a_beginning_of_what_was_written() {
    let (mut broken, mut prefixes) = (0, 0);
    for seed in 0..40 {
        let bad = LinkConfig {
            loss: Ratio::percent(seed % 4 * 10),
            duplicate: Ratio::percent(20),
            corrupt: Ratio::percent(5),
            reorder: Ratio::percent(20),
            ..LinkConfig::default()
        };
        let (breaks, partial) = run(seed, Config { link: bad, ..Config::default() }, |world| async move {
            let whole = Rc::new(pattern(150_000));
            let (breaks, partial) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let b = reader(world, whole.clone(), partial.clone());
            let done = Rc::new(Cell::new(0));
            let (broke, finished) = (breaks.clone(), done.clone());
            let a = world.node("a", move || {
                let (whole, breaks, done) = (whole.clone(), broke.clone(), finished.clone());
                async move {
                    futures::join!(
                        keep_sending(whole.clone(), breaks.clone()),
                        keep_sending(whole.clone(), breaks.clone()),
                        keep_sending(whole, breaks),
                    );
                    done.set(done.get() + 1);
                }
            });
            storm(world, a, b).await;
            world.crash(a);
            world.restart(a);
            let before = done.get();
            while done.get() == before {
                sleep(SECOND).await;
            }
            (breaks.get(), partial.get())
        });
        (broken, prefixes) = (broken + breaks, prefixes + partial);
    }
    assert!(
        broken > 20 && prefixes > 5,
        "{broken} streams broke, {prefixes} in the middle: too fair a weather"
    );
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let link = LinkConfig { loss: Ratio::percent(5), ..LinkConfig::default() };
    let digest = |seed| {
        let (outcome, _, _) = exchange(seed, Config { link: link.clone(), ..Config::default() }, 100_000);
        (outcome.digest, outcome.events)
    };
    assert_eq!(digest(26), digest(26));
    assert_ne!(digest(26), digest(27));
}
