//! FIN, RST, and what becomes of a stream whose other end dies.

use super::*;

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
fn what_comes_for_a_stream_that_was_dropped_resets_it_even_while_it_is_still_sending() {
    run(27, calm(), |world| async move {
        let (mut near, mut far, _) = pair(world).await;
        timeout(SECOND, near.write_all(&pattern(200_000))).await.expect_err("both buffers are full");
        drop(near);
        sleep(SECOND).await;
        far.write_all(b"nobody will read this").await.expect("nobody knows yet");
        sleep(SECOND).await;
        let (got, error) = read_all(&mut far).await;
        assert_eq!((got.len(), error), (65_536, Some(ErrorKind::ConnectionReset)));
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
