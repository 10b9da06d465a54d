//! The laws of streams, one test each, with the case in which the law does not bite.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Bandwidth, Fate, Latency, LinkConfig, Rule, TcpListener, TcpStream, tcp};
use stormglass_sim::time::{sleep, timeout};
use stormglass_sim::{Config, FindingKind, NodeId, Outcome, Ratio, Seed, Sim, World, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HERE: NodeId = NodeId::WORLD;
const SECOND: Duration = Duration::from_secs(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Every segment takes 10 ms; nothing else happens by chance.
fn calm() -> Config {
    let link = LinkConfig::with_latency(Latency::Constant(ms(10)));
    Config { link, short_io: Ratio::ZERO, ..Config::default() }
}

fn run<F: Future>(seed: u64, config: Config, test: impl FnOnce(World) -> F) -> F::Output {
    Sim::with(Seed(seed), config).run(test).unwrap()
}

/// A node that sleeps, for sockets that the test holds.
fn host(world: World, name: &str) -> NodeId {
    world.node(name, std::future::pending::<()>)
}

async fn listen(world: World, node: NodeId, port: u16) -> TcpListener {
    let bound = world.spawn_on(node, TcpListener::bind(("0.0.0.0", port))).await;
    bound.expect("runs").expect("the port is free")
}

/// A connection from the test to a node named `b`: this end, and the other.
async fn pair(world: World) -> (TcpStream, TcpStream, NodeId) {
    let b = host(world, "b");
    let listener = listen(world, b, 7).await;
    let near = TcpStream::connect("b:7").await.expect("somebody listens");
    let (far, from) = listener.accept().await.expect("one has come");
    assert_eq!(from, near.local_addr().expect("simulated"));
    assert_eq!(far.local_addr().expect("simulated"), near.peer_addr().expect("simulated"));
    (near, far, b)
}

async fn read_all(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).await.err().map(|error| error.kind());
    (bytes, error)
}

/// Bytes of which no stretch repeats soon.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

fn sent(world: World, kind: &str) -> u64 {
    world.counters().kinds.get(kind).map_or(0, |tally| tally.messages)
}

#[test]
fn connecting_takes_a_round_trip_and_is_refused_after_one_when_nobody_listens() {
    run(1, calm(), |world| async move {
        let b = host(world, "b");
        let listener = listen(world, b, 7).await;
        let stream = TcpStream::connect("b:7").await.expect("somebody listens");
        assert_eq!(world.now(), ms(20));
        listener.accept().await.expect("it is there 10 ms later");
        assert_eq!(world.now(), ms(30));
        assert_eq!((sent(world, "tcp syn"), sent(world, "tcp syn-ack"), sent(world, "tcp ack")), (1, 1, 1));
        drop((listener, stream));
        let start = world.now();
        let error = TcpStream::connect("b:7").await.expect_err("nobody listens any more");
        assert_eq!((error.kind(), world.now() - start), (ErrorKind::ConnectionRefused, ms(20)));
        let nowhere = TcpStream::connect("10.9.9.9:7").await.expect_err("no such node");
        assert_eq!(nowhere.kind(), ErrorKind::HostUnreachable);
        let itself = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = itself.local_addr().expect("simulated").port();
        TcpStream::connect(("localhost", port)).await.expect("a node reaches itself");
    });
}

#[test]
fn connecting_times_out_when_nobody_answers_but_a_lost_syn_only_delays() {
    run(2, calm(), |world| async move {
        let b = host(world, "b");
        let _listener = listen(world, b, 7).await;
        world.rule(Rule::new(Fate::Drop).kind("tcp syn").first(2));
        TcpStream::connect("b:7").await.expect("the third arrives");
        assert_eq!(world.now(), SECOND * 3 + ms(20));
        world.partition(&[HERE], &[b]);
        let start = world.now();
        let error = TcpStream::connect("b:7").await.expect_err("nobody answers");
        assert_eq!((error.kind(), world.now() - start), (ErrorKind::TimedOut, SECOND * 127));
        assert_eq!(sent(world, "tcp syn"), 3 + 7);
    });
}

#[test]
fn a_connect_that_is_dropped_leaves_nothing_behind() {
    run(3, calm(), |world| async move {
        let b = host(world, "b");
        let listener = listen(world, b, 7).await;
        timeout(ms(15), TcpStream::connect("b:7")).await.expect_err("it takes 20 ms");
        timeout(SECOND * 100, listener.accept()).await.expect_err("the answer was answered by RST");
        assert_eq!((sent(world, "tcp syn"), sent(world, "tcp rst")), (1, 1));
    });
}

#[test]
fn closing_is_read_as_the_end_and_the_other_direction_stays_open() {
    run(4, calm(), |world| async move {
        let (mut near, mut far, _) = pair(world).await;
        near.write_all(b"question").await.expect("open");
        near.shutdown().await.expect("open");
        assert_eq!(near.write(b"more").await.expect_err("closed").kind(), ErrorKind::BrokenPipe);
        assert_eq!(read_all(&mut far).await, (b"question".to_vec(), None));
        sleep(SECOND).await;
        far.write_all(b"answer").await.expect("half-closed is half open");
        drop(far);
        assert_eq!(read_all(&mut near).await, (b"answer".to_vec(), None));
        drop(near);
        sleep(SECOND * 500).await;
        assert_eq!((sent(world, "tcp fin"), sent(world, "tcp rst")), (2, 0));
    });
}

#[test]
fn what_was_written_arrives_although_the_stream_is_dropped() {
    run(5, calm(), |world| async move {
        let (near, mut far, b) = pair(world).await;
        world.link(HERE, b, world.link_config(HERE, b).loss(Ratio::percent(30)));
        let (_, mut write) = near.into_split();
        let whole = pattern(50_000);
        write.write_all(&whole).await.expect("fits into the buffer");
        drop(write);
        assert_eq!(read_all(&mut far).await, (whole, None));
    });
}

#[test]
fn halves_work_alone_and_together() {
    run(6, calm(), |world| async move {
        let (near, mut far, _) = pair(world).await;
        let (other, _other_far) = {
            let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
            let to = listener.local_addr().expect("simulated");
            (TcpStream::connect(to).await.expect("connects"), listener.accept().await.expect("accepts"))
        };
        let ((read, write), (other_read, other_write)) = (near.into_split(), other.into_split());
        let tcp::ReuniteError(read, other_write) = read.reunite(other_write).expect_err("strangers");
        drop((other_read, other_write));
        let mut near = read.reunite(write).expect("of one stream");
        let (mut read, mut write) = near.split();
        write.write_all(b"there").await.expect("open");
        let mut buffer = [0; 16];
        assert_eq!(far.peek(&mut buffer).await.expect("open"), 5);
        assert_eq!(far.read(&mut buffer).await.expect("open"), 5);
        far.write_all(b"back").await.expect("open");
        assert_eq!(read.read(&mut buffer).await.expect("open"), 4);
        let (mut read, write) = near.into_split();
        write.forget();
        timeout(SECOND, far.read(&mut buffer)).await.expect_err("forgetting a half sends no FIN");
        let (far_read, far_write) = far.into_split();
        drop(far_write);
        assert_eq!(read_all(&mut read).await, (vec![], None), "dropping the writing half sends FIN");
        drop((read, far_read));
    });
}

#[test]
fn writing_to_a_closed_peer_is_answered_by_rst() {
    run(7, calm(), |world| async move {
        let (mut near, far, _) = pair(world).await;
        drop(far);
        assert_eq!(read_all(&mut near).await, (vec![], None));
        near.write_all(b"hello?").await.expect("nobody knows yet");
        sleep(ms(19)).await;
        near.write_all(b"still there?").await.expect("RST is on its way");
        sleep(ms(1)).await;
        assert_eq!(near.write(b"x").await.expect_err("RST has come").kind(), ErrorKind::BrokenPipe);
        assert_eq!(near.read(&mut [0]).await.expect("the end was told before"), 0);
    });
}

#[test]
fn closing_with_bytes_unread_resets_and_what_came_before_can_still_be_read() {
    run(8, calm(), |world| async move {
        let (mut near, mut far, _) = pair(world).await;
        far.write_all(b"greeting").await.expect("open");
        near.write_all(b"ignored").await.expect("open");
        sleep(SECOND).await;
        drop(far);
        sleep(SECOND).await;
        assert_eq!(read_all(&mut near).await, (b"greeting".to_vec(), Some(ErrorKind::ConnectionReset)));
        assert_eq!(near.write(b"x").await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
        assert_eq!((sent(world, "tcp fin"), sent(world, "tcp rst")), (0, 1));
    });
}

#[test]
fn a_crash_resets_and_its_destructors_send_nothing() {
    run(9, calm(), |world| async move {
        let node = world.node("b", || async {
            let listener = TcpListener::bind("0.0.0.0:7").await?;
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(b"hello").await?;
            std::future::pending::<()>().await;
            Ok::<(), std::io::Error>(())
        });
        let mut near = TcpStream::connect("b:7").await.expect("somebody listens");
        near.read_exact(&mut [0; 5]).await.expect("greeted");
        let waiting = TcpStream::connect("b:7").await.expect("into the backlog");
        sleep(SECOND).await;
        world.crash(node);
        let start = world.now();
        assert_eq!(near.read(&mut [0]).await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.now() - start, ms(10));
        let (mut waiting, _) = waiting.into_split();
        assert_eq!(read_all(&mut waiting).await.1, Some(ErrorKind::ConnectionReset));
        assert_eq!((sent(world, "tcp fin"), sent(world, "tcp rst")), (0, 2));
        let error = TcpStream::connect("b:7").await.expect_err("the host is up, the process is not");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn what_a_process_closed_before_its_crash_is_still_delivered_by_its_host() {
    let read_after = |death: fn(World, NodeId)| {
        run(10, calm(), |world| async move {
            let b = world.node("b", || async {
                let listener = TcpListener::bind("0.0.0.0:7").await?;
                let (mut stream, _) = listener.accept().await?;
                stream.write_all(&pattern(40_000)).await?;
                drop(stream);
                std::future::pending::<()>().await;
                Ok::<(), std::io::Error>(())
            });
            let mut near = TcpStream::connect("b:7").await.expect("somebody listens");
            sleep(ms(15)).await; // the first ten segments are on their way
            death(world, b);
            timeout(SECOND * 200, read_all(&mut near)).await.ok()
        })
    };
    let (bytes, error) = read_after(World::crash).expect("the host has all it needs");
    assert!(bytes == pattern(40_000) && error.is_none(), "{} bytes, {error:?}", bytes.len());
    assert_eq!(read_after(World::power_off), None, "without power nobody says anything");
}

#[test]
fn after_a_power_loss_the_peer_hears_nothing_until_it_writes() {
    // The power stays off: what is written times out.
    run(11, calm(), |world| async move {
        let (mut near, far, b) = pair(world).await;
        sleep(SECOND).await;
        world.power_off(b);
        drop(far);
        timeout(SECOND * 3600, near.read(&mut [0])).await.expect_err("no word for an hour");
        let start = world.now();
        near.write_all(b"hello?").await.expect("it goes into the buffer");
        assert_eq!(near.read(&mut [0]).await.expect_err("nobody").kind(), ErrorKind::TimedOut);
        assert_eq!(world.now() - start, SECOND * 120);
        assert_eq!(near.write(b"x").await.expect_err("nobody").kind(), ErrorKind::TimedOut);
    });
    // The host is back: it knows nothing of the connection, and says so.
    run(11, calm(), |world| async move {
        let (mut near, _far, b) = pair(world).await;
        world.power_off(b);
        sleep(SECOND).await;
        world.restart(b);
        timeout(SECOND * 3600, near.read(&mut [0])).await.expect_err("a restart says nothing by itself");
        let start = world.now();
        near.write_all(b"hello?").await.expect("it goes into the buffer");
        assert_eq!(near.read(&mut [0]).await.expect_err("nobody").kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.now() - start, ms(20));
    });
}

#[test]
fn a_writer_waits_for_its_reader() {
    run(12, calm(), |world| async move {
        let (mut near, mut far, _) = pair(world).await;
        let mut written = 0;
        let block = pattern(10_000);
        while let Ok(count) = timeout(SECOND * 10, near.write(&block)).await {
            written += count.expect("open");
        }
        assert_eq!(written, 2 * 65_536, "one buffer at each end");
        let events = world.events();
        sleep(SECOND * 3600).await;
        assert!(world.events() - events < 10, "a stuck stream costs nothing");
        let mut buffer = vec![0; 65_536];
        far.read_exact(&mut buffer).await.expect("open");
        near.write_all(&buffer).await.expect("there is room again");
        timeout(SECOND, near.write(b"x")).await.expect_err("and now there is none");
    });
}

#[test]
fn a_lost_word_of_new_room_is_asked_for() {
    run(13, calm(), |world| async move {
        let (mut near, mut far, b) = pair(world).await;
        let whole = pattern(300_000);
        let expected = whole.clone();
        let writing = task::spawn(async move { near.write_all(&whole).await });
        sleep(SECOND * 10).await;
        world.rule(Rule::new(Fate::Drop).from(b).kind("tcp ack").first(1));
        let (got, error) = read_all_of(&mut far, 300_000).await;
        assert_eq!((got == expected, error), (true, None));
        writing.await.expect("runs").expect("written");
        assert!(sent(world, "tcp probe") > 0);
    });
}

async fn read_all_of(stream: &mut TcpStream, length: usize) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = vec![0; length];
    let error = stream.read_exact(&mut bytes).await.err().map(|error| error.kind());
    (bytes, error)
}

#[test]
fn a_writer_that_waits_for_room_learns_that_its_reader_is_gone() {
    let ends = |death: fn(World, NodeId)| {
        run(14, calm(), |world| async move {
            let (mut near, far, b) = pair(world).await;
            timeout(SECOND, near.write_all(&pattern(200_000))).await.expect_err("nobody reads");
            let start = world.now();
            death(world, b);
            let error = near.write_all(b"x").await.expect_err("nobody");
            drop(far);
            (error.kind(), (world.now() - start).as_secs())
        })
    };
    assert_eq!(ends(World::crash), (ErrorKind::ConnectionReset, 0));
    assert_eq!(ends(World::power_off), (ErrorKind::TimedOut, 120));
    let lost = |world: World, b| {
        world.rule(Rule::new(Fate::Drop).kind("tcp rst").first(1));
        world.crash(b);
    };
    assert_eq!(ends(lost), (ErrorKind::ConnectionReset, 0), "asked after 200 ms");
}

#[test]
fn reads_and_writes_are_short_by_chance_and_only_then() {
    let counts = |short_io| {
        run(15, Config { short_io, ..calm() }, |world| async move {
            let (mut near, mut far, _) = pair(world).await;
            let (mut writes, mut reads) = (0, 0);
            for _ in 0..100 {
                let mut left = &pattern(1000)[..];
                while !left.is_empty() {
                    let count = near.write(left).await.expect("open");
                    left = &left[count..];
                    writes += 1;
                }
                sleep(SECOND).await;
                let mut got = Vec::with_capacity(1000);
                while got.len() < 1000 {
                    far.read_buf(&mut got).await.expect("open");
                    reads += 1;
                }
                assert_eq!(got, pattern(1000));
            }
            (writes, reads)
        })
    };
    assert_eq!(counts(Ratio::ZERO), (100, 100));
    let (writes, reads) = counts(Ratio::percent(50));
    assert!((150..400).contains(&writes) && (150..400).contains(&reads), "{writes} writes, {reads} reads");
}

/// Sends `size` bytes each way over a link and returns how long that took, and how many segments.
fn exchange(seed: u64, config: Config, size: usize) -> (Outcome<()>, Duration, u64) {
    let segments = Rc::new(Cell::new(0));
    let count = segments.clone();
    let outcome = Sim::with(Seed(seed), config).run(|world| async move {
        let (near, far, _) = pair(world).await;
        let mut tasks = task::JoinSet::new();
        for stream in [near, far] {
            let (mut read, mut write) = stream.into_split();
            tasks.spawn(async move { write.write_all(&pattern(size)).await.map(|()| drop(write)) });
            tasks.spawn(async move {
                let (got, error) = read_all(&mut read).await;
                assert_eq!(error, None);
                assert!(got == pattern(size), "{} bytes, of {size}, or others", got.len());
                Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("runs").expect("written");
        }
        count.set(sent(world, "tcp data"));
    });
    let now = outcome.now;
    (outcome, now, segments.get())
}

#[test]
fn megabytes_arrive_in_order_once_and_undamaged_over_a_terrible_link() {
    let calm_link = LinkConfig::with_latency(Latency::Uniform(ms(1), ms(10)));
    let terrible = LinkConfig {
        loss: Ratio::percent(10),
        duplicate: Ratio::percent(10),
        corrupt: Ratio::percent(5),
        reorder: Ratio::percent(20),
        ..calm_link.clone()
    };
    let size = 2_000_000;
    let config = |link: &LinkConfig| Config { link: link.clone(), ..Config::default() };
    let (calm, short, few) = exchange(16, config(&calm_link), size);
    let (stormy, long, many) = exchange(16, config(&terrible), size);
    calm.unwrap();
    stormy.unwrap();
    let least = 2 * (size as u64).div_ceil(1460);
    assert!((least..least + least / 5).contains(&few), "{few} segments where {least} suffice");
    assert!(many > few + few / 10, "{many} segments over a bad link, {few} over a good one");
    assert!(long > short * 10, "trouble shows as delay: {long:?} against {short:?}");
}

#[test]
fn a_thin_link_is_not_drowned() {
    let bandwidth = Some(Bandwidth { bytes_per_second: 1_000_000, queue_bytes: 30_000 });
    let link = LinkConfig { bandwidth, ..LinkConfig::with_latency(Latency::Constant(ms(5))) };
    let (outcome, time, segments) = exchange(17, Config { link, ..calm() }, 1_000_000);
    outcome.unwrap();
    let least = 2 * 1_000_000_u64.div_ceil(1460);
    assert!(segments < least * 2, "{segments} segments where {least} suffice");
    assert!(time > SECOND && time < SECOND * 60, "{time:?}");
}

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
fn a_full_backlog_drops_who_comes() {
    run(19, calm(), |world| async move {
        let b = host(world, "b");
        let bound = world.spawn_on(b, TcpListener::bind_with_backlog("0.0.0.0:7", 2)).await;
        let listener = bound.expect("runs").expect("a free port");
        let _first = TcpStream::connect("b:7").await.expect("there is room");
        let _second = TcpStream::connect("b:7").await.expect("there is room");
        timeout(ms(500), TcpStream::connect("b:7")).await.expect_err("it is full");
        let start = world.now();
        let third = task::spawn(TcpStream::connect("b:7"));
        sleep(ms(500)).await;
        listener.accept().await.expect("one is there");
        third.await.expect("runs").expect("at its second try");
        assert_eq!(world.now() - start, SECOND + ms(20));
        drop(listener);
        assert_eq!(TcpStream::connect("b:7").await.expect_err("closed").kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn ports_are_the_nodes_own_and_free_again() {
    run(20, calm(), |world| async move {
        let b = host(world, "b");
        let there = listen(world, b, 7).await;
        let here = TcpListener::bind("0.0.0.0:7").await.expect("another node's port 7");
        let taken = TcpListener::bind("0.0.0.0:7").await.expect_err("taken");
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let foreign = TcpListener::bind(("b", 8)).await.expect_err("not of this node");
        assert_eq!(foreign.kind(), ErrorKind::AddrNotAvailable);
        drop(here);
        TcpListener::bind("0.0.0.0:7").await.expect("free again");
        let mut last = None;
        for _ in 0..40_000 {
            let stream = TcpStream::connect("b:7").await.expect("a free port, each time");
            drop(there.accept().await.expect("accepts"));
            last = stream.local_addr().ok();
        }
        assert!(last.expect("simulated").port() >= 49_152);
    });
}

#[test]
fn small_writes_wait_for_each_other_unless_told_not_to() {
    let segments = |nodelay| {
        run(21, calm(), |world| async move {
            let (mut near, mut far, _) = pair(world).await;
            near.set_nodelay(nodelay).expect("open");
            assert_eq!(near.nodelay().expect("open"), nodelay);
            for _ in 0..10 {
                near.write_all(b"x").await.expect("open");
            }
            far.read_exact(&mut [0; 10]).await.expect("open");
            sent(world, "tcp data")
        })
    };
    assert_eq!((segments(false), segments(true)), (2, 10));
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

#[test]
fn handles_outlive_their_world_and_are_send() {
    fn is_send<T: Send + Sync>(_: &T) {}
    let mut sim = Sim::with(Seed(24), calm());
    let (near, far) = sim
        .run(|world| async move {
            let (near, far, _) = pair(world).await;
            (near, far.into_split())
        })
        .unwrap();
    is_send(&near);
    is_send(&far);
    drop(near); // between two runs of its world: the peer is told
    drop(sim);
    let (mut read, write) = far;
    run(25, calm(), |world| async move {
        let (mut new, _far, _) = pair(world).await;
        assert_eq!(read.read(&mut [0]).await.expect_err("gone").kind(), ErrorKind::BrokenPipe);
        drop((read, write));
        new.write_all(b"x").await.expect("another world's stream is not harmed");
    });
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
            let (expected, partly) = (whole.clone(), partial.clone());
            let b = world.node("b", move || {
                let (expected, partly) = (expected.clone(), partly.clone());
                async move {
                    let listener = TcpListener::bind_with_backlog("0.0.0.0:7", 4).await?;
                    loop {
                        let (mut stream, _) = listener.accept().await?;
                        let (expected, partly) = (expected.clone(), partly.clone());
                        drop(task::spawn(async move {
                            let (got, error) = read_all(&mut stream).await;
                            assert!(expected.starts_with(&got), "{} bytes are wrong", got.len());
                            if error.is_none() {
                                assert_eq!(got.len(), expected.len(), "the end came too early");
                                let _ = stream.write_all(&[1]).await;
                            } else if !got.is_empty() {
                                partly.set(partly.get() + 1);
                            }
                        }));
                    }
                    #[expect(unreachable_code, reason = "names the type of error")]
                    Ok::<(), std::io::Error>(())
                }
            });
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
