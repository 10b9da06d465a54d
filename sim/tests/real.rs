//! One import, two worlds: the same node code, in a world and for real on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::net::{TcpListener, TcpStream, UdpSocket};
use stormglass_sim::time::{Instant, sleep, timeout};
use stormglass_sim::{Config, Seed, Sim, node, real, select, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LOOPBACK: &str = "127.0.0.1:0";

/// Runs the same code for real, and in worlds with and without calls over streams.
fn in_every_world<F: Future>(code: impl Fn() -> F) {
    real::block_on(async { code().await }).expect("a runtime");
    for rpc_over_streams in [false, true] {
        let config = Config { rpc_over_streams, ..Config::default() };
        Sim::with(Seed(1), config).run(|_| code()).unwrap();
    }
}

#[test]
fn streams_echo() {
    in_every_world(|| async {
        let listener = TcpListener::bind(LOOPBACK).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = task::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await?;
            write.shutdown().await
        });
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("open");
        assert_eq!(stream.peer_addr().expect("open"), address);
        let sent: Vec<u8> = (0..300_000_u32).map(|i| (i / 7) as u8).collect();
        let (mut read, mut write) = stream.into_split();
        let writing = task::spawn({
            let sent = sent.clone();
            async move { write.write_all(&sent).await }
        });
        let mut got = Vec::new();
        read.read_to_end(&mut got).await.expect("echoed");
        assert!(got == sent, "{} bytes of {}", got.len(), sent.len());
        writing.await.expect("runs").expect("written");
        server.await.expect("runs").expect("echoed");
        let refused = TcpStream::connect(address).await.expect_err("the listener is gone");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn streams_reset_and_end_alike() {
    in_every_world(|| async {
        let listener = TcpListener::bind_with_backlog(LOOPBACK, 5).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (near, accepted) = futures::join!(TcpStream::connect(address), listener.accept());
        let (mut near, (far, from)) = (near.expect("connects"), accepted.expect("accepts"));
        assert_eq!(from, near.local_addr().expect("open"));
        near.write_all(b"unread").await.expect("open");
        assert_eq!(far.peek(&mut [0; 3]).await.expect("open"), 3);
        drop(far);
        let error = near.read(&mut [0]).await.expect_err("closed with bytes unread");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

        let (near, accepted) = futures::join!(TcpStream::connect(address), listener.accept());
        let (mut near, (far, _)) = (near.expect("connects"), accepted.expect("accepts"));
        drop(far);
        assert_eq!(near.read(&mut [0]).await.expect("closed with nothing unread"), 0);
    });
}

#[derive(Serialize, Deserialize)]
struct Double(u64);
impl Request for Double {
    type Reply = u64;
    const NAME: &'static str = "Double";
}

#[derive(Serialize, Deserialize)]
struct Silence;
impl Request for Silence {
    type Reply = ();
    const NAME: &'static str = "Silence";
}

#[test]
fn calls_are_answered_refused_or_unknown() {
    in_every_world(|| async {
        let mut server = rpc::Server::bind(LOOPBACK).await.expect("a free port");
        let address = server.local_addr();
        server.on(|_, Double(number): Double| async move { number * 2 });
        let serving = task::spawn(server.serve());
        let patience = Duration::from_secs(5);
        let mut calls = task::JoinSet::new();
        for number in 0..50 {
            calls.spawn(async move { (number, rpc::call(address, &Double(number), patience).await) });
        }
        while let Some(done) = calls.join_next().await {
            let (number, reply) = done.expect("runs");
            assert_eq!(reply, Ok(number * 2));
        }
        let refused = rpc::call(address, &Silence, patience).await.expect_err("not served");
        assert!(refused.is_refused(), "{refused}");
        serving.abort();
        assert!(serving.await.expect_err("aborted").is_cancelled());

        let mut silent = rpc::Server::bind(LOOPBACK).await.expect("a free port");
        let address = silent.local_addr();
        silent.on_maybe(|_, _: Silence| async { None });
        let serving = task::spawn(silent.serve());
        let unknown = rpc::call(address, &Silence, Duration::from_millis(50)).await.expect_err("no reply");
        assert!(!unknown.is_refused(), "{unknown}");
        serving.abort();

        let mut one_by_one = rpc::listen::<Double>(LOOPBACK).await.expect("a free port");
        let address = one_by_one.local_addr();
        let (reply, ()) = futures::join!(rpc::call(address, &Double(4), patience), async {
            let call = one_by_one.next().await.expect("a request");
            let twice = call.request().0 * 2;
            call.reply(&twice);
        });
        assert_eq!(reply, Ok(8));
    });
}

#[test]
fn datagrams_echo() {
    in_every_world(|| async {
        let server = UdpSocket::bind(LOOPBACK).await.expect("a free port");
        let address: SocketAddr = server.local_addr().expect("bound");
        let client = UdpSocket::bind(LOOPBACK).await.expect("a free port");
        client.connect(address).await.expect("an address");
        client.send(b"ping").await.expect("small");
        let mut buffer = [0; 16];
        let (length, from) = server.recv_from(&mut buffer).await.expect("arrives");
        assert_eq!((&buffer[..length], from), (&b"ping"[..], client.local_addr().expect("bound")));
        server.send_to(b"pong", from).await.expect("small");
        assert_eq!(client.recv(&mut buffer).await.expect("arrives"), 4);
    });
}

#[test]
fn timers_tasks_and_selection() {
    in_every_world(|| async {
        let start = Instant::now();
        sleep(Duration::from_millis(20)).await;
        assert!(Instant::now() - start >= Duration::from_millis(20));
        timeout(Duration::from_millis(5), std::future::pending::<()>()).await.expect_err("for ever");
        assert_eq!(timeout(Duration::from_secs(5), async { 7 }).await.expect("at once"), 7);

        let picked = select! {
            () = sleep(Duration::from_secs(60)) => "late",
            () = sleep(Duration::from_millis(5)) => "early",
        };
        assert_eq!(picked, "early");

        let mut tasks = task::JoinSet::new();
        for number in [30_u64, 20, 10] {
            tasks.spawn(async move {
                sleep(Duration::from_millis(number * 2)).await;
                number
            });
        }
        let mut order = Vec::new();
        while let Some(done) = tasks.join_next().await {
            order.push(done.expect("runs"));
        }
        assert_eq!(order, [10, 20, 30]);
        task::yield_now().await;
        let handle = task::spawn(std::future::pending::<()>());
        handle.abort();
        assert!(handle.await.expect_err("aborted").is_cancelled());
    });
}

#[test]
fn code_can_tell_where_it_runs() {
    let simulated = real::block_on(async { node::is_simulated() }).expect("a runtime");
    assert!(!simulated);
    assert!(Sim::new(Seed(1)).run(|_| async { node::is_simulated() }).unwrap());
}
