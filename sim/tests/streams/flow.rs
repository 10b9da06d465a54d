//! Bytes: their order, their number, and room for them.

use super::*;

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
