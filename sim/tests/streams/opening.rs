//! Connecting, listening, and what is left when it is over.

use super::*;

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
